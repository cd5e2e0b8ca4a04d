// SPDX-License-Identifier: MIT
//! Whose TIME_WAIT sockets these are.
//!
//! The kernel keeps no owner for a socket in TIME_WAIT, but it copies the socket
//! cookie into it (`inet_twsk_alloc`, net/ipv4/inet_timewait_sock.c). The record
//! of the connection has the same cookie, so the two join exactly.
//!
//! | file | does |
//! |---|---|
//! | `owners` | remembers who owned the connections that ended lately |
//! | `owner_row` | what is said of an owner |
//! | `grouping` | makes many threads of one process, or many short processes, one owner |
//! | `table` | joins them with the sockets that the kernel lists |
//!
//! Listing them is the shell's work: `host/sock_diag` of zkchurn.

pub mod grouping;
pub mod owner_row;
pub mod owners;
pub mod table;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// How long a socket stays in TIME_WAIT (`TCP_TIMEWAIT_LEN`, include/net/tcp.h).
pub const TIME_WAIT_MS: u64 = 60_000;

/// Most sockets in one [`Snapshot`]; a longer list comes in several.
pub const SOCKETS_IN_SNAPSHOT: usize = 4_096;

/// The TIME_WAIT sockets of the traced ports at one moment, or a part of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The moment, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    pub sockets: Vec<TimeWaitSocket>,
    /// What could not be listed, each a sentence.
    pub notes: Vec<String>,
    /// Whether the next snapshot continues this one.
    pub continued: bool,
}

/// One socket in TIME_WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeWaitSocket {
    /// Cookie of the socket that it follows; `ss -e` shows it as `sk:`.
    pub cookie: u64,
    /// Inode of the network namespace.
    pub netns: u32,
    /// Local address, a v4-mapped one as IPv4.
    pub local: SocketAddr,
    /// Remote address, a v4-mapped one as IPv4.
    pub remote: SocketAddr,
    /// Time until the kernel removes it, milliseconds.
    pub left_ms: u32,
}

impl TimeWaitSocket {
    /// How long it has been in TIME_WAIT by its timer, which a late segment of
    /// the peer may have started anew: at least.
    pub fn age_by_timer_ms(&self) -> u64 {
        TIME_WAIT_MS.saturating_sub(u64::from(self.left_ms))
    }
}

impl Snapshot {
    /// Cuts a list into snapshots that fit into a frame.
    pub fn parts(at_ns: u64, sockets: &[TimeWaitSocket], notes: Vec<String>) -> Vec<Self> {
        let mut parts: Vec<_> = sockets
            .chunks(SOCKETS_IN_SNAPSHOT)
            .map(|sockets| Self {
                at_ns,
                sockets: sockets.to_vec(),
                notes: Vec::new(),
                continued: true,
            })
            .collect();
        if parts.is_empty() {
            parts.push(Self {
                at_ns,
                ..Self::default()
            });
        }
        if let Some(last) = parts.last_mut() {
            last.notes = notes;
            last.continued = false;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(cookie: u64) -> TimeWaitSocket {
        TimeWaitSocket {
            cookie,
            netns: 1,
            local: ([127, 0, 0, 1], 40_000).into(),
            remote: ([127, 0, 0, 1], 2_181).into(),
            left_ms: 59_000,
        }
    }

    #[test]
    fn parts_of_a_list_are_of_one_moment_and_make_the_whole() {
        let note = || vec!["a note".to_owned()];
        for (count, parts) in [
            (0, 1),
            (1, 1),
            (SOCKETS_IN_SNAPSHOT, 1),
            (SOCKETS_IN_SNAPSHOT + 1, 2),
            (3 * SOCKETS_IN_SNAPSHOT, 3),
        ] {
            let sockets: Vec<_> = (1..=count as u64).map(socket).collect();
            let made = Snapshot::parts(77, &sockets, note());
            assert_eq!(made.len(), parts, "{count}");
            assert!(made.iter().all(|part| part.at_ns == 77), "{count}");
            let whole: Vec<_> = made.iter().flat_map(|part| &part.sockets).collect();
            assert_eq!(whole, sockets.iter().collect::<Vec<_>>());
            let (last, first) = made.split_last().unwrap();
            assert!(!last.continued && last.notes == note());
            assert!(
                first
                    .iter()
                    .all(|part| part.continued && part.notes.is_empty())
            );
        }
    }
}

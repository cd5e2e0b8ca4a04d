// SPDX-License-Identifier: MIT
//! Connections that are older than the trace: listed when it begins, and put
//! into the kernel program's table, so that it sees their end.

use std::collections::{HashMap, HashSet};

use zkchurn_common::{record::ConnectionRecord, state};

use crate::{
    host::{
        kernel::{Followed, KernelSource},
        sock_diag::{self, DiagSocket, Query, holders},
    },
    live::older_record::record_of,
};
use zkchurn_core::frame::Sides;

/// States in which a connection has its end still before it.
const ALIVE: u32 = 1 << state::ESTABLISHED | 1 << state::SYN_SENT | 1 << state::CLOSE_WAIT;

/// What was found.
#[derive(Default)]
pub struct OlderConnections {
    /// The connections, each as a record of stage `STAGE_ESTABLISHED`.
    pub records: Vec<ConnectionRecord>,
    /// What could not be found out, each a sentence.
    pub notes: Vec<String>,
}

/// Whose connections are followed.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The traced ports.
    pub ports: &'a [u16],
    /// The traced sides.
    pub sides: Sides,
    /// The only traced process.
    pub pid: Option<u32>,
}

/// Lists the connections that are there at `now_ns` and has `source`, which is
/// attached already, follow them.
///
/// A connection may end between the listing and its entry in the table. The
/// program counted that end as unmatched and will never see another, so what is
/// missing in a second listing is taken out of the table again. What ends after
/// the second listing was in the table in time.
pub fn follow(source: &mut KernelSource, wanted: Wanted<'_>, now_ns: u64) -> OlderConnections {
    if !source.has_cookies() {
        return OlderConnections {
            records: Vec::new(),
            notes: vec![
                "connections older than the trace cannot be followed: matching them needs \
                 socket cookies (Linux 5.12, tp_btf)"
                    .to_owned(),
            ],
        };
    }
    let query = Query {
        ports: wanted.ports,
        sides: wanted.sides,
        states: ALIVE,
    };
    let first = sock_diag::list(&query);
    let notes = first.notes.iter();
    let notes = notes.map(|note| {
        let note = lower_case_first(note);
        format!("connections older than the trace may be missing: {note}")
    });
    let mut notes: Vec<_> = notes.collect();
    if first.sockets.is_empty() {
        return OlderConnections {
            records: Vec::new(),
            notes,
        };
    }
    let inodes: HashSet<u32> = first.sockets.iter().map(|socket| socket.inode).collect();
    let held = holders::holders(&inodes, wanted.pid);
    notes.extend(held.notes);
    let (mut followed, no_room) = enter(source, &first.sockets, &held.by_inode, wanted, now_ns);
    if no_room > 0 {
        notes.push(format!(
            "the table is full: {no_room} connections older than the trace are not followed, \
             nor are new ones until some end: raise --table-size"
        ));
    }
    let alive: HashSet<u64> = sock_diag::list(&query)
        .sockets
        .iter()
        .map(|socket| socket.cookie)
        .collect();
    followed.retain(|cookie, _| {
        let is_alive = alive.contains(cookie);
        if !is_alive {
            source.unfollow(*cookie);
        }
        is_alive
    });
    let mut records: Vec<_> = followed.into_values().collect();
    records.sort_unstable_by_key(|record| record.socket);
    OlderConnections { records, notes }
}

/// A sentence that goes on behind a colon.
fn lower_case_first(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// Enters the wanted ones; and how many of them found no room.
fn enter(
    source: &mut KernelSource,
    sockets: &[DiagSocket],
    held: &HashMap<u32, holders::Holder>,
    wanted: Wanted<'_>,
    now_ns: u64,
) -> (HashMap<u64, ConnectionRecord>, u64) {
    let mut no_room = 0;
    let mut followed = HashMap::new();
    for socket in sockets {
        let holder = held.get(&socket.inode);
        let is_wanted = match wanted.pid {
            Some(pid) => holder.is_some_and(|holder| holder.key.pid == pid),
            None => true,
        };
        if !is_wanted {
            continue;
        }
        let record = record_of(socket, holder, wanted.ports, now_ns);
        match source.follow(&record) {
            Followed::Yes => {
                followed.insert(socket.cookie, record);
            }
            Followed::NoRoom => no_room += 1,
            Followed::Otherwise => {}
        }
    }
    (followed, no_room)
}

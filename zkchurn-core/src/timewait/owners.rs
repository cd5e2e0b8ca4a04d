// SPDX-License-Identifier: MIT
//! Who owned the connections that ended lately, in bounded memory.

use std::{
    cell::OnceCell,
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    rc::Rc,
};

use super::{TIME_WAIT_MS, TimeWaitSocket};
use crate::{
    connection::{Comm, Connection},
    hash::HashMap,
    process::ProcessKey,
};

/// Most ended connections that are remembered: as many as a host with the usual
/// limits has sockets in TIME_WAIT (`tcp_max_tw_buckets`).
pub const MOST_OWNERS: usize = 65_536;
/// Owners that are looked through for the one of the next end.
const MOST_RECENT: usize = 16;
/// For how long an end is remembered: twice the time that a socket stays in TIME_WAIT, for timers
/// that were started anew.
const KEPT_NS: u64 = 2 * TIME_WAIT_MS * 1_000_000;

/// The process and thread that a connection belonged to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    pub process: ProcessKey,
    /// Name of its leader, as the kernel captured it.
    pub process_comm: Option<Comm>,
    /// The thread; unknown for a connection older than the trace.
    pub tid: Option<u32>,
    /// The thread's name.
    pub comm: Option<Comm>,
}

impl Owner {
    /// The opener; of an older connection the holder; of an accepted one who
    /// closed it.
    fn of(connection: &Connection) -> Option<Self> {
        if let Some(opener) = connection.opener {
            return Some(Self {
                process: ProcessKey::of(connection)?,
                process_comm: opener.process_comm,
                tid: Some(opener.thread.tid),
                comm: Some(opener.thread.comm),
            });
        }
        if let Some(holder) = connection.holder {
            return Some(Self {
                process: ProcessKey::of(connection)?,
                process_comm: Some(holder.comm),
                tid: None,
                comm: None,
            });
        }
        let closer = connection.closer?;
        Some(Self {
            process: ProcessKey::new(closer.tgid, 0),
            // The kernel calls a process as its first thread.
            process_comm: (closer.tid == closer.tgid).then_some(closer.comm),
            tid: Some(closer.tid),
            comm: Some(closer.comm),
        })
    }
}

/// One remembered end.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Whose connection it was.
    pub owner: Rc<Owner>,
    /// When the socket went into TIME_WAIT, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
}

/// The owners of the connections that ended lately.
///
/// Every record passes here, and sockets are looked for once in a while: so the
/// index is made when somebody looks.
#[derive(Debug, Default)]
pub struct Owners {
    /// Ends and the keys of their sockets, in the order in which they were told.
    order: VecDeque<(u64, Ended)>,
    /// Places in `order` by key, of the latest end with that key.
    index: OnceCell<HashMap<u64, usize>>,
    /// The latest owners, each once, the last one first.
    recent: Vec<Rc<Owner>>,
    /// End of the latest connection that was evicted for lack of room.
    forgotten_until_ns: Option<u64>,
}

impl Owners {
    /// Remembers a connection, if it leaves a socket in TIME_WAIT.
    pub fn remember(&mut self, connection: &Connection) {
        if !connection.leaves_time_wait() {
            return;
        }
        let Some(owner) = Owner::of(connection) else {
            return;
        };
        let at_ns = connection
            .ended_ns
            .or(connection.local_close_ns)
            .unwrap_or(connection.started_ns);
        let key = match connection.socket_is_cookie {
            true => connection.socket,
            false => address_key(connection.local, connection.remote),
        };
        self.index.take();
        self.make_room(at_ns);
        let owner = self.shared(owner);
        self.order.push_back((key, Ended { owner, at_ns }));
    }

    /// Who owned the connection that a TIME_WAIT socket follows: by cookie, or
    /// by the addresses where the kernel had no cookie for the record.
    pub fn of(&self, socket: &TimeWaitSocket) -> Option<&Ended> {
        let index = self.index.get_or_init(|| {
            let keys = self.order.iter().enumerate();
            keys.map(|(place, (key, _))| (*key, place)).collect()
        });
        let by_address = || index.get(&address_key(socket.local, socket.remote));
        let place = index.get(&socket.cookie).or_else(by_address)?;
        self.order.get(*place).map(|(_, ended)| ended)
    }

    /// Whether an end at `at_ns` may have been evicted for lack of room.
    pub fn may_have_forgotten(&self, at_ns: u64) -> bool {
        self.forgotten_until_ns.is_some_and(|until| at_ns <= until)
    }

    /// A few threads churn, again and again: all ends of such a thread have one
    /// allocation.
    fn shared(&mut self, owner: Owner) -> Rc<Owner> {
        // What most often differs comes first.
        let is_it = |recent: &Rc<Owner>| recent.tid == owner.tid && **recent == owner;
        match self.recent.iter().position(is_it) {
            Some(place) => self.recent[..=place].rotate_right(1),
            None => {
                self.recent.truncate(MOST_RECENT - 1);
                self.recent.insert(0, Rc::new(owner));
            }
        }
        Rc::clone(&self.recent[0])
    }

    fn make_room(&mut self, now_ns: u64) {
        while let Some((_, ended)) = self.order.front() {
            let at_ns = ended.at_ns;
            let is_old = now_ns.saturating_sub(at_ns) > KEPT_NS;
            let is_full = self.order.len() >= MOST_OWNERS;
            if !is_old && !is_full {
                return;
            }
            if !is_old {
                self.forgotten_until_ns = self.forgotten_until_ns.max(Some(at_ns));
            }
            self.order.pop_front();
        }
    }
}

/// A key in the place of the cookie. Cookies count up from 1, hashes are spread
/// over 64 bits with the highest one set: they never meet.
fn address_key(local: SocketAddr, remote: SocketAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    (local, remote).hash(&mut hasher);
    hasher.finish() | 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::test_connection, outcome::Outcome};

    #[test]
    fn an_end_at_the_limit_of_the_clock_is_remembered() {
        let mut owners = Owners::default();
        for ended_ns in [u64::MAX, u64::MAX - 1, 1, u64::MAX] {
            let mut connection = test_connection::ended(1, 0, 0, Outcome::ClosedByUs);
            connection.ended_ns = Some(ended_ns);
            assert!(connection.leaves_time_wait());
            owners.remember(&connection);
        }
        assert_eq!(owners.order.len(), 4);
        assert!(!owners.may_have_forgotten(1), "there was room for all");
    }

    /// Remembers one end of each of these threads, one after the other.
    fn remember(owners: &mut Owners, tids: impl Iterator<Item = u32>) {
        for tid in tids {
            let mut connection = test_connection::ended(1, 0, 0, Outcome::ClosedByUs);
            connection.opener.as_mut().unwrap().thread.tid = tid;
            owners.remember(&connection);
        }
    }

    #[test]
    fn threads_that_take_turns_have_one_allocation_each() {
        let mut owners = Owners::default();
        let threads = MOST_RECENT as u32;
        remember(&mut owners, (0..threads).cycle().take(10 * MOST_RECENT));
        assert_eq!(owners.recent.len(), MOST_RECENT);
        for (place, (_, ended)) in owners.order.iter().enumerate() {
            assert_eq!(ended.owner.tid, Some(place as u32 % threads));
            assert_eq!(Rc::strong_count(&ended.owner), 1 + 10);
        }
    }

    #[test]
    fn an_owner_for_each_end_is_kept_no_longer_than_its_end() {
        let mut owners = Owners::default();
        remember(&mut owners, 0..1_000);
        assert_eq!(owners.recent.len(), MOST_RECENT);
        assert_eq!(Rc::strong_count(&owners.order[0].1.owner), 1);
    }
}

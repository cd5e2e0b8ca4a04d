// SPDX-License-Identifier: MIT
//! Records wait here until the processes that are new in them have been looked up, so that
//! their lines bear names: about a millisecond. The loop goes on meanwhile, and after
//! [`HOLD_FOR`] records go out with the name that the kernel program saw.

use std::{
    collections::{HashMap, HashSet},
    mem,
    time::Duration,
};

use tokio::time::Instant;
use zkchurn_common::record::{ConnectionRecord, known};
use zkchurn_core::{
    decode::{self, Record},
    frame::Mark,
    process::ProcessKey,
    registry::{MOST_PROCESSES, Registry},
};

/// How long records wait at most for a process that does not answer.
pub(super) const HOLD_FOR: Duration = Duration::from_millis(500);
/// Bytes of records that wait at most.
const MOST_BYTES: usize = 32 << 20;
/// Look-ups that may be owed at once.
const MOST_OWED: usize = 1024;

/// A process that keeps changing its name is looked up again no sooner.
const BETWEEN_LOOK_UPS: Duration = Duration::from_secs(1);

/// Something that waits, in its order.
pub(super) enum Held {
    /// A record of the kernel program.
    Record(Box<[u8]>),
    /// The end of an interval.
    Interval(Mark),
}

/// Which processes were seen, and what waits for their names.
#[derive(Default)]
pub(super) struct Naming {
    seen: Registry,
    called: HashMap<ProcessKey, Called>,
    awaited: HashSet<ProcessKey>,
    held: Vec<Held>,
    bytes: usize,
    until: Option<Instant>,
}

/// What the first thread of a process was called when it connected last, and as whom it did.
/// The kernel gives it the name of the program at each exec; threads have names of their own.
#[derive(Debug)]
struct Called {
    comm: [u8; 16],
    uid: u32,
    started_ns: u64,
    /// Whether the process was not looked up since then.
    is_new: bool,
    looked_up: Option<Instant>,
}

/// Processes that a record tells of first, or by another name than before.
#[derive(Debug, Default)]
pub(super) struct FirstSight {
    /// Whose connection it is.
    pub process: Option<ProcessKey>,
    /// Who started that process.
    pub parent: Option<ProcessKey>,
}

impl Naming {
    /// The processes of a record, where they are seen for the first time, or may have become
    /// another program since, and can be looked up.
    pub(super) fn first_sight(&mut self, record: &[u8]) -> FirstSight {
        let Ok(Record::Connection(connection)) = &decode::read(record) else {
            return FirstSight::default();
        };
        let process = decode::process_of(connection).filter(|key| {
            let is_renamed = self.is_renamed(*key, connection, Instant::now());
            self.seen.first_sight(*key) || is_renamed
        });
        let parent = decode::parent_of(connection);
        FirstSight {
            process,
            parent: parent.filter(|key| self.seen.first_sight(*key)),
        }
    }

    /// Whether the first thread of a process that connects has another name than before, or the
    /// process another user, and a look-up is due. A connection that began earlier, and is told of later, says nothing.
    fn is_renamed(&mut self, key: ProcessKey, connection: &ConnectionRecord, now: Instant) -> bool {
        let wanted = known::OPENER | known::PROCESS_COMM;
        if connection.known & wanted != wanted {
            return false;
        }
        if self.called.len() >= MOST_PROCESSES && !self.called.contains_key(&key) {
            self.called.clear();
        }
        let (comm, uid) = (connection.process_comm, connection.opener_uid);
        let called = self.called.entry(key).or_insert(Called {
            comm,
            uid,
            started_ns: connection.started_ns,
            is_new: false,
            looked_up: None,
        });
        if connection.started_ns >= called.started_ns {
            called.started_ns = connection.started_ns;
            called.is_new |= (called.comm, called.uid) != (comm, uid);
            (called.comm, called.uid) = (comm, uid);
        }
        let since = |looked_up| now.saturating_duration_since(looked_up);
        let is_due = (called.looked_up).is_none_or(|at| since(at) >= BETWEEN_LOOK_UPS);
        if !(called.is_new && is_due) {
            return false;
        }
        called.is_new = false;
        called.looked_up = Some(now);
        true
    }

    /// Takes note that a look-up is owed. What comes from here on waits for it.
    pub(super) fn await_name(&mut self, key: ProcessKey) {
        if self.awaited.len() < MOST_OWED {
            self.awaited.insert(key);
            self.until.get_or_insert_with(|| Instant::now() + HOLD_FOR);
        }
    }

    /// A look-up is over, whatever it brought.
    pub(super) fn answered(&mut self, key: ProcessKey) {
        self.awaited.remove(&key);
    }

    /// Whether something that comes now has to wait.
    pub(super) fn waits(&self) -> bool {
        self.until.is_some()
    }

    /// Has something wait.
    pub(super) fn hold(&mut self, held: Held) {
        if let Held::Record(record) = &held {
            self.bytes += record.len();
        }
        self.held.push(held);
    }

    /// When what waits goes out at the latest.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// What has waited long enough, or `all` that waits.
    pub(super) fn release(&mut self, all: bool) -> Vec<Held> {
        let is_over = self.until.is_some_and(|until| Instant::now() >= until);
        if !(all || is_over || self.awaited.is_empty() || self.bytes > MOST_BYTES) {
            return Vec::new();
        }
        // Who has not answered by now is not waited for again.
        self.awaited.clear();
        self.until = None;
        self.bytes = 0;
        mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    fn record(comm: &[u8], started_ns: u64) -> ConnectionRecord {
        let mut record = ConnectionRecord::new_zeroed();
        record.known = known::OPENER | known::PROCESS_COMM;
        record.process_comm[..comm.len()].copy_from_slice(comm);
        record.started_ns = started_ns;
        record
    }

    #[test]
    fn who_has_another_name_is_looked_up_again() {
        let mut naming = Naming::default();
        let now = Instant::now();
        let key = ProcessKey::new(7, 0);
        let mut renamed = |comm: &[u8], at| naming.is_renamed(key, &record(comm, at), now);
        assert!(!renamed(b"nc", 10), "its first name");
        assert!(!renamed(b"nc", 20));
        assert!(renamed(b"java", 30));
        assert!(!renamed(b"java", 40));
        assert!(!renamed(b"nc", 20), "a connection of before ends");
        assert!(!renamed(b"java", 50));
        let mut as_another = record(b"java", 60);
        as_another.opener_uid = 1000;
        let later = now + BETWEEN_LOOK_UPS;
        assert!(naming.is_renamed(key, &as_another, later), "another user");
    }

    #[test]
    fn who_changes_its_name_each_time_costs_a_look_up_a_second() {
        let mut naming = Naming::default();
        let begin = Instant::now();
        let key = ProcessKey::new(7, 0);
        // A hundred connections a second for ten seconds.
        let look_ups = (0..1_000_u64).filter(|number| {
            let comm = format!("worker-{number}");
            let now = begin + Duration::from_millis(10 * number);
            naming.is_renamed(key, &record(comm.as_bytes(), *number), now)
        });
        assert_eq!(look_ups.count(), 10);
        // What was not due then is made up for.
        let at = begin + Duration::from_secs(20);
        assert!(naming.is_renamed(key, &record(b"worker-999", 2_000), at));
    }

    #[test]
    fn names_are_bounded() {
        let mut naming = Naming::default();
        let now = Instant::now();
        for pid in 0..3 * MOST_PROCESSES as u32 {
            naming.is_renamed(ProcessKey::new(pid, 0), &record(b"nc", 1), now);
            assert!(naming.called.len() <= MOST_PROCESSES);
        }
    }
}

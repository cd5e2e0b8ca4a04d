// SPDX-License-Identifier: MIT
//! Records wait here until the processes that are new in them have been looked up, so that
//! their lines bear names: about a millisecond. The loop goes on meanwhile, and after
//! [`HOLD_FOR`] records go out with the name that the kernel program saw.

use std::{collections::HashSet, mem, time::Duration};

use tokio::time::Instant;
use zkchurn_core::{
    decode::{self, Record},
    frame::Mark,
    process::ProcessKey,
    registry::Registry,
};

/// How long records wait at most for a process that does not answer.
pub(super) const HOLD_FOR: Duration = Duration::from_millis(500);
/// Bytes of records that wait at most.
const MOST_BYTES: usize = 32 << 20;
/// Look-ups that may be owed at once.
const MOST_OWED: usize = 1024;

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
    awaited: HashSet<ProcessKey>,
    held: Vec<Held>,
    bytes: usize,
    until: Option<Instant>,
}

/// Processes that a record tells of first.
#[derive(Debug, Default)]
pub(super) struct FirstSight {
    /// Whose connection it is.
    pub process: Option<ProcessKey>,
    /// Who started that process.
    pub parent: Option<ProcessKey>,
}

impl Naming {
    /// The processes of a record, where they are seen for the first time and can be looked up.
    pub(super) fn first_sight(&mut self, record: &[u8]) -> FirstSight {
        let Ok(Record::Connection(connection)) = &decode::read(record) else {
            return FirstSight::default();
        };
        let mut unseen = |key: &ProcessKey| self.seen.first_sight(*key);
        FirstSight {
            process: decode::process_of(connection).filter(&mut unseen),
            parent: decode::parent_of(connection).filter(&mut unseen),
        }
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

// SPDX-License-Identifier: MIT
//! The threads of one row: threads of a process whose names differ in their numbers only are
//! one row, as the diagnosis takes them together. How many there are, and their pauses.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use crate::{connection::Connection, ledger::order::InOrder};

/// Threads of a row that are told apart.
const TOLD_APART: usize = 256;
/// Connections that a thread has on average where its own pauses tell something.
const COMES_BACK: u64 = 3;

/// The threads of a row, while it is filled.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// Starts by thread; of one that is not known with each other.
    starts: BTreeMap<Option<u32>, InOrder>,
    /// Of threads beyond those that are told apart.
    beyond: u64,
    opened: u64,
    all_starts: InOrder,
    gaps_of_each: Histogram,
    gaps_of_all: Histogram,
}

impl Threads {
    /// Takes a connection of the row, also one that is older than the trace.
    pub(super) fn count(&mut self, connection: &Connection) {
        let tid = connection.opener.map(|opener| opener.thread.tid);
        let has_room = self.starts.len() < TOLD_APART || self.starts.contains_key(&tid);
        let of_thread = has_room.then(|| self.starts.entry(tid).or_default());
        if of_thread.is_none() {
            self.beyond += 1;
        }
        if connection.before_start {
            return;
        }
        self.opened += 1;
        let at = connection.started_ns;
        self.all_starts.add(at, &mut self.gaps_of_all);
        if let Some(starts) = of_thread {
            starts.add(at, &mut self.gaps_of_each);
        }
    }

    /// How many there are, in words; `None` for a single one.
    pub(super) fn words(&self) -> Option<String> {
        match (self.starts.len(), self.beyond) {
            (0 | 1, _) => None,
            (threads, 0) => Some(format!("{threads} threads")),
            (threads, _) => Some(format!("more than {threads} threads")),
        }
    }

    /// The times between successive starts, and whether they are each thread's own: threads
    /// that come back have a rhythm each, those that connect once have one together.
    pub(super) fn gaps(&self) -> (&Histogram, bool) {
        let threads = self.starts.len() as u64;
        let is_each =
            threads > 1 && self.beyond == 0 && self.opened >= threads.saturating_mul(COMES_BACK);
        match is_each {
            true => (&self.gaps_of_each, true),
            false => (&self.gaps_of_all, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::test_case::{every, new_thread_each},
        outcome::Outcome,
    };

    fn threads(connections: &[Connection]) -> Threads {
        let mut threads = Threads::default();
        for connection in connections {
            threads.count(connection);
        }
        threads
    }

    fn gaps_ms(threads: &Threads) -> (u64, u64) {
        let (gaps, _) = threads.gaps();
        let (from, ..) = gaps.bins().next().unwrap();
        let (_, to, _) = gaps.bins().last().unwrap();
        (from / 1_000_000, to / 1_000_000)
    }

    /// One each second by each of two threads, half a second apart.
    #[test]
    fn threads_that_come_back_have_their_own_pauses_and_others_one_rhythm_together() {
        let all = every(500, 20, (0, 0, Outcome::Refused));
        let mut two = all.clone();
        for (number, connection) in two.iter_mut().enumerate() {
            connection.opener.as_mut().unwrap().thread.tid = 100 + number as u32 % 2;
        }
        let (own, together) = (threads(&two), threads(&new_thread_each(all.clone())));
        assert_eq!(own.words().unwrap(), "2 threads");
        assert!(own.gaps().1);
        let (from, to) = gaps_ms(&own);
        assert!(from > 600 && from <= 1_000 && to >= 1_000, "{from} {to}");
        assert_eq!(together.words().unwrap(), "20 threads");
        assert!(!together.gaps().1);
        let (from, to) = gaps_ms(&together);
        assert!(from <= 500 && (500..1_000).contains(&to), "{from} {to}");
        assert_eq!(threads(&all).words(), None);
    }

    #[test]
    fn threads_beyond_those_that_are_told_apart_are_said_to_be_more() {
        let many = every(1, TOLD_APART as u64 + 2, (0, 0, Outcome::Refused));
        let threads = threads(&new_thread_each(many));
        assert_eq!(threads.words().unwrap(), "more than 256 threads");
        assert_eq!(threads.gaps().0.total(), TOLD_APART as u64 + 1);
    }
}

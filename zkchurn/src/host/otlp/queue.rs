// SPDX-License-Identifier: MIT
//! Requests that wait for a collector, bounded in bytes. Events that find no room are dropped and
//! counted: what came first stays, since it tells how it began. Of counts only the last wait, which
//! have what was in those before.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zkchurn_core::otlp::Signal;

/// Bytes of events that wait at most: half a minute of a thousand connections a second, hours of an
/// ordinary trace.
pub(super) const MOST_WAITING: usize = 16 << 20;

/// A request as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub signal: Signal,
    /// Events or metrics in it.
    pub records: u64,
    pub body: Bytes,
}

/// What has become of the requests of both signals. They do not depend on each other: a collector
/// may take one and not the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub events: Course,
    pub counts: Course,
}

/// What has become of the requests of one signal so far, and how it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Events or metrics that the collector has taken.
    pub taken: u64,
    /// Events that found no room while it did not answer.
    pub no_room: u64,
    /// Events that it does not take, now or later.
    pub refused: u64,
    /// Events to which it gave no answer that can be read, however often they were sent.
    pub given_up: u64,
    /// Events that it was sent in the end, and did not confirm.
    pub unsent: u64,
    /// Why it takes none at this moment, if so.
    pub trouble: Option<String>,
    /// What it said last of the events that it does not take.
    pub why_refused: Option<String>,
    /// What went wrong last with those that were given up.
    pub why_given_up: Option<String>,
    /// Some of what it lacks it was sent, and gave no answer to: it may have that.
    pub unanswered: bool,
    /// Of the last metrics it has taken some.
    pub has_some: bool,
    /// It could have the last metrics, and does not. Those before are no loss: the last have all.
    pub lacks_last: bool,
}

impl Progress {
    /// Whether the collector has all that it is to have.
    pub fn is_complete(&self) -> bool {
        self.events.dropped() == 0 && !self.counts.lacks_last
    }
}

impl Course {
    /// All events that it lacks.
    pub fn dropped(&self) -> u64 {
        self.no_room
            .saturating_add(self.refused)
            .saturating_add(self.given_up)
            .saturating_add(self.unsent)
    }
}

/// What waits of one signal.
#[derive(Debug)]
pub(super) struct Queue {
    signal: Signal,
    requests: VecDeque<Request>,
    /// Bytes of those.
    bytes: usize,
    limit: usize,
}

impl Queue {
    /// One that holds so many bytes of events, or the last counts.
    pub(super) fn new(signal: Signal, limit: usize) -> Self {
        Self {
            signal,
            requests: VecDeque::new(),
            bytes: 0,
            limit,
        }
    }

    /// What waits here.
    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    /// Takes a request, or returns how many of its records found no room.
    pub(super) fn put(&mut self, request: Request) -> u64 {
        match self.signal {
            Signal::Metrics => {
                self.requests.clear();
                self.bytes = 0;
            }
            Signal::Logs if self.bytes.saturating_add(request.body.len()) > self.limit => {
                return request.records;
            }
            Signal::Logs => {}
        }
        self.bytes += request.body.len();
        self.requests.push_back(request);
        0
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.bytes -= request.body.len();
        Some(request)
    }

    /// Puts one back that could not be sent: it came before all others, and keeps its place.
    pub(super) fn put_back(&mut self, request: Request) {
        // Of counts newer ones may have come.
        if self.signal == Signal::Logs || self.requests.is_empty() {
            self.bytes += request.body.len();
            self.requests.push_front(request);
        }
    }

    /// Records that wait.
    pub(super) fn records(&self) -> u64 {
        self.requests.iter().map(|request| request.records).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(signal: Signal, records: u64, bytes: usize) -> Request {
        Request {
            signal,
            records,
            body: vec![0; bytes].into(),
        }
    }

    #[test]
    fn the_first_events_stay_and_of_counts_the_last() {
        let records = |queue: &mut Queue| -> Vec<u64> {
            let taken = std::iter::from_fn(|| queue.take());
            taken.map(|request| request.records).collect()
        };
        let mut events = Queue::new(Signal::Logs, 100);
        assert_eq!(events.put(request(Signal::Logs, 1, 60)), 0);
        assert_eq!(events.put(request(Signal::Logs, 2, 60)), 2, "no room");
        assert_eq!(events.put(request(Signal::Logs, 3, 40)), 0);
        assert_eq!(records(&mut events), [1, 3]);
        let mut counts = Queue::new(Signal::Metrics, 100);
        assert_eq!(counts.put(request(Signal::Metrics, 4, 1_000)), 0);
        assert_eq!(counts.put(request(Signal::Metrics, 5, 1_000)), 0);
        assert_eq!(records(&mut counts), [5]);
        assert!(events.is_empty() && counts.is_empty());
    }

    #[test]
    fn counts_that_could_not_be_sent_give_way_to_newer_ones() {
        let mut queue = Queue::new(Signal::Metrics, 100);
        queue.put(request(Signal::Metrics, 1, 1));
        let first = queue.take().unwrap();
        queue.put(request(Signal::Metrics, 2, 1));
        queue.put_back(first.clone());
        assert_eq!(queue.records(), 2);
        queue.take();
        queue.put_back(first);
        assert_eq!(queue.records(), 1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_without_being_counted_and_the_limit_holds(
            steps in prop::collection::vec((0_u8..4, 1_u64..50, 1_usize..60), 0..200),
        ) {
            let mut queue = Queue::new(Signal::Logs, 100);
            let (mut put, mut dropped, mut taken) = (0, 0, 0);
            for (step, records, bytes) in steps {
                match step {
                    0 | 1 => {
                        put += records;
                        dropped += queue.put(request(Signal::Logs, records, bytes));
                    }
                    2 => taken += queue.take().map_or(0, |request| request.records),
                    _ => {
                        if let Some(request) = queue.take() {
                            queue.put_back(request);
                        }
                    }
                }
                prop_assert!(queue.bytes <= 100);
                prop_assert_eq!(put, dropped + taken + queue.records());
            }
        }
    }
}

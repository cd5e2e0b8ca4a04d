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

/// What has become of requests so far, and how it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Events and metrics that the collector has taken.
    pub taken: u64,
    /// Those that found no room while it did not answer.
    pub no_room: u64,
    /// Those that it does not take, now or later.
    pub refused: u64,
    /// Those that it was sent in the end, and did not confirm.
    pub unsent: u64,
    /// Why it takes none at this moment, if so.
    pub trouble: Option<String>,
    /// What it said last of those that it does not take.
    pub why_refused: Option<String>,
}

impl Progress {
    /// All that it lacks.
    pub fn dropped(&self) -> u64 {
        self.no_room
            .saturating_add(self.refused)
            .saturating_add(self.unsent)
    }
}

/// What waits.
#[derive(Debug)]
pub(super) struct Queue {
    events: VecDeque<Request>,
    /// Bytes of those.
    bytes: usize,
    limit: usize,
    counts: Option<Request>,
}

impl Queue {
    /// One that holds so many bytes of events.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            limit,
            counts: None,
        }
    }

    /// Takes a request, or returns how many of its records found no room.
    pub(super) fn put(&mut self, request: Request) -> u64 {
        if request.signal == Signal::Metrics {
            self.counts = Some(request);
            return 0;
        }
        if self.bytes.saturating_add(request.body.len()) > self.limit {
            return request.records;
        }
        self.bytes += request.body.len();
        self.events.push_back(request);
        0
    }

    /// The next one: counts before events, as there is one of them at most.
    pub(super) fn take(&mut self) -> Option<Request> {
        if let Some(counts) = self.counts.take() {
            return Some(counts);
        }
        let request = self.events.pop_front()?;
        self.bytes -= request.body.len();
        Some(request)
    }

    /// Puts one back that could not be sent: it came before all others, and keeps its place.
    pub(super) fn put_back(&mut self, request: Request) {
        match request.signal {
            // Newer ones may have come.
            Signal::Metrics => {
                self.counts.get_or_insert(request);
            }
            Signal::Logs => {
                self.bytes += request.body.len();
                self.events.push_front(request);
            }
        }
    }

    /// Records that wait.
    pub(super) fn records(&self) -> u64 {
        let requests = self.events.iter().chain(&self.counts);
        requests.map(|request| request.records).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.counts.is_none()
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
        let mut queue = Queue::new(100);
        assert_eq!(queue.put(request(Signal::Logs, 1, 60)), 0);
        assert_eq!(queue.put(request(Signal::Logs, 2, 60)), 2, "no room");
        assert_eq!(queue.put(request(Signal::Logs, 3, 40)), 0);
        assert_eq!(queue.put(request(Signal::Metrics, 4, 1_000)), 0);
        assert_eq!(queue.put(request(Signal::Metrics, 5, 1_000)), 0);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        let records: Vec<_> = taken.iter().map(|request| request.records).collect();
        assert_eq!(records, [5, 1, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn counts_that_could_not_be_sent_give_way_to_newer_ones() {
        let mut queue = Queue::new(100);
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
            let mut queue = Queue::new(100);
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

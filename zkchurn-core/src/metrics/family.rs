// SPDX-License-Identifier: MIT
//! What is counted of the connections of one process name and peer.

use std::collections::BTreeMap;

use crate::{
    connection::{Connection, FirstClose},
    outcome::Outcome,
};

/// Upper bounds of how long connections were established, in seconds.
pub(super) const LIVED: [f64; 9] = [0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0];
/// Likewise of how long connecting took: within a rack, a city, a continent, and after one, two
/// and three lost SYNs (RFC 6298: 1 s, doubled each time).
pub(super) const CONNECTING: [f64; 6] = [0.001, 0.01, 0.1, 1.0, 3.0, 7.0];

/// How many lie at or below each bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// As many as there are bounds, not added up; those above the last are in `count` only.
    pub buckets: Vec<u64>,
    pub count: u64,
    /// Seconds.
    pub sum: f64,
}

impl Histogram {
    fn count(&mut self, bounds: &[f64], ns: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a year is exact to 4 ns")]
        let seconds = ns as f64 / 1e9;
        self.buckets.resize(bounds.len(), 0);
        let lowest = bounds.iter().position(|bound| seconds <= *bound);
        if let Some(bucket) = lowest.and_then(|index| self.buckets.get_mut(index)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    fn add(&mut self, other: &Self) {
        let length = self.buckets.len().max(other.buckets.len());
        self.buckets.resize(length, 0);
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.count += other.count;
        self.sum += other.sum;
    }
}

/// Counts that only grow.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// By how they ended and who closed first.
    pub ended: BTreeMap<(Outcome, ClosedFirst), u64>,
    pub lived: Histogram,
    pub connecting: Histogram,
}

/// Who closed first, as a value of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ClosedFirst {
    Us,
    Peer,
    Kernel,
    /// It was never established, or nobody knows.
    Nobody,
}

impl ClosedFirst {
    fn of(connection: &Connection) -> Self {
        match connection.first_close() {
            Some(FirstClose::Us) => Self::Us,
            Some(FirstClose::Peer) => Self::Peer,
            Some(FirstClose::Kernel) => Self::Kernel,
            None => Self::Nobody,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Peer => "peer",
            Self::Kernel => "kernel",
            Self::Nobody => "",
        }
    }
}

impl Counts {
    /// Counts one that ended.
    pub(super) fn count(&mut self, connection: &Connection, outcome: Outcome) {
        let how = (outcome, ClosedFirst::of(connection));
        *self.ended.entry(how).or_default() += 1;
        // Of one that is older than the trace only a minimum is known.
        if connection.before_start {
            return;
        }
        if let Some(lived) = connection.established_for_ns() {
            self.lived.count(&LIVED, lived);
        }
        if let Some(tried) = connection.connecting_for_ns() {
            self.connecting.count(&CONNECTING, tried);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (how, count) in &other.ended {
            *self.ended.entry(*how).or_default() += count;
        }
        self.lived.add(&other.lived);
        self.connecting.add(&other.connecting);
    }

    pub(super) fn total(&self) -> u64 {
        self.ended.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_a_bound_is_below_it_and_what_is_above_all_counts_too() {
        let mut histogram = Histogram::default();
        for ns in [1_000_000, 1_000_001, 7_000_000_000, 8_000_000_000] {
            histogram.count(&CONNECTING, ns);
        }
        assert_eq!(histogram.buckets, [1, 1, 0, 0, 0, 1]);
        assert_eq!(histogram.count, 4);
        assert!((histogram.sum - 15.002).abs() < 1e-5);
        let mut both = Histogram::default();
        both.add(&histogram);
        both.add(&histogram);
        assert_eq!((both.buckets[0], both.count), (2, 8));
    }
}

// SPDX-License-Identifier: MIT
//! Counts of durations in bins of a tenth of a decade, from 10 µs to 10,000 s.

use serde::{Deserialize, Serialize};

use crate::ledger::order::Gaps;

/// Bins of a decade.
const OF_DECADE: f64 = 10.0;
/// The shortest time that has a bin of its own, nanoseconds.
const LEAST_NS: f64 = 1e4;
/// Bins from 10 µs to 10,000 s.
const BINS: usize = 90;

/// How often durations of each length came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Histogram {
    /// Empty, or up to [`BINS`].
    counts: Vec<u64>,
}

impl Histogram {
    pub(super) fn add(&mut self, duration_ns: u64) {
        let bin = bin(duration_ns);
        if self.counts.len() <= bin {
            self.counts.resize(bin + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(bin) {
            *count += 1;
        }
    }

    /// Takes the counts of another.
    pub(super) fn absorb(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
    }

    /// The bins in which something is: start and end in nanoseconds, and the count.
    pub(super) fn bins(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let bins = self.counts.iter().take(BINS).enumerate();
        bins.filter(|(_, count)| **count > 0)
            .map(|(bin, count)| (edge(bin), edge(bin + 1), *count))
    }

    pub(super) fn total(&self) -> u64 {
        self.bins()
            .fold(0, |sum, (.., count)| sum.saturating_add(count))
    }
}

impl Gaps for Histogram {
    fn add(&mut self, nanoseconds: u64) {
        Self::add(self, nanoseconds);
    }

    fn remove(&mut self, nanoseconds: u64) {
        if let Some(count) = self.counts.get_mut(bin(nanoseconds)) {
            *count = count.saturating_sub(1);
        }
    }
}

fn bin(duration_ns: u64) -> usize {
    let bin = ((duration_ns.max(1) as f64 / LEAST_NS).log10() * OF_DECADE).floor();
    (bin.max(0.0) as usize).min(BINS - 1)
}

fn edge(bin: usize) -> u64 {
    (LEAST_NS * 10_f64.powf(bin as f64 / OF_DECADE)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_in_its_bin() {
        for duration in [1, 9_999, 10_000, 1_400_000, 1_540_000_000, u64::MAX] {
            let mut histogram = Histogram::default();
            histogram.add(duration);
            let bins: Vec<_> = histogram.bins().collect();
            let (start, end, count) = bins[0];
            assert_eq!((bins.len(), count), (1, 1));
            assert!(
                start <= duration || duration < 10_000,
                "{duration}: {start}"
            );
            assert!(duration < end || duration == u64::MAX, "{duration}: {end}");
        }
    }

    #[test]
    fn the_counts_of_two_are_added_whichever_reaches_farther() {
        let of = |durations: &[u64]| {
            let mut histogram = Histogram::default();
            durations.iter().for_each(|one| histogram.add(*one));
            histogram
        };
        let (short, long) = (
            [20_000, 30_000_000, 30_000_000],
            [30_000_000, 7_000_000_000],
        );
        let whole: Vec<_> = of(&[&short[..], &long[..]].concat()).bins().collect();
        assert_eq!(whole.iter().map(|bin| bin.2).collect::<Vec<_>>(), [1, 3, 1]);
        for (one, other) in [(of(&short), of(&long)), (of(&long), of(&short))] {
            let mut both = one;
            both.absorb(&other);
            assert_eq!(both.bins().collect::<Vec<_>>(), whole);
            assert_eq!(both.total(), 5);
        }
    }
}

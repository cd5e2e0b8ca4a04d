// SPDX-License-Identifier: MIT
//! Counts of durations in steps of at most 1 %, in as much memory as the durations
//! are apart.
//!
//! The steps are those of an HdrHistogram with two significant digits
//! (<https://hdrhistogram.org>): 256 of one unit each, then 128 for each doubling. That
//! library's histograms begin at zero; those of a thread, whose durations are alike,
//! were 14 KB of zeroes and some hundred bytes of counts.

/// Steps for each doubling, a power of two.
const STEPS: u64 = 128;
const STEPS_LOG2: u32 = STEPS.ilog2();
/// Counts that are added up at once in search of a quantile: so the compiler makes
/// vectors of them.
const AT_ONCE: usize = 64;

/// Counts by step, from the first step that occurred to the last.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    first: usize,
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    /// Counts `value` once more.
    #[inline]
    pub(super) fn record(&mut self, value: u64) {
        self.add(step_of(value), 1);
    }

    #[inline]
    fn add(&mut self, step: usize, count: u32) {
        let place = step.wrapping_sub(self.first);
        if place >= self.counts.len() {
            return self.widen_and_add(step, count);
        }
        self.counts[place] = self.counts[place].saturating_add(count);
        self.total += u64::from(count);
    }

    /// Counts `value` once less, where it is counted.
    pub(super) fn remove(&mut self, value: u64) {
        let place = step_of(value).wrapping_sub(self.first);
        if let Some(count) = self.counts.get_mut(place)
            && *count > 0
        {
            *count -= 1;
            self.total -= 1;
        }
    }

    #[cold]
    fn widen_and_add(&mut self, step: usize, count: u32) {
        self.widen(step, step + 1);
        self.add(step, count);
    }

    /// Makes room for the steps from `first` to before `end`.
    fn widen(&mut self, first: usize, end: usize) {
        if self.counts.is_empty() {
            self.first = first;
        } else if first < self.first {
            let missing = self.first - first;
            self.counts.splice(..0, std::iter::repeat_n(0, missing));
            self.first = first;
        }
        let length = self.counts.len().max(end - self.first);
        self.counts.resize(length, 0);
    }

    /// Adds the counts of another histogram.
    pub(super) fn absorb(&mut self, other: &Self) {
        if other.counts.is_empty() {
            return;
        }
        self.widen(other.first, other.first + other.counts.len());
        // Without a bound to check, vectors are made of it.
        let ours = self.counts[other.first - self.first..].iter_mut();
        for (ours, theirs) in ours.zip(&other.counts) {
            *ours = ours.saturating_add(*theirs);
        }
        self.total += other.total;
    }

    /// The greatest value of the step up to which a share of all values lies.
    pub(super) fn at_quantile(&self, share: f64) -> u64 {
        let wanted = ((share.min(1.0) * self.total as f64).ceil() as u64).max(1);
        let mut counted = 0;
        for (number, counts) in self.counts.chunks(AT_ONCE).enumerate() {
            let after = counted + sum(counts);
            if after < wanted {
                counted = after;
                continue;
            }
            for (place, count) in counts.iter().enumerate() {
                counted += u64::from(*count);
                if counted >= wanted {
                    return greatest_of(self.first + number * AT_ONCE + place);
                }
            }
        }
        greatest_of(self.first + self.counts.len().saturating_sub(1))
    }

    /// How many values lie in steps after that of `value`.
    pub(super) fn longer_than(&self, value: u64) -> u64 {
        let from = (step_of(value) + 1).saturating_sub(self.first);
        let later = self.counts.get(from..).unwrap_or_default();
        sum(later)
    }
}

fn sum(counts: &[u32]) -> u64 {
    counts.iter().map(|count| u64::from(*count)).sum()
}

/// Up to 256 each value is a step; from there on the seven bits after the first one.
#[inline]
fn step_of(value: u64) -> usize {
    let doublings = (value | (2 * STEPS - 1)).ilog2() - STEPS_LOG2;
    (u64::from(doublings) * STEPS + (value >> doublings)) as usize
}

fn greatest_of(step: usize) -> u64 {
    let step = step as u64;
    let doublings = (step / STEPS).saturating_sub(1);
    let in_units = step - doublings * STEPS;
    // The greatest step of all ends beyond 64 bits.
    let next = u128::from(in_units + 1) << doublings;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_follow_each_other_without_a_gap() {
        for step in 0..7_000 {
            let greatest = greatest_of(step);
            assert_eq!(step_of(greatest), step);
            if greatest < u64::MAX {
                assert_eq!(step_of(greatest + 1), step + 1, "{greatest}");
            }
        }
    }

    #[test]
    fn what_is_not_counted_cannot_be_taken_away() {
        let mut histogram = Histogram::default();
        histogram.record(5);
        histogram.record(9);
        histogram.remove(5);
        for not_there in [5, 7, 9_999] {
            histogram.remove(not_there);
        }
        assert_eq!(histogram.total, 1);
        histogram.remove(9);
        histogram.remove(9);
        assert_eq!(histogram.total, 0);
    }

    proptest! {
        #[test]
        fn a_step_is_no_wider_than_a_hundredth(value: u64) {
            let step = step_of(value);
            let least = step.checked_sub(1).map_or(0, |before| greatest_of(before) + 1);
            let width = greatest_of(step) - least;
            prop_assert!(least <= value && value <= greatest_of(step));
            prop_assert!(u128::from(width) * 100 <= u128::from(value));
        }

        #[test]
        fn any_order_gives_the_same(values in prop::collection::vec(0..1_000_000u64, 1..50)) {
            let mut forwards = Histogram::default();
            let mut backwards = Histogram::default();
            values.iter().for_each(|value| forwards.record(*value));
            values.iter().rev().for_each(|value| backwards.record(*value));
            let mut sorted = values.clone();
            sorted.sort_unstable();
            for share in [0.01, 0.5, 0.99, 1.0] {
                let rank = (share * values.len() as f64).ceil() as usize;
                let exact = sorted[rank - 1];
                prop_assert_eq!(step_of(forwards.at_quantile(share)), step_of(exact));
                prop_assert_eq!(forwards.at_quantile(share), backwards.at_quantile(share));
            }
            let longer = values.iter().filter(|value| step_of(**value) > step_of(500_000));
            prop_assert_eq!(forwards.longer_than(500_000), longer.count() as u64);
            backwards.absorb(&forwards);
            prop_assert_eq!(backwards.total, 2 * forwards.total);
        }
    }
}

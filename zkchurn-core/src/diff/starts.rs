// SPDX-License-Identifier: MIT
//! When connections began, in bins of one width that cover the whole trace. The width doubles
//! as the trace goes on, so memory is bounded and the bins stay many.

/// Bins that are kept.
const BINS: usize = 256;
/// The width at first, nanoseconds.
const FIRST_WIDTH_NS: u64 = 50_000_000;

/// The first beginnings are kept as they are: of few the gaps say more than counts do.
const FIRST: usize = 16;

/// So many times the longest pause of one trace must the other be long for a lack of beginnings
/// to mean something.
pub(super) const PAUSES: u64 = 3;

/// Counts of beginnings over time.
#[derive(Clone, Debug)]
pub(super) struct Starts {
    first: Vec<u64>,
    bins: Vec<u64>,
    width_ns: u64,
}

impl Default for Starts {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            bins: Vec::new(),
            width_ns: FIRST_WIDTH_NS,
        }
    }
}

/// How many began in one stretch of the trace, and how long that was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub count: u64,
    pub seconds: f64,
}

impl Stretch {
    pub(super) fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

impl Starts {
    /// Counts one that began so long after the trace.
    pub(super) fn add(&mut self, after_ns: u64) {
        if self.first.len() < FIRST {
            self.first.push(after_ns);
        }
        self.widen_to(after_ns);
        let bin = (after_ns / self.width_ns).min(BINS as u64 - 1) as usize;
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += 1;
    }

    /// Has the bins reach so far.
    fn widen_to(&mut self, after_ns: u64) {
        while after_ns / self.width_ns >= BINS as u64 && self.width_ns < u64::MAX / 2 {
            self.widen();
        }
    }

    /// The same with bins that cover a trace of this length, however long it is.
    fn covering(&self, length_ns: u64) -> Self {
        let mut covering = self.clone();
        covering.widen_to(length_ns);
        covering
    }

    fn widen(&mut self) {
        self.width_ns *= 2;
        let pairs = self.bins.chunks(2);
        self.bins = pairs.map(|pair| pair.iter().sum()).collect();
    }

    /// The gaps between all beginnings, in nanoseconds; `None` where there were more than are
    /// kept.
    pub(super) fn gaps(&self, length_ns: u64) -> Option<Vec<f64>> {
        let all: u64 = self.bins.iter().sum();
        if all > self.first.len() as u64 {
            return None;
        }
        // Connections come in the order of their ends.
        let mut starts = self.first.clone();
        starts.sort_unstable();
        let pairs = starts.windows(2);
        let mut gaps: Vec<_> = pairs.map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
        // Silence before the first and behind the last is a part of a gap: it counts where it
        // is longer than the others.
        let before = starts.first().map(|first| *first as f64);
        let behind = starts
            .last()
            .map(|last| length_ns.saturating_sub(*last) as f64);
        gaps.extend(
            [before, behind]
                .into_iter()
                .flatten()
                .filter(|gap| *gap > mean),
        );
        Some(gaps)
    }

    /// The trace of this length in at most so many stretches of about one length.
    pub(super) fn stretches(&self, length_ns: u64, most: usize) -> Vec<Stretch> {
        let Self { bins, width_ns, .. } = self.covering(length_ns);
        let number = (length_ns.div_ceil(width_ns) as usize).max(bins.len());
        let most = most.min(number);
        let none = Stretch {
            count: 0,
            seconds: 0.0,
        };
        let mut stretches = vec![none; most];
        for bin in 0..number {
            let from = (bin as u64).saturating_mul(width_ns);
            let width = length_ns.saturating_sub(from).min(width_ns);
            let stretch = &mut stretches[bin * most / number];
            stretch.count += bins.get(bin).copied().unwrap_or(0);
            stretch.seconds += width as f64 / 1e9;
        }
        stretches.retain(|stretch| stretch.seconds > 0.0);
        stretches
    }

    /// The longest time without a beginning, down to two bins, nanoseconds.
    pub(super) fn longest_pause_ns(&self, length_ns: u64) -> u64 {
        let Self { bins, width_ns, .. } = self.covering(length_ns);
        let (mut longest, mut pause) = (0, 0);
        for bin in 0..length_ns.div_ceil(width_ns) {
            let is_empty = bins.get(bin as usize).is_none_or(|count| *count == 0);
            pause = if is_empty { pause + 1 } else { 0 };
            longest = longest.max(pause);
        }
        width_ns.saturating_mul(longest).min(length_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_long_trace_has_as_many_bins_and_loses_nothing() {
        let mut starts = Starts::default();
        for second in 0..100_000 {
            starts.add(second * SECOND);
        }
        assert!(starts.bins.len() <= BINS);
        let stretches = starts.stretches(100_000 * SECOND, 16);
        assert_eq!(stretches.len(), 16);
        let count: u64 = stretches.iter().map(|stretch| stretch.count).sum();
        assert_eq!(count, 100_000);
        for stretch in stretches {
            let rate = stretch.per_second();
            assert!((0.9..1.1).contains(&rate), "{rate}");
        }
    }

    #[test]
    fn a_pause_is_seen() {
        let mut starts = Starts::default();
        for second in (0..10).chain(40..50) {
            starts.add(second * SECOND);
        }
        let pause = starts.longest_pause_ns(50 * SECOND);
        assert!((29 * SECOND..=31 * SECOND).contains(&pause), "{pause}");
    }

    /// A damaged recording says that it took centuries.
    #[test]
    fn a_trace_of_any_length_takes_no_time() {
        let mut starts = Starts::default();
        assert!(starts.stretches(u64::MAX, 16).len() <= 16);
        assert!(starts.longest_pause_ns(u64::MAX) > u64::MAX / 2);
        starts.add(SECOND);
        let stretches = starts.stretches(u64::MAX, 16);
        assert_eq!(stretches.iter().map(|one| one.count).sum::<u64>(), 1);
    }

    proptest! {
        #[test]
        fn every_beginning_is_in_one_stretch(
            starts in proptest::collection::vec(any::<u64>(), 0..200),
            length in any::<u64>(),
            most in 1usize..40,
        ) {
            let mut counted = Starts::default();
            for start in &starts {
                counted.add(*start);
            }
            let all: u64 = counted.bins.iter().sum();
            prop_assert_eq!(all, starts.len() as u64);
            let stretches = counted.stretches(length, most);
            prop_assert!(stretches.len() <= most);
            prop_assert!(counted.longest_pause_ns(length) <= length);
        }
    }
}

// SPDX-License-Identifier: MIT
//! Gaps between the starts of connections, of which records come at the ends: so the
//! starts are not in their order. The distribution is over all of them; what is kept for
//! putting several rows together is in [`super::starts`].

use std::collections::VecDeque;

use super::distribution::Distribution;

/// So many starts are remembered, to find the place of one that comes late. One that is
/// earlier than all of them adds no gap.
const REMEMBERED: usize = 32;

/// Takes gaps, and gives one back that turns out to be two.
pub(crate) trait Gaps {
    fn add(&mut self, nanoseconds: u64);
    fn remove(&mut self, nanoseconds: u64);
}

impl Gaps for Distribution {
    fn add(&mut self, nanoseconds: u64) {
        Self::add(self, nanoseconds);
    }

    fn remove(&mut self, nanoseconds: u64) {
        Self::remove(self, nanoseconds);
    }
}

/// The latest starts, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct InOrder {
    latest: VecDeque<u64>,
}

impl InOrder {
    /// Adds the gap before a start to `gaps`; where it lies in a gap that is there already,
    /// it makes two of it.
    pub(crate) fn add(&mut self, start_ns: u64, gaps: &mut impl Gaps) {
        match self.latest() {
            Some(last) if start_ns <= last => return self.insert(start_ns, gaps),
            Some(last) => gaps.add(start_ns - last),
            None => {}
        }
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(start_ns);
    }

    pub(super) fn latest(&self) -> Option<u64> {
        self.latest.back().copied()
    }

    /// How many began after a moment; where more did than are remembered, as many as come at the
    /// rate of those until `now_ns`.
    pub(super) fn count_after(&self, time_ns: u64, now_ns: u64) -> u64 {
        let from = self.latest.partition_point(|start| *start <= time_ns);
        let count = (self.latest.len() - from) as u64;
        let first = self.latest.front().filter(|first| **first > time_ns);
        let (Some(first), REMEMBERED) = (first, self.latest.len()) else {
            return count;
        };
        let length = u128::from(now_ns.saturating_sub(time_ns));
        let known = u128::from(now_ns.saturating_sub(*first)).max(1);
        u64::try_from(length * u128::from(count) / known).unwrap_or(u64::MAX)
    }

    #[cold]
    fn insert(&mut self, start_ns: u64, gaps: &mut impl Gaps) {
        let place = self.latest.partition_point(|known| *known <= start_ns);
        let before = place
            .checked_sub(1)
            .and_then(|place| self.latest.get(place));
        match (before.copied(), self.latest.get(place).copied()) {
            (Some(before), Some(after)) => {
                gaps.remove(after - before);
                gaps.add(start_ns - before);
                gaps.add(after - start_ns);
            }
            // At the same moment as the latest.
            (Some(before), None) => gaps.add(start_ns - before),
            // Earlier than what is remembered: its place is known only where that is all.
            (None, Some(after)) if self.latest.len() < REMEMBERED => gaps.add(after - start_ns),
            (None, _) => return,
        }
        if self.latest.len() == REMEMBERED {
            if place == 0 {
                return;
            }
            self.latest.pop_front();
            self.latest.insert(place - 1, start_ns);
            return;
        }
        self.latest.insert(place, start_ns);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gaps_of(starts: &[u64]) -> Distribution {
        let (mut known, mut gaps) = (InOrder::default(), Distribution::default());
        for start in starts {
            known.add(*start, &mut gaps);
        }
        gaps
    }

    #[test]
    fn beyond_what_is_remembered_a_late_start_adds_nothing() {
        let mut starts: Vec<_> = (1..=REMEMBERED as u64 + 8).map(|n| n * 100).collect();
        let in_order = gaps_of(&starts);
        starts.push(150);
        let with_late = gaps_of(&starts);
        assert_eq!(with_late.count(), in_order.count());
        assert_eq!(with_late.max(), Some(100));
    }

    proptest! {
        #[test]
        fn any_order_gives_the_gaps_of_the_sorted(
            mut starts in prop::collection::vec(0..1_000_000_000u64, 1..REMEMBERED)
        ) {
            let shuffled = gaps_of(&starts);
            starts.sort_unstable();
            let sorted = gaps_of(&starts);
            prop_assert_eq!(shuffled.count(), sorted.count());
            prop_assert_eq!(shuffled.min(), sorted.min());
            prop_assert_eq!(shuffled.max(), sorted.max());
            for percent in [1.0, 50.0, 99.0] {
                prop_assert_eq!(shuffled.percentile(percent), sorted.percentile(percent));
            }
            let (a, b) = (shuffled.coefficient_of_variation(), sorted.coefficient_of_variation());
            if let (Some(a), Some(b)) = (a, b) {
                prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
            }
        }

        #[test]
        fn a_window_of_disorder_in_a_long_row_changes_nothing(
            gaps in prop::collection::vec(1_000_000..9_000_000u64, 200),
            swaps in prop::collection::vec(0..190usize, 20)
        ) {
            let mut starts: Vec<u64> = gaps.iter().scan(0, |at, gap| {
                *at += gap;
                Some(*at)
            }).collect();
            let sorted = gaps_of(&starts);
            for place in swaps {
                starts[place..place + 10].reverse();
                let shuffled = gaps_of(&starts);
                starts[place..place + 10].reverse();
                prop_assert_eq!(shuffled.count(), sorted.count());
                prop_assert_eq!(shuffled.percentile(50.0), sorted.percentile(50.0));
                let (a, b) = (shuffled.max().unwrap() as f64, sorted.max().unwrap() as f64);
                prop_assert!((a / b - 1.0).abs() < 0.011, "{a} {b}");
            }
        }
    }
}

// SPDX-License-Identifier: MIT
//! When connections began, the latest of them: what a rhythm is told from.
//!
//! Records come in the order of the ends. The starts are kept sorted, so that those of
//! several processes, threads or peers can be put together and still have their gaps.

use std::ops::Range;

use super::distribution::Distribution;

/// Most starts that are kept.
pub const MOST_STARTS: usize = 64;

/// The latest starts, nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, Default)]
pub struct Starts {
    /// In order.
    latest: Vec<u64>,
    /// The greatest one that had to make room: up to here starts are missing.
    complete_after: Option<u64>,
}

impl Starts {
    /// Notes a start.
    pub fn add(&mut self, start_ns: u64) {
        match self.latest.last() {
            Some(last) if *last > start_ns => {
                let place = self.latest.partition_point(|one| *one <= start_ns);
                self.latest.insert(place, start_ns);
            }
            _ => self.latest.push(start_ns),
        }
        // Half of them at once, so that not every start moves all others.
        if self.latest.len() >= 2 * MOST_STARTS {
            self.forget(MOST_STARTS);
        }
    }

    fn forget(&mut self, count: usize) {
        let forgotten = self.latest.drain(..count).next_back();
        self.complete_after = self.complete_after.max(forgotten);
    }

    /// The latest one.
    pub fn latest(&self) -> Option<u64> {
        self.latest.last().copied()
    }

    /// Whether one of those that are kept is within this time.
    pub fn has_one_in(&self, time: &Range<u64>) -> bool {
        self.latest.iter().any(|start| time.contains(start))
    }

    /// How many began later; `None` where some of those had to make room.
    pub fn count_after(&self, time_ns: u64) -> Option<u64> {
        if self.complete_after.is_some_and(|after| after > time_ns) {
            return None;
        }
        let from = self.latest.partition_point(|start| *start <= time_ns);
        Some(self.latest[from..].len() as u64)
    }

    /// The starts of all of these since none of them is missing, in order.
    pub fn together<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Vec<u64> {
        let complete_after = all.clone().filter_map(|one| one.complete_after).max();
        // Most of the busier ones' are too old where many are put together.
        let of = |one: &'a Self| {
            let too_old = complete_after.map_or(0, |after| {
                one.latest.partition_point(|start| *start <= after)
            });
            &one.latest[too_old..]
        };
        let mut starts = Vec::with_capacity(all.clone().map(|one| of(one).len()).sum());
        all.for_each(|one| starts.extend_from_slice(of(one)));
        starts.sort_unstable();
        starts
    }
}

/// The time between successive starts, which are in order.
pub fn gaps(starts: &[u64]) -> Distribution {
    let mut gaps = Distribution::default();
    for pair in starts.windows(2) {
        if let [earlier, later] = pair {
            gaps.add(later - earlier);
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(starts: impl IntoIterator<Item = u64>) -> Starts {
        let mut all = Starts::default();
        starts.into_iter().for_each(|start| all.add(start));
        all
    }

    #[test]
    fn the_order_of_the_ends_does_not_matter() {
        let starts = of([30, 10, 20, 50, 40]);
        assert_eq!(
            Starts::together([&starts].into_iter()),
            [10, 20, 30, 40, 50]
        );
        assert_eq!(gaps(&[10, 20, 40]).max(), Some(20));
        assert_eq!(gaps(&[]).count(), 0);
    }

    #[test]
    fn those_after_a_moment_are_counted_while_they_are_kept() {
        let few = of([10, 20, 30]);
        assert_eq!(few.count_after(10), Some(2));
        let many = of((0..1_000).map(|step| step * 10));
        assert_eq!(many.count_after(5_000), None);
        assert_eq!(many.count_after(9_970), Some(2));
    }

    #[test]
    fn of_several_only_the_time_counts_in_which_none_misses_any() {
        let busy = of((0..1_000).map(|step| step * 10));
        let quiet = of([5, 9_905]);
        let together = Starts::together([&busy, &quiet].into_iter());
        assert!(together.len() <= 2 * MOST_STARTS && together.contains(&9_905));
        assert!(!together.contains(&5));
        assert_eq!(gaps(&together).max(), Some(10));
    }
}

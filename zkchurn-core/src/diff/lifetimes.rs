// SPDX-License-Identifier: MIT
//! A sample of lifetimes, even over the trace: once it is full every other one goes, and from
//! then on every other one is taken.

/// Lifetimes that are kept at most.
const MOST: usize = 1024;

/// Lifetimes in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Lifetimes {
    kept: Vec<u64>,
    each: u64,
    seen: u64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            each: 1,
            seen: 0,
        }
    }
}

impl Lifetimes {
    pub(super) fn add(&mut self, nanoseconds: u64) {
        if self.seen.is_multiple_of(self.each) {
            if self.kept.len() == MOST {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.each *= 2;
            }
            self.kept.push(nanoseconds);
        }
        self.seen += 1;
    }

    /// Those that are kept, shortest first.
    pub(super) fn sorted(&self) -> Vec<u64> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_even_over_time() {
        let mut lifetimes = Lifetimes::default();
        (0..100_000).for_each(|at| lifetimes.add(at));
        let sorted = lifetimes.sorted();
        assert!((MOST / 2..=MOST).contains(&sorted.len()));
        for pair in sorted.windows(2) {
            assert_eq!(pair[1] - pair[0], lifetimes.each, "{pair:?}");
        }
    }
}

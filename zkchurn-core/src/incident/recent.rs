// SPDX-License-Identifier: MIT
//! What the last looks brought, added up until it is enough to tell a rate or a share of: an
//! ensemble that a client connects to every other second has few connections in one look.

use std::collections::VecDeque;

/// Fewer connections show neither.
pub(super) const LEAST: u64 = 10;
/// Looks that began longer ago are forgotten.
const LONGEST_NS: u64 = 600_000_000_000;

/// What came between two looks, or since an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// When the first of the looks began.
    pub from_ns: u64,
    pub opened: u64,
    pub ended: u64,
    pub refused: u64,
}

/// The looks of the last ten minutes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Brought>);

impl Recent {
    /// Notes what came until `now_ns`.
    pub(super) fn note(&mut self, brought: Brought, now_ns: u64) {
        self.0.push_back(brought);
        let is_old = |one: &Brought| now_ns.saturating_sub(one.from_ns) > LONGEST_NS;
        while self.0.front().is_some_and(is_old) {
            self.0.pop_front();
        }
    }

    /// What the latest look brought.
    pub(super) fn latest(&self) -> Option<&Brought> {
        self.0.back()
    }

    /// The last looks together, as few of them as have ten of what `counted` counts; `None` where
    /// the latest has none of it, or all those back to `span_ns` before `now_ns` have fewer. The
    /// look in which that span begins counts whole.
    pub(super) fn of_ten(
        &self,
        counted: impl Fn(&Brought) -> u64,
        span_ns: u64,
        now_ns: u64,
    ) -> Option<Brought> {
        self.latest().filter(|latest| counted(latest) > 0)?;
        let mut sum = Brought {
            from_ns: now_ns,
            ..Brought::default()
        };
        for (nth, one) in self.0.iter().rev().enumerate() {
            if nth > 0 && now_ns.saturating_sub(sum.from_ns) >= span_ns {
                break;
            }
            sum = Brought {
                from_ns: one.from_ns,
                opened: sum.opened + one.opened,
                ended: sum.ended + one.ended,
                refused: sum.refused + one.refused,
            };
            if counted(&sum) >= LEAST {
                return Some(sum);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// After looks of 10 s that brought so many opened ones each, the latest last.
    fn of_ten(opened: &[u64], span_s: u64) -> Option<(u64, u64)> {
        let mut recent = Recent::default();
        let mut now_ns = 1_000 * SECOND;
        for opened in opened {
            let from_ns = now_ns;
            now_ns += 10 * SECOND;
            let brought = Brought {
                from_ns,
                opened: *opened,
                ..Brought::default()
            };
            recent.note(brought, now_ns);
        }
        let sum = recent.of_ten(|one| one.opened, span_s * SECOND, now_ns)?;
        Some((sum.opened, (now_ns - sum.from_ns) / SECOND))
    }

    #[test]
    fn as_few_looks_as_have_ten_are_added_up() {
        assert_eq!(of_ten(&[900, 10], 600), Some((10, 10)));
        assert_eq!(of_ten(&[900, 6, 6], 600), Some((12, 20)));
        assert_eq!(of_ten(&[9, 0, 0, 1], 600), Some((10, 40)));
        assert_eq!(of_ten(&[9], 600), None);
        assert_eq!(of_ten(&[], 600), None);
        assert_eq!(of_ten(&[900, 0], 600), None, "nothing goes on");
    }

    #[test]
    fn what_is_older_than_the_span_is_not_added() {
        assert_eq!(of_ten(&[9, 1], 10), None);
        assert_eq!(of_ten(&[9, 1], 11), Some((10, 20)));
        assert_eq!(of_ten(&[12], 1), Some((12, 10)));
        let minutes = |looks| [vec![9], vec![0; looks], vec![1]].concat();
        assert_eq!(of_ten(&minutes(58), u64::MAX / SECOND), Some((10, 600)));
        assert_eq!(of_ten(&minutes(59), u64::MAX / SECOND), None);
    }
}

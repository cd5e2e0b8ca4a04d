// SPDX-License-Identifier: MIT
//! Whether ever more connections are open: against the level of the last hour, which a short dip
//! does not lower and a slow rise does not lift at once.

use std::collections::VecDeque;

/// What is shorter than this lowers no level: a restart of a program that connects again.
const SPAN_NS: u64 = 600_000_000_000;
/// Levels that are remembered beside the present one: an hour of them.
const SPANS: usize = 6;

/// How many were open, ten minutes by ten minutes.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// Whole spans, oldest first.
    levels: VecDeque<Level>,
    present: Option<Level>,
}

/// The most that were open at once in a span.
#[derive(Clone, Copy, Debug)]
struct Level {
    from_ns: u64,
    until_ns: u64,
    most: u64,
}

/// That more are open than there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grown {
    /// So many more …
    pub more: u64,
    /// … than so long ago.
    pub in_ns: u64,
}

impl Growth {
    /// Notes how many are open at `now_ns`, and says how many more that is than the lowest level
    /// of the last hour.
    pub(super) fn look(&mut self, open: u64, now_ns: u64) -> Grown {
        self.note(open, now_ns);
        self.since_the_lowest(open, now_ns)
    }

    fn since_the_lowest(&self, open: u64, now_ns: u64) -> Grown {
        let lowest = self.levels.iter().min_by_key(|level| level.most);
        lowest.map_or(Grown { more: 0, in_ns: 0 }, |lowest| Grown {
            more: open.saturating_sub(lowest.most),
            in_ns: now_ns.saturating_sub(lowest.until_ns),
        })
    }

    fn note(&mut self, open: u64, now_ns: u64) {
        let level = Level {
            from_ns: now_ns,
            until_ns: now_ns,
            most: open,
        };
        match &mut self.present {
            None => {
                // What there was at first is a level of its own: nothing is known of before.
                self.push(level);
                self.present = Some(level);
            }
            Some(present) => {
                present.most = present.most.max(open);
                present.until_ns = now_ns;
                let whole = *present;
                if now_ns.saturating_sub(whole.from_ns) >= SPAN_NS {
                    self.push(whole);
                    self.present = Some(level);
                }
            }
        }
    }

    fn push(&mut self, level: Level) {
        if self.levels.len() >= SPANS {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: u64 = 10;

    /// One who looks every 10 s.
    struct Looks {
        growth: Growth,
        second: u64,
    }

    impl Looks {
        fn new() -> Self {
            Self {
                growth: Growth::default(),
                second: 1_000,
            }
        }

        /// Looks for so long, at `open` by the seconds since then; the growth that was seen.
        fn minutes(&mut self, minutes: u64, open: impl Fn(u64) -> u64) -> Vec<u64> {
            let began = self.second;
            let mut grown = Vec::new();
            while self.second < began + 60 * minutes {
                let open = open(self.second - began);
                let found = self.growth.look(open, self.second * 1_000_000_000);
                grown.push(found.more);
                self.second += LOOK;
                assert!(self.growth.levels.len() <= SPANS);
            }
            grown
        }
    }

    /// The minute in which growth first reached `most`.
    fn reached(grown: &[u64], most: u64) -> Option<u64> {
        let at = grown.iter().position(|more| *more >= most)?;
        Some(at as u64 * LOOK / 60)
    }

    #[test]
    fn one_a_minute_is_seen_after_as_many_minutes_whenever_it_begins() {
        for before in [0, 5, 61, 200] {
            let mut looks = Looks::new();
            assert!(looks.minutes(before, |_| 100).iter().all(|more| *more == 0));
            let grown = looks.minutes(180, |second| 100 + second / 60);
            assert_eq!(reached(&grown, 1), Some(1), "{before}");
            assert_eq!(reached(&grown, 30), Some(30), "{before}");
            assert_eq!(reached(&grown, 50), Some(50), "{before}");
            // It goes on to be seen as long as it goes on.
            let later = grown.iter().skip(60 * 6);
            assert!(later.clone().all(|more| *more >= 50), "{before}");
            assert!(later.clone().all(|more| *more <= 61), "{before}");
            // And no more an hour after it has ended.
            let after = looks.minutes(120, |_| 280);
            assert_eq!(after.last(), Some(&0));
        }
    }

    #[test]
    fn a_dip_neither_hides_growth_nor_is_one() {
        // A client that is restarted each seven minutes, and is away for half a minute.
        let dips = |second: u64| second % 420 < 30;
        let mut looks = Looks::new();
        let leaks = |second: u64| match dips(second) {
            true => 20,
            false => 100 + second / 60,
        };
        looks.minutes(60, |_| 100);
        let grown = looks.minutes(60, leaks);
        assert!(matches!(reached(&grown, 30), Some(30 | 31)));
        let mut looks = Looks::new();
        looks.minutes(60, |_| 100);
        let steady = |second: u64| if dips(second) { 20 } else { 100 };
        assert!(looks.minutes(180, steady).iter().all(|more| *more == 0));
        // Once away for nine minutes.
        let once = |second: u64| if second < 540 { 0 } else { 100 };
        assert!(looks.minutes(120, once).iter().all(|more| *more == 0));
    }

    #[test]
    fn what_jumps_is_seen_at_the_next_look() {
        let mut looks = Looks::new();
        looks.minutes(1, |_| 10);
        let grown = looks.growth.look(40, looks.second * 1_000_000_000);
        assert_eq!(
            grown,
            Grown {
                more: 30,
                in_ns: 60 * 1_000_000_000
            }
        );
    }
}

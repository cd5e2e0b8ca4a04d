// SPDX-License-Identifier: MIT
//! How often an incident is closed: its recording is written back to the disk then, which delays
//! what others write back. No clock: it is told the time.

/// From when one is closed until the next one may be.
const APART_NS: u64 = 60_000_000_000;

/// When the last one was closed.
#[derive(Debug, Default)]
pub struct Closing {
    is_under_way: bool,
    closed_ns: Option<u64>,
}

impl Closing {
    /// Whether another one may begin to be closed at `now_ns`, nanoseconds of `CLOCK_MONOTONIC`;
    /// `is_under_way` says whether one is. To be asked regularly: that one has been closed is seen
    /// by that.
    pub fn may_begin(&mut self, is_under_way: bool, now_ns: u64) -> bool {
        if std::mem::replace(&mut self.is_under_way, is_under_way) && !is_under_way {
            self.closed_ns = Some(now_ns);
        }
        let is_apart = |closed_ns| now_ns.saturating_sub(closed_ns) >= APART_NS;
        !is_under_way && self.closed_ns.is_none_or(is_apart)
    }

    /// One begins to be closed.
    pub fn begins(&mut self) {
        self.is_under_way = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn those_that_wait_are_closed_one_a_minute() {
        let mut closing = Closing::default();
        let mut begun: Vec<u64> = Vec::new();
        // Asked every 10 s, with always one more that waits; each takes 20 s.
        for now in (1_000..1_600).step_by(10) {
            let is_under_way = begun.last().is_some_and(|begun| now - begun < 20);
            if closing.may_begin(is_under_way, now * SECOND) {
                closing.begins();
                begun.push(now);
            }
        }
        assert_eq!(begun[..3], [1_000, 1_080, 1_160], "a minute after each end");
        assert_eq!(begun.len(), 8);
    }

    #[test]
    fn one_that_is_closed_between_two_questions_counts() {
        let mut closing = Closing::default();
        assert!(closing.may_begin(false, 100 * SECOND));
        closing.begins();
        assert!(!closing.may_begin(false, 110 * SECOND));
        assert!(!closing.may_begin(false, 169 * SECOND));
        assert!(closing.may_begin(false, 170 * SECOND));
    }
}

// SPDX-License-Identifier: MIT
//! When a request that failed is tried again: after a time that doubles, with some chance in it,
//! so that a thousand hosts do not come back to a collector at one moment. What the collector
//! itself asks for (`Retry-After`) goes before that, within limits: it may lie, and one that asks
//! for no time at all would get as many requests as the host can send.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Before the second try.
const FIRST: Duration = Duration::from_secs(1);
/// Between tries at most.
const LONGEST: Duration = Duration::from_secs(30);
/// What a collector may ask for at least, and at most.
const SHORTEST_ASKED: Duration = FIRST;
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    failures: u32,
}

impl BackOff {
    /// Something was taken.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        match asked {
            Some(asked) => asked.clamp(SHORTEST_ASKED, LONGEST_ASKED),
            None => with_chance(doubled.min(LONGEST)),
        }
    }
}

/// From half of it to all of it.
fn with_chance(time: Duration) -> Duration {
    // The standard library's only source of chance: each state has other keys.
    let chance = RandomState::new().hash_one(0) % 512;
    time / 2 + time * u32::try_from(chance).unwrap_or(0) / 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_limit_and_begins_anew_after_success() {
        let mut back_off = BackOff::default();
        for most in [1, 2, 4, 8, 16, 30, 30, 30] {
            let most = Duration::from_secs(most);
            let wait = back_off.next(None);
            assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
        }
        for _ in 0..100 {
            back_off.next(None);
        }
        assert!(back_off.next(None) <= LONGEST);
        back_off.reset();
        assert!(back_off.next(None) <= FIRST);
    }

    #[test]
    fn the_collector_is_obeyed_within_reason() {
        let mut back_off = BackOff::default();
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(back_off.next(asked(7)), Duration::from_secs(7));
        assert_eq!(back_off.next(asked(u64::MAX)), LONGEST_ASKED);
        for _ in 0..3 {
            assert_eq!(back_off.next(asked(0)), SHORTEST_ASKED);
        }
    }
}

// SPDX-License-Identifier: MIT
//! From the kernel's monotonic nanoseconds to the time of day.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One moment read on both clocks. All times of a trace are converted through
/// this one pair, so that a step of the wall clock during the trace can neither
/// stretch nor reverse a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockPair {
    /// `CLOCK_MONOTONIC` in nanoseconds: what `bpf_ktime_get_ns` counts.
    pub monotonic_ns: u64,
    /// `CLOCK_REALTIME` in nanoseconds since 1970-01-01T00:00:00Z.
    pub realtime_ns: i64,
}

impl ClockPair {
    /// Time of day of a monotonic moment; the limits of the calendar where a
    /// damaged recording asks for more.
    pub fn timestamp(&self, monotonic_ns: u64) -> Timestamp {
        let passed = i128::from(monotonic_ns) - i128::from(self.monotonic_ns);
        let nanoseconds = i128::from(self.realtime_ns) + passed;
        Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MAX)
    }
}

/// RFC 3339 in UTC with all nine digits of the nanoseconds.
pub fn rfc3339(timestamp: Timestamp) -> String {
    format!("{timestamp:.9}")
}

/// The length of `2023-11-14T22:13:20.000000001Z`.
const RFC3339: usize = 30;

/// A moment as [`rfc3339`] has it, without a place on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MomentText([u8; RFC3339]);

impl MomentText {
    /// The text.
    pub fn as_str(&self) -> &str {
        // It is made of a text.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Texts of many moments, of which one after the other is of the same second.
#[derive(Debug, Default)]
pub struct Moments {
    /// The last second, and its text.
    last: Option<(i64, MomentText)>,
}

impl Moments {
    /// What [`rfc3339`] makes of a moment of the years 1970 to 9999, and `None` of another one.
    pub fn text(&mut self, timestamp: Timestamp) -> Option<MomentText> {
        let second = timestamp.as_second();
        let MomentText(mut text) = match self.last {
            Some((last, text)) if last == second => text,
            _ => {
                let bytes = rfc3339(timestamp).into_bytes().try_into();
                let text = MomentText(bytes.ok().filter(|_| second >= 0)?);
                self.last = Some((second, text));
                text
            }
        };
        let mut nanoseconds = timestamp.subsec_nanosecond().unsigned_abs();
        // Before the Z.
        for digit in text[RFC3339 - 10..RFC3339 - 1].iter_mut().rev() {
            *digit = b'0' + (nanoseconds % 10) as u8;
            nanoseconds /= 10;
        }
        Some(MomentText(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whether the one before was of the same second or not.
        #[test]
        fn moments_are_told_as_one_by_one(
            near in proptest::collection::vec(0_i64..3_000_000_000, 1..20),
            from in any::<i64>(),
        ) {
            let mut moments = Moments::default();
            for ns in near {
                let at = i128::from(from) + i128::from(ns);
                let timestamp = Timestamp::from_nanosecond(at).unwrap();
                match moments.text(timestamp) {
                    Some(text) => prop_assert_eq!(text.as_str(), rfc3339(timestamp)),
                    None => prop_assert!(timestamp.as_second() < 0),
                }
            }
        }
    }

    #[test]
    fn converts_before_and_after_the_pair() {
        let clock = ClockPair {
            monotonic_ns: 5_000_000_000,
            realtime_ns: 1_700_000_000_000_000_000,
        };
        let text = |monotonic_ns| rfc3339(clock.timestamp(monotonic_ns));
        assert_eq!(text(5_000_000_001), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(text(4_000_000_000), "2023-11-14T22:13:19.000000000Z");
        assert_eq!(
            clock.timestamp(u64::MAX).to_string().len(),
            "2608-06-05T21:48:29.709551615Z".len()
        );
    }
}

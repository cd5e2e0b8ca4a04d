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

#[cfg(test)]
mod tests {
    use super::*;

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

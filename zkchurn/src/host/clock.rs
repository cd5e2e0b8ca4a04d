// SPDX-License-Identifier: MIT
//! Reading the clocks. Only the shell does it; everything else is told the time.

use rustix::time::{ClockId, clock_gettime};

use zkchurn_core::clock::ClockPair;

/// `CLOCK_MONOTONIC` in nanoseconds.
pub fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic).max(0) as u64
}

/// Both clocks, as near to each other as two calls are.
pub fn clock_pair() -> ClockPair {
    ClockPair {
        monotonic_ns: monotonic_ns(),
        realtime_ns: nanoseconds(ClockId::Realtime),
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

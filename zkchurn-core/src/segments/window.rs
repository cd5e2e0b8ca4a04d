// SPDX-License-Identifier: MIT
//! A part of a recording by time, as it is asked for.

use std::time::Duration;

use jiff::Timestamp;

/// A moment as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A time of day.
    At(Timestamp),
    /// So long before the end of the recording.
    BeforeEnd(Duration),
    /// A moment of one boot, nanoseconds of `CLOCK_MONOTONIC`, which the wall clock's steps do
    /// not move; the number of the boot, or 0 where it is unknown.
    OfBoot {
        /// [`boot_number`]
        boot: u128,
        /// Since then.
        ns: u64,
    },
}

/// The number that the id of a boot is (random(4)); 0 for what is none.
pub fn boot_number(id: &str) -> u128 {
    u128::from_str_radix(&id.replace('-', ""), 16).unwrap_or(0)
}

/// From when to when; all there is where neither is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub since: Option<When>,
    pub until: Option<When>,
}

impl Window {
    /// Whether all there is is asked for.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// The number of the boot that it is of, where it names one that is known.
    pub(super) fn boot(&self) -> Option<u128> {
        let mut ends = [self.until, self.since].into_iter().flatten();
        ends.find_map(|end| match end {
            When::OfBoot { boot, .. } if boot != 0 => Some(boot),
            _ => None,
        })
    }

    /// Whether it depends on when the recording ends.
    pub(super) fn needs_end(&self) -> bool {
        let mut ends = [self.since, self.until].into_iter().flatten();
        ends.any(|end| matches!(end, When::BeforeEnd(_)))
    }
}

/// The same in nanoseconds of `CLOCK_MONOTONIC` of one boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub since_ns: Option<u64>,
    pub until_ns: Option<u64>,
}

// SPDX-License-Identifier: MIT
//! How old a line of a log is by the time that it tells.
//!
//! A log seldom tells its zone. It is that of the process: `TZ` in its environment, or
//! `-Duser.timezone` of a JVM; else the host's, or UTC in another mount namespace, where
//! images come without `/etc/localtime`.

use std::{fs, path::Path};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use zkchurn_core::serverlog::{moment::Moment, time};

use crate::host::{
    proc::files::{self, read_bounded},
    time_zone,
};

/// A line may be stamped before its record is written, and clocks round.
const AHEAD_MS: i64 = 2_000;

/// The clock by which a process stamps its lines.
pub(super) struct LogClock {
    zone: TimeZone,
    now: Timestamp,
}

impl LogClock {
    /// That of process `pid`, now.
    pub(super) fn of(pid: u32) -> Self {
        Self {
            zone: zone(&files::directory(pid)),
            now: Timestamp::now(),
        }
    }

    /// One by which every line lies ahead, so that none has an age.
    pub(crate) fn of_long_ago() -> Self {
        Self {
            zone: TimeZone::UTC,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// The moment so long before the look.
    pub(super) fn before(&self, ago: SignedDuration) -> Timestamp {
        self.now - ago
    }

    /// How long ago a line was written, milliseconds; `None` where it tells no date, or one
    /// that lies ahead.
    pub(super) fn ago_ms(&self, line: &[u8]) -> Option<u64> {
        self.moment_ago_ms(time::within(line)?)
    }

    /// How long ago a moment of the log was; `None` where it lies ahead.
    pub(super) fn moment_ago_ms(&self, moment: Moment) -> Option<u64> {
        let written = moment.date();
        let written = self.zone.to_ambiguous_timestamp(written).later().ok()?;
        self.since_ms(written.as_millisecond())
    }

    /// How long ago a moment was that is given in milliseconds since 1970; `None` where it
    /// lies ahead.
    pub(super) fn since_ms(&self, moment: i64) -> Option<u64> {
        let ago = self.now.as_millisecond().checked_sub(moment)?;
        (ago >= -AHEAD_MS).then_some(ago.max(0) as u64)
    }
}

/// What this process has in its own `TZ` is no matter of others.
fn zone(process: &Path) -> TimeZone {
    given_zone(process).unwrap_or_else(|| match is_in_own_mounts(process) {
        true => TimeZone::UTC,
        false => time_zone::of_host(),
    })
}

/// The zone that the process was given.
fn given_zone(process: &Path) -> Option<TimeZone> {
    let value = |file: &str, prefix: &str| {
        let words = read_bounded(&process.join(file), 1 << 20).ok()?;
        let mut words = words.split(|byte| *byte == 0);
        let value = words.find_map(|word| word.strip_prefix(prefix.as_bytes()))?;
        Some(std::str::from_utf8(value).ok()?.to_owned())
    };
    value("cmdline", "-Duser.timezone=")
        .and_then(|name| time_zone::of_java(&name))
        .or_else(|| time_zone::of_variable(&value("environ", "TZ=")?))
}

fn is_in_own_mounts(process: &Path) -> bool {
    let namespace = |of: &Path| fs::read_link(of.join("ns/mnt")).ok();
    match (namespace(process), namespace(Path::new("/proc/self"))) {
        (Some(theirs), Some(ours)) => theirs != ours,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_old_as_its_own_zone_says() {
        let clock = |zone: &str| LogClock {
            zone: TimeZone::get(zone).unwrap(),
            now: "2026-11-25T04:13:11Z".parse().unwrap(),
        };
        let line = b"2026-11-25 04:13:01,000 - WARN x";
        assert_eq!(clock("UTC").ago_ms(line), Some(10_000));
        assert_eq!(clock("Europe/Berlin").ago_ms(line), Some(3_610_000));
        assert_eq!(clock("America/New_York").ago_ms(line), None, "lies ahead");
        assert_eq!(clock("UTC").ago_ms(b"java.io.IOException: x"), None);
    }
}

// SPDX-License-Identifier: MIT
//! Moments as times of day.

use jiff::{Timestamp, tz::TimeZone};

/// `14:03:07.123` in `zone`.
pub(crate) fn time_of_day(timestamp: Timestamp, zone: &TimeZone) -> String {
    let local = timestamp.to_zoned(zone.clone());
    local.strftime("%H:%M:%S%.3f").to_string()
}

/// From one moment to another, with the day of both where it is not the same.
pub(crate) fn span(from: &str, to: &str, zone: &TimeZone) -> String {
    let first = moment(from, zone, true);
    let last = moment(to, zone, !is_same_day(from, to, zone));
    format!("{first} to {last}")
}

/// Whether the local day is the same; where that cannot be told, it need not be.
pub(crate) fn is_same_day(one: &str, other: &str, zone: &TimeZone) -> bool {
    let day = |moment: &str| {
        let timestamp: Timestamp = moment.parse().ok()?;
        Some(timestamp.to_zoned(zone.clone()).date())
    };
    day(one).is_some() && day(one) == day(other)
}

/// An RFC 3339 moment as a local time to the second, with or without the date.
pub(crate) fn moment(rfc3339: &str, zone: &TimeZone, with_date: bool) -> String {
    let Ok(timestamp) = rfc3339.parse::<Timestamp>() else {
        return rfc3339.to_owned();
    };
    if with_date {
        let local = timestamp.to_zoned(zone.clone());
        return local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    }
    let mut time = time_of_day(timestamp, zone);
    time.truncate("HH:MM:SS".len());
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_over_midnight_names_both_days() {
        let zone = TimeZone::UTC;
        assert_eq!(
            span("2026-11-27T10:00:00Z", "2026-11-27T10:00:05Z", &zone),
            "2026-11-27 10:00:00 UTC to 10:00:05"
        );
        assert_eq!(
            span("2026-11-27T23:59:58Z", "2026-11-29T00:00:01Z", &zone),
            "2026-11-27 23:59:58 UTC to 2026-11-29 00:00:01 UTC"
        );
        // The day of the reader counts, not that of UTC.
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert!(!is_same_day(
            "2026-11-27T21:59:59Z",
            "2026-11-27T22:00:00Z",
            &east
        ));
        assert!(is_same_day(
            "2026-11-27T22:00:00Z",
            "2026-11-28T21:59:59Z",
            &east
        ));
    }
}

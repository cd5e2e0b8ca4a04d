// SPDX-License-Identifier: MIT
//! Moments as times of day.

use jiff::{Timestamp, tz::TimeZone};

/// `14:03:07.123` in `zone`.
pub(crate) fn time_of_day(timestamp: Timestamp, zone: &TimeZone) -> String {
    let local = timestamp.to_zoned(zone.clone());
    local.strftime("%H:%M:%S%.3f").to_string()
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

// SPDX-License-Identifier: MIT
//! Zones of local times, from `TZ` or `/etc/localtime` (tzset(3)). Only regular files of
//! a sensible size are read: `TZ` may name a device without end, or a pipe. jiff's own
//! `TimeZone::system` and `TimeZone::get` read whatever `TZ` and `TZDIR` name.

use std::{
    ffi::{OsStr, OsString},
    io::Read,
    path::{Component, Path},
};

use jiff::tz::{Offset, TimeZone};

use super::proc::files;

/// Where zones are (zic(8)).
const DIRECTORIES: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];
/// The host's own zone (localtime(5)).
const LOCAL: &str = "/etc/localtime";
/// Bytes of the largest file that is read; those of zoneinfo have below 4 KiB.
const LIMIT: u64 = 256 * 1024;

/// The zone of this process.
///
/// # Errors
///
/// The value of `TZ`, where that names none: times are best shown in UTC then.
pub fn local() -> Result<TimeZone, OsString> {
    match std::env::var_os("TZ") {
        None => Ok(of_host()),
        Some(name) => named(&name).ok_or(name),
    }
}

/// The zone of processes that were given none.
pub fn of_host() -> TimeZone {
    of_file(Path::new(LOCAL)).unwrap_or(TimeZone::UTC)
}

/// The zone that another process was given by its `TZ`. What it could have us open is a file
/// of zoneinfo or the host's own.
pub fn of_variable(value: &str) -> Option<TimeZone> {
    let text = value.strip_prefix(':').unwrap_or(value);
    let mut directories = DIRECTORIES.iter();
    let within = directories.find_map(|directory| {
        let name = text.strip_prefix(directory)?.strip_prefix('/')?;
        Some(name)
    });
    match within {
        Some(name) => of_zoneinfo(Path::new(name)),
        None if text == LOCAL => Some(of_host()),
        None if text.starts_with('/') => None,
        None => named(OsStr::new(text)),
    }
}

/// The zone that a JVM was given by `-Duser.timezone`: a name, or `GMT+2`, `GMT-03:30`, which
/// lie east of Greenwich and not, as in a rule of `TZ`, west of it (java.util.TimeZone).
pub fn of_java(name: &str) -> Option<TimeZone> {
    let offset = || {
        let (sign, time) = match name.strip_prefix("GMT")?.split_at_checked(1)? {
            ("+", time) => (1, time),
            ("-", time) => (-1, time),
            _ => return None,
        };
        let (hours, minutes) = time.split_once(':').unwrap_or((time, "0"));
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let is_one = (0..24).contains(&hours) && (0..60).contains(&minutes);
        let seconds = sign * (hours * 3_600 + minutes * 60);
        Offset::from_seconds(seconds).ok().filter(|_| is_one)
    };
    of_zoneinfo(Path::new(name)).or_else(|| Some(TimeZone::fixed(offset()?)))
}

/// The zone that a value of `TZ` names: a file, a name of zoneinfo, or a rule.
fn named(name: &OsStr) -> Option<TimeZone> {
    let text = name.to_str()?;
    let text = text.strip_prefix(':').unwrap_or(text);
    if text.is_empty() || text == "UTC" {
        return Some(TimeZone::UTC);
    }
    let path = Path::new(text);
    if path.is_absolute() {
        return of_file(path);
    }
    of_zoneinfo(path).or_else(|| TimeZone::posix(text).ok())
}

/// `Europe/Berlin`
fn of_zoneinfo(name: &Path) -> Option<TimeZone> {
    let is_plain = name
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let mut directories = DIRECTORIES.iter().filter(|_| is_plain);
    directories.find_map(|directory| of_file(&Path::new(directory).join(name)))
}

fn of_file(path: &Path) -> Option<TimeZone> {
    let file = files::opened_without_waiting(path).ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || about.len() > LIMIT {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    TimeZone::tzif("Local", &bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use jiff::Timestamp;

    use super::*;

    /// Hours east of Greenwich in winter.
    fn hours(name: &str) -> Option<i32> {
        let winter: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let zone = named(OsStr::new(name))?;
        Some(zone.to_offset(winter).seconds() / 3_600)
    }

    #[test]
    fn rules_and_the_empty_name_need_no_file() {
        assert_eq!(hours("EST5EDT,M3.2.0,M11.1.0"), Some(-5));
        assert_eq!(hours("<+03>-3"), Some(3));
        assert_eq!(
            (hours(""), hours(":"), hours("UTC")),
            (Some(0), Some(0), Some(0))
        );
    }

    #[test]
    fn another_process_names_zones_and_no_other_file() {
        let winter: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let hours = |zone: Option<TimeZone>| Some(zone?.to_offset(winter).seconds() / 1_800);
        for name in ["EST5EDT,M3.2.0,M11.1.0", ":EST5EDT,M3.2.0,M11.1.0"] {
            assert_eq!(hours(of_variable(name)), Some(-10));
        }
        assert_eq!(
            hours(of_variable(":/etc/localtime")),
            hours(Some(of_host()))
        );
        let own = std::env::current_exe().unwrap();
        let files = [
            "/dev/zero",
            "../../../dev/zero",
            "/usr/share/zoneinfo/../../../dev/zero",
        ];
        for name in files.into_iter().chain(own.to_str()) {
            assert_eq!(
                (hours(of_variable(name)), hours(of_java(name))),
                (None, None)
            );
        }
        assert_eq!(hours(of_java("GMT+2")), Some(4));
        assert_eq!(hours(of_java("GMT-03:30")), Some(-7));
        for name in [
            "",
            "GMT+",
            "GMT+24",
            "GMT+1:60",
            "GMT+-1",
            "GMT\u{e4}1",
            "EST5EDT,M3.2.0,M11.1.0",
        ] {
            assert_eq!(hours(of_java(name)), None, "{name}");
        }
    }

    #[test]
    fn a_device_a_pipe_and_a_directory_are_no_zone() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let huge = directory.path().join("huge");
        std::fs::File::create(&huge)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        let files = [pipe, huge, directory.path().to_owned()].map(|path| {
            let path = path.to_str().unwrap();
            path.to_owned()
        });
        let others = [
            "/dev/zero",
            "/dev/null",
            "../../../dev/zero",
            "no/such",
            "\u{1b}[2J",
        ];
        for name in files.iter().map(String::as_str).chain(others) {
            assert_eq!(hours(name), None, "{name}");
        }
    }
}

// SPDX-License-Identifier: MIT
//! The zone of local times, from `TZ` or `/etc/localtime` (tzset(3)). Only regular files of
//! a sensible size are read: `TZ` may name a device without end, or a pipe.

use std::{
    ffi::{OsStr, OsString},
    fs::OpenOptions,
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path},
};

use jiff::tz::TimeZone;
use rustix::fs::OFlags;

/// Where zones are (zic(8)).
const DIRECTORIES: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];
/// Bytes of the largest file that is read; those of zoneinfo have below 4 KiB.
const LIMIT: u64 = 256 * 1024;

/// The zone of this process.
///
/// # Errors
///
/// The value of `TZ`, where that names none: times are best shown in UTC then.
pub fn local() -> Result<TimeZone, OsString> {
    match std::env::var_os("TZ") {
        None => Ok(of_file(Path::new("/etc/localtime")).unwrap_or(TimeZone::UTC)),
        Some(name) => named(&name).ok_or(name),
    }
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
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let mut directories = DIRECTORIES.iter().filter(|_| is_plain);
    directories
        .find_map(|directory| of_file(&Path::new(directory).join(path)))
        .or_else(|| TimeZone::posix(text).ok())
}

fn of_file(path: &Path) -> Option<TimeZone> {
    // Opening a pipe would wait for its other end.
    let without_waiting = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(without_waiting.bits() as i32)
        .open(path)
        .ok()?;
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

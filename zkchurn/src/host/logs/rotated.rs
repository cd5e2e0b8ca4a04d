// SPDX-License-Identifier: MIT
//! Rotated siblings of a log: the line that explains churn may be written once in the life
//! of a process, and the log turned over since.
//!
//! Files of the same directory whose names differ from the log's in digits only, or by an
//! ending, written since the process started; packed ones by gzip, too. The path is looked
//! up in the root directory of the process and cannot lead out of it: its owner may be a
//! stranger.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
    time::Instant,
};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::tail::Tail;
use crate::host::{
    proc::files,
    server_log_text::{self, Form, MAGIC},
};

/// Entries of a directory that are looked at.
const ENTRIES: usize = 4_096;
/// Siblings of one log that are read, the latest first.
const SIBLINGS: usize = 6;
/// Bytes at the end of each that are searched; of a packed one it is unpacked up to there.
const EACH: u64 = 16 << 20;

/// What may still be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Bytes, unpacked ones.
    pub bytes: u64,
    /// When reading must have ended.
    pub until: Instant,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.bytes == 0 || Instant::now() >= self.until
    }
}

/// A sibling that was found.
struct Sibling {
    name: String,
    metadata: Metadata,
    held: File,
}

/// What there is of a log's siblings.
#[derive(Default)]
pub(super) struct Rotated {
    /// Those that were read, the latest first, each with its path.
    pub tails: Vec<(String, Tail)>,
    /// Those that something packed that is not unpacked here: path, packer, and what unpacks it.
    pub packed: Vec<(String, &'static str, &'static str)>,
    /// Those for which there was no room or time.
    pub left_out: usize,
}

/// The siblings of the log `path`, as process `pid` sees it, written at or after
/// `since`. What cannot be opened is left out: it may be gone by now.
pub(super) fn read(
    pid: u32,
    path: &str,
    since: Timestamp,
    known: &[(u64, u64)],
    budget: &mut Budget,
) -> Rotated {
    let mut rotated = Rotated::default();
    let path = Path::new(path);
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return rotated;
    };
    let Some(name) = name.to_str() else {
        return rotated;
    };
    let mut siblings = siblings(pid, directory, name, since).unwrap_or_default();
    siblings.retain(|one| !known.contains(&(one.metadata.dev(), one.metadata.ino())));
    siblings
        .sort_by_key(|one| std::cmp::Reverse((one.metadata.mtime(), one.metadata.mtime_nsec())));
    for sibling in siblings {
        if budget.is_spent() || rotated.tails.len() + rotated.packed.len() >= SIBLINGS {
            rotated.left_out += 1;
            continue;
        }
        let path = directory.join(&sibling.name).to_string_lossy().into_owned();
        match tail(&sibling, budget) {
            Ok(Kept::Tail(tail)) => rotated.tails.push((path, tail)),
            Ok(Kept::Packed(packer, command)) => rotated.packed.push((path, packer, command)),
            Err(_) => {}
        }
    }
    rotated
}

fn siblings(pid: u32, directory: &Path, name: &str, since: Timestamp) -> io::Result<Vec<Sibling>> {
    let root = File::open(files::directory(pid).join("root"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let directory: File = openat2(&root, directory, flags, Mode::empty(), within)?.into();
    let entries = fs::read_dir(files::own_path(&directory))?.take(ENTRIES);
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names
        .filter(|other| is_sibling(name, other))
        .filter_map(|other| {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let held: File = rustix::fs::openat(&directory, &other, flags, Mode::empty())
                .ok()?
                .into();
            let metadata = held.metadata().ok()?;
            let is_recent = metadata.mtime() >= since.as_second();
            (metadata.is_file() && is_recent).then_some(Sibling {
                name: other,
                metadata,
                held,
            })
        })
        .collect())
}

/// `app.log.1`, `app.log-20261126.gz`, `catalina.2026-11-25.log` for
/// `catalina.2026-11-26.log`, `app-1.log` for `app-2.log`.
fn is_sibling(log: &str, other: &str) -> bool {
    if log == other {
        return false;
    }
    let plain = other.strip_suffix(".gz").unwrap_or(other);
    if let Some(ending) = plain.strip_prefix(log) {
        let mut rest = ending.chars();
        let divider = rest.next();
        return divider.is_none()
            || matches!(divider, Some('.' | '-' | '_')) && rest.as_str().contains(is_digit)
            || matches!(ending, ".old" | ".bak" | ".prev");
    }
    log.contains(is_digit) && without_digits(log) == without_digits(plain)
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

/// With one `0` for each run of digits.
fn without_digits(name: &str) -> String {
    let mut masked = String::with_capacity(name.len());
    for character in name.chars() {
        match is_digit(character) {
            true if masked.ends_with('0') => {}
            true => masked.push('0'),
            false => masked.push(character),
        }
    }
    masked
}

/// What a sibling holds.
enum Kept {
    Tail(Tail),
    /// Packed by this, and unpacked by that.
    Packed(&'static str, &'static str),
}

fn tail(sibling: &Sibling, budget: &mut Budget) -> io::Result<Kept> {
    let mut opened = files::reopened(&sibling.held)?;
    let id = (sibling.metadata.dev(), sibling.metadata.ino());
    let mut beginning = Vec::new();
    (&opened).take(MAGIC as u64).read_to_end(&mut beginning)?;
    opened.rewind()?;
    let tail = match server_log_text::of(&beginning) {
        Form::Gzip => unpacked(opened, sibling.metadata.len(), budget)?,
        Form::Other(packer, command) => return Ok(Kept::Packed(packer, command)),
        Form::Plain | Form::Utf16 { .. } => {
            let size = sibling.metadata.len();
            let length = size.min(EACH).min(budget.bytes);
            opened.seek(SeekFrom::Start(size - length))?;
            let mut text = Vec::new();
            let read = opened.take(length).read_to_end(&mut text)? as u64;
            budget.bytes -= read;
            Tail::new(text, size - length, size)
        }
    };
    Ok(Kept::Tail(Tail { id, ..tail }))
}

/// Unpacks the beginning, because a packed file has no other way to its end; a bomb costs no
/// more than the budget.
fn unpacked(from: File, size: u64, budget: &mut Budget) -> io::Result<Tail> {
    let mut text = Vec::new();
    let most = EACH.min(budget.bytes);
    let read = MultiGzDecoder::new(from)
        .take(most)
        .read_to_end(&mut text)? as u64;
    budget.bytes -= read;
    let mut tail = Tail::new(text, 0, read);
    tail.size = size.max(read);
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn names_of_rotated_files() {
        for (log, other) in [
            ("app.log", "app.log.1"),
            ("app.log", "app.log.2.gz"),
            ("app.log", "app.log-20261126"),
            ("app.log", "app.log.2026-11-26.gz"),
            ("app.log", "app.log.gz"),
            ("app.log", "app.log.old"),
            ("catalina.2026-11-26.log", "catalina.2026-11-25.log"),
            ("catalina.2026-11-26.log", "catalina.2026-11-25.log.gz"),
            ("app-3.log", "app-12.log"),
        ] {
            assert!(is_sibling(log, other), "{log} {other}");
        }
        for (log, other) in [
            ("app.log", "app.log"),
            ("app.log", "app.logger"),
            ("app.log", "other.log"),
            ("app.log", "app.log.lck"),
            ("catalina.2026-11-26.log", "localhost.2026-11-26.log"),
            ("app.log", "map.log.1"),
        ] {
            assert!(!is_sibling(log, other), "{log} {other}");
        }
    }

    #[test]
    fn the_latest_are_read_within_the_budget_and_packed_ones_unpacked() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        fs::write(file("app.log"), "now\n").unwrap();
        fs::write(file("app.log.1"), "plain\n").unwrap();
        let mut packed = GzEncoder::new(
            File::create(file("app.log.2.gz")).unwrap(),
            Compression::fast(),
        );
        packed.write_all(b"packed\n").unwrap();
        packed.finish().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", file("app.log.3")).unwrap();
        let log = file("app.log").to_string_lossy().into_owned();
        let texts = |bytes: u64, since: Timestamp| {
            let mut budget = Budget {
                bytes,
                until: Instant::now() + Duration::from_secs(60),
            };
            let found = read(std::process::id(), &log, since, &[], &mut budget);
            let mut texts: Vec<_> = found
                .tails
                .into_iter()
                .map(|(_, tail)| String::from_utf8(tail.text).unwrap())
                .collect();
            texts.sort();
            texts
        };
        let long_ago = Timestamp::UNIX_EPOCH;
        assert_eq!(texts(1 << 20, long_ago), ["packed\n", "plain\n"]);
        assert_eq!(texts(0, long_ago), Vec::<String>::new());
        let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
        assert_eq!(texts(1 << 20, later), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_read_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        fs::write(file("app.log"), "now\n").unwrap();
        fs::write(file("app.log-20261126.xz"), b"\xfd7zXZ\0 and more").unwrap();
        let log = file("app.log").to_string_lossy().into_owned();
        let found = |bytes: u64| {
            let mut budget = Budget {
                bytes,
                until: Instant::now() + Duration::from_secs(60),
            };
            let since = Timestamp::UNIX_EPOCH;
            read(std::process::id(), &log, since, &[], &mut budget)
        };
        let packed = found(1 << 20).packed;
        assert_eq!(packed.len(), 1);
        assert_eq!((packed[0].1, packed[0].2), ("xz", "xz -dc"));
        for number in 1..=SIBLINGS {
            fs::write(file(&format!("app.log.{number}")), "plain\n").unwrap();
        }
        assert_eq!(found(1 << 20).left_out, 1);
        assert_eq!(found(0).left_out, SIBLINGS + 1);
    }
}

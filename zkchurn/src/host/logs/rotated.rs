// SPDX-License-Identifier: MIT
//! Rotated siblings of a log: the line that explains churn may be written once in the life
//! of a process, and the log turned over since.
//!
//! Files of the same directory whose names speak for it (`rotation` in the core crate),
//! written since the process started; packed ones by gzip, too. The path is looked
//! up in the root directory of the process and cannot lead out of it: its owner may be a
//! stranger.
//!
//! A name is not enough: two instances may log side by side. What another process writes to is
//! a log of its own, and so is what was written to beside this log for longer than a copy
//! takes, and what java.util.logging has locked. Where that cannot be told, because no process
//! but the own may be looked at or the file system keeps no births, the name decides, if it is
//! no other's ([`Turned::Surely`]).

use std::{
    collections::BTreeSet,
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use zkchurn_core::inspection::rotation::{Turned, turned};

use super::{tail::Tail, writers};
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

/// How long a log is copied or packed, which is then emptied: so long two files are written to
/// side by side that are one log.
const COPYING: Duration = Duration::from_secs(60);
/// Clocks of file systems are coarse, and what a program had buffered may come late.
const COARSE: Duration = Duration::from_secs(2);
/// Time for finding out who writes to the siblings.
const WRITERS_WITHIN: Duration = Duration::from_secs(1);

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

impl Sibling {
    /// Device and inode.
    fn id(&self) -> (u64, u64) {
        (self.metadata.dev(), self.metadata.ino())
    }
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

/// The siblings of one log, before they are read.
pub(super) struct Siblings {
    directory: PathBuf,
    found: Vec<Sibling>,
}

/// The siblings of the log `path`, as process `pid` sees it, written at or after
/// `since`. What cannot be opened is left out: it may be gone by now.
pub(super) fn find(pid: u32, path: &str, since: Timestamp) -> Siblings {
    let path = Path::new(path);
    let directory = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().and_then(|name| name.to_str());
    let found = name.and_then(|name| siblings(pid, directory, name, since).ok());
    Siblings {
        directory: directory.to_owned(),
        found: found.unwrap_or_default(),
    }
}

/// Leaves out of `all` what other processes write to.
pub(super) fn leave_out_others(pid: u32, all: &mut [Siblings], budget: &Budget) {
    let found = all.iter().flat_map(|siblings| &siblings.found);
    let called = found.map(|one| (one.name.clone(), one.id()));
    let until = budget.until.min(Instant::now() + WRITERS_WITHIN);
    let others = writers::written_by_others(pid, called.collect(), until);
    for siblings in all {
        siblings.found.retain(|one| !others.contains(&one.id()));
    }
}

impl Siblings {
    /// Reads them, but for those that are `known`.
    pub(super) fn read(mut self, known: &[(u64, u64)], budget: &mut Budget) -> Rotated {
        let mut rotated = Rotated::default();
        self.found.retain(|one| !known.contains(&one.id()));
        (self.found).sort_by_key(|one| {
            std::cmp::Reverse((one.metadata.mtime(), one.metadata.mtime_nsec()))
        });
        for sibling in self.found {
            if budget.is_spent() || rotated.tails.len() + rotated.packed.len() >= SIBLINGS {
                rotated.left_out += 1;
                continue;
            }
            let path = self.directory.join(&sibling.name);
            let path = path.to_string_lossy().into_owned();
            match tail(&sibling, budget) {
                Ok(Kept::Tail(tail)) => rotated.tails.push((path, tail)),
                Ok(Kept::Packed(packer, command)) => rotated.packed.push((path, packer, command)),
                Err(_) => {}
            }
        }
        rotated
    }
}

fn siblings(pid: u32, directory: &Path, name: &str, since: Timestamp) -> io::Result<Vec<Sibling>> {
    let root = File::open(files::directory(pid).join("root"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let directory: File = openat2(&root, directory, flags, Mode::empty(), within)?.into();
    let entries = fs::read_dir(files::own_path(&directory))?.take(ENTRIES);
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: BTreeSet<String> = names.collect();
    let held = |name: &str| -> Option<File> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Some(
            rustix::fs::openat(&directory, name, flags, Mode::empty())
                .ok()?
                .into(),
        )
    };
    let log = held(name).and_then(|log| Life::of(&log.metadata().ok()?));
    let sibling = |other: &String| {
        let turned = turned(other, name)?;
        if names.contains(&format!("{other}.lck")) {
            return None;
        }
        let held = held(other)?;
        let metadata = held.metadata().ok()?;
        let is_recent = metadata.mtime() >= since.as_second();
        let is_former = is_former(turned, log, Life::of(&metadata));
        (metadata.is_file() && is_recent && is_former).then_some(Sibling {
            name: other.clone(),
            metadata,
            held,
        })
    };
    Ok(names.iter().filter_map(sibling).collect())
}

/// From when to when a file was written to.
#[derive(Clone, Copy, Debug)]
struct Life {
    born: SystemTime,
    written: SystemTime,
}

impl Life {
    /// `None` on a file system that keeps no births.
    fn of(file: &Metadata) -> Option<Self> {
        Some(Self {
            born: file.created().ok()?,
            written: file.modified().ok()?,
        })
    }

    /// How long both were written to.
    fn beside(self, other: Self) -> Duration {
        let end = self.written.min(other.written);
        end.duration_since(self.born.max(other.born))
            .unwrap_or_default()
    }
}

/// Whether a file of such a name was written before the log, by the lives of both.
fn is_former(turned: Turned, log: Option<Life>, other: Option<Life>) -> bool {
    match (turned, log, other) {
        (Turned::Surely, Some(log), Some(other)) => log.beside(other) <= COPYING,
        (Turned::Surely, ..) => true,
        (Turned::Perhaps, Some(log), Some(other)) => other.written <= log.born + COARSE,
        (Turned::Perhaps, ..) => false,
    }
}

/// What a sibling holds.
enum Kept {
    Tail(Tail),
    /// Packed by this, and unpacked by that.
    Packed(&'static str, &'static str),
}

fn tail(sibling: &Sibling, budget: &mut Budget) -> io::Result<Kept> {
    let mut opened = files::reopened(&sibling.held)?;
    let id = sibling.id();
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

    fn read(log: &str, since: Timestamp, budget: &mut Budget) -> Rotated {
        let pid = std::process::id();
        let mut all = [find(pid, log, since)];
        leave_out_others(pid, &mut all, budget);
        let [siblings] = all;
        siblings.read(&[], budget)
    }

    fn life(born: u64, written: u64) -> Option<Life> {
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        Some(Life {
            born: at(born),
            written: at(written),
        })
    }

    #[test]
    fn what_was_written_beside_the_log_is_another_log() {
        let log = life(1_000, 5_000);
        let surely = |other| is_former(Turned::Surely, log, other);
        assert!(surely(life(10, 1_001)), "renamed, and begun anew");
        assert!(surely(life(3_000, 3_020)), "copied, and emptied");
        assert!(
            surely(life(4_000, 999)),
            "packed, with the time of what it packs"
        );
        assert!(!surely(life(900, 4_999)), "another instance");
        assert!(!surely(life(1_500, 1_600)), "one that ended");
        assert!(surely(None) && is_former(Turned::Surely, None, log));
        let perhaps = |other| is_former(Turned::Perhaps, log, other);
        assert!(perhaps(life(10, 1_001)));
        assert!(!perhaps(life(3_000, 3_020)));
        assert!(!perhaps(None) && !is_former(Turned::Perhaps, None, log));
    }

    /// java.util.logging appends a number to the name of a second process's log.
    #[test]
    fn a_log_that_is_locked_is_another_process_s() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        for name in ["app.log", "app.log.1", "app.log.1.lck", "app.log.2"] {
            fs::write(file(name), format!("{name}\n")).unwrap();
        }
        let log = file("app.log").to_string_lossy().into_owned();
        let mut budget = Budget {
            bytes: 1 << 20,
            until: Instant::now() + Duration::from_secs(60),
        };
        let since = Timestamp::UNIX_EPOCH;
        let found = read(&log, since, &mut budget);
        let [(path, _)] = &found.tails[..] else {
            panic!("{} siblings", found.tails.len());
        };
        assert_eq!(*path, file("app.log.2").to_string_lossy());
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
            let found = read(&log, since, &mut budget);
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
            read(&log, since, &mut budget)
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

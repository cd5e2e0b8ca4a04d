// SPDX-License-Identifier: MIT
//! Which of a process's open files are its logs, and where its output goes when
//! that is no file.
//!
//! Only descriptors are looked at, nothing is opened for reading but
//! `/proc/PID/fdinfo`. Whether a file is a log is told by how it was opened and
//! by its name: `log_name`.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustix::fs::OFlags;

use zkchurn_core::{clock::rfc3339, inspection::LogFile};

use super::{
    files::{field, more_permission, read_bounded},
    log_name::{self, Likelihood},
};

/// Descriptors that are looked at.
const DESCRIPTOR_LIMIT: usize = 65_536;

/// How a file is open that is written to.
const WRITABLE: OFlags = OFlags::WRONLY.union(OFlags::RDWR);

/// Log files that are kept.
const FILE_LIMIT: usize = 16;

/// What the descriptors of a process say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OpenFiles {
    /// The log files, most likely first.
    pub files: Vec<LogFile>,
    /// How many more there are.
    pub left_out: u64,
    /// `journal`, `pipe`, `terminal`, …: [`super::process::Details::output_to`].
    pub output_to: Option<String>,
    /// What could not be read, each a sentence.
    pub notes: Vec<String>,
}

/// A log file and what decides its place.
#[derive(Debug)]
struct Candidate {
    likelihood: Likelihood,
    /// Last write, seconds and nanoseconds since 1970.
    modified: (i64, i64),
    file: LogFile,
}

/// Looks at the descriptors in `directory`, a `/proc/PID`.
pub fn read(directory: &Path) -> OpenFiles {
    let mut notes = Vec::new();
    let descriptors = match descriptors(directory) {
        Ok(descriptors) => descriptors,
        Err(error) => {
            notes.push(format!(
                "Its open files could not be listed, so its logs are unknown: {error}{}.",
                more_permission(&error)
            ));
            Vec::new()
        }
    };
    if descriptors.len() == DESCRIPTOR_LIMIT {
        notes.push(format!(
            "It has too many files open: only the first {DESCRIPTOR_LIMIT} were checked."
        ));
    }
    let mut seen = HashSet::new();
    let candidates = descriptors
        .iter()
        .filter_map(|fd| candidate(directory, *fd, &mut seen))
        .collect();
    let (files, left_out) = most_likely(candidates);
    OpenFiles {
        files,
        left_out,
        output_to: output_to(directory),
        notes,
    }
}

/// Numbers of the open descriptors of a `/proc/PID`.
///
/// # Errors
///
/// They may not be listed, or the process is gone.
pub(in crate::host) fn descriptors(directory: &Path) -> io::Result<Vec<u32>> {
    let mut descriptors: Vec<u32> = fs::read_dir(directory.join("fd"))?
        .take(DESCRIPTOR_LIMIT)
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    descriptors.sort_unstable();
    Ok(descriptors)
}

/// The cheap questions come first: the file itself is asked (stat can hang on a
/// dead network mount) only where name and flags speak for a log. `seen` keeps a
/// file that is open twice, as standard output and error often are, single.
fn candidate(directory: &Path, fd: u32, seen: &mut HashSet<(u64, u64)>) -> Option<Candidate> {
    let link = descriptor(directory, fd);
    let (path, deleted) = named(&fs::read_link(&link).ok()?)?;
    let flags = flags_of(directory, fd)?;
    let writable = flags.intersects(WRITABLE);
    let appends = flags.contains(OFlags::APPEND);
    let is_output = fd == 1 || fd == 2;
    if !writable {
        return None;
    }
    let likelihood = log_name::likelihood(&path, appends, is_output)?;
    let metadata = fs::metadata(&link).ok()?;
    if !metadata.is_file() || !seen.insert((metadata.dev(), metadata.ino())) {
        return None;
    }
    Some(Candidate {
        likelihood,
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        file: LogFile {
            fd,
            path,
            deleted,
            size: metadata.len(),
            modified: metadata
                .modified()
                .ok()
                .and_then(|time| Timestamp::try_from(time).ok())
                .map(rfc3339),
        },
    })
}

/// Whether a process writes through the descriptor, where it is there.
pub(in crate::host) fn is_written(directory: &Path, fd: u32) -> bool {
    flags_of(directory, fd).is_some_and(|flags| flags.intersects(WRITABLE))
}

fn flags_of(directory: &Path, fd: u32) -> Option<OFlags> {
    let fdinfo = directory.join("fdinfo").join(fd.to_string());
    flags(&read_bounded(&fdinfo, 4096).ok()?)
}

/// The link to what a descriptor has open.
pub(in crate::host) fn descriptor(directory: &Path, fd: u32) -> PathBuf {
    directory.join("fd").join(fd.to_string())
}

/// The path behind a descriptor's link, and whether the kernel marks it as
/// deleted (`d_path` in fs/d_path.c); `None` for sockets, pipes and the like.
/// A file whose own name ends so is taken for deleted too.
pub fn named(link: &Path) -> Option<(String, bool)> {
    let link = link.to_string_lossy();
    if !link.starts_with('/') {
        return None;
    }
    Some(match link.strip_suffix(" (deleted)") {
        Some(path) => (path.to_owned(), true),
        None => (link.into_owned(), false),
    })
}

/// The open flags, octal in `/proc/PID/fdinfo/FD` (Documentation/filesystems/proc.rst).
fn flags(fdinfo: &[u8]) -> Option<OFlags> {
    let octal = field(std::str::from_utf8(fdinfo).ok()?, "flags")?;
    let bits = u32::from_str_radix(octal, 8).ok()?;
    Some(OFlags::from_bits_retain(bits))
}

fn most_likely(mut candidates: Vec<Candidate>) -> (Vec<LogFile>, u64) {
    candidates.sort_by(|a, b| {
        (a.likelihood.cmp(&b.likelihood))
            .then(b.modified.cmp(&a.modified))
            .then(a.file.fd.cmp(&b.file.fd))
    });
    let left_out = candidates.len().saturating_sub(FILE_LIMIT) as u64;
    let files = candidates.into_iter().take(FILE_LIMIT);
    (files.map(|candidate| candidate.file).collect(), left_out)
}

/// Where descriptors 1 and 2 go, files left out.
fn output_to(directory: &Path) -> Option<String> {
    let mut kinds: Vec<&str> = [1, 2]
        .into_iter()
        .filter_map(|fd| {
            let link = descriptor(directory, fd);
            let target = fs::read_link(&link).ok()?;
            match output_kind(&target.to_string_lossy())? {
                "socket" if is_journal(directory, &link) => Some("journal"),
                kind => Some(kind),
            }
        })
        .collect();
    kinds.dedup();
    (!kinds.is_empty()).then(|| kinds.join(" and "))
}

fn output_kind(target: &str) -> Option<&'static str> {
    if target.starts_with("socket:") {
        Some("socket")
    } else if target.starts_with("pipe:") {
        Some("pipe")
    } else if target.starts_with("/dev/pts/")
        || target.starts_with("/dev/tty")
        || target == "/dev/console"
    {
        Some("terminal")
    } else {
        (target == "/dev/null").then_some("/dev/null")
    }
}

/// systemd writes device and inode of the socket to the journal into the
/// environment of what it starts (`JOURNAL_STREAM` in systemd.exec(5)).
fn is_journal(directory: &Path, link: &Path) -> bool {
    let Ok(metadata) = fs::metadata(link) else {
        return false;
    };
    let stream = format!("JOURNAL_STREAM={}:{}", metadata.dev(), metadata.ino());
    read_bounded(&directory.join("environ"), 1 << 20)
        .unwrap_or_default()
        .split(|byte| *byte == 0)
        .any(|variable| variable == stream.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use super::*;

    #[test]
    fn the_mark_of_a_deleted_file_is_no_part_of_its_path() {
        let named = |link: &str| named(Path::new(link));
        assert_eq!(named("/a/b.log"), Some(("/a/b.log".to_owned(), false)));
        let deleted = named("/a/b.log (deleted)");
        assert_eq!(deleted, Some(("/a/b.log".to_owned(), true)));
        assert_eq!(named("socket:[77]"), None);
        assert_eq!(named("anon_inode:[eventpoll]"), None);
    }

    #[test]
    fn flags_are_octal() {
        let append = flags(b"pos:\t0\nflags:\t02102001\nmnt_id:\t29\n").unwrap();
        assert!(append.contains(OFlags::APPEND | OFlags::WRONLY));
        assert_eq!(flags(b"pos:\t0\n"), None);
        assert_eq!(flags(b"flags:\t9\n"), None);
    }

    #[test]
    fn output_that_is_no_file_has_a_kind() {
        assert_eq!(output_kind("socket:[12]"), Some("socket"));
        assert_eq!(output_kind("pipe:[12]"), Some("pipe"));
        assert_eq!(output_kind("/dev/pts/3"), Some("terminal"));
        assert_eq!(output_kind("/dev/null"), Some("/dev/null"));
        assert_eq!(output_kind("/var/log/app/console.log"), None);
    }

    fn candidate_of(fd: u32, likelihood: Likelihood, seconds: i64) -> Candidate {
        Candidate {
            likelihood,
            modified: (seconds, 0),
            file: LogFile {
                fd,
                path: String::new(),
                deleted: false,
                size: 0,
                modified: None,
            },
        }
    }

    #[test]
    fn the_most_likely_and_latest_come_first_and_the_rest_is_counted() {
        let candidates = vec![
            candidate_of(3, Likelihood::Named, 10),
            candidate_of(4, Likelihood::Appended, 99),
            candidate_of(5, Likelihood::Named, 20),
            candidate_of(6, Likelihood::Secondary, 99),
        ];
        let (files, left_out) = most_likely(candidates);
        let order: Vec<u32> = files.iter().map(|file| file.fd).collect();
        assert_eq!((order, left_out), (vec![5, 3, 4, 6], 0));

        let many = (0..20).map(|fd| candidate_of(fd, Likelihood::Named, 0));
        let (files, left_out) = most_likely(many.collect());
        assert_eq!((files.len(), left_out), (16, 4));
    }

    #[test]
    fn open_logs_of_this_process_are_found_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        let append = || OpenOptions::new().append(true).create(true).open(&log);
        let _twice = (append().unwrap(), append().unwrap());
        let gone = directory.path().join("old.log");
        let _gone = File::create(&gone).unwrap();
        fs::remove_file(&gone).unwrap();
        let data = directory.path().join("log.100000001");
        let _data = File::create(&data).unwrap();
        let read_only = File::open(&log).unwrap();

        let open = read(Path::new("/proc/self"));
        let found = |path: &Path| {
            let text = path.to_string_lossy();
            let files = open.files.iter().filter(move |file| file.path == text);
            files.map(|file| file.deleted).collect::<Vec<_>>()
        };
        assert_eq!(found(&log), [false], "{open:?}");
        assert_eq!(found(&gone), [true], "{open:?}");
        assert!(found(&data).is_empty(), "{open:?}");
        drop(read_only);
    }
}

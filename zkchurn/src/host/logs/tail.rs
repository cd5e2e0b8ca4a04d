// SPDX-License-Identifier: MIT
//! The end of a file that a process holds open. The only file here that opens
//! anything.
//!
//! The way leads through `/proc/PID/fd/N` and not through the path: the path is
//! one of the process's own mount namespace, where in a container another file,
//! or none, has it; and a deleted file has no path at all. It also is the very
//! file that the process writes to, whatever was renamed since.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustix::fs::{Mode, OFlags};

use crate::host::proc::{
    files::{self, read_bounded},
    log_files,
};
use zkchurn_core::inspection::LogFile;

/// Bytes at the end of a file that are read.
pub const TAIL_LIMIT: u64 = 4 * 1024 * 1024;

/// Whole lines at the end of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The lines.
    pub text: Vec<u8>,
    /// Where in the file they begin, in bytes.
    pub offset: u64,
    /// Size of the file in bytes.
    pub size: u64,
    /// Device and inode.
    pub id: (u64, u64),
    /// Where the text has lines whose time is known from elsewhere: the offset in it from
    /// which on a time holds, in order, and that time in microseconds since 1970.
    pub written: Vec<(usize, i64)>,
}

impl Tail {
    /// The whole lines of `text`, which stands at `offset` in a file of `size`.
    /// What comes before the first end of line may be the rest of a line, so
    /// it goes, unless the file begins there.
    pub fn new(mut text: Vec<u8>, offset: u64, size: u64) -> Self {
        let cut = match offset {
            0 => 0,
            _ => text
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(text.len(), |end| end + 1),
        };
        text.drain(..cut);
        Self {
            text,
            offset: offset + cut as u64,
            size,
            id: (0, 0),
            written: Vec::new(),
        }
    }

    /// When what stands at `at` in the text was written, microseconds since 1970.
    pub(super) fn written_at(&self, at: usize) -> Option<i64> {
        let behind = self.written.partition_point(|(from, _)| *from <= at);
        let (_, written) = self.written.get(behind.checked_sub(1)?)?;
        Some(*written)
    }
}

/// Opens `file` of process `pid`, if its descriptor still leads there.
///
/// # Errors
///
/// It does not, it is no regular file, the process holds a lease on it, or it cannot be opened.
pub fn open(pid: u32, file: &LogFile) -> io::Result<File> {
    let directory = files::directory(pid);
    let fd = file.fd.to_string();
    if is_leased(&read_bounded(&directory.join("fdinfo").join(&fd), 4096)?) {
        return Err(io::Error::other(
            "the process holds a lease on it (fcntl F_SETLEASE); opening it would signal the \
            process",
        ));
    }
    open_regular(&directory.join("fd").join(&fd), &file.path)
}

/// Reads the end of `file` of process `pid`.
///
/// # Errors
///
/// As [`open`], and what reading fails with.
pub fn read(pid: u32, file: &LogFile) -> io::Result<Tail> {
    let mut opened = open(pid, file)?;
    let metadata = opened.metadata()?;
    let size = metadata.len();
    let offset = size.saturating_sub(TAIL_LIMIT);
    opened.seek(SeekFrom::Start(offset))?;
    let mut text = Vec::new();
    // What the process writes meanwhile is left for another time.
    opened.take(size - offset).read_to_end(&mut text)?;
    Ok(Tail {
        id: (metadata.dev(), metadata.ino()),
        ..Tail::new(text, offset, size)
    })
}

/// Opens what `link` leads to, if that still is `path` and a regular file.
/// `O_PATH` holds the file without opening it (open(2)): to open a device or a
/// FIFO could change something. The second open is then of that same file.
fn open_regular(link: &Path, path: &str) -> io::Result<File> {
    let held: File = rustix::fs::open(link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?.into();
    if !held.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let now = log_files::named(&fs::read_link(files::own_path(&held))?).map(|(path, _)| path);
    if now.as_deref() != Some(path) {
        return Err(io::Error::other(
            "the descriptor now refers to another file",
        ));
    }
    files::reopened(&held)
}

/// Whether `/proc/PID/fdinfo/FD` tells of a lease:
/// `lock:\t1: LEASE  ACTIVE    WRITE 4242 fe:00:17 0 EOF` (`lock_get_status`,
/// fs/locks.c).
fn is_leased(fdinfo: &[u8]) -> bool {
    let mut lines = fdinfo.split(|byte| *byte == b'\n');
    lines.any(|line| {
        let words = line.split(|byte| byte.is_ascii_whitespace());
        let mut words = words.filter(|word| !word.is_empty());
        words.next() == Some(b"lock:".as_slice()) && words.nth(1) == Some(b"LEASE".as_slice())
    })
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::AsRawFd};

    use super::*;

    fn log_file(file: &File, path: &Path) -> LogFile {
        LogFile {
            fd: u32::try_from(file.as_raw_fd()).unwrap(),
            path: path.to_string_lossy().into_owned(),
            deleted: false,
            size: 0,
            modified: None,
        }
    }

    #[test]
    fn a_tail_begins_with_a_whole_line() {
        let tail = |text: &str, offset| {
            let tail = Tail::new(text.into(), offset, 100);
            (String::from_utf8(tail.text).unwrap(), tail.offset)
        };
        assert_eq!(tail("ab\ncd\n", 0), ("ab\ncd\n".to_owned(), 0));
        assert_eq!(tail("ab\ncd\n", 7), ("cd\n".to_owned(), 10));
        assert_eq!(tail("abcd", 7), (String::new(), 11));
        assert_eq!(tail("", 0), (String::new(), 0));
    }

    #[test]
    fn at_most_four_mebibytes_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("big.log");
        let mut file = File::create(&path).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        for _ in 0..5 * 1024 {
            file.write_all(&line).unwrap();
        }
        let tail = read(std::process::id(), &log_file(&file, &path)).unwrap();
        assert_eq!(tail.size, 5 << 20);
        assert_eq!(tail.offset, (1 << 20) + 1024);
        assert_eq!(tail.text.len(), (4 << 20) - 1024);
    }

    #[test]
    fn a_deleted_file_is_read_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gone.log");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        fs::remove_file(&path).unwrap();
        let tail = read(std::process::id(), &log_file(&file, &path)).unwrap();
        assert_eq!(tail.text, b"one\ntwo\n");
    }

    #[test]
    fn another_file_behind_the_descriptor_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let file = File::create(&path).unwrap();
        let other = directory.path().join("b.log");
        let error = read(std::process::id(), &log_file(&file, &other)).unwrap_err();
        assert!(error.to_string().contains("another file"), "{error}");
    }

    #[test]
    fn a_lease_is_told_from_a_lock() {
        let fdinfo =
            |lock: &str| format!("pos:\t0\nflags:\t0100001\nlock:\t1: {lock} 1 fe:00:2 0 EOF\n");
        assert!(is_leased(fdinfo("LEASE  ACTIVE    WRITE").as_bytes()));
        assert!(!is_leased(fdinfo("POSIX  ADVISORY  WRITE").as_bytes()));
        assert!(!is_leased(b"pos:\t0\n"));
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let null = File::open("/dev/null").unwrap();
        let error = read(std::process::id(), &log_file(&null, Path::new("/dev/null")));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("not a regular file")
        );
    }
}

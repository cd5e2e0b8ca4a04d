// SPDX-License-Identifier: MIT
//! A directory of files with lines, for whoever collects them: the newest is `.partial` while it
//! is written, and the oldest make room before anything is written, so that there is never more
//! than was promised.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind, Write},
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::{
    fs::{
        AtFlags, FlockOperation, Mode, OFlags, RenameFlags, fchmod, flock, openat, renameat,
        renameat_with, unlinkat,
    },
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{blocks::blocks, own_directory, own_names::TIME, recording_file::PARTIAL};

/// What is promised of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes on the disk at most, in whole blocks.
    pub bytes: u64,
    /// Files at most.
    pub files: usize,
    /// How long a file is written at most, once there is a line in it.
    pub file_age: Duration,
}

impl Limits {
    /// These bytes, in at most 1,000 files of a minute each.
    pub const fn of(bytes: u64) -> Self {
        Self {
            bytes,
            files: 1_000,
            file_age: Duration::from_secs(60),
        }
    }

    /// How large a file may grow.
    const fn file_bytes(&self) -> u64 {
        self.bytes / 16
    }
}

/// How the names end.
const ENDING: &str = ".ndjson";
/// How they begin, so that nobody else's file is taken for one of these.
const BEGINNING: &str = "zkchurn-";

/// The directory.
#[derive(Debug)]
pub struct LineFiles {
    /// Held open, and locked.
    directory: File,
    limits: Limits,
    /// Those that are complete, oldest first: name and bytes.
    complete: VecDeque<(String, u64)>,
    current: Option<Current>,
    /// How many this process has begun.
    begun: u64,
    /// Bytes of all files, in whole blocks.
    bytes: u64,
}

#[derive(Debug)]
struct Current {
    file: File,
    name: String,
    bytes: u64,
    since: Instant,
}

impl LineFiles {
    /// Opens the directory, or creates it with mode 0700. Files that an earlier run has left
    /// count; one that it has not completed gets its name, which ends at the last whole line.
    ///
    /// # Errors
    ///
    /// It cannot be opened, others may write to it, or another zkchurn writes lines to it.
    pub fn open(path: &Path, limits: Limits) -> io::Result<Self> {
        let directory = own_directory::open(path)?;
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                let why = "another zkchurn writes to it (fix: give each a directory of its own)";
                return Err(io::Error::new(ErrorKind::ResourceBusy, why));
            }
            taken => taken?,
        }
        let mut files = Self {
            directory,
            limits,
            complete: VecDeque::new(),
            current: None,
            begun: 0,
            bytes: 0,
        };
        files.find()?;
        own_directory::prove_writable(&files.directory, path)?;
        Ok(files)
    }

    fn find(&mut self) -> io::Result<()> {
        for (name, stat) in own_directory::entries(&self.directory)? {
            if !own_directory::is_file(&stat) {
                continue;
            }
            let size = stat.st_size.cast_unsigned();
            if is_ours(&name) {
                self.complete.push_back((name, blocks(size)));
            } else if let Some(whole) = name.strip_suffix(PARTIAL).filter(|name| is_ours(name)) {
                let kept = self.completed(&name, whole)?;
                self.complete.push_back((whole.to_owned(), blocks(kept)));
            }
        }
        self.bytes = self.complete.iter().map(|(_, bytes)| bytes).sum();
        Ok(())
    }

    /// Gives a file that an earlier run has left its name; the bytes of its whole lines.
    fn completed(&self, partial: &str, whole: &str) -> io::Result<u64> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.directory, partial, flags, Mode::empty())?);
        let bytes = whole_lines(&file)?;
        file.set_len(bytes)?;
        renameat(&self.directory, partial, &self.directory, whole)?;
        Ok(bytes)
    }

    /// Appends whole lines, all or none of them, once there is room.
    ///
    /// # Errors
    ///
    /// They are more than all of the directory may hold, or cannot be written.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let more = lines.len() as u64;
        if blocks(more) > self.limits.bytes {
            // Nothing makes room for it.
            return Err(ErrorKind::FileTooLarge.into());
        }
        if self.is_due(more) {
            self.end()?;
        }
        self.make_room(more)?;
        if self.current.is_none() {
            self.current = Some(self.begin()?);
        }
        let Some(current) = &mut self.current else {
            return Err(ErrorKind::NotFound.into());
        };
        if let Err(error) = current.file.write_all(lines) {
            // What was written of them is no whole line.
            current.file.set_len(current.bytes)?;
            return Err(error);
        }
        let before = blocks(current.bytes);
        current.bytes += more;
        self.bytes += blocks(current.bytes) - before;
        Ok(())
    }

    fn is_due(&self, more: u64) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| {
            current.bytes + more > self.limits.file_bytes()
                || current.since.elapsed() >= self.limits.file_age
        })
    }

    /// Completes the running file.
    ///
    /// # Errors
    ///
    /// It cannot be renamed, and stays as it is.
    pub fn end(&mut self) -> io::Result<()> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        let partial = format!("{}{PARTIAL}", current.name);
        let directory = self.directory.as_fd();
        let renamed = renameat_with(
            directory,
            &partial,
            directory,
            &current.name,
            RenameFlags::NOREPLACE,
        );
        let name = match renamed {
            Ok(()) => current.name,
            Err(_) => partial,
        };
        self.complete.push_back((name, blocks(current.bytes)));
        Ok(renamed?)
    }

    /// A new file, readable for the directory's group: who collects the lines need not be root.
    fn begin(&mut self) -> io::Result<Current> {
        let at = Timestamp::now().strftime(TIME);
        // Unlike any that an earlier run has begun in this second.
        let pid = std::process::id();
        let name = format!("{BEGINNING}{at}-{pid}-{:06}{ENDING}", self.begun);
        self.begun += 1;
        let flags = OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        let partial = format!("{name}{PARTIAL}");
        let file = File::from(openat(&self.directory, &partial, flags, mode)?);
        // Whatever the umask is.
        fchmod(&file, mode)?;
        Ok(Current {
            file,
            name,
            bytes: 0,
            since: Instant::now(),
        })
    }

    fn make_room(&mut self, more: u64) -> io::Result<()> {
        let written = self.current.as_ref().map_or(0, |current| current.bytes);
        let growth = blocks(written + more) - blocks(written);
        let has_too_many = |files: &Self| files.complete.len() + 1 > files.limits.files;
        while self.bytes + growth > self.limits.bytes || has_too_many(self) {
            if !self.remove_oldest() {
                return Err(ErrorKind::FileTooLarge.into());
            }
        }
        Ok(())
    }

    /// Removes the oldest complete file; whether there was one. One that was collected and
    /// removed takes no room either.
    fn remove_oldest(&mut self) -> bool {
        let Some((name, bytes)) = self.complete.pop_front() else {
            return false;
        };
        match unlinkat(&self.directory, &name, AtFlags::empty()) {
            // It still takes its room; the next one may go.
            Err(error) if error != Errno::NOENT => self.remove_oldest(),
            _ => {
                self.bytes -= bytes;
                true
            }
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(BEGINNING) && name.ends_with(ENDING)
}

/// How many bytes a file's whole lines are.
fn whole_lines(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;

    let mut end = file.metadata()?.len();
    let mut piece = [0; 4096];
    while end > 0 {
        let length = end.min(piece.len() as u64);
        let begin = end - length;
        let piece = piece.get_mut(..length as usize).unwrap_or_default();
        file.read_exact_at(piece, begin)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests;

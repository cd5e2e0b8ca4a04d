// SPDX-License-Identifier: MIT
//! The file that node_exporter's textfile collector reads: replaced as a whole, so that whoever
//! reads it has one text or the next, never half of one.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, Stat, fchmod, fstat, openat, renameat, statat, unlinkat},
    io::Errno,
};

use crate::host::recording_file::{open_directory, partial_path};

/// How each text begins that zkchurn has written.
const OURS: &[u8] = b"# HELP zkchurn_";

/// A file that can be replaced.
#[derive(Debug)]
pub(super) struct MetricsFile {
    /// Held open: whatever becomes of the path, it is the same directory.
    directory: OwnedFd,
    name: std::ffi::OsString,
    partial: std::ffi::OsString,
    /// What was put there last, by this trace.
    own: Option<Identity>,
    /// What another trace had put there when it was looked at last.
    others: Option<Identity>,
}

/// Which file it is, and when it was written: an inode's number is soon another's.
type Identity = (u64, u64, i64, u64);

/// Why a trace could not begin to write it.
pub(crate) fn cannot_be_opened(path: &Path) -> Option<io::Error> {
    MetricsFile::open(path).err()
}

impl MetricsFile {
    /// Finds its directory. A file that is there already has to be one of zkchurn's: the
    /// option may have been given the wrong name.
    ///
    /// # Errors
    ///
    /// There is no such directory, or the file is another's.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
        let directory = open_directory(path)?;
        let partial = partial_path(Path::new(name)).into_os_string();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let may_be_replaced = match openat(&directory, name, flags, Mode::empty()) {
            Ok(file) => is_ours(File::from(file))?,
            Err(Errno::NOENT) => true,
            // A symbolic link is not followed, and not replaced.
            Err(Errno::LOOP) => false,
            Err(error) => return Err(error.into()),
        };
        match may_be_replaced {
            true => Ok(Self {
                directory,
                name: name.to_owned(),
                partial,
                own: None,
                others: None,
            }),
            false => Err(ErrorKind::AlreadyExists.into()),
        }
    }

    /// Puts this text in the place of the one that was there, readable for everyone: nothing in
    /// it tells more than counts and names.
    ///
    /// # Errors
    ///
    /// It cannot be written, or another trace renews it, too; what was there stays.
    pub(super) fn replace(&mut self, text: &[u8]) -> io::Result<()> {
        self.look_for_others()?;
        let directory = &self.directory;
        // One that was killed may have left it.
        match unlinkat(directory, &self.partial, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let owner_only = Mode::RUSR | Mode::WUSR;
        let file = openat(directory, &self.partial, flags, owner_only)?;
        let mut file = File::from(file);
        let written = file.write_all(text).and_then(|()| {
            fchmod(&file, owner_only | Mode::RGRP | Mode::ROTH)?;
            let own = identity(&fstat(&file)?);
            renameat(directory, &self.partial, directory, &self.name)?;
            self.own = Some(own);
            Ok(())
        });
        if written.is_err() {
            // Half a text helps nobody.
            let _ = unlinkat(directory, &self.partial, AtFlags::empty());
        }
        written
    }

    /// Whether what is there was put there by another trace since the last look. Where that
    /// does not go on with it, it has ended, and this one goes on.
    fn look_for_others(&mut self) -> io::Result<()> {
        let there = match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(identity(&stat)),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        let is_news = self.own.is_some() && there.is_some() && there != self.own;
        if is_news && there != self.others {
            self.others = there;
            return Err(io::Error::other(
                "another trace, or something else, replaces it, too: give each a file of its own",
            ));
        }
        self.others = None;
        Ok(())
    }
}

fn identity(stat: &Stat) -> Identity {
    let written_ns = stat.st_mtime_nsec;
    (stat.st_dev, stat.st_ino, stat.st_mtime, written_ns)
}

/// An empty file is nobody's.
fn is_ours(file: File) -> io::Result<bool> {
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut begin = Vec::new();
    file.take(OURS.len() as u64).read_to_end(&mut begin)?;
    Ok(begin.is_empty() || begin == OURS)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn one_text_takes_the_place_of_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zkchurn.prom");
        fs::write(partial_path(&path), "left by one that was killed").unwrap();
        for text in ["# HELP zkchurn_a b\n", "# HELP zkchurn_c d\n"] {
            MetricsFile::open(&path)
                .unwrap()
                .replace(text.as_bytes())
                .unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_two_traces_with_one_file_each_one_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zkchurn.prom");
        let open = || MetricsFile::open(&path).unwrap();
        let (mut one, mut other) = (open(), open());
        one.replace(b"# HELP zkchurn_a one\n").unwrap();
        // It may be one that has ended.
        other.replace(b"# HELP zkchurn_a other\n").unwrap();
        let why = one.replace(b"# HELP zkchurn_a one\n").unwrap_err();
        assert!(
            why.to_string().contains("another trace, or something else"),
            "{why}"
        );
        assert!(fs::read_to_string(&path).unwrap().contains("other"));
        other.replace(b"# HELP zkchurn_a other\n").unwrap();
        one.replace(b"# HELP zkchurn_a one\n").unwrap_err();
        // The other one has ended.
        one.replace(b"# HELP zkchurn_a one\n").unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("one"));
        fs::remove_file(&path).unwrap();
        one.replace(b"# HELP zkchurn_a one\n").unwrap();
    }

    #[test]
    fn what_is_anothers_stays() {
        let directory = tempfile::tempdir().unwrap();
        let of = |name: &str| directory.path().join(name);
        fs::write(of("passwd"), "root:x:0:0").unwrap();
        fs::create_dir(of("directory")).unwrap();
        std::os::unix::fs::symlink(of("passwd"), of("link")).unwrap();
        for name in ["passwd", "directory", "link"] {
            let error = MetricsFile::open(&of(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}");
        }
        assert!(MetricsFile::open(&of("none/x.prom")).is_err());
        assert_eq!(fs::read_to_string(of("passwd")).unwrap(), "root:x:0:0");
    }
}

// SPDX-License-Identifier: MIT
//! The file of a recording: `FILE.partial` while it is written, FILE once it is
//! whole. So a file with its own name always has its end.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Stat, Uid, fchown, fstat, linkat, openat,
        renameat_with, statat, unlinkat,
    },
    io::Errno,
    thread::CapabilitySet,
};

use crate::host::privilege::held;

/// What the name ends with while the file is written.
pub const PARTIAL: &str = ".partial";

/// `FILE.partial`.
pub fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// A file that does not have its name yet. Where it never gets it, it stays, so
/// that what was recorded is not lost.
pub struct Unfinished {
    /// Held open: whatever becomes of the path, it is the same directory.
    directory: OwnedFd,
    name: OsString,
    partial: OsString,
    /// What the file is known by, whatever stands at its path.
    inode: Inode,
    /// Whether it was left to root under sudo.
    is_roots: bool,
}

/// Device and number.
type Inode = (u64, u64);

fn inode(stat: &Stat) -> Inode {
    (stat.st_dev, stat.st_ino)
}

/// Creates `FILE.partial`, readable and writable by its owner alone.
///
/// Neither it nor `path` may exist; a symbolic link in place of either is not
/// followed. Under sudo the file is given to the user who called it, so that the
/// replay needs no privilege; but only in a directory where that user could have made it:
/// who may run nothing but zkchurn as root must not get a file of his own in `/etc/cron.d`.
///
/// # Errors
///
/// A name is taken, or the file cannot be created.
pub fn create(path: &Path) -> io::Result<(File, Unfinished)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let directory = open_directory(path)?;
    if statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let partial = partial_path(Path::new(name)).into_os_string();
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let owner_only = Mode::RUSR | Mode::WUSR;
    let file = openat(&directory, &partial, flags, owner_only)?;
    let mut is_roots = false;
    if let Some((uid, gid)) = caller() {
        if may_write(&fstat(&directory)?, uid, gid) {
            // Where that is not permitted the file stays with the current user.
            let _ = fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        } else {
            is_roots = true;
        }
    }
    let unfinished = Unfinished {
        inode: inode(&fstat(&file)?),
        directory,
        name: name.to_owned(),
        partial,
        is_roots,
    };
    Ok((file.into(), unfinished))
}

/// Whether a user may make files in this directory, as far as its mode tells: other groups
/// of the user than the first are not known here.
fn may_write(directory: &Stat, uid: u32, gid: u32) -> bool {
    let mode = Mode::from_raw_mode(directory.st_mode);
    let granted = if uid == 0 {
        return true;
    } else if directory.st_uid == uid {
        Mode::WUSR
    } else if directory.st_gid == gid {
        Mode::WGRP
    } else {
        Mode::WOTH
    };
    mode.contains(granted)
}

/// The directory that a file is in, or is to be in.
///
/// # Errors
///
/// There is none.
pub(super) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, parent, flags, Mode::empty())?)
}

impl Unfinished {
    /// Whether it belongs to root although somebody called sudo: the directory is not his.
    pub fn is_roots(&self) -> bool {
        self.is_roots
    }

    /// Gives the file its name, which nobody may have taken meanwhile.
    ///
    /// # Errors
    ///
    /// The name is taken, or the directory may not be written to; [`ErrorKind::NotFound`]
    /// where the file was removed, or another one stands in its place.
    pub fn finish(self) -> io::Result<()> {
        let directory = self.directory.as_fd();
        held::with(CapabilitySet::DAC_OVERRIDE, || {
            let there = statat(directory, &self.partial, AtFlags::SYMLINK_NOFOLLOW)?;
            if inode(&there) != self.inode {
                return Err(ErrorKind::NotFound.into());
            }
            let no_replace = RenameFlags::NOREPLACE;
            match renameat_with(directory, &self.partial, directory, &self.name, no_replace) {
                // A file system that cannot do that. A link never replaces either.
                Err(Errno::INVAL | Errno::NOSYS) => self.link(),
                other => Ok(other?),
            }
        })?
    }

    /// Removes the file, of which nothing of use was written.
    ///
    /// # Errors
    ///
    /// As [`Self::finish`].
    pub fn discard(self) -> io::Result<()> {
        let directory = self.directory.as_fd();
        held::with(CapabilitySet::DAC_OVERRIDE, || {
            let there = statat(directory, &self.partial, AtFlags::SYMLINK_NOFOLLOW)?;
            if inode(&there) != self.inode {
                return Err(ErrorKind::NotFound.into());
            }
            Ok(unlinkat(directory, &self.partial, AtFlags::empty())?)
        })?
    }

    fn link(&self) -> io::Result<()> {
        let directory = self.directory.as_fd();
        let none = AtFlags::empty();
        linkat(directory, &self.partial, directory, &self.name, none)?;
        Ok(unlinkat(directory, &self.partial, none)?)
    }
}

/// The user who called sudo, and the first group of that user.
pub fn caller() -> Option<(u32, u32)> {
    Some((id("SUDO_UID")?, id("SUDO_GID")?))
}

fn id(variable: &str) -> Option<u32> {
    std::env::var(variable).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn it_has_its_name_only_when_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.zkchurn");
        let (file, unfinished) = create(&path).unwrap();
        assert!(!path.exists());
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(partial_path(&path).is_file());
        unfinished.finish().unwrap();
        assert!(path.is_file());
        assert!(!partial_path(&path).exists());
    }

    #[test]
    fn a_file_system_that_cannot_rename_so_is_served_by_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let (_, unfinished) = create(&path).unwrap();
        unfinished.link().unwrap();
        assert!(path.is_file());
        assert!(!partial_path(&path).exists());
        let (_, unfinished) = create(&directory.path().join("y")).unwrap();
        fs::write(directory.path().join("y"), "precious").unwrap();
        assert_eq!(
            unfinished.link().unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
    }

    #[test]
    fn what_has_a_name_is_not_replaced_at_either_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "precious").unwrap();
        let taken = |path: &Path| create(path).err().unwrap().kind();
        assert_eq!(taken(&path), ErrorKind::AlreadyExists);
        fs::remove_file(&path).unwrap();
        let (_, unfinished) = create(&path).unwrap();
        assert_eq!(taken(&path), ErrorKind::AlreadyExists, "the partial one");
        fs::write(&path, "precious").unwrap();
        let failed = unfinished.finish().unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert!(partial_path(&path).is_file());
    }

    #[test]
    fn a_link_in_place_of_either_name_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let victim = directory.path().join("victim");
        for link in [&path, &partial_path(&path)] {
            // To nowhere: it would be created.
            symlink(&victim, link).unwrap();
            assert!(create(&path).is_err());
            assert!(!victim.exists());
            fs::remove_file(link).unwrap();
        }
        assert!(create(&path).is_ok());
    }

    #[test]
    fn another_file_in_its_place_does_not_get_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let partial = partial_path(&path);
        let replacements: [fn(&Path); 3] = [
            |_| (),
            |partial| fs::write(partial, "forged").unwrap(),
            |partial| symlink("/etc/passwd", partial).unwrap(),
        ];
        for replace in replacements {
            let (_file, unfinished) = create(&path).unwrap();
            fs::remove_file(&partial).unwrap();
            replace(&partial);
            let failed = unfinished.finish().unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::NotFound);
            assert!(fs::symlink_metadata(&path).is_err());
            let _ = fs::remove_file(&partial);
        }
    }

    #[test]
    fn what_has_nothing_in_it_is_removed_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let partial = partial_path(&path);
        let (_, unfinished) = create(&path).unwrap();
        unfinished.discard().unwrap();
        assert!(!partial.exists());
        let (_file, unfinished) = create(&path).unwrap();
        fs::remove_file(&partial).unwrap();
        fs::write(&partial, "another's").unwrap();
        assert!(unfinished.discard().is_err());
        assert!(partial.exists());
    }

    #[test]
    fn the_callers_directories_are_those_that_he_may_write_to() {
        let directory = tempfile::tempdir().unwrap();
        let (own, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let (own, group) = (own.as_raw(), group.as_raw());
        let stranger = (own + 1_000, group + 1_000);
        let may = |mode, (uid, gid)| {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
            may_write(&rustix::fs::stat(directory.path()).unwrap(), uid, gid)
        };
        assert!(may(0o755, (own, group)));
        assert!(!may(0o755, stranger));
        assert!(may(0o1777, stranger), "such as /tmp");
        assert!(may(0o775, (stranger.0, group)));
        assert!(!may(0o775, stranger));
        assert!(may(0o755, (0, 0)), "root called sudo");
    }

    #[test]
    fn a_path_without_a_name_or_a_directory_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(create(Path::new("/")).is_err());
        assert!(create(&directory.path().join("none/x")).is_err());
    }
}

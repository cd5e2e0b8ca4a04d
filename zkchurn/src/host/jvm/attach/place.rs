// SPDX-License-Identifier: MIT
//! Where a JVM and its clients meet: the attach socket in its `/tmp`, and the
//! trigger file in its working directory or its `/tmp`.
//!
//! The directories are opened first, by root, through `/proc/PID`; from then on
//! only names inside of them are used, and no symbolic link is followed.

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{
        AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat,
        unlinkat,
    },
    io::Errno,
};

use super::{AttachError, Target};

/// The two directories of one JVM.
pub(super) struct Place {
    tmp: OwnedFd,
    /// Its working directory, unless that is closed to us.
    cwd: Option<OwnedFd>,
    inner_pid: u32,
    euid: u32,
}

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Place {
    /// Opens both. A `/tmp` that is a symbolic link is resolved inside of the
    /// target's root, whatever it says.
    pub(super) fn open(target: &Target) -> Result<Self, AttachError> {
        let unreachable = |what| {
            move |errno: Errno| AttachError::Unreachable {
                what,
                source: errno.into(),
            }
        };
        let of_process = |name: &str| {
            let path = format!("/proc/{}/{name}", target.key.pid);
            openat(CWD, path, DIRECTORY, Mode::empty())
        };
        let root = of_process("root").map_err(unreachable("root directory"))?;
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let tmp = openat2(&root, "tmp", DIRECTORY, Mode::empty(), within);
        Ok(Self {
            tmp: tmp.map_err(unreachable("directory /tmp"))?,
            cwd: of_process("cwd").ok(),
            inner_pid: target.inner_pid,
            euid: target.euid,
        })
    }

    /// The attach socket as an `O_PATH` descriptor, checked to be one that the
    /// target (or root) made; `None` if there is none yet.
    pub(super) fn socket(&self) -> Result<Option<OwnedFd>, AttachError> {
        let name = format!(".java_pid{}", self.inner_pid);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let unreachable = |errno: Errno| AttachError::Unreachable {
            what: "attach socket",
            source: errno.into(),
        };
        let socket = match openat(&self.tmp, name, flags, Mode::empty()) {
            Ok(socket) => socket,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(unreachable(errno)),
        };
        let stat = fstat(&socket).map_err(unreachable)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
            return Err(AttachError::ForeignSocket("not a socket"));
        }
        if !self.trusts(stat.st_uid) {
            return Err(AttachError::ForeignSocket("another user's"));
        }
        Ok(Some(socket))
    }

    fn trusts(&self, uid: u32) -> bool {
        uid == self.euid || uid == 0
    }

    fn owns(&self, directory: impl AsFd, name: &str) -> bool {
        statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
            stat.st_uid == self.euid
                && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        })
    }
}

/// The file that asks the JVM to attach, as long as this lives.
pub(super) struct Trigger<'a> {
    /// The directory it is removed from.
    directory: &'a OwnedFd,
    name: String,
}

impl<'a> Trigger<'a> {
    /// Creates it where the JVM looks first, its working directory; else, as
    /// that is often closed to its own user, in its `/tmp`. Runs with the
    /// target's credentials, so it is never written where the target could not.
    pub(super) fn put(place: &'a Place) -> Result<Self, AttachError> {
        let name = format!(".attach_pid{}", place.inner_pid);
        let mut failed = Errno::NOENT;
        for directory in place.cwd.iter().chain([&place.tmp]) {
            match create(directory, &name) {
                Ok(()) => return Ok(Self { directory, name }),
                // Left behind by another client, or one that is at work now. A
                // JVM takes it from its own user only; else it would dump to
                // its output.
                Err(Errno::EXIST) if !place.owns(directory, &name) => {
                    return Err(AttachError::ForeignTrigger(name));
                }
                Err(Errno::EXIST) => return Ok(Self { directory, name }),
                Err(errno) => failed = errno,
            }
        }
        Err(AttachError::Trigger {
            name,
            source: failed.into(),
        })
    }
}

impl Drop for Trigger<'_> {
    fn drop(&mut self) {
        // If it is gone already, that is as well.
        let _ = unlinkat(self.directory, &self.name, AtFlags::empty());
    }
}

fn create(directory: impl AsFd, name: &str) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::RUSR | Mode::WUSR).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    fn place(directory: &tempfile::TempDir) -> Place {
        let open = || openat(CWD, directory.path(), DIRECTORY, Mode::empty());
        Place {
            tmp: open().expect("a directory"),
            cwd: None,
            inner_pid: 7,
            euid: rustix::process::geteuid().as_raw(),
        }
    }

    #[test]
    fn only_a_socket_is_taken_for_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = place(&directory);
        assert!(place.socket().expect("nothing there").is_none());
        let path = directory.path().join(".java_pid7");
        std::fs::write(&path, "").expect("a file");
        assert!(matches!(place.socket(), Err(AttachError::ForeignSocket(_))));
        std::fs::remove_file(&path).expect("removed");
        let elsewhere = directory.path().join("socket");
        let _listener = UnixListener::bind(&elsewhere).expect("a socket");
        symlink(&elsewhere, &path).expect("a link");
        assert!(matches!(place.socket(), Err(AttachError::ForeignSocket(_))));
        std::fs::remove_file(&path).expect("removed");
        std::fs::rename(elsewhere, &path).expect("renamed");
        assert!(place.socket().expect("a socket").is_some());
    }

    #[test]
    fn the_socket_of_another_user_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let _listener = UnixListener::bind(directory.path().join(".java_pid7"));
        let mut place = place(&directory);
        let ours = place.euid;
        place.euid = ours + 1;
        // Root's is trusted by everybody.
        assert_eq!(place.socket().is_ok(), ours == 0);
        assert!(place.trusts(0) && place.trusts(ours + 1));
        assert!(!place.trusts(ours + 2));
    }

    #[test]
    fn the_trigger_lives_as_long_as_it_is_held() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = place(&directory);
        let path = directory.path().join(".attach_pid7");
        let trigger = Trigger::put(&place).expect("created");
        assert!(path.is_file());
        drop(trigger);
        assert!(!path.exists());
    }

    #[test]
    fn a_link_in_place_of_the_trigger_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = place(&directory);
        let victim = directory.path().join("victim");
        symlink(&victim, directory.path().join(".attach_pid7")).expect("a link");
        let put = Trigger::put(&place);
        assert!(matches!(put, Err(AttachError::ForeignTrigger(_))));
        assert!(!victim.exists());
    }
}

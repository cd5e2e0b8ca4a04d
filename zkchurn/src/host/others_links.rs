// SPDX-License-Identifier: MIT
//! Opening a file by a path that others have a part in. A link on the way that belongs to somebody
//! else may have been put there to have us read what its owner may not: then only what its
//! owner could read is opened.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{
        CWD, FileType, FsWord, Mode, OFlags, PROC_SUPER_MAGIC, Stat, Uid, fstat, fstatfs, openat,
        readlinkat,
    },
    io::Errno,
    process::geteuid,
};
use zkchurn_core::shell;

/// As many as the kernel follows (`MAXSYMLINKS`, include/linux/namei.h).
const MOST_LINKS: usize = 40;
/// Who serves it says whose a file is (`FUSE_SUPER_MAGIC`, include/uapi/linux/magic.h).
const FUSE: FsWord = 0x6573_5546;

/// Opens a regular file for reading, without waiting. A link in the last place is not followed.
///
/// # Errors
///
/// A clause, with the fix.
pub(super) fn open(path: &Path) -> Result<File, String> {
    open_as(path, geteuid())
}

/// The same for who trusts root and this user.
fn open_as(path: &Path, own: Uid) -> Result<File, String> {
    let mut way = Way::from_the_root(path, own).map_err(said)?;
    while let Some(name) = way.left.pop_front() {
        if way.left.is_empty() {
            return way.end(&name);
        }
        way.step(&name).map_err(said)?;
    }
    Err(said(Errno::ISDIR))
}

fn said(error: Errno) -> String {
    io::Error::from(error).to_string()
}

/// How far a path was followed.
struct Way {
    own: Uid,
    /// The directory that was reached, and its path.
    reached: OwnedFd,
    at: PathBuf,
    left: VecDeque<OsString>,
    links: usize,
    /// The first link that belongs to somebody else.
    foreign: Option<Foreign>,
}

struct Foreign {
    link: PathBuf,
    /// Whose it and the others behind it are; `None` where they are of several, or nobody knows.
    owner: Option<Uid>,
    /// Whether everybody may pass the directories behind it.
    is_public: bool,
}

impl Way {
    fn from_the_root(path: &Path, own: Uid) -> Result<Self, Errno> {
        Ok(Self {
            own,
            reached: directory(CWD, OsStr::new("/"))?,
            at: PathBuf::from("/"),
            left: names(path),
            links: 0,
            foreign: None,
        })
    }

    /// Goes on by a name that is not the last one.
    fn step(&mut self, name: &OsStr) -> Result<(), Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = openat(&self.reached, name, flags, Mode::empty())?;
        let stat = fstat(&found)?;
        match name.as_bytes() {
            b".." => drop(self.at.pop()),
            _ => self.at.push(name),
        }
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return self.follow(name, &found, &stat);
        }
        self.enter(found, &stat);
        Ok(())
    }

    fn enter(&mut self, directory: OwnedFd, stat: &Stat) {
        self.reached = directory;
        if let Some(foreign) = &mut self.foreign {
            foreign.is_public &= Mode::from_raw_mode(stat.st_mode).contains(Mode::XOTH);
        }
    }

    fn follow(&mut self, name: &OsStr, link: &OwnedFd, stat: &Stat) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        let file_system = fstatfs(link)?.f_type;
        self.pass(stat, file_system == FUSE);
        if file_system == PROC_SUPER_MAGIC {
            // Those lead elsewhere than their text says (proc(5), `root`).
            let reached = directory(&self.reached, name)?;
            let stat = fstat(&reached)?;
            self.enter(reached, &stat);
            return Ok(());
        }
        let target = readlinkat(link, "", Vec::new())?.into_bytes();
        let target = PathBuf::from(OsString::from_vec(target));
        match target.is_absolute() {
            true => {
                self.reached = directory(CWD, OsStr::new("/"))?;
                self.at = PathBuf::from("/");
            }
            false => drop(self.at.pop()),
        }
        let mut left = names(&target);
        left.append(&mut self.left);
        self.left = left;
        Ok(())
    }

    /// Notes whose link it is.
    fn pass(&mut self, stat: &Stat, anybody_says: bool) {
        let owner = Uid::from_raw(stat.st_uid);
        if !anybody_says && (owner.is_root() || owner == self.own) {
            return;
        }
        let owner = Some(owner).filter(|_| !anybody_says);
        match &mut self.foreign {
            None => {
                self.foreign = Some(Foreign {
                    link: self.at.clone(),
                    owner,
                    is_public: true,
                });
            }
            Some(foreign) => foreign.owner = foreign.owner.filter(|one| Some(*one) == owner),
        }
    }

    /// Opens the file itself.
    fn end(&self, name: &OsStr) -> Result<File, String> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&self.reached, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::LOOP) => {
                return Err("it is a link: name the file that it leads to".to_owned());
            }
            Err(error) => return Err(said(error)),
        };
        let stat = fstat(&file).map_err(said)?;
        match &self.foreign {
            Some(foreign) if !foreign.may_read(&stat) => Err(foreign.why_not()),
            _ => Ok(file.into()),
        }
    }
}

impl Foreign {
    fn may_read(&self, file: &Stat) -> bool {
        let is_public = self.is_public && Mode::from_raw_mode(file.st_mode).contains(Mode::ROTH);
        is_public || self.owner == Some(Uid::from_raw(file.st_uid))
    }

    fn why_not(&self) -> String {
        let link = shell::word(&self.link.to_string_lossy());
        format!(
            "its path leads over the link {}, which is not root's, to a file that the link's owner \
             may not read (fix: name the file by a path without that link, or `chown -h root {link}`)",
            self.link.display()
        )
    }
}

fn directory(below: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(below, name, flags, Mode::empty())
}

/// The names in a path, without its root.
fn names(path: &Path) -> VecDeque<OsString> {
    let components = path.components();
    let names = components.filter(|one| !matches!(one, Component::RootDir | Component::CurDir));
    names.map(|one| one.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Read as _,
        os::unix::fs::{PermissionsExt as _, lchown, symlink},
    };

    use super::*;

    /// Above what any user has here.
    const SOMEBODY: u32 = 65_533;

    /// A directory `app` with the link `logs`, which leads to `secret`, and a path over it.
    fn made(target: &Path) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path().join("app");
        fs::create_dir(&app).unwrap();
        let link = app.join("logs");
        symlink(target, &link).unwrap();
        if geteuid().is_root() {
            lchown(&link, Some(SOMEBODY), None).unwrap();
        }
        (directory, link)
    }

    /// As root's agent does.
    fn opened(path: &Path) -> Result<File, String> {
        open_as(path, Uid::ROOT)
    }

    #[test]
    fn over_somebodys_link_no_more_is_read_than_that_one_may() {
        let (_directory, link) = made(Path::new("/etc"));
        assert!(opened(&link.join("passwd")).is_ok());
        let why = match opened(&link.join("shadow")) {
            Err(why) => why,
            Ok(_) => panic!("it is root's alone"),
        };
        match geteuid().is_root() {
            true => assert!(why.contains("app/logs, which is not root's"), "{why}"),
            // Nobody has opened it for this user.
            false => assert!(why.contains("denied"), "{why}"),
        }
        assert!(open_as(&link.join("passwd"), geteuid()).is_ok());
    }

    #[test]
    fn what_belongs_to_the_owner_of_the_link_is_read() {
        let secret = tempfile::tempdir().unwrap();
        let file = secret.path().join("app.log");
        fs::write(&file, "expired").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let (_directory, link) = made(secret.path());
        if geteuid().is_root() {
            assert!(opened(&link.join("app.log")).is_err());
            lchown(&file, Some(SOMEBODY), None).unwrap();
        }
        let mut text = String::new();
        let mut file = opened(&link.join("app.log")).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "expired");
        // Everybody may read the file, and its directory is nobody's but root's.
        let path = secret.path().join("app.log");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        if geteuid().is_root() {
            lchown(&path, Some(0), None).unwrap();
            assert!(opened(&link.join("app.log")).is_err());
        }
    }

    #[test]
    fn a_path_is_followed_as_the_kernel_does() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/log"), "").unwrap();
        symlink("../a/b/../b", at("a/relative")).unwrap();
        symlink(at("a/relative"), at("absolute")).unwrap();
        symlink(at("a/b/log"), at("last")).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        for path in [
            "a/b/log",
            "a/./relative/log",
            "absolute/log",
            "a/../absolute/../b/log",
        ] {
            assert!(open(&at(path)).is_ok(), "{path}");
        }
        let own = format!("/proc/self/root{}", at("absolute/log").display());
        assert!(open(Path::new(&own)).is_ok());
        for (path, why) in [
            ("last", "it is a link"),
            ("loop/log", "symbolic links"),
            ("none/log", "No such file"),
            ("a/b/log/x", "Not a directory"),
        ] {
            let said = open(&at(path)).err();
            assert!(
                said.as_ref().is_some_and(|said| said.contains(why)),
                "{said:?}"
            );
        }
        assert!(open(Path::new("/")).is_err());
    }
}

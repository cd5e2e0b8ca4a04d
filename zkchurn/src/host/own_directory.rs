// SPDX-License-Identifier: MIT
//! A directory in which an agent makes and removes files by their names: nobody else but root
//! may be able to exchange what a name means.

use std::{
    ffi::CStr,
    fs::File,
    io::{self, ErrorKind},
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, statat, unlinkat,
    },
    io::Errno,
    process::geteuid,
};

use zkchurn_core::shell;

use super::{
    own_names::{INCIDENTS, is_incident, is_of_incident, segment_begun},
    takes_files,
};

/// What a file system puts into its uppermost directory.
const LOST_AND_FOUND: &str = "lost+found";
/// What is made and removed at the start to see whether that is possible.
const PROBE: &str = ".zkchurn-agent";

/// Opens the directory, or creates it with mode 0700.
///
/// # Errors
///
/// It cannot be, or others than its owner may write to it, with the fix.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    opened(CWD, path, flags, path)
}

/// The same for the one of the incidents below it, which may be no link.
///
/// # Errors
///
/// As [`open`].
pub(super) fn open_incidents(directory: &File, at: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    opened(
        directory.as_fd(),
        Path::new(INCIDENTS),
        flags,
        &at.join(INCIDENTS),
    )
}

/// The same, where it is there.
///
/// # Errors
///
/// As [`open`].
pub(super) fn incidents_if_any(directory: &File, at: &Path) -> io::Result<Option<File>> {
    match statat(directory, INCIDENTS, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(None),
        _ => open_incidents(directory, at).map(Some),
    }
}

/// Why [`open`] and [`prove_writable`] would refuse the directory, without making anything: as
/// far as this user can tell for the one that the agent runs as.
pub(crate) fn why_unusable(path: &Path) -> Option<String> {
    let shown = path.display();
    let stat = match statat(CWD, path, AtFlags::empty()) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return why_not_made(path),
        // Root may see it.
        Err(Errno::ACCESS) if !geteuid().is_root() => return None,
        Err(error) => return Some(format!("{shown}: {}", io::Error::from(error))),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Some(format!(
            "{shown} is no directory (fix: name one, or remove it)"
        ));
    }
    if let Some(why) = takes_files::why_none(path) {
        return Some(why);
    }
    if !geteuid().is_root() {
        return None;
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    let own = geteuid().as_raw();
    if let Some(why) = why_shared((stat.st_uid, mode), own, path) {
        return Some(why);
    }
    let quoted = shell::word(&path.to_string_lossy());
    // What root may do all the same the agent has given up.
    (!mode.contains(Mode::WUSR | Mode::XUSR))
        .then(|| format!("no file can be made in {shown} (fix: `chmod u=rwx {quoted}`)"))
}

/// Why [`open_incidents`] would refuse the directory in it that is for them, if there is one.
pub(crate) fn why_no_incidents(path: &Path) -> Option<String> {
    let incidents = path.join(INCIDENTS);
    let stat = statat(CWD, &incidents, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory if !geteuid().is_root() => None,
        FileType::Directory => {
            let mode = Mode::from_raw_mode(stat.st_mode);
            why_shared((stat.st_uid, mode), geteuid().as_raw(), &incidents)
        }
        _ => Some(why_no_directory(&incidents)),
    }
}

fn why_no_directory(path: &Path) -> String {
    format!(
        "{} is a link or a file, and nothing is removed through it (fix: put a directory there)",
        path.display()
    )
}

/// The agent makes one directory, not those above it.
fn why_not_made(path: &Path) -> Option<String> {
    let shown = path.display();
    if is_link(path) {
        return Some(format!(
            "{shown} is a link to nothing (fix: put a directory there)"
        ));
    }
    let above = path.parent().filter(|above| *above != Path::new(""))?;
    match statat(CWD, above, AtFlags::empty()) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
            let why = takes_files::why_none(above)?;
            Some(format!("{shown} cannot be made: {why}"))
        }
        Ok(_) => Some(format!(
            "{shown} cannot be made: {} is no directory",
            above.display()
        )),
        Err(Errno::ACCESS) if !geteuid().is_root() => None,
        Err(error) => Some(format!(
            "{shown} cannot be made in {}: {} (fix: `mkdir -p {}`)",
            above.display(),
            io::Error::from(error),
            shell::word(&above.to_string_lossy())
        )),
    }
}

fn is_link(path: &Path) -> bool {
    let stat = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn opened(below: impl AsFd, name: &Path, flags: OFlags, path: &Path) -> io::Result<File> {
    let open = || openat(&below, name, flags, Mode::empty());
    let opened = open().or_else(|error| match error {
        Errno::NOENT => mkdirat(&below, name, Mode::RWXU).and_then(|()| open()),
        error => Err(error),
    });
    let directory: OwnedFd = match opened {
        Err(Errno::NOTDIR | Errno::LOOP) => {
            let why = why_no_directory(path);
            return Err(io::Error::new(ErrorKind::NotADirectory, why));
        }
        opened => opened?,
    };
    let own = geteuid().as_raw();
    let stat = fstat(&directory)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    match why_shared((stat.st_uid, mode), own, path) {
        Some(why) => Err(io::Error::new(ErrorKind::PermissionDenied, why)),
        None => Ok(directory.into()),
    }
}

/// Makes a file and removes it: what the capabilities are by now counts.
///
/// # Errors
///
/// No file can be made, with the fix. A file system that is full is none: it will have room.
pub(super) fn prove_writable(directory: &File, path: &Path) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(directory, PROBE, flags, Mode::RUSR | Mode::WUSR);
    let path = shell::word(&path.to_string_lossy());
    let fix = match made.and_then(|_| unlinkat(directory, PROBE, AtFlags::empty())) {
        Ok(()) | Err(Errno::NOSPC | Errno::DQUOT) => return Ok(()),
        Err(Errno::ROFS) => format!(
            "its file system is read-only (fix: `mount -o remount,rw \"$(findmnt -no TARGET -T \
             {path})\"`)"
        ),
        Err(error @ (Errno::ACCESS | Errno::PERM)) => {
            let own = geteuid().as_raw();
            format!(
                "no file can be made in it: {} (fix: `chown {own} {path}; chmod u=rwx {path}`)",
                io::Error::from(error)
            )
        }
        Err(error) => format!("no file can be made in it: {}", io::Error::from(error)),
    };
    Err(io::Error::other(fix))
}

/// Why others may exchange what is in a directory, with the fix.
fn why_shared((owner, mode): (u32, Mode), own: u32, path: &Path) -> Option<String> {
    let quoted = shell::word(&path.to_string_lossy());
    let path = path.display();
    if owner != 0 && owner != own {
        return Some(format!(
            "{path} belongs to uid {owner}, who could have the agent remove other files (fix: \
             `chown {own} {quoted}`)"
        ));
    }
    if !mode.intersects(Mode::WGRP | Mode::WOTH) {
        return None;
    }
    let bits = mode.bits();
    Some(match mode.contains(Mode::SVTX) {
        // They remove nothing there, but what they put there would be read as the agent's own.
        true => format!(
            "{path} has mode {bits:04o}, so others could put recordings of their own beside the \
             agent's (fix: name a directory below it, which the agent makes)"
        ),
        false => format!(
            "{path} has mode {bits:04o}, so others could have the agent remove other files (fix: \
             `chmod go-w {quoted}`)"
        ),
    })
}

/// What is in a directory: its name and what `lstat` says. Names that are no text are left
/// out: the agent gives none.
///
/// # Errors
///
/// It cannot be read. What is gone by the time is left out.
pub(super) fn entries(directory: &File) -> io::Result<Vec<(String, Stat)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name: &CStr = entry.file_name();
        let Ok(name) = name.to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => found.push((name.to_owned(), stat)),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// Whether it is a regular file.
pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// What is in the directory and, below it, among the incidents that the agent did not make, by
/// name.
///
/// # Errors
///
/// A directory cannot be read.
pub(super) fn foreign(directory: &File, incidents: Option<&File>) -> io::Result<Vec<String>> {
    let ours = |name: &str, stat: &Stat| {
        name == INCIDENTS
            || name == LOST_AND_FOUND
            || is_file(stat) && segment_begun(name).is_some()
    };
    let mut foreign: Vec<_> = entries(directory)?;
    foreign.retain(|(name, stat)| !ours(name, stat));
    let mut names: Vec<_> = foreign.into_iter().map(|(name, _)| name).collect();
    let Some(incidents) = incidents else {
        return Ok(names);
    };
    for (name, _) in entries(incidents)? {
        if incident(incidents, &name)?.is_none() {
            names.push(format!("{INCIDENTS}/{name}"));
        }
    }
    Ok(names)
}

/// An incident's directory, and its files.
pub(super) struct Incident {
    directory: File,
    pub files: Vec<(String, Stat)>,
}

/// An incident; `None` where the agent did not make it, or not all that is in it.
///
/// # Errors
///
/// It cannot be read.
pub(super) fn incident(incidents: &File, name: &str) -> io::Result<Option<Incident>> {
    if !is_incident(name) {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory: File = match openat(incidents, name, flags, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT | Errno::ACCESS) => return Ok(None),
        opened => opened?.into(),
    };
    let files = entries(&directory)?;
    let is_ours = files
        .iter()
        .all(|(name, stat)| is_file(stat) && is_of_incident(name));
    Ok(is_ours.then_some(Incident { directory, files }))
}

/// Removes an incident: the files that the agent has made, and the directory if it is empty then.
///
/// # Errors
///
/// One of it cannot be removed.
pub(super) fn remove_incident(
    incidents: &File,
    name: &str,
    Incident { directory, files }: &Incident,
) -> io::Result<()> {
    for (file, _) in files {
        unlinkat(directory, file.as_str(), AtFlags::empty())?;
    }
    Ok(unlinkat(incidents, name, AtFlags::REMOVEDIR)?)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn a_directory_that_others_may_write_to_is_refused_with_the_fix() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept");
        let kept = open(&path).unwrap();
        let mode = kept.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        let with_mode = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            open(&path).map(drop)
        };
        for mode in [0o777, 0o770, 0o702] {
            let why = with_mode(mode).unwrap_err().to_string();
            let fix = format!("`chmod go-w {}`", path.display());
            assert!(why.contains(&fix), "{why}");
        }
        // As /tmp.
        let why = with_mode(0o1777).unwrap_err().to_string();
        assert!(why.contains("recordings of their own"), "{why}");
        for mode in [0o1755, 0o755, 0o700] {
            with_mode(mode).unwrap();
        }
        let why = why_shared((77, Mode::RWXU), 0, Path::new("/var/lib/a b"));
        assert!(why.unwrap().contains("`chown 0 '/var/lib/a b'`"));
        assert_eq!(why_shared((77, Mode::RWXU), 77, &path), None);
        assert_eq!(why_shared((0, Mode::RWXU), 77, &path), None);
        let why = why_shared((77, Mode::RWXU), 0, &path).unwrap();
        assert!(
            why.contains("belongs to uid 77") && why.contains("`chown 0 "),
            "{why}"
        );
    }

    #[test]
    fn what_cannot_be_the_directory_is_known_before_it_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink(at("nothing"), at("link")).unwrap();
        fs::create_dir(at("kept")).unwrap();
        symlink(at("kept"), at("other")).unwrap();
        fs::create_dir(at("taken")).unwrap();
        fs::write(at("taken/incidents"), "").unwrap();
        for path in [
            at("taken"),
            "/proc/zkchurn".into(),
            "/proc/self/zkchurn".into(),
        ] {
            let opened = open(&path).and_then(|kept| open_incidents(&kept, &path));
            assert!(opened.is_err(), "{}", path.display());
            let why = why_unusable(&path).or_else(|| why_no_incidents(&path));
            assert!(why.is_some(), "{}", path.display());
        }
        for (path, why) in [
            (Path::new("/dev/null").to_owned(), "is no directory"),
            (at("file"), "is no directory"),
            (at("file/below"), "Not a directory"),
            (at("link"), "is a link to nothing"),
            (at("none/below"), "cannot be made in"),
        ] {
            let said = why_unusable(&path).unwrap_or_default();
            assert!(said.contains(why), "{}: {said}", path.display());
            assert!(open(&path).is_err(), "{}", path.display());
        }
        for path in [at("kept"), at("other"), at("new")] {
            assert_eq!(why_unusable(&path), None);
            open_incidents(&open(&path).unwrap(), &path).unwrap();
            assert_eq!(why_no_incidents(&path), None);
        }
    }

    #[test]
    fn incidents_are_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        fs::create_dir(&precious).unwrap();
        let path = directory.path().join("kept");
        let kept = open(&path).unwrap();
        symlink(&precious, path.join("incidents")).unwrap();
        let why = open_incidents(&kept, &path).unwrap_err().to_string();
        assert!(why.contains("/kept/incidents is a link"), "{why}");
        fs::remove_file(path.join("incidents")).unwrap();
        open_incidents(&kept, &path).unwrap();
        assert!(path.join("incidents").is_dir());
        // The one that is named may be behind a link, as root has set it up.
        symlink(&path, directory.path().join("other")).unwrap();
        open(&directory.path().join("other")).unwrap();
    }
}

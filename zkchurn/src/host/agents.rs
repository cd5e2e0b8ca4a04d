// SPDX-License-Identifier: MIT
//! The agents that run on this host, whatever their settings are: each has a recorder, a process
//! of a known name that holds its directory open.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::geteuid,
};

use super::{
    helper::RECORDER,
    proc::files::{directory, field, read_bounded},
    sock_diag::proc_links,
};

/// Descriptors of a recorder that are looked at.
const MOST_DESCRIPTORS: usize = 64;

/// Directories that agents of root's or of this user record to at present, by the paths that lead
/// there from here.
pub(crate) fn directories() -> Vec<PathBuf> {
    let Ok(proc) = proc_links::open_proc() else {
        return Vec::new();
    };
    // A name waits for no lock of its process; for a directory see `helper/neighbour`.
    let pids = proc_links::numbers(&proc).into_iter().flatten();
    let mut found: Vec<_> = pids.filter_map(of_process).collect();
    found.sort();
    found.dedup();
    found
}

/// Whether a recorder holds the lock of a directory.
pub(crate) fn is_recorded_to(directory: &Path) -> bool {
    let held = File::open(directory);
    held.is_ok_and(|held| {
        let locked = flock(&held, FlockOperation::NonBlockingLockShared);
        locked == Err(Errno::WOULDBLOCK)
    })
}

/// The directory of a process, if it is a recorder.
fn of_process(pid: u32) -> Option<PathBuf> {
    let process = directory(pid);
    // Anybody may call a process so; what somebody else records is not shown to root.
    if !is_recorder(&process) || !is_trusted(&process) {
        return None;
    }
    of_descriptors(&process.join("fd"))
}

fn is_recorder(process: &Path) -> bool {
    let comm = read_bounded(&process.join("comm"), 64).unwrap_or_default();
    comm.trim_ascii_end() == RECORDER.to_bytes()
}

/// The directory among descriptors, which are links, that is recorded to.
fn of_descriptors(descriptors: &Path) -> Option<PathBuf> {
    let descriptors = fs::read_dir(descriptors).ok()?;
    let mut descriptors = descriptors.take(MOST_DESCRIPTORS).filter_map(Result::ok);
    descriptors.find_map(|descriptor| {
        let link = descriptor.path();
        let path = fs::read_link(&link).ok()?;
        let opened = fs::metadata(&link).ok().filter(fs::Metadata::is_dir)?;
        let here = fs::metadata(&path).ok()?;
        // In a container another directory, or none, has that path.
        let is_same = (here.dev(), here.ino()) == (opened.dev(), opened.ino());
        (is_same && is_recorded_to(&path)).then_some(path)
    })
}

/// Whether it runs as root or as the user who asks.
fn is_trusted(process: &Path) -> bool {
    let status = read_bounded(&process.join("status"), 8192).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let effective = field(&status, "Uid").and_then(|ids| ids.split_whitespace().nth(1));
    let effective = effective.and_then(|id| id.parse().ok());
    effective.is_some_and(|id: u32| id == 0 || id == geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, sync::mpsc::channel};

    use super::*;
    use crate::host::threads;

    #[test]
    fn a_directory_is_recorded_to_while_its_lock_is_held() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_recorded_to(directory.path()));
        let lock = File::open(directory.path()).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(is_recorded_to(directory.path()));
        drop(lock);
        assert!(!is_recorded_to(directory.path()));
        assert!(!is_recorded_to(Path::new("/no/such")));
    }

    #[test]
    fn only_a_process_of_that_name_is_asked() {
        assert!(!is_recorder(&directory(std::process::id())), "it is a test");
        let (say, said) = channel();
        // A thread's entry in /proc has a name of its own.
        let named = threads::named("zkchurn-keep").spawn(move || {
            let tid = rustix::thread::gettid().as_raw_pid().cast_unsigned();
            let process = directory(tid);
            say.send((is_recorder(&process), is_trusted(&process)))
                .unwrap();
        });
        named.unwrap().join().unwrap();
        assert_eq!(said.recv().unwrap(), (true, true));
    }

    #[test]
    fn of_its_descriptors_the_directory_with_the_lock_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["descriptors", "other", "kept"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("file"), "").unwrap();
        for (number, name) in [("3", "file"), ("4", "other"), ("5", "kept"), ("6", "gone")] {
            symlink(at(name), at("descriptors").join(number)).unwrap();
        }
        assert_eq!(of_descriptors(&at("descriptors")), None);
        let lock = File::open(at("kept")).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(of_descriptors(&at("descriptors")), Some(at("kept")));
    }
}

// SPDX-License-Identifier: MIT
//! Which files other processes write to: such a file is a log of theirs, whatever its name is.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::host::{
    past_hung,
    proc::{files, log_files},
    sock_diag::proc_links,
};

/// A file: what it is called, its device and inode.
pub(super) type Called = (String, (u64, u64));

/// Those of `called` that processes other than `pid` have open for writing, as far as those
/// could be looked at by `deadline`. A file is asked only where the name is one of these:
/// that of anything else may be on a file system that hangs.
pub(super) fn written_by_others(
    pid: u32,
    called: Vec<Called>,
    deadline: Instant,
) -> HashSet<(u64, u64)> {
    if called.is_empty() {
        return HashSet::new();
    }
    let Ok(proc) = proc_links::open_proc() else {
        return HashSet::new();
    };
    let pids = proc_links::numbers(&proc).into_iter().flatten();
    let pids = pids.filter(|other| *other != pid).collect();
    let looked = past_hung::each(pids, deadline, move |other| {
        written_by(&files::directory(other), &called)
    });
    let done = looked.into_iter().flat_map(|looked| looked.done);
    done.flat_map(|(_, written)| written).collect()
}

fn written_by(process: &Path, called: &[Called]) -> Vec<(u64, u64)> {
    let descriptors = log_files::descriptors(process).unwrap_or_default();
    let written = descriptors.into_iter().filter_map(|fd| {
        let link = log_files::descriptor(process, fd);
        let path = fs::read_link(&link).ok()?;
        let (path, _) = log_files::named(&path)?;
        let name = PathBuf::from(path).file_name()?.to_str()?.to_owned();
        if !called.iter().any(|(called, _)| *called == name) {
            return None;
        }
        let metadata = fs::metadata(&link).ok()?;
        let id = (metadata.dev(), metadata.ino());
        let is_one = called.iter().any(|(_, one)| *one == id);
        (is_one && log_files::is_written(process, fd)).then_some(id)
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{File, OpenOptions},
        process::{Command, Stdio},
        time::Duration,
    };

    use super::*;

    #[test]
    fn who_writes_is_told_from_who_reads() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log.1");
        let written = OpenOptions::new().append(true).create(true).open(&path);
        let written = written.unwrap();
        let metadata = written.metadata().unwrap();
        let id = (metadata.dev(), metadata.ino());
        let called = |name: &str| vec![(name.to_owned(), id)];
        let found = |name| {
            let deadline = Instant::now() + Duration::from_secs(20);
            written_by_others(std::process::id(), called(name), deadline)
        };
        let child = |file: File| {
            let mut cat = Command::new("cat");
            let cat = cat.stdin(Stdio::piped()).stdout(file);
            cat.stderr(Stdio::null()).spawn().unwrap()
        };
        assert!(found("app.log.1").is_empty(), "it is our own");
        let mut reader = child(File::open(&path).unwrap());
        assert!(found("app.log.1").is_empty(), "it is only read");
        let mut writer = child(written);
        assert_eq!(found("app.log.1"), HashSet::from([id]));
        assert!(found("app.log.2").is_empty(), "it has another name");
        for child in [&mut reader, &mut writer] {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
        assert!(found("app.log.1").is_empty(), "it has ended");
    }
}

// SPDX-License-Identifier: MIT
//! Reads of `/proc/PID` what is needed of a JVM, bounded. The rest of this
//! directory works on what was read here.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use crate::host::proc::{
    files::{self, read_bounded},
    identity::arguments,
    status::Status,
};

/// Bytes of `maps` that are looked at: some 80,000 lines.
const MAPS: u64 = 8 << 20;
/// Bytes of a command line and of an environment; the kernel allows 6 MiB for
/// both together (`_STK_LIM / 4 * 3`).
const STRINGS: u64 = 6 << 20;
/// Tasks of which the name is looked at.
const TASKS: usize = 4096;

/// The directory of one process.
#[derive(Clone, Debug)]
pub(super) struct Proc(PathBuf);

impl Proc {
    /// The process `pid`, which need not exist.
    pub(super) fn of(pid: u32) -> Self {
        Self(files::directory(pid))
    }

    /// The mapped files; nothing where they may not be read.
    pub(super) fn maps(&self) -> Vec<u8> {
        read_bounded(&self.0.join("maps"), MAPS).unwrap_or_default()
    }

    /// The arguments; `None` when they cannot be read whole.
    pub(super) fn command(&self) -> Option<Vec<String>> {
        Some(arguments(&whole(&self.0.join("cmdline"), STRINGS)?))
    }

    /// The environment at its start; `None` when it cannot be read whole.
    pub(super) fn environ(&self) -> Option<Vec<u8>> {
        whole(&self.0.join("environ"), STRINGS)
    }

    /// Its state, users and signals.
    pub(super) fn status(&self) -> Option<Status> {
        Status::read(&self.0).ok()
    }

    /// The id of a thread as the process itself knows it.
    pub(super) fn inner_tid(&self, tid: u32) -> Option<u32> {
        Some(Status::read(&self.task(tid)).ok()?.inner_id)
    }

    /// The name of a thread, as its bytes.
    pub(super) fn comm(&self, tid: u32) -> Option<Vec<u8>> {
        comm(&self.task(tid).join("comm"))
    }

    /// The name of the leader.
    pub(super) fn leader_comm(&self) -> Option<Vec<u8>> {
        comm(&self.0.join("comm"))
    }

    /// The names of all tasks, up to a limit.
    pub(super) fn comms(&self) -> Vec<Vec<u8>> {
        let tasks = std::fs::read_dir(self.0.join("task")).into_iter().flatten();
        let tasks = tasks.flatten().take(TASKS);
        tasks
            .filter_map(|task| comm(&task.path().join("comm")))
            .collect()
    }

    /// `jstack` beside the executable, or for the `jre/bin/java` of JDK 8 two
    /// directories up, as the process would call it.
    pub(super) fn jstack(&self, executable: &str) -> Option<String> {
        let root = openat(
            CWD,
            self.0.join("root"),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let root = root.ok()?;
        let bin = Path::new(executable).parent()?;
        let jdk = bin.parent()?.parent()?.join("bin");
        [bin, &jdk].into_iter().find_map(|directory| {
            let tool = directory.join("jstack");
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            openat2(&root, &tool, flags, Mode::empty(), within).ok()?;
            Some(tool.to_str()?.to_owned())
        })
    }

    fn task(&self, tid: u32) -> PathBuf {
        self.0.join("task").join(tid.to_string())
    }
}

fn comm(path: &Path) -> Option<Vec<u8>> {
    let mut name = read_bounded(path, 64).ok()?;
    name.pop_if(|last| *last == b'\n');
    Some(name)
}

fn whole(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let bytes = read_bounded(path, limit).ok()?;
    ((bytes.len() as u64) < limit).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        let proc = Proc::of(pid);
        assert!(proc.maps().contains(&b'\n'));
        assert_eq!(proc.command(), Some(std::env::args().collect()));
        assert_eq!(
            proc.inner_tid(pid),
            proc.status().map(|status| status.inner_id)
        );
        assert_eq!(proc.leader_comm(), proc.comm(pid));
        assert!(proc.comms().contains(&proc.leader_comm().expect("a name")));
    }

    #[test]
    fn a_process_that_is_not_there_has_nothing() {
        // Above PID_MAX_LIMIT.
        let proc = Proc::of(5_000_000);
        assert_eq!(proc.command(), None);
        assert_eq!(proc.environ(), None);
        assert_eq!(proc.status(), None);
        assert!(proc.maps().is_empty() && proc.comms().is_empty());
    }
}

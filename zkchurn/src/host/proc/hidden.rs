// SPDX-License-Identifier: MIT
//! Processes that `/proc` hides from this user: the mount option hidepid
//! (Documentation/filesystems/proc.rst). That a process is there other calls tell, too.

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open, test_kill_process},
};

use super::files::{directory, read_bounded};
use crate::host::privilege::remedy::Standing;

/// What has an id that `/proc` does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// A process.
    Process,
    /// A thread that is no process's first one.
    Thread,
    /// Nothing.
    Nobody,
}

/// What has this id. pidfd_open(2) asks for no permission, and takes processes only; where it
/// is forbidden or unknown (Linux 5.3), kill(2) takes threads, too.
pub fn unseen(id: u32) -> Unseen {
    let Some(pid) = pid(id) else {
        return Unseen::Nobody;
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(_) => Unseen::Process,
        Err(Errno::SRCH) => Unseen::Nobody,
        // ENOENT since Linux 6.13 (`pidfd_prepare`, kernel/fork.c).
        Err(Errno::INVAL | Errno::NOENT) => Unseen::Thread,
        Err(_) if test_kill_process(pid) == Err(Errno::SRCH) => Unseen::Nobody,
        Err(_) => Unseen::Process,
    }
}

/// Whether somebody else's process has this pid, whom this user may not send a signal.
pub fn is_forbidden(id: u32) -> bool {
    pid(id).is_some_and(|pid| test_kill_process(pid) == Err(Errno::PERM))
}

/// Whether a process is there, and `/proc` keeps from this user what it is.
pub fn is_hidden(id: u32) -> bool {
    read_bounded(&directory(id).join("stat"), 1).is_err() && is_forbidden(id)
}

/// Whether that is so of processes of others: process 1 is always there, and root's.
pub fn hides_others() -> bool {
    is_hidden(1)
}

/// What shows them.
pub fn remedy() -> String {
    Standing::here().more_capabilities("CAP_SYS_PTRACE")
}

pub(super) fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, thread};

    use super::*;

    #[test]
    fn processes_threads_and_nobody_are_told_apart() {
        assert_eq!(unseen(std::process::id()), Unseen::Process);
        let (say, said) = channel();
        let (end, ended) = channel::<()>();
        let thread = thread::spawn(move || {
            let id = rustix::thread::gettid().as_raw_pid() as u32;
            say.send(id).unwrap();
            ended.recv().unwrap_err();
        });
        assert_eq!(unseen(said.recv().unwrap()), Unseen::Thread);
        drop(end);
        thread.join().unwrap();
        for nobody in [0, u32::MAX, i32::MAX as u32] {
            assert_eq!(unseen(nobody), Unseen::Nobody);
            assert!(!is_forbidden(nobody));
        }
        assert!(!is_hidden(std::process::id()));
    }
}

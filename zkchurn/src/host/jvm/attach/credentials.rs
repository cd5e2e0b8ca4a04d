// SPDX-License-Identifier: MIT
//! Work with another user's effective credentials.
//!
//! A JVM before JDK 10 answers on its attach socket only to its own effective
//! user and group, and takes a trigger file only from that user. Besides, what a
//! process finds or creates as the target's user can harm nobody but that user.

use std::{io, thread};

use rustix::{
    process::{Gid, Uid, getegid, geteuid},
    thread::{CapabilitySet, set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::host::{privilege::held, threads};

/// Runs `work` with the effective user `uid` and group `gid`.
///
/// In Linux credentials belong to a thread; these system calls are made without
/// the C library, which would change all threads of the process. So a thread of
/// its own changes only itself and then ends: nothing has to be changed back,
/// also not after a panic.
///
/// The real and the saved user stay what they are: signals and ptrace are judged
/// by those (`kill_ok_by_cred`, `__ptrace_may_access`), so the other user gets no
/// hold on us while the thread runs. The thread gives up all capabilities; it needs
/// no CAP_KILL, because it signals its own user's process. The kernel marks the
/// process as not dumpable from now on (`commit_creds`), which protects it more.
pub(super) fn with<T: Send>(uid: u32, gid: u32, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let worker = threads::named("attach").spawn_scoped(scope, || {
            become_user(Uid::from_raw(uid), Gid::from_raw(gid))?;
            Ok(work())
        })?;
        worker
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread for it failed")))
    })
}

/// Groups first: once the user is changed, it may no longer change groups.
fn become_user(uid: Uid, gid: Gid) -> io::Result<()> {
    if (uid, gid) == (geteuid(), getegid()) {
        return Ok(());
    }
    held::raise(CapabilitySet::SETUID | CapabilitySet::SETGID)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(None, gid, None)?;
    set_thread_res_uid(None, uid, None)?;
    // What the target puts in our way is met with its rights and no more.
    held::give_up_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_as_oneself_needs_no_rights_and_changes_nothing() {
        let (uid, gid) = (geteuid(), getegid());
        let seen = with(uid.as_raw(), gid.as_raw(), || (geteuid(), getegid()));
        assert_eq!(seen.expect("no change is needed"), (uid, gid));
    }

    #[test]
    fn a_panic_is_an_error_and_not_ours() {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let failed = with(uid, gid, || panic!("on purpose"));
        let failed: io::Result<()> = failed;
        assert!(failed.is_err());
    }
}

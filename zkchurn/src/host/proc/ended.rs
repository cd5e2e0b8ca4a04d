// SPDX-License-Identifier: MIT
//! Whether a process has ended: asked of the kernel, so that `/proc` may hide it, and nobody hangs.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{PidfdFlags, pidfd_open},
};

use super::hidden::{self, Unseen};

/// Whether the process with this pid has ended, though its parent may not have waited for it.
pub fn has_ended(id: u32) -> bool {
    let Some(pid) = hidden::pid(id) else {
        return true;
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => {
            let mut ends = [PollFd::new(&process, PollFlags::IN)];
            poll(&mut ends, Some(&Timespec::default())).is_ok_and(|count| count > 0)
        }
        Err(_) => hidden::unseen(id) == Unseen::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn who_has_ended_is_told_from_who_runs() {
        assert!(!has_ended(std::process::id()));
        assert!(has_ended(i32::MAX as u32) && has_ended(0) && has_ended(u32::MAX));
        let mut child = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        assert!(!has_ended(child.id()));
        drop(child.stdin.take());
        // Nobody has waited for it until here.
        while !has_ended(child.id()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}

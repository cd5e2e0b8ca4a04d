// SPDX-License-Identifier: MIT
//! File descriptors that were open when the agent was started. They are closed, so that neither
//! an incident's command nor a helper gets one: a lock, a pipe that somebody waits at, a secret.

use std::fs;

/// O_CLOEXEC on all architectures that zkchurn runs on (asm-generic/fcntl.h).
const CLOSED_BY_EXEC: u32 = 0o2_000_000;

/// Closes all but the standard ones. What this process has opened itself is closed by exec(2), and
/// stays.
pub(super) fn close() {
    for number in kept_open() {
        // One that cannot be closed is none.
        let _ = nix::unistd::close(number);
    }
}

/// Descriptors above the standard ones that a program which is started gets.
fn kept_open() -> Vec<i32> {
    let numbers = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|number| *number > 2 && passes_exec(*number) == Some(true))
        .collect()
}

/// Whether it stays open over exec(2); `None` where that is not known.
fn passes_exec(number: i32) -> Option<bool> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
    Some(flags & CLOSED_BY_EXEC == 0)
}

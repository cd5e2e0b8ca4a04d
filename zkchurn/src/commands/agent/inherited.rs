// SPDX-License-Identifier: MIT
//! What an incident's command gets beside its standard input: file descriptors that were open
//! when the agent was started. To close those of a stranger would be `unsafe`, so they are named.

use std::fs;

use zkchurn_core::text::{first_of, printable};

use super::AgentSettings;

/// O_CLOEXEC on all architectures that zkchurn runs on (asm-generic/fcntl.h).
const CLOSED_BY_EXEC: u32 = 0o2_000_000;

/// A sentence without its full stop, where there is a command and it gets some.
pub(super) fn by_command(settings: &AgentSettings) -> Option<String> {
    let program = settings.command.iter().flatten().next()?;
    let kept = kept_open();
    (!kept.is_empty()).then(|| {
        format!(
            "{} gets what was open when the agent was started, too: file descriptor {}; close \
             that before, or start the agent by its systemd unit",
            printable(program.as_bytes()),
            first_of(&kept)
        )
    })
}

/// Descriptors above the standard ones that a program which is started gets, with what they
/// are of.
fn kept_open() -> Vec<String> {
    let numbers = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut numbers: Vec<_> = numbers
        .filter(|number| *number > 2 && passes_exec(*number) == Some(true))
        .collect();
    numbers.sort_unstable();
    let named = numbers.iter().map(|number| {
        let of = fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
        format!(
            "{number} ({})",
            printable(of.as_os_str().as_encoded_bytes())
        )
    });
    named.collect()
}

/// Whether it stays open over exec(2); `None` where that is not known.
fn passes_exec(number: u32) -> Option<bool> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
    Some(flags & CLOSED_BY_EXEC == 0)
}

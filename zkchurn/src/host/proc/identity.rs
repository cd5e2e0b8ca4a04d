// SPDX-License-Identifier: MIT
//! Reading a process's identity from `/proc`: read only, bounded, and checked
//! to be the process that was seen, not one that has its pid now.

use super::{
    files::{directory, read_bounded},
    placement,
};
use zkchurn_core::process::{ProcessIdentity, ProcessKey, TICK_NS};

/// Bytes of `/proc/PID/cmdline` that are looked at.
const CMDLINE_LIMIT: u64 = 64 * 1024;

/// Reads the identity of `key`; `None` when that process is gone or unreadable.
pub fn read(key: ProcessKey) -> Option<ProcessIdentity> {
    let directory = directory(key.pid);
    let stat = read_bounded(&directory.join("stat"), 4096).ok()?;
    let (now, name) = parse_stat(key.pid, &stat)?;
    if !now.may_be(key) {
        return None;
    }
    let command = read_bounded(&directory.join("cmdline"), CMDLINE_LIMIT).unwrap_or_default();
    let executable = std::fs::read_link(directory.join("exe")).ok();
    Some(ProcessIdentity::new(
        key,
        name,
        executable.map(|path| path.to_string_lossy().into_owned()),
        arguments(&command),
    ))
}

/// The same, and where it runs.
pub fn read_with_placement(key: ProcessKey) -> Option<ProcessIdentity> {
    let mut identity = read(key)?;
    identity.placement = placement::read(&directory(key.pid)).map(Box::new);
    Some(identity)
}

/// Whether the process `key` is there, and not another one that has its pid.
pub fn is_there(key: ProcessKey) -> bool {
    let stat = read_bounded(&directory(key.pid).join("stat"), 4096);
    let now = stat.ok().and_then(|stat| parse_stat(key.pid, &stat));
    now.is_some_and(|(now, _)| now.may_be(key))
}

/// Key and name of process `pid`, from `/proc/PID/stat`
/// (Documentation/filesystems/proc.rst). The name may hold any byte, also
/// spaces and parentheses, so the last parenthesis ends it; the start is field
/// 22, in ticks.
pub(crate) fn parse_stat(pid: u32, stat: &[u8]) -> Option<(ProcessKey, String)> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(open + 1..close)?;
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    // The first field after the name is number 3.
    let ticks: u64 = rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    let key = ProcessKey::new(pid, ticks.saturating_mul(TICK_NS));
    Some((key, String::from_utf8_lossy(name).into_owned()))
}

/// Whether a process has ended and waits for its parent, by its `stat`. One whose first thread
/// has ended looks the same, but has more threads (fields 3 and 20).
pub(crate) fn has_ended(stat: &[u8]) -> bool {
    let Some(close) = stat.iter().rposition(|byte| *byte == b')') else {
        return false;
    };
    let rest = std::str::from_utf8(&stat[close + 1..]).unwrap_or_default();
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next();
    let threads = fields.nth(20 - 4);
    matches!(state, Some("Z" | "X")) && matches!(threads, Some("0" | "1"))
}

/// The arguments in the bytes of `/proc/PID/cmdline`.
pub(crate) fn arguments(cmdline: &[u8]) -> Vec<String> {
    let cmdline = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    if cmdline.is_empty() {
        return Vec::new();
    }
    cmdline
        .split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_may_hold_parentheses_and_spaces() {
        let stat = b"42 (a) (b c) S 1 42 42 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 1234 0 0";
        let key = ProcessKey {
            pid: 42,
            start_ns: 12_340_000_000,
        };
        assert_eq!(parse_stat(42, stat), Some((key, "a) (b c".to_owned())));
        for length in 0..stat.len() - 8 {
            assert_eq!(parse_stat(42, &stat[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_may_live() {
        let stat = |state, threads| {
            let line = format!(
                "42 (Z) x) {state} 1 42 42 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 {threads} 0 1234 0 0"
            );
            has_ended(line.as_bytes())
        };
        assert!(stat('Z', 1) && stat('X', 0));
        assert!(!stat('Z', 2) && !stat('S', 1));
        assert!(!has_ended(b"") && !has_ended(b")") && !has_ended(b"1 (x) Z"));
    }

    #[test]
    fn the_kernels_ticks_are_those_of_a_process_key() {
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(1_000_000_000 / ticks, TICK_NS);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            parse_stat(1, &bytes);
            has_ended(&bytes);
        }
    }

    #[test]
    fn a_process_with_another_start_is_not_the_one_that_was_seen() {
        let pid = std::process::id();
        let unchecked = ProcessKey { pid, start_ns: 0 };
        let identity = read(unchecked).expect("this process lives");
        assert!(!identity.command.is_empty());
        let reused = ProcessKey { pid, start_ns: 1 };
        assert_eq!(read(reused), None);
    }
}

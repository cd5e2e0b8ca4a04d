// SPDX-License-Identifier: MIT
//! When a process started, which together with its pid says which one it is.
//!
//! The kernel program records the start in nanoseconds since boot
//! (`start_boottime` of `struct task_struct`); `/proc/PID/stat` tells the same
//! moment rounded down to a clock tick, 10 ms on every common kernel
//! (`nsec_to_clock_t`, kernel/time/time.c). So a key made from `/proc` differs
//! from the kernel's by less than a tick: compare them with [`same_process`],
//! not with `==`. Two processes that have one pid in turn do not start within one
//! tick: the kernel hands out all other free pids in between.

use crate::identify::ProcessKey;

const NANOSECONDS: u64 = 1_000_000_000;

/// Length of a clock tick of `/proc` (`USER_HZ`).
fn tick_ns() -> u64 {
    NANOSECONDS / rustix::param::clock_ticks_per_second().clamp(1, NANOSECONDS)
}

/// Whether two keys mean one process: the pid, and the start to the tick. A
/// start of 0 is unknown, and then the pid decides.
pub fn same_process(a: ProcessKey, b: ProcessKey) -> bool {
    let unknown = a.start_ns == 0 || b.start_ns == 0;
    a.pid == b.pid && (unknown || a.start_ns / tick_ns() == b.start_ns / tick_ns())
}

/// Key and name of process `pid`, from `/proc/PID/stat`
/// (Documentation/filesystems/proc.rst). The name may hold any byte, so the
/// last parenthesis ends it; the start is field 22.
pub fn parse_stat(pid: u32, stat: &[u8]) -> Option<(ProcessKey, String)> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(open + 1..close)?;
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    // The first field after the name is number 3.
    let ticks: u64 = rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    let key = ProcessKey {
        pid,
        start_ns: ticks.saturating_mul(tick_ns()),
    };
    Some((key, String::from_utf8_lossy(name).into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(pid: u32, start_ns: u64) -> ProcessKey {
        ProcessKey { pid, start_ns }
    }

    #[test]
    fn starts_are_compared_to_the_tick() {
        let tick = tick_ns();
        let from_kernel = key(7, 5 * tick + tick - 1);
        assert!(same_process(from_kernel, key(7, 5 * tick)));
        assert!(!same_process(from_kernel, key(7, 6 * tick)));
        assert!(!same_process(from_kernel, key(7, 4 * tick)));
        assert!(!same_process(from_kernel, key(8, 5 * tick)));
        assert!(same_process(from_kernel, key(7, 0)));
    }

    #[test]
    fn a_stat_line_gives_the_start_in_nanoseconds() {
        let stat = b"42 (a) (b c) S 1 42 42 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 1234 0 0";
        let expected = (key(42, 1234 * tick_ns()), "a) (b c".to_owned());
        assert_eq!(parse_stat(42, stat), Some(expected));
        for length in 0..stat.len() - 8 {
            assert_eq!(parse_stat(42, &stat[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            parse_stat(1, &bytes);
        }
    }
}

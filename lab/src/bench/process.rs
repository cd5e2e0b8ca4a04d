// SPDX-License-Identifier: MIT
//! What a running process has used, from `/proc` (proc_pid_schedstat,
//! proc_pid_status and the fdinfo of BPF programs, kernel/bpf/syscall.c).

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;
use zkchurn_lab::harness::proc::{self, Fields};

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Time on a CPU of all its threads, in ns.
    pub cpu_ns: u64,
    /// How often its threads gave up the CPU to wait: as often they were woken.
    pub wake_ups: u64,
    /// The most memory it ever had resident, in KiB.
    pub peak_kib: u64,
    /// Memory resident now, in KiB.
    pub resident_kib: u64,
    /// The same of the BPF programs that it holds.
    pub programs: Programs,
}

/// What BPF programs have used since statistics were switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Programs {
    /// How many there are.
    pub count: u64,
    /// Time in the programs, nested work included, in ns.
    pub run_ns: u64,
    /// How often they ran.
    pub runs: u64,
    /// How often the kernel skipped them because one ran already on that CPU.
    pub recursion_misses: u64,
}

impl Usage {
    /// Of a process.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let mut usage = Self {
            programs: Programs::of(pid)?,
            ..Self::default()
        };
        for tid in proc::threads(pid)? {
            // A thread may end at any moment.
            let (Ok(schedstat), Ok(status)) = (
                fs::read_to_string(format!("/proc/{pid}/task/{tid}/schedstat")),
                proc::thread_status(pid, tid),
            ) else {
                continue;
            };
            let number = |name| status.number(name).unwrap_or(0);
            usage.cpu_ns += time_on_cpu(&schedstat);
            usage.wake_ups += number("voluntary_ctxt_switches");
            usage.peak_kib = number("VmHWM");
            usage.resident_kib = number("VmRSS");
        }
        Ok(usage)
    }

    /// What was used between two looks.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(before.cpu_ns),
            wake_ups: self.wake_ups.saturating_sub(before.wake_ups),
            programs: self.programs.since(&before.programs),
            ..*self
        }
    }
}

impl Programs {
    /// Of all programs that a process holds a descriptor of. Each has many
    /// descriptors perhaps, and counts once.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let mut by_id = BTreeMap::new();
        for descriptor in proc::descriptors(pid)? {
            if let Some((id, programs)) = Self::read(&descriptor) {
                by_id.insert(id, programs);
            }
        }
        Ok(by_id.into_values().fold(Self::default(), |sum, one| Self {
            count: sum.count + one.count,
            run_ns: sum.run_ns + one.run_ns,
            runs: sum.runs + one.runs,
            recursion_misses: sum.recursion_misses + one.recursion_misses,
        }))
    }

    /// Whether there is any.
    pub(super) fn is_loaded(&self) -> bool {
        self.count > 0
    }

    /// A link names its program too, but not what that has used.
    fn read(descriptor: &Fields) -> Option<(u64, Self)> {
        let programs = Self {
            count: 1,
            runs: descriptor.number("run_cnt")?,
            run_ns: descriptor.number("run_time_ns").unwrap_or(0),
            recursion_misses: descriptor.number("recursion_misses").unwrap_or(0),
        };
        Some((descriptor.number("prog_id")?, programs))
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            count: self.count,
            run_ns: self.run_ns.saturating_sub(before.run_ns),
            runs: self.runs.saturating_sub(before.runs),
            recursion_misses: self
                .recursion_misses
                .saturating_sub(before.recursion_misses),
        }
    }
}

/// Whether a process holds a link: its programs are attached.
pub(super) fn has_link(pid: u32) -> Result<bool> {
    let descriptors = proc::descriptors(pid)?;
    Ok(descriptors
        .iter()
        .any(|one| one.text("link_type").is_some()))
}

/// The first number of `schedstat`.
fn time_on_cpu(schedstat: &str) -> u64 {
    let word = schedstat.split_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_what_it_has_used_and_a_link_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let read = |text: &str| {
            let file = directory.path().join("fdinfo");
            fs::write(&file, text).expect("written");
            Programs::read(&Fields::read(&file).expect("read"))
        };
        let program =
            "prog_type:\t26\nprog_id:\t7\nrun_time_ns:\t900\nrun_cnt:\t3\nrecursion_misses:\t1\n";
        let used = Programs {
            count: 1,
            run_ns: 900,
            runs: 3,
            recursion_misses: 1,
        };
        assert_eq!(read(program), Some((7, used)));
        assert_eq!(read("link_type:\traw_tracepoint\nprog_id:\t7\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let usage = Usage::of(std::process::id()).expect("our own /proc");
        assert!(usage.cpu_ns > 0 && usage.peak_kib > 0, "{usage:?}");
    }
}

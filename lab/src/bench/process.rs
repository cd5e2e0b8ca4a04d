// SPDX-License-Identifier: MIT
//! What a running process has used, from `/proc` (proc_pid_schedstat,
//! proc_pid_status and the fdinfo of BPF programs, kernel/bpf/syscall.c).

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
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
pub struct Programs {
    /// Time in the programs, nested work included, in ns.
    pub run_ns: u64,
    /// How often they ran.
    pub runs: u64,
    /// How often the kernel skipped them because one ran already on that CPU.
    pub recursion_misses: u64,
}

impl Usage {
    /// Of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let mut usage = Self {
            programs: Programs::of(pid)?,
            ..Self::default()
        };
        for task in entries(pid, "task")? {
            // A thread may end at any moment.
            let (Ok(schedstat), Ok(status)) = (
                fs::read_to_string(task.join("schedstat")),
                fs::read_to_string(task.join("status")),
            ) else {
                continue;
            };
            usage.cpu_ns += first_number(&schedstat);
            usage.wake_ups += field(&status, "voluntary_ctxt_switches:");
            usage.peak_kib = field(&status, "VmHWM:");
            usage.resident_kib = field(&status, "VmRSS:");
        }
        Ok(usage)
    }

    /// What was used between two looks.
    pub fn since(&self, before: &Self) -> Self {
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
    pub fn of(pid: u32) -> Result<Self> {
        let mut by_id = BTreeMap::new();
        for descriptor in entries(pid, "fdinfo")? {
            let Ok(text) = fs::read_to_string(descriptor) else {
                continue;
            };
            if let Some((id, programs)) = Self::parse(&text) {
                by_id.insert(id, programs);
            }
        }
        Ok(by_id.into_values().fold(Self::default(), |sum, one| Self {
            run_ns: sum.run_ns + one.run_ns,
            runs: sum.runs + one.runs,
            recursion_misses: sum.recursion_misses + one.recursion_misses,
        }))
    }

    fn parse(fdinfo: &str) -> Option<(u64, Self)> {
        // A link names its program too, but not what that has used.
        fdinfo.contains("run_cnt:").then(|| {
            let programs = Self {
                run_ns: field(fdinfo, "run_time_ns:"),
                runs: field(fdinfo, "run_cnt:"),
                recursion_misses: field(fdinfo, "recursion_misses:"),
            };
            (field(fdinfo, "prog_id:"), programs)
        })
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            run_ns: self.run_ns.saturating_sub(before.run_ns),
            runs: self.runs.saturating_sub(before.runs),
            recursion_misses: self
                .recursion_misses
                .saturating_sub(before.recursion_misses),
        }
    }
}

/// Whether a process holds a link: its programs are attached.
pub fn has_link(pid: u32) -> Result<bool> {
    let texts = entries(pid, "fdinfo")?.into_iter().map(fs::read_to_string);
    Ok(texts.flatten().any(|text| text.contains("link_type:")))
}

fn entries(pid: u32, what: &str) -> Result<Vec<PathBuf>> {
    let directory = format!("/proc/{pid}/{what}");
    let read = fs::read_dir(&directory).with_context(|| format!("cannot read {directory}"))?;
    Ok(read.flatten().map(|entry| entry.path()).collect())
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, first_number)
}

fn first_number(text: &str) -> u64 {
    let word = text.split_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_what_it_has_used_and_a_link_is_none() {
        let program =
            "prog_type:\t26\nprog_id:\t7\nrun_time_ns:\t900\nrun_cnt:\t3\nrecursion_misses:\t1\n";
        let used = Programs {
            run_ns: 900,
            runs: 3,
            recursion_misses: 1,
        };
        assert_eq!(Programs::parse(program), Some((7, used)));
        assert_eq!(
            Programs::parse("link_type:\traw_tracepoint\nprog_id:\t7\n"),
            None
        );
    }

    #[test]
    fn this_process_has_used_something() {
        let usage = Usage::of(std::process::id()).expect("our own /proc");
        assert!(usage.cpu_ns > 0 && usage.peak_kib > 0, "{usage:?}");
    }
}

// SPDX-License-Identifier: MIT
//! What the agent and its helpers had taken at a moment, and between two.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::facts::Facts;

/// At a moment.
pub(super) struct Usage {
    uptime_s: f64,
    cpu_us: u64,
    /// Of the unit's control group, with what of its files is in memory.
    pub(super) group_peak: u64,
    /// Of the one that traces.
    pub(super) main: Process,
    /// By pid, the one that traces among them.
    pub(super) processes: BTreeMap<u32, Process>,
    /// Bytes of segments, in whole blocks.
    pub(super) segments: u64,
    /// The same of incidents.
    pub(super) incidents: u64,
}

/// A process; memory in KiB.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) name: String,
    /// `VmHWM`: the most that it ever had resident.
    pub(super) peak_kib: u64,
    /// `VmRSS`.
    pub(super) resident_kib: u64,
    /// `Pss`: what it shares with others divided by their number.
    pub(super) share_kib: u64,
    /// Voluntary switches of all its threads: each is a wait, so a wake-up.
    wakeups: u64,
}

/// Between two moments.
pub(super) struct Span {
    /// Of the processes that were there all the time.
    pub(super) wakeups_per_second: f64,
    /// Processor time of all processes, those of reports included, by the guest's clock.
    pub(super) cpu_percent: f64,
}

impl Usage {
    /// From what `usage` of the script told.
    pub(super) fn of(facts: &Facts, name: &str) -> Result<Self> {
        Self::read(facts.get(name)).with_context(|| format!("\"{name}\" is incomplete"))
    }

    fn read(said: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut lines = said.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let number = |key: &str| value(key)?.trim().parse::<u64>().ok();
        let processes = said
            .lines()
            .filter_map(|line| line.strip_prefix("process "));
        let processes: BTreeMap<_, _> = processes.filter_map(Process::read).collect();
        Some(Self {
            uptime_s: value("uptime_s")?.parse().ok()?,
            cpu_us: number("usage_usec")?,
            // Older kernels do not say.
            group_peak: number("memory.peak").unwrap_or(0),
            main: processes
                .get(&u32::try_from(number("main_pid")?).ok()?)?
                .clone(),
            processes,
            segments: number("segments")?,
            incidents: number("incidents")?,
        })
    }

    /// What was taken since then.
    pub(super) fn since(&self, before: &Self) -> Span {
        let seconds = self.uptime_s - before.uptime_s;
        let both = self.processes.iter().filter_map(|(pid, now)| {
            let then = before.processes.get(pid)?;
            now.wakeups.checked_sub(then.wakeups)
        });
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let (wakeups, cpu_us) = (
            both.sum::<u64>() as f64,
            self.cpu_us.saturating_sub(before.cpu_us) as f64,
        );
        Span {
            wakeups_per_second: wakeups / seconds,
            cpu_percent: cpu_us / 1e4 / seconds,
        }
    }

    /// All processes, in KiB.
    pub(super) fn shares_kib(&self) -> u64 {
        self.processes.values().map(|one| one.share_kib).sum()
    }
}

impl Process {
    /// `PID NAME HWM RSS PSS SWITCHES`; what has just ended tells less.
    fn read(line: &str) -> Option<(u32, Self)> {
        let [pid, name, peak, resident, share, wakeups] = line
            .split_whitespace()
            .collect::<Vec<_>>()
            .try_into()
            .ok()?;
        let process = Self {
            name: name.to_owned(),
            peak_kib: peak.parse().ok()?,
            resident_kib: resident.parse().ok()?,
            share_kib: share.parse().ok()?,
            wakeups: wakeups.parse().ok()?,
        };
        Some((pid.parse().ok()?, process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "uptime_s 100.00\nusage_usec 5000\nmemory.current 1\nmemory.peak 4096\n\
        main_pid 7\nprocess 7 zkchurn 9000 8000 7000 100\nprocess 8 zkchurn-look 10\n\
        process 9 zkchurn-keep 3000 2000 1000 50\nsegments 8192\nincidents 0\n";

    #[test]
    fn wakeups_and_processor_time_are_those_in_between() {
        let before = Usage::read(BEFORE).expect("complete");
        assert_eq!(before.shares_kib(), 8000);
        assert_eq!(
            (before.main.peak_kib, before.main.resident_kib),
            (9000, 8000)
        );
        let later = BEFORE
            .replace("uptime_s 100.00", "uptime_s 200.00")
            .replace("usage_usec 5000", "usage_usec 55000")
            .replace(" 7000 100\n", " 7000 180\n")
            .replace(" 1000 50\n", " 1000 70\n");
        let span = Usage::read(&later).expect("complete").since(&before);
        assert!((span.wakeups_per_second - 1.0).abs() < 1e-9);
        assert!((span.cpu_percent - 0.05).abs() < 1e-9);
    }

    #[test]
    fn what_lacks_the_agent_is_incomplete() {
        assert!(Usage::read(&BEFORE.replace("main_pid 7", "main_pid 0")).is_none());
    }
}

// SPDX-License-Identifier: MIT
//! One look at zkchurn: its memory, descriptors and threads, and its counts
//! beside those of the load.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xtask::{command, privilege};
use zkchurn_lab::harness::proc;

use super::said::Said;
use crate::demo::Helper;

/// After this time at some hundred connections a second the tables of bounded
/// size are full: 65,536 owners of TIME_WAIT sockets, 8,192 threads.
const FULL_AFTER: Duration = Duration::from_secs(5 * 60);
/// KiB of memory at any time: twice what full tables were seen to take.
const MEMORY_AT_MOST: u64 = 64 * 1024;
/// KiB that the memory may waver with full tables, by what the allocator holds.
const MEMORY_WAVERS: u64 = 2 * 1024;

/// Descriptors that a look at a process, which may go on at a sample, holds open.
const A_LOOK_HOLDS: u64 = 8;
/// Threads that such a look may take: one to ask a JVM.
const A_LOOK_TAKES: u64 = 1;

/// zkchurn itself, which sudo may have started.
pub(super) struct Process {
    pid: u32,
}

impl Process {
    /// Finds it below `started`.
    pub(super) fn find(started: u32) -> Result<Self> {
        let mut pid = started;
        while proc::comm(pid, pid)? != "zkchurn" {
            let child = proc::children(pid)?.first().copied();
            pid = child.context("zkchurn is not to be found")?;
        }
        Ok(Self { pid })
    }

    /// A number of `/proc/PID/status`.
    fn status(&self, field: &str) -> Result<u64> {
        let status = proc::status(self.pid).context("zkchurn has ended before its time")?;
        let number = status.number(field);
        number.with_context(|| format!("no {field} in /proc/{}/status", self.pid))
    }

    /// Open descriptors, which only root may list.
    fn descriptors(&self) -> Result<u64> {
        let path = format!("/proc/{}/fd", self.pid);
        let list = command::output(privilege::as_root("ls").arg(path))?;
        Ok(list.lines().count() as u64)
    }
}

/// One look.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Since the load began.
    pub at: Duration,
    /// Connections that the load had made before the look.
    pub made_before: u64,
    /// Connections that zkchurn had printed.
    pub recorded: u64,
    /// Connections that the load had made after it.
    pub made_after: u64,
    /// Connections that zkchurn says it lost.
    pub lost: u64,
    /// Runs of the program that the kernel skipped.
    pub skipped: u64,
    /// Resident memory in KiB.
    pub memory_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
    pub threads: u64,
}

impl Sample {
    /// Looks.
    pub(super) fn take(
        at: Duration,
        process: &Process,
        load: &mut Helper,
        said: &Said,
    ) -> Result<Self> {
        let made_before = load.ask()?;
        let recorded = said.connections();
        let made_after = load.ask()?;
        Ok(Self {
            at,
            made_before,
            recorded,
            made_after,
            lost: said.lost(),
            skipped: said.skipped(),
            memory_kib: process.status("VmRSS")?,
            descriptors: process.descriptors()?,
            threads: process.status("Threads")?,
        })
    }

    /// Nothing is lost but what the kernel skipped. What is on its way is less than two seconds of it.
    pub(super) fn check(&self, rate: f64) -> Result<()> {
        let (lost, skipped) = (self.lost, self.skipped);
        ensure!(
            lost <= skipped,
            "{lost} records were lost, and the kernel skipped {skipped} runs of the program"
        );
        let on_its_way = (2.0 * rate).ceil() as u64;
        // The load counts a connection just after it is made.
        ensure!(
            self.recorded <= self.made_after + on_its_way,
            "more was recorded than made"
        );
        ensure!(
            self.recorded + on_its_way >= self.made_before,
            "{} connections are not recorded",
            self.made_before - self.recorded
        );
        Ok(())
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:6.1} min: {} made, {} recorded, {} lost, {} skipped, {} KiB, {} descriptors, {} \
             threads",
            self.at.as_secs_f64() / 60.0,
            self.made_before,
            self.recorded,
            self.lost,
            self.skipped,
            self.memory_kib,
            self.descriptors,
            self.threads
        )
    }
}

/// Nothing has grown from one half of the run to the other; memory once the
/// tables are full, and never beyond its limit.
pub(super) fn check_growth(samples: &[Sample]) -> Result<()> {
    let full: Vec<_> = samples
        .iter()
        .filter(|sample| sample.at >= FULL_AFTER)
        .cloned()
        .collect();
    grows_at_most(MEMORY_WAVERS, &full, "KiB of memory", |one| one.memory_kib)?;
    grows_at_most(A_LOOK_HOLDS, samples, "descriptors", |one| one.descriptors)?;
    grows_at_most(A_LOOK_TAKES, samples, "threads", |one| one.threads)?;
    let most = samples.iter().map(|one| one.memory_kib).max().unwrap_or(0);
    ensure!(most <= MEMORY_AT_MOST, "{most} KiB of memory");
    Ok(())
}

fn grows_at_most(
    tolerance: u64,
    samples: &[Sample],
    what: &str,
    figure: impl Fn(&Sample) -> u64,
) -> Result<()> {
    let (first, second) = samples.split_at(samples.len() / 2);
    let before = first.iter().map(&figure).max();
    let after = second.iter().map(&figure).max();
    if let (Some(before), Some(after)) = (before, after) {
        ensure!(
            after <= before + tolerance,
            "{after} {what} in the second half, {before} in the first"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sample {
        Sample {
            at: FULL_AFTER,
            made_before: 1000,
            recorded: 990,
            made_after: 1010,
            lost: 0,
            skipped: 0,
            memory_kib: 9000,
            descriptors: 20,
            threads: 2,
        }
    }

    #[test]
    fn what_is_on_its_way_is_not_lost_but_more_is() {
        sample().check(100.0).expect("on its way");
        for wrong in [
            Sample {
                lost: 1,
                ..sample()
            },
            Sample {
                recorded: 799,
                ..sample()
            },
            Sample {
                recorded: 1211,
                ..sample()
            },
        ] {
            assert!(wrong.check(100.0).is_err(), "{wrong}");
        }
    }

    #[test]
    fn growth_is_found_in_each_figure() {
        let steady = vec![sample(); 6];
        check_growth(&steady).expect("nothing grows");
        for grown in [
            Sample {
                memory_kib: 9001 + MEMORY_WAVERS,
                ..sample()
            },
            Sample {
                descriptors: 21 + A_LOOK_HOLDS,
                ..sample()
            },
            Sample {
                threads: 3 + A_LOOK_TAKES,
                ..sample()
            },
        ] {
            let mut samples = steady.clone();
            samples[5] = grown;
            assert!(check_growth(&samples).is_err());
        }
    }

    #[test]
    fn tables_may_fill_but_not_without_limit() {
        let early = |memory_kib| Sample {
            at: Duration::from_secs(60),
            memory_kib,
            ..sample()
        };
        check_growth(&[early(9000), early(34_000)]).expect("tables fill");
        assert!(check_growth(&[early(9000), early(MEMORY_AT_MOST + 1)]).is_err());
    }
}

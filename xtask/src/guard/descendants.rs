// SPDX-License-Identifier: MIT
//! The processes that a process has started, and those that these have.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use xtask::wait::until;
use xtask::{command, privilege};

/// Those that end when they are asked to have so much time.
const ASKED: Duration = Duration::from_secs(5);
/// Those that are killed; one that the kernel holds does not end earlier than that.
const KILLED: Duration = Duration::from_secs(20);

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// Its name in the kernel.
    pub(crate) comm: String,
}

/// Ends all that this process has started, directly or not, and returns what there was.
///
/// # Errors
///
/// Some do not end.
pub(crate) fn end_all() -> Result<Vec<Process>> {
    let found = alive()?;
    if found.is_empty() {
        return Ok(found);
    }
    signal(&found, Signal::TERM);
    if until_none(ASKED).is_err() {
        until("processes that were killed to end", KILLED, || {
            // They may have started others.
            let left = alive()?;
            signal(&left, Signal::KILL);
            Ok(left.is_empty().then_some(()))
        })
        .with_context(|| named(&alive().unwrap_or_default()))?;
    }
    Ok(found)
}

fn until_none(at_most: Duration) -> Result<()> {
    until("processes to end", at_most, || {
        Ok(alive()?.is_empty().then_some(()))
    })
}

/// For people.
pub(crate) fn named(processes: &[Process]) -> String {
    let names = processes.iter().map(|process| {
        let Process { pid, comm } = process;
        format!("{comm} ({pid})")
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What this process has started, directly or not, but for those that have ended, be they
/// waited for or not.
pub(crate) fn alive() -> Result<Vec<Process>> {
    let own = i32::try_from(std::process::id()).context("this process's id")?;
    Ok(below(own, &all()?))
}

/// A line of `stat` of proc_pid_stat(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    process: Process,
    parent: i32,
    has_ended: bool,
}

fn all() -> Result<BTreeMap<i32, Stat>> {
    let entries = fs::read_dir("/proc").context("cannot read /proc")?;
    let stats = entries.flatten().filter_map(|entry| {
        let text = fs::read(entry.path().join("stat")).ok()?;
        parse(&String::from_utf8_lossy(&text))
    });
    Ok(stats.map(|stat| (stat.process.pid, stat)).collect())
}

/// A name may hold blanks and brackets.
fn parse(stat: &str) -> Option<Stat> {
    let (pid, rest) = stat.split_once(" (")?;
    let (comm, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    Some(Stat {
        process: Process {
            pid: pid.parse().ok()?,
            comm: comm.to_owned(),
        },
        parent: fields.next()?.parse().ok()?,
        has_ended: matches!(state, "Z" | "X"),
    })
}

fn below(ancestor: i32, all: &BTreeMap<i32, Stat>) -> Vec<Process> {
    let is_below = |stat: &&Stat| {
        let mut parent = stat.parent;
        // No chain of parents is longer than there are processes.
        for _ in 0..all.len() {
            if parent == ancestor {
                return true;
            }
            let Some(next) = all.get(&parent) else {
                return false;
            };
            parent = next.parent;
        }
        false
    };
    let found = all.values().filter(|stat| !stat.has_ended).filter(is_below);
    found.map(|stat| stat.process.clone()).collect()
}

/// As root where it has to be; what has ended meanwhile needs no signal.
fn signal(processes: &[Process], signal: Signal) {
    for process in processes {
        let Some(pid) = Pid::from_raw(process.pid) else {
            continue;
        };
        // A stopped one takes no other signal.
        let result = kill_process(pid, signal).and_then(|()| kill_process(pid, Signal::CONT));
        if result == Err(Errno::PERM) && command::on_path("sudo").is_some() {
            let number = format!("-{}", signal.as_raw());
            let mut kill = Command::new("sudo");
            kill.args(["--non-interactive", "--", "kill", &number]);
            // What fails here is seen by who looks whether it has ended.
            let _ = command::output(kill.arg(process.pid.to_string()));
        }
    }
}

/// Whether this process is root, or becomes it without being asked for a password.
pub(super) fn may_be_root() -> bool {
    privilege::is_root()
        || command::output(Command::new("sudo").args(["--non-interactive", "true"])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(text: &str) -> Stat {
        parse(text).expect("it is as the kernel writes it")
    }

    fn tree(lines: &[&str]) -> BTreeMap<i32, Stat> {
        let stats = lines.iter().map(|line| stat(line));
        stats.map(|stat| (stat.process.pid, stat)).collect()
    }

    #[test]
    fn a_name_may_hold_anything() {
        let found = stat("42 (a) S 1 (b)) R 7 42 42 0 -1");
        assert_eq!(found.process.comm, "a) S 1 (b)");
        assert_eq!((found.parent, found.has_ended), (7, false));
        assert!(parse("").is_none());
        assert!(parse("42 (a").is_none());
    }

    #[test]
    fn only_what_is_below_and_alive_is_found() {
        let all = tree(&[
            "1 (init) S 0 1",
            "7 (guard) S 1 7",
            "8 (sh) S 7 7",
            "9 (sudo) S 8 7",
            "10 (gone) Z 8 7",
            "11 (another) S 1 11",
        ]);
        let pids = |ancestor| {
            let found = below(ancestor, &all).into_iter();
            found.map(|process| process.pid).collect::<Vec<_>>()
        };
        assert_eq!(pids(7), [8, 9]);
        assert!(pids(11).is_empty());
    }

    #[test]
    fn a_circle_that_was_read_while_pids_changed_ends() {
        let all = tree(&["8 (a) S 9 7", "9 (b) S 8 7"]);
        assert!(below(7, &all).is_empty());
    }
}

// SPDX-License-Identifier: MIT
//! Whether an agent runs on this host, and traces the same: asked before tracing, in a process
//! of its own, as the agent's directory may be on a file system that does not answer.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FlockOperation, flock},
    io::Errno,
    process::{Signal, set_parent_process_death_signal},
};
use zkchurn_core::frame::{Sides, TraceStart};

use super::process::NAME;
use crate::host::{
    privilege::{held, needs::Kept},
    segment_files::SegmentFiles,
};

/// What tells this program to find that out, in argument 1.
pub(super) const WORD: &str = "neighbour";
/// How long it may take.
const WITHIN: Timespec = Timespec {
    tv_sec: 3,
    tv_nsec: 0,
};
/// How often it is asked whether a process has ended.
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// What is known of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// There is none, as far as can be seen.
    None,
    /// It traces something else.
    Other,
    /// It traces at least the same.
    Same,
    /// Its directory does not answer.
    Silent,
}

const WORDS: [(u8, Neighbour); 3] = [
    (b'n', Neighbour::None),
    (b'o', Neighbour::Other),
    (b's', Neighbour::Same),
];

/// Asks whether an agent holds the lock of this directory, and traces these ports and sides.
pub(crate) fn ask(directory: &Path, ports: &[u16], sides: Sides) -> Neighbour {
    let asked = Command::new("/proc/self/exe")
        .arg0(NAME)
        .arg(WORD)
        .arg(directory)
        .arg(sides.word())
        .args(ports.iter().map(u16::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    // Without it the trace is what it is without an agent.
    let Ok(mut child) = asked else {
        return Neighbour::None;
    };
    let answer = child.stdout.take().map(answer);
    // One that waits in the kernel stays until that lets go of it.
    let _ = child.kill();
    ended_within(&mut child, Duration::from_millis(100));
    answer.unwrap_or(Neighbour::None)
}

fn answer(mut from: impl Read + std::os::fd::AsFd) -> Neighbour {
    let mut waits = [PollFd::new(&from, PollFlags::IN)];
    if !matches!(poll(&mut waits, Some(&WITHIN)), Ok(1..)) {
        return Neighbour::Silent;
    }
    let mut byte = [0];
    let known = match from.read(&mut byte) {
        Ok(1) => WORDS.iter().find(|(word, _)| *word == byte[0]),
        _ => None,
    };
    known.map_or(Neighbour::None, |(_, neighbour)| *neighbour)
}

/// Whether a process has ended by then; it is not waited for any longer.
pub(crate) fn ended_within(child: &mut Child, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(ASKED_EVERY);
    }
    true
}

/// Finds it out and says it, as the process of its own.
pub(super) fn tell(arguments: impl Iterator<Item = OsString>) {
    if confine().is_err() {
        return;
    }
    let found = found(arguments).unwrap_or(Neighbour::None);
    let word = WORDS.iter().find(|(_, neighbour)| *neighbour == found);
    let word = word.map_or(b'n', |(word, _)| *word);
    // Nobody else is told.
    let _ = std::io::stdout().write_all(&[word]);
    let _ = std::io::stdout().flush();
}

fn confine() -> std::io::Result<()> {
    held::keep_only(Kept::READS_FILES)?;
    // Last: a change of credentials would take it back.
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

fn found(mut arguments: impl Iterator<Item = OsString>) -> Option<Neighbour> {
    let directory = PathBuf::from(arguments.next()?);
    let side = arguments.next()?;
    let ports: Vec<u16> = arguments
        .filter_map(|port| port.to_str()?.parse().ok())
        .collect();
    if !is_in_use(&directory) {
        return Some(Neighbour::None);
    }
    Some(match has_the_same(&directory, &ports, side.to_str()?) {
        true => Neighbour::Same,
        false => Neighbour::Other,
    })
}

/// Whether an agent holds its lock.
fn is_in_use(directory: &Path) -> bool {
    let held = File::open(directory);
    held.is_ok_and(|held| {
        flock(&held, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    })
}

/// Whether what the agent traces at present is at least what is asked for.
fn has_the_same(directory: &Path, ports: &[u16], side: &str) -> bool {
    let files = SegmentFiles::of(directory).unwrap_or_default();
    let starts = files.starts.iter();
    let latest = starts.max_by_key(|start| start.clock.realtime_ns);
    latest.is_some_and(|start: &TraceStart| {
        let mut ports = ports.iter();
        ports.all(|port| start.ports.contains(port)) && start.side.word() == side
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_says_nothing_is_not_waited_for() {
        let (ours, theirs) = std::io::pipe().unwrap();
        let begun = Instant::now();
        assert_eq!(answer(ours.try_clone().unwrap()), Neighbour::Silent);
        assert!(begun.elapsed() >= Duration::from_secs(2));
        for (word, neighbour) in WORDS {
            (&theirs).write_all(&[word]).unwrap();
            assert_eq!(answer(ours.try_clone().unwrap()), neighbour);
        }
        drop(theirs);
        assert_eq!(answer(ours), Neighbour::None);
    }

    #[test]
    fn a_directory_is_in_use_while_its_lock_is_held() {
        let directory = tempfile::tempdir().unwrap();
        let of = || {
            let arguments = [directory.path().into(), "client".into(), "2181".into()];
            found(arguments.into_iter())
        };
        assert_eq!(of(), Some(Neighbour::None));
        let held = File::open(directory.path()).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(of(), Some(Neighbour::Other), "it has no recording yet");
        assert_eq!(found(std::iter::empty()), None);
    }
}

// SPDX-License-Identifier: MIT
//! Whether an agent runs on this host, and traces the same: asked before tracing, in a process
//! of its own, as the agent's directory may be on a file system that does not answer.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use zkchurn_core::frame::{Sides, TraceStart};

use super::short::Question;
use crate::host::segment_files::SegmentFiles;

/// How long it may take.
const WITHIN: Duration = Duration::from_secs(3);

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
    let ports = ports.iter().map(|port| port.to_string().into());
    let about = [directory.into(), sides.word().into()].into_iter();
    let about: Vec<OsString> = about.chain(ports).collect();
    match Question::Neighbour.ask(&about, WITHIN) {
        Ok(Some(answer)) => meant(&answer),
        Ok(None) => Neighbour::Silent,
        // Without it the trace is what it is without an agent.
        Err(_) => Neighbour::None,
    }
}

fn meant(answer: &[u8]) -> Neighbour {
    let known = WORDS.iter().find(|(word, _)| answer == [*word]);
    known.map_or(Neighbour::None, |(_, neighbour)| *neighbour)
}

/// Finds it out, as the process of its own.
pub(super) fn answer(arguments: impl Iterator<Item = OsString>) -> Vec<u8> {
    let found = found(arguments).unwrap_or(Neighbour::None);
    let word = WORDS.iter().find(|(_, neighbour)| *neighbour == found);
    word.map(|(word, _)| *word).into_iter().collect()
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
        for (word, neighbour) in WORDS {
            assert_eq!(meant(&[word]), neighbour);
        }
        assert_eq!(meant(b""), Neighbour::None);
    }
}

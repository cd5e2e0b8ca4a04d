// SPDX-License-Identifier: MIT
//! Whether an agent runs on this host, and traces the same: asked before tracing, in a process
//! of its own, as the agent's directory may be on a file system that does not answer.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::Duration,
};

use zkchurn_core::frame::{Sides, TraceStart};

use super::short::Question;
use crate::host::{agents, segment_files::SegmentFiles};

/// How long it may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(3);

/// What is known of agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// There is none, as far as can be seen.
    None,
    /// The one of this host's settings traces something else.
    Other(PathBuf),
    /// One traces at least the same ports, and the same side.
    Same(PathBuf),
    /// One traces at least the same ports, and both sides where one was asked for.
    Both(PathBuf),
    /// It could not be found out in time: a directory does not answer, or the host is slow.
    Silent,
}

/// How an answer begins, and its directory follows.
const OTHER: u8 = b'o';
const SAME: u8 = b's';
const BOTH: u8 = b'b';

/// Asks for an agent that traces these ports and sides: of those that do, or else the one that
/// records to the directory which this host's settings name. Another one that traces something
/// else is nobody's concern here.
pub(crate) fn ask(configured: &Path, ports: &[u16], sides: Sides) -> Neighbour {
    let ports = ports.iter().map(|port| port.to_string().into());
    let about = [configured.into(), sides.word().into()].into_iter();
    let about: Vec<OsString> = about.chain(ports).collect();
    meant(Question::Neighbour.ask(&about, WITHIN))
}

fn meant(answer: io::Result<Option<Vec<u8>>>) -> Neighbour {
    match answer {
        Ok(Some(answer)) => match &answer[..] {
            [SAME, path @ ..] => Neighbour::Same(OsStr::from_bytes(path).into()),
            [BOTH, path @ ..] => Neighbour::Both(OsStr::from_bytes(path).into()),
            [OTHER, path @ ..] => Neighbour::Other(OsStr::from_bytes(path).into()),
            _ => Neighbour::None,
        },
        Ok(None) => Neighbour::Silent,
        // Without it the trace is what it is without an agent.
        Err(_) => Neighbour::None,
    }
}

/// Finds it out, as the process of its own.
pub(super) fn answer(arguments: impl Iterator<Item = OsString>) -> Vec<u8> {
    let (kind, path) = match found(arguments) {
        Some(Neighbour::Same(path)) => (SAME, path),
        Some(Neighbour::Both(path)) => (BOTH, path),
        Some(Neighbour::Other(path)) => (OTHER, path),
        _ => return Vec::new(),
    };
    [vec![kind], path.into_os_string().into_vec()].concat()
}

fn found(mut arguments: impl Iterator<Item = OsString>) -> Option<Neighbour> {
    let configured = PathBuf::from(arguments.next()?);
    let side = arguments.next()?;
    let ports: Vec<u16> = arguments
        .filter_map(|port| port.to_str()?.parse().ok())
        .collect();
    let configured = Some(configured).filter(|directory| agents::is_recorded_to(directory));
    let all = configured.iter().cloned().chain(agents::directories());
    let with_it = all.filter_map(|directory| with_the_same(directory, &ports, &side));
    // Rather one that has nothing else.
    let best = with_it.min_by_key(|one| matches!(one, Neighbour::Both(_)));
    best.or(configured.map(Neighbour::Other))
}

/// The agent of this directory, if what it traces at present is at least what is asked for.
fn with_the_same(directory: PathBuf, ports: &[u16], side: &OsStr) -> Option<Neighbour> {
    let files = SegmentFiles::of(&directory).unwrap_or_default();
    let starts = files.starts.iter();
    let latest = starts.max_by_key(|start| start.clock.realtime_ns);
    let latest: &TraceStart = latest?;
    match latest.side {
        _ if !ports.iter().all(|port| latest.ports.contains(port)) => None,
        traced if side == traced.word() => Some(Neighbour::Same(directory)),
        Sides::Both => Some(Neighbour::Both(directory)),
        Sides::Client | Sides::Server => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::fs::{FlockOperation, flock};

    use super::*;

    #[test]
    fn what_was_found_is_understood() {
        let directory = tempfile::tempdir().unwrap();
        let of = || {
            // No agent traces that.
            let arguments = [directory.path().into(), "client".into(), "0".into()];
            meant(Ok(Some(answer(arguments.into_iter()))))
        };
        assert_eq!(of(), Neighbour::None);
        let held = File::open(directory.path()).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        let other = Neighbour::Other(directory.path().to_owned());
        assert_eq!(of(), other, "it has no recording yet");
        assert_eq!(found(std::iter::empty()), None);
        let said = |bytes: &[u8]| meant(Ok(Some(bytes.to_vec())));
        assert_eq!(said(b"s/kept"), Neighbour::Same("/kept".into()));
        assert_eq!(said(b"b/kept"), Neighbour::Both("/kept".into()));
        assert_eq!(said(b""), Neighbour::None);
        assert_eq!(meant(Ok(None)), Neighbour::Silent);
        assert_eq!(
            meant(Err(io::ErrorKind::OutOfMemory.into())),
            Neighbour::None
        );
    }
}

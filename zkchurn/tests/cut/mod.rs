// SPDX-License-Identifier: MIT
//! A part of a recording, as if only that had been traced.

use std::{fs, mem::offset_of, ops::Range, path::PathBuf};

use zkchurn_common::{record::ConnectionRecord, wire::tag};
use zkchurn_core::{
    frame::{Frame, Mark},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::Renderer,
};

const DIRECTORY: &str = "tests/recordings/kinds";
pub(crate) const VIEW: View = View {
    top: 10,
    time_wait_rows: false,
};

/// The recordings of all kinds of churn.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let files = fs::read_dir(DIRECTORY).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "zkchurn"));
    assert!(paths.len() >= 60, "{}", paths.len());
    paths.sort();
    paths
}

fn of_connection(record: &[u8], at: usize) -> Option<u64> {
    let is_connection = record[..2] == tag::CONNECTION.to_le_bytes();
    let word = record.get(at..at + 8).filter(|_| is_connection)?;
    Some(u64::from_le_bytes(word.try_into().unwrap()))
}

fn started_ns(record: &[u8]) -> Option<u64> {
    of_connection(record, offset_of!(ConnectionRecord, started_ns))
}

/// The latest step of a connection's life that a record tells of.
fn latest_ns(record: &[u8]) -> Option<u64> {
    let steps = [
        offset_of!(ConnectionRecord, established_ns),
        offset_of!(ConnectionRecord, until_ns),
    ];
    let steps = steps.into_iter().filter_map(|at| of_connection(record, at));
    steps.chain(started_ns(record)).max()
}

/// How long a recording is, in nanoseconds.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    let (mut from, mut to) = (0, 0);
    let mut reader = Reader::new(bytes).unwrap();
    while let Some(()) = reader
        .next_frame(|frame| match frame {
            Frame::Start(start) => from = start.clock.monotonic_ns,
            Frame::End(mark) => to = mark.monotonic_ns,
            _ => {}
        })
        .unwrap()
    {}
    to - from
}

/// Plays a part of a recording up to its end: connections from before it are not known.
/// Returns the mark of that end.
pub(crate) fn play<R: Renderer>(
    pipeline: &mut Pipeline<R>,
    bytes: &[u8],
    part: Range<u64>,
) -> Mark {
    let mut zero = 0;
    let mut reader = Reader::new(bytes).unwrap();
    while let Some(accepted) = reader
        .next_frame(|frame| {
            let (started, at) = match frame {
                Frame::Start(start) => {
                    zero = start.clock.monotonic_ns;
                    let mut start = start.clone();
                    start.clock.monotonic_ns += part.start;
                    start.clock.realtime_ns += part.start.cast_signed();
                    return pipeline.accept(Frame::Start(&start));
                }
                Frame::End(_) => return Ok(()),
                Frame::Record(record) => (started_ns(record), latest_ns(record)),
                Frame::Inspection(look) => (None, Some(look.at_ns)),
                _ => (None, None),
            };
            let is_older = started.is_some_and(|started| started < zero + part.start);
            let is_later = at.is_some_and(|at| at > zero + part.end);
            match is_older || is_later {
                true => Ok(()),
                false => pipeline.accept(frame),
            }
        })
        .unwrap()
    {
        accepted.unwrap();
    }
    Mark {
        monotonic_ns: zero + part.end,
        ..Mark::default()
    }
}

// SPDX-License-Identifier: MIT
//! What is said after 5, 15 and 45 s, and of a trace that began in the middle: the kinds
//! that were recorded, cut. What is called likely or certain there is right of the kind, so
//! that no two moments contradict each other.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    fs,
    mem::offset_of,
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::Value;
use zkchurn_common::{record::ConnectionRecord, wire::tag};
use zkchurn_core::{
    diagnose::Confidence,
    frame::{Frame, Mark},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::{FORMS, Options},
    report::Report,
};

const DIRECTORY: &str = "tests/recordings/kinds";
const VIEW: View = View {
    top: 10,
    time_wait_rows: false,
};
const SECOND: u64 = 1_000_000_000;

fn recordings() -> Vec<PathBuf> {
    let files = fs::read_dir(DIRECTORY).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "zkchurn"));
    assert!(paths.len() >= 60, "{}", paths.len());
    paths.sort();
    paths
}

fn pipeline() -> Pipeline<Box<dyn zkchurn_core::render::Renderer>> {
    let options = Options {
        colour: false,
        zone: jiff::tz::TimeZone::UTC,
        lines_per_second: 0,
        columns: Some(100),
        details: false,
    };
    Pipeline::new(FORMS[0].renderer(Box::new(std::io::sink()), options), VIEW)
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
fn length(bytes: &[u8]) -> u64 {
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

/// The report of a trace of this part of a recording: connections from before it are not
/// known.
fn report(bytes: &[u8], part: Range<u64>) -> Report {
    let mut pipeline = pipeline();
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
    let mark = Mark {
        monotonic_ns: zero + part.end,
        ..Mark::default()
    };
    pipeline.report_at(&mark).unwrap()
}

/// Whether a finding of this name is right of the kind.
fn is_right(truth: &Value, name: &str) -> bool {
    let expected = &truth["expected"]["handshake"];
    let groups = expected["must"].as_array().unwrap().iter();
    let may = expected["may"].as_array().unwrap().iter();
    let asked_for = groups.flat_map(|group| group.as_array().unwrap());
    may.chain(asked_for).any(|one| one == name)
}

fn wrong(path: &Path, part: Range<u64>) -> Vec<String> {
    let truth = fs::read(path.with_extension("truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let report = report(&fs::read(path).unwrap(), part.clone());
    let sure = report.findings.iter();
    let sure = sure.filter(|one| one.confidence >= Confidence::Likely);
    let wrong = sure.filter(|one| !is_right(&truth, one.name.id()));
    wrong
        .map(|one| {
            format!(
                "{}, {} to {} s: {} ({}): {}",
                path.file_stem().unwrap().display(),
                part.start / SECOND,
                part.end / SECOND,
                one.name.id(),
                one.confidence.word(),
                one.seen.clone().unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn what_is_likely_after_a_few_seconds_is_right() {
    let mut faults = Vec::new();
    for path in recordings() {
        let length = length(&fs::read(&path).unwrap());
        for seconds in [3, 5, 15, 45] {
            if seconds * SECOND < length {
                faults.extend(wrong(&path, 0..seconds * SECOND));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_likely_of_a_trace_begun_in_the_middle_is_right() {
    let mut faults = Vec::new();
    for path in recordings() {
        let length = length(&fs::read(&path).unwrap());
        for from in [length / 4, length / 2] {
            faults.extend(wrong(&path, from..length));
            faults.extend(wrong(&path, from..length.min(from + 5 * SECOND)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

// SPDX-License-Identifier: MIT
//! The wall clock is set while zkchurn traces: no duration, order or count may
//! depend on it. A test does not set the clock of the machine it runs on; it shows
//! that nothing reads it after the start but for the ages of processes and of lines in logs, and
//! that all else hangs on that one reading.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use zkchurn_core::{
    clock::ClockPair,
    frame::{Frame, TraceStart},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::json::Json,
};

/// Ways to read the wall clock.
const READINGS: [&str; 4] = [
    "ClockId::Realtime",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
];

/// Source files, without what belongs to tests.
fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.file_name().is_some_and(|name| name == "tests.rs") {
            // It belongs to tests as a whole.
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn the_wall_clock_is_read_once_and_for_ages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "{} files", files.len());
    let reads = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        READINGS.iter().any(|reading| code.contains(reading))
    };
    let mut readers: Vec<_> = files
        .iter()
        .filter(|path| reads(path))
        .map(|path| path.strip_prefix(&root).unwrap())
        .collect();
    readers.sort();
    assert_eq!(
        readers,
        [
            // What a file is named by that somebody asks for with a key.
            Path::new("full_screen/recorded_page.rs"),
            Path::new("host/clock.rs"),
            // What files are named by that follow on one another.
            Path::new("host/line_files.rs"),
            // How old a line of a log is, which tells the wall clock's time.
            Path::new("host/logs/clock.rs"),
            // When files were born and written, which a file system tells by the wall clock: they
            // are compared with each other.
            Path::new("host/logs/rotated.rs"),
            // How old a process is.
            Path::new("host/proc/details.rs"),
        ]
    );
}

/// Replays the incident as if the wall clock had been `by` further at the start.
fn replayed(by: SignedDuration) -> Vec<Value> {
    let file = "tests/recordings/incident.zkchurn";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut reader = Reader::new(fs::File::open(file).unwrap()).unwrap();
    let mut output = Vec::new();
    let view = View {
        top: 10,
        time_wait_rows: true,
    };
    let mut pipeline = Pipeline::new(Json::new(&mut output), view);
    let mut accept = |frame: Frame<'_>| match frame {
        Frame::Start(start) => pipeline.accept(Frame::Start(&shifted(start.clone(), by))),
        other => pipeline.accept(other),
    };
    while let Some(accepted) = reader.next_frame(&mut accept).unwrap() {
        accepted.unwrap();
    }
    drop(pipeline);
    let output = String::from_utf8(output).unwrap();
    let lines = output.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn shifted(start: TraceStart, by: SignedDuration) -> TraceStart {
    let by = i64::try_from(by.as_nanos()).unwrap();
    let clock = ClockPair {
        realtime_ns: start.clock.realtime_ns + by,
        ..start.clock
    };
    TraceStart { clock, ..start }
}

/// The time of day that a text is, if it is one of a line that zkchurn made.
fn time_of_day(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Asserts that both are equal but for times of day, which differ by `by`;
/// returns how many those are. What the process and its log said stays.
fn compare(one: &Value, other: &Value, by: SignedDuration) -> usize {
    match (one, other) {
        (Value::String(one), Value::String(other)) if one != other => {
            let (one, other) = (time_of_day(one).unwrap(), time_of_day(other).unwrap());
            assert_eq!(other.duration_since(one), by);
            1
        }
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len());
            one.iter()
                .zip(other)
                .map(|(one, other)| compare(one, other, by))
                .sum()
        }
        (Value::Object(one), Value::Object(other)) => {
            assert_eq!(one.len(), other.len());
            one.iter()
                // The reading itself.
                .filter(|(name, _)| *name != "realtime_ns")
                .map(|(name, one)| compare(one, &other[name], by))
                .sum()
        }
        _ => {
            assert_eq!(one, other);
            0
        }
    }
}

#[test]
fn all_times_hang_on_that_reading_and_no_duration_does() {
    let truth = replayed(SignedDuration::ZERO);
    for hours in [-1, 1] {
        let by = SignedDuration::from_hours(hours);
        let stepped = replayed(by);
        assert_eq!(truth.len(), stepped.len());
        let pairs = truth.iter().zip(&stepped);
        let times: usize = pairs.map(|(one, other)| compare(one, other, by)).sum();
        assert!(times > 2 * 15, "{times} times of day");
    }
}

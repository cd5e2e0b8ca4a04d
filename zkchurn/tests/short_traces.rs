// SPDX-License-Identifier: MIT
//! What is said after 5, 15 and 45 s, and of a trace that began in the middle: the kinds
//! that were recorded, cut. What is called likely or certain there is right of the kind, so
//! that no two moments contradict each other.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod cut;

use std::{fs, ops::Range, path::Path};

use cut::{VIEW, length, recordings};
use serde_json::Value;
use zkchurn_core::{
    diagnose::Confidence,
    pipeline::Pipeline,
    render::{FORMS, Options},
    report::Report,
};

const SECOND: u64 = 1_000_000_000;

fn pipeline() -> Pipeline<Box<dyn zkchurn_core::render::Renderer>> {
    let options = Options {
        colour: false,
        zone: jiff::tz::TimeZone::UTC,
        lines_per_second: 0,
        columns: Some(100),
        rows: None,
        chosen: Vec::new(),
        details: false,
    };
    Pipeline::new(FORMS[0].renderer(Box::new(std::io::sink()), options), VIEW)
}

/// The report of a trace of this part of a recording.
fn report(bytes: &[u8], part: Range<u64>) -> Report {
    let mut pipeline = pipeline();
    let mark = cut::play(&mut pipeline, bytes, part);
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

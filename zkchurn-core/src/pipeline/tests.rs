// SPDX-License-Identifier: MIT
//! What the pipeline keeps of frames.

use std::io;

use jiff::tz::TimeZone;

use super::{MOST_LIMITATIONS, Pipeline, View};
use crate::{
    clock::ClockPair,
    frame::{Frame, Limitation, Mark, TraceStart},
    inspection::Inspection,
    process::ProcessKey,
    render::{FORMS, Options, Renderer},
};

fn begun() -> Pipeline<Box<dyn Renderer>> {
    let renderer = FORMS[0].renderer(Box::new(io::sink()), Options::plain(TimeZone::UTC));
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(renderer, view);
    let clock = ClockPair {
        monotonic_ns: 1,
        realtime_ns: 0,
    };
    pipeline
        .accept(Frame::Start(&TraceStart::of_port(2181, clock)))
        .unwrap();
    pipeline
}

#[test]
fn a_recording_may_hold_any_number_of_limitations() {
    let mut pipeline = begun();
    for number in 0..MOST_LIMITATIONS + 9 {
        let sentence = format!("limitation {number}");
        let limitation = Limitation::of(sentence);
        for _ in 0..2 {
            pipeline.accept(Frame::Limitation(&limitation)).unwrap();
        }
    }
    let report = pipeline.report_at(&Mark::default()).unwrap();
    assert_eq!(report.degraded.len(), MOST_LIMITATIONS);
    assert_eq!(report.degraded[0], "limitation 0");
    assert_eq!(report.degraded[1], "limitation 1", "each is said once");
}

#[test]
fn who_was_looked_at_is_known() {
    let mut pipeline = begun();
    let key = ProcessKey::new(42, 7);
    assert!(!pipeline.has_inspection(key));
    let inspection = Inspection {
        key,
        at_ns: 2,
        details: None,
        jvm: None,
        logs: None,
    };
    pipeline.accept(Frame::Inspection(&inspection)).unwrap();
    assert!(pipeline.has_inspection(key));
    assert!(!pipeline.has_inspection(ProcessKey::new(43, 7)));
}

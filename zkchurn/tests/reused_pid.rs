// SPDX-License-Identifier: MIT
//! A process that has the pid of an earlier one: what was seen of it is not told
//! of the earlier one.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use zerocopy::IntoBytes;
use zkchurn_common::record::{FAMILY_INET, SIDE_OPENED, STAGE_ENDED, known};
use zkchurn_core::{
    clock::ClockPair,
    decode::blank,
    frame::{Frame, Mark, TraceStart},
    inspection::{
        Details, Inspection,
        logs::{LogFinding, LogSearch},
    },
    pipeline::{Pipeline, View},
    process::ProcessKey,
    render::json::Json,
};

const PID: u32 = 4242;
const SECOND: u64 = 1_000_000_000;

/// A connection of the process that started so many seconds after boot.
fn record(start: u64, socket: u64) -> Vec<u8> {
    let mut record = blank();
    record.socket = socket;
    record.started_ns = 10 * SECOND + socket;
    record.established_ns = record.started_ns;
    record.left_established_ns = record.started_ns + 1;
    record.local_close_ns = record.left_established_ns;
    record.until_ns = record.left_established_ns;
    record.opener_tgid = PID;
    record.opener_tid = PID;
    record.opener_start_ns = start * SECOND;
    record.remote_port = 2181_u16.to_be_bytes();
    record.stage = STAGE_ENDED;
    record.side = SIDE_OPENED;
    record.family = FAMILY_INET;
    record.known = known::COOKIE | known::OPENER | known::OPENER_START;
    record.as_bytes().to_vec()
}

fn with_a_log(start: u64) -> Inspection {
    Inspection {
        key: ProcessKey::new(PID, start * SECOND),
        at_ns: 11 * SECOND,
        details: Some(Details::default()),
        jvm: None,
        logs: Some(LogSearch {
            findings: vec![LogFinding {
                signature: "out-of-memory".to_owned(),
                meaning: String::new(),
                path: "/app.log".to_owned(),
                count: 1,
                last: "java.lang.OutOfMemoryError".to_owned(),
                record: None,
                line: Some(1),
                offset: 0,
                logged_ago_ms: None,
                during_trace: true,
                gone: None,
                client: None,
            }],
            ..LogSearch::default()
        }),
    }
}

/// The answer where `starts` tells which process opened each connection, and
/// the log of the one that started at 5 s was searched.
fn answer(starts: &[u64]) -> String {
    let clock = ClockPair {
        monotonic_ns: SECOND,
        realtime_ns: 0,
    };
    let start = TraceStart::of_port(2181, clock);
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(Json::new(Vec::new()), view);
    pipeline.accept(Frame::Start(&start)).unwrap();
    for (socket, start) in (1..).zip(starts) {
        let record = record(*start, socket);
        pipeline.accept(Frame::Record(&record)).unwrap();
    }
    pipeline.accept(Frame::Inspection(&with_a_log(5))).unwrap();
    let end = Mark {
        monotonic_ns: 12 * SECOND,
        ..Mark::default()
    };
    pipeline.accept(Frame::End(&end)).unwrap();
    pipeline.report().unwrap().answer.clone()
}

#[test]
fn the_log_of_the_later_process_is_not_quoted_for_the_earlier_one() {
    let quoted = "java.lang.OutOfMemoryError";
    assert!(answer(&[3, 5, 5]).contains(quoted));
    let earlier = answer(&[3, 3, 5]);
    assert!(!earlier.contains(quoted), "{earlier}");
}

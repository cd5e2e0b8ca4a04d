// SPDX-License-Identifier: MIT
//! Numbers at the limits of their types in every place of a recording that holds
//! one: the replay neither panics nor wraps around. Tests are built with checks
//! of overflow.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use proptest::{collection::vec, prelude::*, sample::select};
use zkchurn_common::record::{FAMILY_INET, RECORD_SIZE};
use zkchurn_core::{
    clock::ClockPair,
    decode::{read_record, write_record},
    frame::{Frame, Hook, LossCounts, Mark, Sides, TraceStart},
    pipeline::{Pipeline, View},
    render::{FORMS, Options},
    timewait::{Snapshot, TimeWaitSocket},
};

/// Times, counts and lengths that arithmetic fails on.
fn number() -> impl Strategy<Value = u64> {
    let half = u64::MAX / 2;
    let limits = vec![0, 1, 1_000_000_000, half, half + 1, u64::MAX - 1, u64::MAX];
    prop_oneof![select(limits), any::<u64>()]
}

/// Where a record has its numbers of 64 bits, 32 bits, and its small ones
/// (`zkchurn_common::record`).
const LONG: usize = 80;
const SHORT: usize = 120;
const STATES: std::ops::Range<usize> = 206..208;

/// A record that decodes, with any numbers in it.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let long = vec(number(), LONG / 8);
    let short = vec(
        select(vec![0, 1, u32::MAX - 1, u32::MAX]),
        (SHORT - LONG) / 4,
    );
    let states = select(vec![0_u16, 0b1001_0110, u16::MAX]);
    (long, short, 1..=3_u8, 1..=2_u8, states).prop_map(|(long, short, kind, side, states)| {
        let mut bytes = vec![0; RECORD_SIZE];
        let long = long.iter().flat_map(|number| number.to_le_bytes());
        let short = short.iter().flat_map(|number| number.to_le_bytes());
        let numbers: Vec<u8> = long.chain(short).collect();
        bytes[..SHORT].copy_from_slice(&numbers);
        bytes[STATES].copy_from_slice(&states.to_le_bytes());
        let mut record = read_record(&bytes).unwrap();
        (record.kind, record.side) = (kind, side);
        record.family = FAMILY_INET;
        record.remote_port = 2181_u16.to_be_bytes();
        let mut bytes = Vec::new();
        write_record(&record, &mut bytes);
        bytes
    })
}

fn start(monotonic_ns: u64, realtime_ns: i64) -> TraceStart {
    TraceStart {
        zkchurn: "0".to_owned(),
        clock: ClockPair {
            monotonic_ns,
            realtime_ns,
        },
        host: "host".to_owned(),
        kernel: "6.1".to_owned(),
        hook: Hook::TpBtf,
        ports: vec![2181],
        side: Sides::Both,
        pid: None,
        handshake: false,
        degraded: Vec::new(),
    }
}

fn mark(monotonic_ns: u64) -> Mark {
    let loss = LossCounts {
        ended_records_dropped: u64::MAX,
        established_records_dropped: u64::MAX,
        table_full: u64::MAX,
        unmatched_closes: u64::MAX,
        recursion_misses: Some(u64::MAX),
        handshake_records_dropped: Some(u64::MAX),
        handshakes_before_accept: Some(u64::MAX),
    };
    Mark { monotonic_ns, loss }
}

fn snapshot(at_ns: u64, cookies: &[u64]) -> Snapshot {
    let socket = |cookie: &u64| TimeWaitSocket {
        cookie: *cookie,
        netns: u32::MAX,
        local: "192.0.2.1:40000".parse().unwrap(),
        remote: "192.0.2.2:2181".parse().unwrap(),
        left_ms: u32::MAX,
    };
    Snapshot {
        at_ns,
        sockets: cookies.iter().map(socket).collect(),
        notes: Vec::new(),
        continued: true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_number_of_a_recording_overflows(
        begin in number(),
        realtime in select(vec![i64::MIN, -1, 0, i64::MAX]),
        records in vec(record(), 1..60),
        listed in number(),
        cookies in vec(number(), 0..4),
        marks in vec(number(), 2),
    ) {
        for form in FORMS {
            let options = Options {
                colour: false,
                zone: jiff::tz::TimeZone::UTC,
                lines_per_second: 0,
            };
            let view = View { top: 10, time_wait_rows: true };
            let renderer = form.renderer(Box::new(std::io::sink()), options);
            let mut pipeline = Pipeline::new(renderer, view);
            pipeline.accept(Frame::Start(&start(begin, realtime))).unwrap();
            for record in &records {
                pipeline.accept(Frame::Connection(record)).unwrap();
            }
            pipeline.accept(Frame::TimeWait(&snapshot(listed, &cookies))).unwrap();
            pipeline.accept(Frame::Interval(&mark(marks[0]))).unwrap();
            pipeline.accept(Frame::End(&mark(marks[1]))).unwrap();
            prop_assert!(pipeline.report().is_some());
        }
    }
}

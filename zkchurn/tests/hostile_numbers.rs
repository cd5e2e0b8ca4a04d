// SPDX-License-Identifier: MIT
//! Numbers at the limits of their types in every place of a recording that holds
//! one: the replay neither panics nor wraps around. Tests are built with checks
//! of overflow.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use proptest::{collection::vec, prelude::*, sample::select};
use zerocopy::{FromBytes, IntoBytes};
use zkchurn_common::{
    record::{ConnectionRecord, ESTABLISHED_SIZE, FAMILY_INET, RECORD_SIZE},
    wire::RecordHeader,
};
use zkchurn_core::{
    clock::ClockPair,
    frame::{Frame, LossCounts, Mark, Sides, TraceStart},
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

/// A record that decodes, with any numbers in it.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let numbers = vec(number(), RECORD_SIZE / 8);
    let states = select(vec![0_u16, 0b1001_0110, u16::MAX]);
    let length = prop_oneof![Just(RECORD_SIZE), ESTABLISHED_SIZE..RECORD_SIZE + 40];
    (numbers, 1..=4_u8, 1..=2_u8, states, length).prop_map(
        |(numbers, stage, side, states_seen, length)| {
            let record = ConnectionRecord {
                header: RecordHeader {
                    length: length as u32,
                    ..ConnectionRecord::HEADER
                },
                stage,
                side,
                states_seen,
                family: FAMILY_INET,
                remote_port: 2181_u16.to_be_bytes(),
                ..ConnectionRecord::read_from_bytes(numbers.as_bytes()).unwrap()
            };
            let mut bytes = record.as_bytes().to_vec();
            bytes.resize(length, 0xff);
            bytes
        },
    )
}

fn start(monotonic_ns: u64, realtime_ns: i64) -> TraceStart {
    let clock = ClockPair {
        monotonic_ns,
        realtime_ns,
    };
    TraceStart {
        side: Sides::Both,
        ..TraceStart::of_port(2181, clock)
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
        records_not_exported: Some(u64::MAX),
    };
    Mark {
        monotonic_ns,
        loss,
        ..Mark::default()
    }
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
            let options = Options::plain(jiff::tz::TimeZone::UTC);
            let view = View { top: 10, time_wait_rows: true };
            let renderer = form.renderer(Box::new(std::io::sink()), options);
            let mut pipeline = Pipeline::new(renderer, view);
            pipeline.accept(Frame::Start(&start(begin, realtime))).unwrap();
            for record in &records {
                pipeline.accept(Frame::Record(record)).unwrap();
            }
            pipeline.accept(Frame::TimeWait(&snapshot(listed, &cookies))).unwrap();
            pipeline.accept(Frame::Interval(&mark(marks[0]))).unwrap();
            pipeline.accept(Frame::End(&mark(marks[1]))).unwrap();
            prop_assert!(pipeline.report().is_some());
        }
    }
}

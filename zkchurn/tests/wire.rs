// SPDX-License-Identifier: MIT
//! Recordings of version 1 and 2 tell the same, and what only a newer zkchurn knows is
//! counted and skipped.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{
        ConnectionRecord, FAMILY_INET, SIDE_OPENED, STAGE_ENDED, STAGE_ESTABLISHED,
        STAGE_SEEN_OPEN, known,
    },
    state::{CLOSE, CLOSE_WAIT, ESTABLISHED, LAST_ACK, SYN_SENT, bit},
};
use zkchurn_core::{
    clock::ClockPair,
    decode::blank,
    frame::{Frame, Mark, TraceStart},
    pipeline::{Pipeline, View},
    recording::{FILE_HEADER, FRAME_HEADER, SYNC, checksum, reader::Reader, writer::Writer},
    render::json::Json,
    replay::play,
    report::Report,
};

const EVERYTHING: View = View {
    top: 1000,
    time_wait_rows: true,
};

fn recordings() -> Vec<PathBuf> {
    let in_directory = |directory: &str| {
        let files = fs::read_dir(Path::new("tests/recordings").join(directory)).unwrap();
        files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    let mut recordings = [in_directory("."), in_directory("kinds")].concat();
    recordings.retain(|path| path.extension().is_some_and(|kind| kind == "zkchurn"));
    recordings
}

/// What `replay --format json` prints.
fn printed(recording: &[u8]) -> String {
    let mut output = Vec::new();
    let mut pipeline = Pipeline::new(Json::new(&mut output), EVERYTHING);
    let mut reader = Reader::new(recording).unwrap();
    assert!(play(&mut reader, &mut pipeline).unwrap());
    assert_eq!(reader.damages().0, []);
    drop(pipeline);
    String::from_utf8(output).unwrap()
}

/// The same frames, as they are written today.
fn written_anew(recording: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(recording).unwrap();
    let mut anew = Vec::new();
    let mut writer = Writer::new(&mut anew).unwrap();
    while let Some(written) = reader.next_frame(|frame| writer.write(frame)).unwrap() {
        written.unwrap();
    }
    anew
}

#[test]
fn recordings_of_version_1_written_anew_tell_the_same() {
    let mut old = 0;
    for path in recordings() {
        let recording = fs::read(&path).unwrap();
        old += u32::from(recording[8] == 1);
        let anew = written_anew(&recording);
        assert_eq!(anew[8], 2);
        assert!(
            printed(&anew) == printed(&recording),
            "{} tells something else",
            path.display()
        );
    }
    assert!(old > 30, "{old} recordings of version 1");
}

#[test]
fn frames_of_a_newer_zkchurn_are_counted_and_skipped() {
    let mut recording = Vec::new();
    let mut writer = Writer::new(&mut recording).unwrap();
    writer.write(Frame::Start(&start())).unwrap();
    writer.write(Frame::End(&Mark::default())).unwrap();
    let kind = FILE_HEADER + SYNC.len();
    let length = u32::from_le_bytes(recording[FILE_HEADER + 4..][..4].try_into().unwrap());
    let start = &recording[FILE_HEADER..][..FRAME_HEADER + length as usize];
    let mut newer = start.to_vec();
    newer[SYNC.len()] = 200;
    let sum = checksum(200, &newer[FRAME_HEADER..]);
    newer[8..12].copy_from_slice(&sum.to_le_bytes());
    let recording = [&recording[..FILE_HEADER], &newer, &recording[FILE_HEADER..]].concat();
    assert_eq!(recording[kind], 200);
    let mut reader = Reader::new(recording.as_slice()).unwrap();
    let mut frames = 0;
    while reader.next_frame(|_| frames += 1).unwrap().is_some() {}
    assert_eq!((frames, reader.unknown_frames()), (2, 1));
    assert_eq!(reader.damages().0, []);
}

fn start() -> TraceStart {
    let clock = ClockPair {
        monotonic_ns: 1,
        realtime_ns: 0,
    };
    TraceStart::of_port(2181, clock)
}

fn report(records: &[&[u8]]) -> Report {
    let mut pipeline = Pipeline::new(Json::new(std::io::sink()), EVERYTHING);
    pipeline.accept(Frame::Start(&start())).unwrap();
    for record in records {
        pipeline.accept(Frame::Record(record)).unwrap();
    }
    pipeline.accept(Frame::End(&Mark::default())).unwrap();
    pipeline.report().unwrap().clone()
}

fn established() -> ConnectionRecord {
    ConnectionRecord {
        socket: 7,
        started_ns: 10,
        established_ns: 20,
        opener_tgid: 42,
        opener_tid: 43,
        known: known::COOKIE | known::OPENER,
        remote_port: 2181_u16.to_be_bytes(),
        stage: STAGE_ESTABLISHED,
        side: SIDE_OPENED,
        states_seen: bit(SYN_SENT) | bit(ESTABLISHED),
        family: FAMILY_INET,
        ..blank()
    }
}

fn ended() -> ConnectionRecord {
    let established = established();
    ConnectionRecord {
        left_established_ns: 30,
        until_ns: 40,
        known: established.known | known::ERROR,
        stage: STAGE_ENDED,
        states_seen: established.states_seen | bit(CLOSE_WAIT) | bit(LAST_ACK) | bit(CLOSE),
        state_left: LAST_ACK,
        ..established
    }
}

#[test]
fn what_only_a_newer_zkchurn_knows_is_counted_and_skipped() {
    let (established, ended) = (established(), ended());
    let mut tag = ended.as_bytes().to_vec();
    tag[0] = 200;
    let mut version = ended.as_bytes().to_vec();
    version[2] = 3;
    let damaged = &ended.as_bytes()[..100];
    let report = report(&[
        established.as_bytes(),
        &tag,
        &version,
        damaged,
        ended.as_bytes(),
    ]);
    assert_eq!(report.loss.unknown_records, 2);
    assert_eq!(report.loss.undecodable_records, 1);
    assert_eq!((report.total.opened, report.total.ended), (1, 1));
}

#[test]
fn a_connection_seen_open_is_counted_when_it_ends() {
    let seen = |until_ns| ConnectionRecord {
        stage: STAGE_SEEN_OPEN,
        until_ns,
        ..established()
    };
    let (first, second, established, ended) = (seen(22), seen(25), established(), ended());
    let open = report(&[established.as_bytes(), first.as_bytes(), second.as_bytes()]);
    assert_eq!(
        (open.total.opened, open.total.ended, open.total.open),
        (1, 0, 1)
    );
    let report = report(&[
        established.as_bytes(),
        first.as_bytes(),
        second.as_bytes(),
        ended.as_bytes(),
    ]);
    assert_eq!(
        (report.total.opened, report.total.ended, report.total.open),
        (1, 1, 0)
    );
}

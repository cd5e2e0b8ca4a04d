// SPDX-License-Identifier: MIT
//! The recording of the real incident, whole, cut short and damaged; and any
//! sequence of records that nobody would think of.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod terminal;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use proptest::prelude::*;
use serde_json::Value;
use zerocopy::{FromBytes, IntoBytes};
use zkchurn_common::record::{ConnectionRecord, FAMILY_INET, FAMILY_INET6, RECORD_SIZE};
use zkchurn_core::{
    clock::ClockPair,
    decode::{self, Record},
    frame::{Frame, Mark, Sides, TraceStart},
    pipeline::{Pipeline, View},
    render::json::Json,
};
use zkchurn_lab::harness::in_time::CommandInTime;

const EVERYTHING: View = View {
    top: 1000,
    time_wait_rows: true,
};

const INCIDENT: &str = "tests/recordings/incident.zkchurn";

fn replay(file: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .env("TZ", "UTC")
        .arg("replay")
        .arg(file)
        .args(arguments)
        .output_in_time()
        .unwrap()
}

fn report(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// The whole answer as JSON, with the pid and tid that the recording holds.
#[test]
fn the_incident_names_the_thread_and_what_it_does() {
    let output = replay(Path::new(INCIDENT), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let report = report(&output);
    assert_eq!(report["flows"].as_array().unwrap().len(), 1);
    let flow = &report["flows"][0];
    assert_eq!(flow["process"]["label"], "java (IncidentClient)");
    assert_eq!(flow["threads"][0]["comm"], "main-SendThread");
    assert_eq!(flow["closed_by_opener"], flow["ended"]);
    assert_eq!(
        flow["outcomes"]["closed_by_us_before_any_byte"],
        flow["ended"]
    );
    assert_eq!(flow["payload_out"]["max"], 0);
    assert!(
        report["answer"]
            .as_str()
            .unwrap()
            .contains("each closed by this thread itself")
    );
    let median = flow["established_for"]["p50_ns"].as_u64().unwrap();
    assert!((200_000..10_000_000).contains(&median), "{median} ns");
}

#[test]
fn the_columns_that_were_asked_for_stand_in_that_order() {
    let columns = ["--columns", "tid,local,outcome,peer"];
    let output = replay(Path::new(INCIDENT), &columns);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let words = |line: &str| {
        let words = line.split_whitespace();
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let heading = words(lines.next().unwrap());
    assert_eq!(heading, ["TID", "LOCAL", "OUTCOME", "PEER"]);
    let row = lines.next().unwrap();
    let expected = "3734 127.0.0.1:34216 closed by us before any byte 127.0.0.1:11035";
    assert_eq!(words(row), words(expected));
}

#[test]
fn no_row_is_wider_than_the_terminal_whatever_was_asked_for() {
    let chosen = [
        "time,pid,process,tid,thread,local,peer,lived,closed,out,in,outcome",
        "outcome,peer",
        "peer,local,peer",
        "in",
    ];
    for columns in [1, 20, 50, 80, 153, 300] {
        for chosen in chosen {
            let arguments = ["replay", INCIDENT, "--no-color", "--columns", chosen];
            let text = terminal::printed_on_terminal(columns, &arguments);
            let rows = text.lines().take_while(|line| !line.starts_with("--"));
            let mut count = 0;
            for row in rows.filter(|row| !row.is_empty()) {
                let width = row.chars().count();
                assert!(width <= usize::from(columns), "{columns}: {row}");
                assert!(!row.ends_with(' '), "{columns}: {row:?}");
                count += 1;
            }
            assert!(count > 5, "{columns} {chosen}: {text}");
        }
    }
}

#[test]
fn a_cut_recording_yields_what_is_whole_and_says_so() {
    let bytes = fs::read(INCIDENT).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cut");
    let whole = report(&replay(Path::new(INCIDENT), &["--format", "json"]));
    let mut ended_before = 0;
    for part in 1..8 {
        fs::write(&file, &bytes[..bytes.len() * part / 8]).unwrap();
        let output = replay(&file, &["--format", "json"]);
        assert_eq!(output.status.code(), Some(5));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("has no end"), "{stderr}");
        let ended = report(&output)["total"]["ended"].as_u64().unwrap();
        assert!(ended >= ended_before && ended <= whole["total"]["ended"].as_u64().unwrap());
        ended_before = ended;
    }
    assert!(ended_before > 0);
}

#[test]
fn what_follows_on_the_end_is_said() {
    let whole = fs::read(INCIDENT).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("longer");
    let alone = report(&replay(Path::new(INCIDENT), &["--format", "json"]));
    for more in [&b"x"[..], &whole] {
        fs::write(&file, [&whole, more].concat()).unwrap();
        let output = replay(&file, &["--format", "json"]);
        assert_eq!(output.status.code(), Some(5));
        let stderr = String::from_utf8_lossy(&output.stderr);
        let place = format!("from byte {} on", whole.len());
        assert!(stderr.contains(&place), "{stderr}");
        assert_eq!(report(&output), alone);
    }
}

#[test]
fn a_damaged_byte_costs_one_frame_and_is_named() {
    let mut bytes = fs::read(INCIDENT).unwrap();
    // The connections' records make up the middle.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("damaged");
    fs::write(&file, &bytes).unwrap();
    let output = replay(&file, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(5));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("were skipped"), "{stderr}");
    assert!(!stderr.contains("has no end"), "{stderr}");
    assert!(report(&output)["total"]["ended"].as_u64().unwrap() > 0);
}

fn start() -> TraceStart {
    let clock = ClockPair {
        monotonic_ns: 1,
        realtime_ns: 0,
    };
    TraceStart {
        side: Sides::Both,
        ..TraceStart::of_port(2181, clock)
    }
}

/// Mostly plausible stages, sides and flows, few processes and ports.
fn plausible(bytes: &[u8]) -> ConnectionRecord {
    let any = ConnectionRecord::read_from_bytes(bytes).unwrap();
    ConnectionRecord {
        header: ConnectionRecord::HEADER,
        stage: any.stage % 5 + 1,
        side: any.side % 2 + 1,
        family: if any.family < 128 {
            FAMILY_INET
        } else {
            FAMILY_INET6
        },
        opener_tgid: any.opener_tgid % 3,
        ..any
    }
}

proptest! {
    /// Any bytes, in any order: no panic, and the counts add up.
    #[test]
    fn any_sequence_of_records_gives_a_report_that_adds_up(
        bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), RECORD_SIZE), 0..60),
        end in any::<u64>(),
    ) {
        let records: Vec<_> = bytes.iter().map(|bytes| plausible(bytes)).collect();
        let mut pipeline = Pipeline::new(Json::new(std::io::sink()), EVERYTHING);
        pipeline.accept(Frame::Start(&start())).unwrap();
        for record in &records {
            pipeline.accept(Frame::Record(record.as_bytes())).unwrap();
        }
        pipeline.accept(Frame::End(&Mark { monotonic_ns: end, ..Mark::default() })).unwrap();
        let report = pipeline.report().unwrap();
        let ended: u64 = report.flows.iter().map(|flow| flow.summary.ended).sum();
        prop_assert_eq!(ended, report.total.ended);
        let outcomes: u64 = report.total.outcomes.values().sum();
        prop_assert_eq!(outcomes, report.total.ended);
        prop_assert!(report.total.opened >= report.total.ended);
        let mut diagnosed = std::collections::BTreeMap::new();
        for finding in &report.findings {
            *diagnosed.entry(finding.name).or_default() += finding.connections;
            prop_assert!(finding.numbers["ended"] <= report.total.ended);
        }
        // Cases are disjoint, so no rule counts a connection twice.
        prop_assert!(diagnosed.values().all(|count: &u64| *count <= report.total.opened));
        prop_assert!(report.total.ended + report.loss.undecodable_records <= records.len() as u64);
    }

    /// Bytes of any length never panic the decoder.
    #[test]
    fn any_bytes_are_refused_or_decoded(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(Record::Connection(record)) = decode::read(&bytes) {
            let _ = decode::decode(&record);
        }
    }
}

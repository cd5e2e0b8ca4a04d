// SPDX-License-Identifier: MIT
//! Every kind of churn, as it was recorded with real programs by
//! `cargo xtask diagnose-matrix --record`, held against the ground truth beside
//! it: connections, processes, threads, ports, outcomes, bytes and findings.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    mem::offset_of,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use zkchurn_common::{handshake::HandshakeRecord, wire::tag};
use zkchurn_lab::harness::in_time::CommandInTime;

const DIRECTORY: &str = "tests/recordings/kinds";

/// A replay, and what is known of it.
struct Replayed {
    name: String,
    truth: Value,
    /// Connections that began during the trace.
    connections: Vec<Value>,
    older: usize,
    report: Value,
}

impl Replayed {
    fn of(recording: &Path) -> Self {
        let truth = fs::read(recording.with_extension("truth.json")).unwrap();
        Self::with(recording, serde_json::from_slice(&truth).unwrap())
    }

    /// The same as it would be without `--handshake`.
    fn plain(self, recording: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(recording.file_name().unwrap());
        fs::write(&file, without_handshakes(&fs::read(recording).unwrap())).unwrap();
        Self::with(&file, self.truth)
    }

    /// The same as it would be if handshakes had been turned on in the middle of it.
    fn turned_on_midway(self, recording: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(recording.file_name().unwrap());
        fs::write(&file, with_later_handshakes(&fs::read(recording).unwrap())).unwrap();
        Self::with(&file, self.truth)
    }

    fn with(recording: &Path, truth: Value) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["replay", "--format", "json"])
            .arg(recording)
            .output_in_time()
            .unwrap();
        let name = recording.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(output.status.code(), Some(0), "{name}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of_connections = lines.iter().filter(|line| line["type"] == "connection");
        let (older, connections): (Vec<_>, Vec<_>) = of_connections
            .cloned()
            .partition(|one| one["before_start"] == true);
        Self {
            name,
            truth,
            connections,
            older: older.len(),
            report: lines.last().unwrap().clone(),
        }
    }

    /// The different values of a field.
    fn all(&self, pointer: &str) -> BTreeSet<u64> {
        let values = self.connections.iter().map(|one| one.pointer(pointer));
        values
            .map(|value| value.unwrap().as_u64().unwrap())
            .collect()
    }
}

/// Leaves out the frames with the first bytes of connections (docs/reference/format.md).
fn without_handshakes(recording: &[u8]) -> Vec<u8> {
    with_handshakes(recording, |_| false)
}

/// Leaves out those of the connections whose first bytes were captured in the first half.
fn with_later_handshakes(recording: &[u8]) -> Vec<u8> {
    let mut sockets = Vec::new();
    with_handshakes(recording, |socket| {
        sockets.push(socket);
        true
    });
    let early: BTreeSet<_> = sockets[..sockets.len() / 2].iter().copied().collect();
    with_handshakes(recording, |socket| !early.contains(&socket))
}

/// Keeps of the frames with first bytes those of the sockets that are wanted.
fn with_handshakes(recording: &[u8], mut wanted: impl FnMut(u64) -> bool) -> Vec<u8> {
    let (header, mut rest) = recording.split_at(16);
    let mut kept = header.to_vec();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap());
        let (frame, after) = rest.split_at(12 + length as usize);
        if handshake_of(frame).is_none_or(&mut wanted) {
            kept.extend_from_slice(frame);
        }
        rest = after;
    }
    kept
}

/// The socket whose first bytes a frame has, in either version of recordings.
fn handshake_of(frame: &[u8]) -> Option<u64> {
    const HANDSHAKE_V1: u8 = 8;
    const RECORD: u8 = 9;
    let payload = &frame[12..];
    let at = match frame[2] {
        HANDSHAKE_V1 => 0,
        RECORD if payload[..2] == tag::HANDSHAKE.to_le_bytes() => {
            offset_of!(HandshakeRecord, socket)
        }
        _ => return None,
    };
    Some(u64::from_le_bytes(payload[at..at + 8].try_into().unwrap()))
}

fn recordings() -> Vec<PathBuf> {
    let files = fs::read_dir(DIRECTORY)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut found: Vec<_> = files
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "zkchurn")
        })
        .collect();
    found.sort();
    assert!(found.len() >= 89, "{} recordings", found.len());
    found
}

fn check_all(check: impl Fn(&Replayed)) {
    for recording in recordings() {
        check(&Replayed::of(&recording));
    }
}

fn numbers(value: &Value) -> BTreeSet<u64> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_u64().unwrap()).collect()
}

#[test]
fn every_connection_that_was_made_is_recorded_and_nothing_is_lost() {
    check_all(|replayed| {
        let Replayed { name, truth, .. } = replayed;
        if let Some(made) = truth["truth"]["connections"].as_u64() {
            assert_eq!(replayed.connections.len() as u64, made, "{name}");
        }
        assert_eq!(
            replayed.connections.len(),
            truth["recorded"]["connections"],
            "{name}"
        );
        assert_eq!(replayed.older, truth["recorded"]["older"], "{name}");
        let loss = replayed.report["loss"].as_object().unwrap();
        let of_connections = loss.iter().filter(|(what, _)| *what != "recursion_misses");
        for (what, count) in of_connections {
            assert_eq!(*count, 0, "{name}: {what}");
        }
    });
}

#[test]
fn processes_threads_and_ports_are_those_that_connected() {
    check_all(|replayed| {
        let Replayed { name, truth, .. } = replayed;
        let truth = &truth["truth"];
        if !truth["processes"].is_null() {
            assert_eq!(
                replayed.all("/process/pid"),
                numbers(&truth["processes"]),
                "{name}"
            );
        }
        if !truth["threads"].is_null() {
            assert_eq!(
                replayed.all("/thread/tid"),
                numbers(&truth["threads"]),
                "{name}"
            );
        }
        if !truth["ports"].is_null() {
            let port = |one: &Value| {
                let local = one["local"].as_str().unwrap();
                local.rsplit_once(':').unwrap().1.parse::<u64>().unwrap()
            };
            let recorded: BTreeSet<_> = replayed.connections.iter().map(port).collect();
            assert_eq!(recorded, numbers(&truth["ports"]), "{name}");
        }
    });
}

#[test]
fn outcomes_and_bytes_are_those_of_the_kind() {
    check_all(|replayed| {
        let Replayed { name, truth, .. } = replayed;
        let expected = &truth["expected"];
        let outcomes = expected["outcomes"].as_array().unwrap();
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        for one in &replayed.connections {
            assert!(outcomes.contains(&one["outcome"]), "{name}: {one}");
            *counted
                .entry(one["outcome"].as_str().unwrap().to_owned())
                .or_default() += 1;
            for way in ["payload_out", "payload_in"] {
                let within = |bytes: u64| {
                    let (least, most) = (&expected[way][0], &expected[way][1]);
                    (least.as_u64().unwrap()..=most.as_u64().unwrap()).contains(&bytes)
                };
                // Not known yet of a connection that is not over.
                assert!(one[way].as_u64().is_none_or(within), "{name}: {one}");
            }
        }
        assert_eq!(
            serde_json::to_value(counted).unwrap(),
            truth["recorded"]["outcomes"],
            "{name}"
        );
    });
}

/// One of each expected group is found, or at least named among what a finding
/// cannot be told from; no wrong finding is certain; where nothing is wrong,
/// nothing is found.
fn wrong_findings(replayed: &Replayed, how: &str) -> Vec<String> {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let name = &replayed.name;
    let found = list(&replayed.report["findings"]);
    let expected = &replayed.truth["expected"][how];
    let groups: Vec<_> = list(&expected["must"]).iter().map(list).collect();
    let may = list(&expected["may"]);
    let is_alternative = |finding: &Value, wanted: &Value| {
        let alternatives = finding["alternatives"].as_array();
        alternatives.is_some_and(|all| all.iter().any(|one| one["name"] == *wanted))
    };
    let says = |finding: &Value, wanted: &Value| {
        finding["name"] == *wanted
            || list(&finding["cannot_tell_from"]).contains(wanted)
            || is_alternative(finding, wanted)
    };
    let mut wrong = Vec::new();
    for group in &groups {
        if !found
            .iter()
            .any(|one| group.iter().any(|wanted| says(one, wanted)))
        {
            let names: Vec<_> = found.iter().map(|one| &one["name"]).collect();
            wrong.push(format!("{name}, {how}: none of {group:?} is in {names:?}"));
        }
    }
    let nothing = groups.is_empty() && may.is_empty();
    for finding in &found {
        let right = may.contains(&finding["name"])
            || groups.iter().any(|group| group.contains(&finding["name"]));
        let tolerated = !nothing && finding["confidence"] != "certain";
        if !right && !tolerated {
            wrong.push(format!("{name}, {how}: wrong finding {}", finding["name"]));
        }
    }
    wrong
}

#[test]
fn findings_are_those_of_the_kind() {
    let mut wrong = Vec::new();
    for recording in recordings() {
        let replayed = Replayed::of(&recording);
        wrong.extend(wrong_findings(&replayed, "handshake"));
        wrong.extend(wrong_findings(&replayed.plain(&recording), "plain"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Connections without a handshake then say nothing about what their clients sent first.
#[test]
fn findings_are_as_without_handshakes_or_with_them_where_they_came_midway() {
    let mut wrong = Vec::new();
    for recording in recordings() {
        let replayed = Replayed::of(&recording).turned_on_midway(&recording);
        let plain = wrong_findings(&replayed, "plain");
        if !plain.is_empty() && !wrong_findings(&replayed, "handshake").is_empty() {
            wrong.extend(plain);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

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
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

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
        let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["replay", "--format", "json"])
            .arg(recording)
            .output()
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
        let truth = fs::read(recording.with_extension("truth.json")).unwrap();
        Self {
            name,
            truth: serde_json::from_slice(&truth).unwrap(),
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
    assert!(found.len() >= 13, "{} recordings", found.len());
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
        assert_eq!(
            replayed.all("/process/pid"),
            numbers(&truth["processes"]),
            "{name}"
        );
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
                let bytes = one[way].as_u64().unwrap();
                let (least, most) = (&expected[way][0], &expected[way][1]);
                assert!(bytes >= least.as_u64().unwrap(), "{name}: {one}");
                assert!(bytes <= most.as_u64().unwrap(), "{name}: {one}");
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
fn check_findings(name: &str, expected: &Value, found: &[Value]) {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let says = |finding: &Value, wanted: &Value| {
        finding["name"] == *wanted || list(&finding["cannot_tell_from"]).contains(wanted)
    };
    let groups = list(&expected["must"]);
    for group in groups.iter().map(list) {
        let hit = found
            .iter()
            .any(|one| group.iter().any(|wanted| says(one, wanted)));
        assert!(hit, "{name}: none of {group:?} is found in {found:?}");
    }
    let may = list(&expected["may"]);
    let nothing = groups.is_empty() && may.is_empty();
    for finding in found {
        let right = may.contains(&finding["name"])
            || groups
                .iter()
                .any(|group| list(group).contains(&finding["name"]));
        let tolerated = !nothing && finding["confidence"] != "certain";
        assert!(right || tolerated, "{name}: wrong finding {finding}");
    }
}

#[test]
#[ignore = "until the report has findings"]
fn findings_are_those_of_the_kind() {
    check_all(|replayed| {
        let found = replayed.report["findings"].as_array().unwrap();
        check_findings(&replayed.name, &replayed.truth["expected"]["plain"], found);
    });
}

// SPDX-License-Identifier: MIT
//! Recordings of hosts where several things churn, or one does in an unusual way, held
//! against what was there.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::process::Command;

use serde_json::Value;
use zkchurn_lab::harness::in_time::CommandInTime;

/// A finding: name, confidence, how many ended connections it explains.
type Told<'a> = (&'a str, &'a str, u64);

fn report(recording: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", "--format", "json"])
        .arg(format!("tests/recordings/{recording}.zkchurn"))
        .output_in_time()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{recording}");
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn findings(report: &Value) -> Vec<Told<'_>> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|one| {
            let word = |key: &str| one[key].as_str().unwrap();
            (
                word("name"),
                word("confidence"),
                one["explains"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn two_stopped_applications_and_a_client_for_each_request_in_one_tomcat() {
    let report = report("messy/twoapps-jdk14.mid");
    assert_eq!(
        findings(&report),
        [
            ("client_fails_before_it_speaks", "certain", 43),
            ("client_per_request", "likely", 43),
        ]
    );
    assert_eq!(report["not_explained"], 0);
    let seen = report["findings"][0]["seen"].as_str().unwrap();
    assert!(
        seen.starts_with("43 connections in 35 s; each closed by the client before any byte after"),
        "{seen}"
    );
    let who = &report["findings"][0]["who"];
    assert_eq!(
        (&who["kind"], &who["threads"]),
        (&"process".into(), &2.into())
    );
}

#[test]
fn four_causes_on_one_host() {
    let report = report("messy/two-jdk14.mid");
    assert_eq!(
        findings(&report),
        [
            ("client_fails_before_it_speaks", "certain", 27),
            ("client_per_request", "likely", 130),
            ("tcp_health_probe", "likely", 39),
            ("four_letter_word_monitor", "likely", 20),
        ]
    );
}

/// The thread of the Netty transport has died with its socket open.
#[test]
fn a_client_that_never_speaks_is_not_turned_away_by_the_server() {
    let report = report("messy/netty.mid");
    assert_eq!(findings(&report), [("client_never_speaks", "certain", 3)]);
    let reasons = report["findings"][0]["for"].to_string();
    assert!(reasons.contains("SetWatches"), "{reasons}");
}

/// One thread of Node, or of gevent, serves many handles.
#[test]
fn one_thread_may_make_a_client_for_each_request() {
    for (recording, count) in [("messy/node-req.mid", 28), ("messy/gevent.mid", 40)] {
        assert_eq!(
            findings(&report(recording)),
            [("client_per_request", "likely", count)]
        );
    }
}

#[test]
fn the_workers_of_one_parent_are_one_finding() {
    let report = report("messy/gunicorn.mid");
    assert_eq!(findings(&report), [("client_per_request", "likely", 164)]);
    let who = &report["findings"][0]["who"];
    assert_eq!(
        (&who["kind"], &who["processes"]),
        (&"programs".into(), &4.into())
    );
    assert_eq!(who["label"], "gunicorn (kz_app:app)");
}

/// The server's side of [`four_causes_on_one_host`]: all of one address.
#[test]
fn behind_one_address_three_kinds_are_told_apart() {
    let report = report("server_side");
    let findings = findings(&report);
    let explained = |name| findings.iter().find(|one| one.0 == name).map(|one| one.2);
    assert_eq!(explained("four_letter_word_monitor"), Some(20));
    assert_eq!(explained("client_per_request"), Some(130));
    assert_eq!(explained("client_fails_before_it_speaks"), Some(66));
    let silent = &report["findings"][0];
    assert_eq!(silent["cannot_tell_from"][0], "tcp_health_probe");
    let rhythm = silent["rhythm"].as_str().unwrap();
    assert!(
        rhythm.starts_with("every 1.01 s, as from a timer (39 of the latest 66)")
            && rhythm.ends_with("the Java client's back-off"),
        "{rhythm}"
    );
}

#[test]
fn what_a_thread_met_before_is_part_of_its_story() {
    let report = report("messy/t-jdk14-w1.before");
    assert_eq!(
        findings(&report),
        [("client_fails_before_it_speaks", "certain", 26)]
    );
    let who = &report["findings"][0]["who"];
    assert_eq!(who["label"], "java (tomcat t-jdk14-w1)");
    assert_eq!(who["thread"], "main-SendThread(127.0.0.1:37181)");
    assert_eq!(
        who["runs_in"],
        serde_json::json!([
            "catalina.base /srv/app/out/t-jdk14-w1/tomcat",
            "web application app"
        ])
    );
    let reasons = report["findings"][0]["for"].as_array().unwrap();
    assert!(
        reasons
            .iter()
            .any(|why| why.as_str().unwrap().contains("before that, 2 connections"))
    );
}

// SPDX-License-Identifier: MIT
//! What is enough, without root, and what is not.

use std::{fs, os::unix::fs::MetadataExt, process::Command};

use serde_json::Value;

use super::user::{Place, UID};
use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, Tracer, unused_port},
};

/// Traces three connections.
fn traced(place: &Place, command: Command, arguments: &[&str]) -> Trace {
    let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let object = place.object.clone();
    in_namespace(move || {
        let port = unused_port();
        let port_text = port.to_string();
        let accepting = drain(listen(port), 3);
        let mut all = vec!["--port", &port_text];
        all.extend(arguments.iter().map(String::as_str));
        let tracer = Tracer::start_with(command, &all, object);
        (0..3).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        tracer.finish()
    })
}

/// Asserts that all was seen, to the counter of skipped runs, which is read from
/// the program's descriptor.
fn assert_whole(trace: &Trace) {
    assert_eq!(trace.connections.len(), 3);
    trace.assert_nothing_lost();
    assert!(trace.report["loss"]["recursion_misses"].is_u64());
    assert_eq!(trace.connections[0]["thread"]["pid"], std::process::id());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn two_ambient_capabilities_are_enough_to_trace_and_record() {
    let place = Place::new();
    let recording = place.file("of-a-user.zkchurn");
    let command = place.as_user_with(&["bpf", "perfmon"]);
    let trace = traced(&place, command, &["--record", recording.to_str().unwrap()]);
    assert_whole(&trace);
    let file = fs::metadata(recording).unwrap();
    assert_eq!((file.uid(), file.mode() & 0o7777), (UID, 0o600));
    // Root's processes cannot be looked at, and it says so.
    let degraded = trace.report["degraded"].to_string();
    assert!(degraded.contains("CAP_SYS_PTRACE"), "{degraded}");
    let process = &trace.report["flows"][0]["process"];
    assert!(process["executable"].is_null(), "{process}");
    let notes = trace.report["suspects"][0]["details"]["notes"].to_string();
    assert!(notes.contains("could not be read"), "{notes}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn two_file_capabilities_are_enough() {
    let place = Place::new();
    place.set_file_capabilities("cap_bpf,cap_perfmon+ep");
    assert_whole(&traced(&place, place.as_user(), &[]));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn cap_net_admin_adds_the_handshake() {
    let place = Place::new();
    let command = place.as_user_with(&["bpf", "perfmon", "net_admin"]);
    let trace = traced(&place, command, &["--handshake"]);
    assert_whole(&trace);
    assert!(trace.report["loss"]["handshake_records_dropped"].is_u64());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn two_more_show_the_processes_of_other_users() {
    let place = Place::new();
    let command = place.as_user_with(&["bpf", "perfmon", "sys_ptrace", "dac_read_search"]);
    let trace = traced(&place, command, &[]);
    assert_whole(&trace);
    let degraded = trace.report["degraded"].to_string();
    assert!(!degraded.contains("CAP_SYS_PTRACE"), "{degraded}");
    let this = std::env::current_exe().unwrap();
    let process = &trace.report["flows"][0]["process"];
    assert_eq!(process["executable"], this.to_str().unwrap());
    let details = &trace.report["suspects"][0]["details"];
    let cwd = std::env::current_dir().unwrap();
    assert_eq!(details["cwd"], cwd.to_str().unwrap());
    assert_eq!(details["notes"], serde_json::json!([]));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn without_them_it_says_which_are_missing_and_leaves_nothing_behind() {
    let place = Place::new();
    let recording = place.file("nothing.zkchurn");
    for (command, missing) in [
        (place.as_user(), "CAP_BPF and CAP_PERFMON not held"),
        (place.as_user_with(&["bpf"]), "CAP_PERFMON not held"),
        (place.as_user_with(&["perfmon"]), "CAP_BPF not held"),
    ] {
        let mut command = command;
        command.arg("--record").arg(&recording);
        let output = command.output_in_time().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(missing), "{message}");
        assert!(message.contains("setcap"), "{message}");
    }
    let left = fs::read_dir(recording.parent().unwrap()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    let ours = ["zkchurn", "zkchurn.bpf.o"];
    assert!(
        left.iter().all(|name| ours.iter().any(|one| name == one)),
        "{left:?}"
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn doctor_shows_what_is_held_and_what_it_is_for() {
    let place = Place::new();
    let mut command = place.as_user_with(&["bpf", "perfmon"]);
    let output = command
        .args(["doctor", "--format", "json"])
        .output_in_time();
    let finding: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(finding["can_trace"], true, "{finding:#}");
    let rows = finding["capabilities"].as_array().unwrap();
    let held: Vec<_> = rows
        .iter()
        .filter(|row| row["held"] == true)
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(held, ["CAP_BPF", "CAP_PERFMON"]);
    assert!(rows.iter().all(|row| row["purpose"] != ""));
    let text = place
        .as_user()
        .arg("doctor")
        .output_in_time()
        .unwrap()
        .stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("not held  CAP_BPF"), "{text}");
}

// SPDX-License-Identifier: MIT
//! The whole program at a JVM that churns: what it reports of the thread.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{in_time::CommandInTime, target::Target};

/// The task's name is the first 15 bytes of it.
const NAME: &str = r"main\033[2J-SendThread(zk1.example.org:2181)";
const JAVA_NAME: &str = "main\u{1b}[2J-SendThread(zk1.example.org:2181)";

/// Runs zkchurn at the target for some seconds and returns what it printed.
fn zkchurn(target: &Target, arguments: &[&str]) -> String {
    let port = target.port.expect("it churns").to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    command.args(arguments).args(["--port", &port]);
    if let Some(object) = std::env::var_os("ZKCHURN_BPF_OBJECT") {
        command.arg("--bpf-object").arg(object);
    }
    let output = command.output_in_time().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn trace(target: &Target) -> String {
    let arguments = [
        "--jvm",
        "dump",
        "--duration",
        "4s",
        "--details",
        "--no-color",
    ];
    zkchurn(target, &arguments)
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn the_owner_of_time_wait_sockets_is_the_java_thread_by_its_full_name() {
    let mut target = Target::start(&[], &["churn", NAME]);
    let arguments = ["timewait", "--watch", "5s", "--jvm", "dump", "--rows"];
    let json = zkchurn(&target, &[&arguments[..], &["--format", "json"]].concat());
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    let owner = &last["time_wait"]["owners"][0];
    assert_eq!(owner["owner"]["pid"], target.pid, "{last:#}");
    assert_eq!(owner["owner"]["tid"], target.tid());
    assert_eq!(owner["owner"]["java_thread"], JAVA_NAME);
    assert!(owner["count"].as_u64() > Some(10), "{owner}");
    let rows = last["time_wait"]["rows"].as_array().unwrap();
    let by_it = rows.iter().filter(|row| row["owner"] == owner["owner"]);
    assert_eq!(owner["count"], by_it.count());
    // The attach mechanism is there now.
    let text = zkchurn(&target, &arguments[..5]);
    let shown = r#" belong to pid PID java (Target) thread TID "main\u{1b}[2J-SendThread(zk1.example.org:2181)""#;
    let shown = shown
        .replace("TID", &target.tid().to_string())
        .replace("PID", &target.pid.to_string());
    // The sentence may go over several lines; the table follows.
    let sentence = text
        .lines()
        .take_while(|line| !line.starts_with("  SOCKETS"));
    let sentence = sentence.map(str::trim_start).collect::<Vec<_>>().join(" ");
    assert!(sentence.contains(&shown), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert_eq!(target.answers(), Vec::<String>::new());
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn without_being_asked_the_jvm_is_not_dumped() {
    let mut target = Target::start(&[], &["churn", NAME]);
    let text = zkchurn(&target, &["timewait", "--watch", "4s"]);
    assert!(text.contains(r#""main\u{1b}[2J-SendTh""#), "{text}");
    assert!(!text.contains("sk:"), "rows come on request: {text}");
    assert!(!target.socket().exists());
    assert_eq!(target.dumps_written(), 0);
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn the_report_says_why_there_is_no_dump_and_the_jvm_lives_on() {
    for (option, why, danger) in [
        ("-Xrs", "it runs with -Xrs: SIGQUIT would end it", true),
        (
            "-XX:+DisableAttachMechanism",
            "it runs with -XX:+DisableAttachMechanism: SIGQUIT would only write to its output",
            false,
        ),
    ] {
        let mut target = Target::start(&[option], &["churn", NAME]);
        // With -Xrs the JVM listens from its start; cleaners of /tmp end that.
        let _ = fs::remove_file(target.socket());
        let text = trace(&target);
        let tid = target.tid();
        let line = |start: &str| {
            let mut lines = text.lines();
            let found = lines.find(|line| line.trim_start().starts_with(start));
            found.unwrap_or_else(|| panic!("no {start} in {text}"))
        };
        assert!(line("no dump").ends_with(why), "{text}");
        let nid = format!("thread   {tid} (nid {tid:#x}, {tid})");
        line(&nid);
        let jstack = line("next     if a dump is possible");
        assert!(
            jstack.contains(&format!("jstack {} | grep", target.pid)),
            "{jstack}"
        );
        assert!(
            jstack.contains(&format!("nid=({tid:#x}|{tid})")),
            "{jstack}"
        );
        assert_eq!(jstack.contains("which ends this JVM"), danger, "{jstack}");
        assert_eq!(target.answers(), Vec::<String>::new());
    }
}

// SPDX-License-Identifier: MIT
//! A log that cannot be found any more by the name that it had when it was searched: the report
//! at the end of the trace does not send its reader there.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    faults::run::Run,
    in_time::ChildInTime,
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Trace, unused_port},
};

/// Time for zkchurn to look at a process that churns.
const LOOKED_AT: Duration = Duration::from_secs(3);

/// Bash, by way of `wrapper`, makes some connections with `app.log` of a directory open, which
/// says why, and ends; then `meanwhile` happens, and the trace ends. The suspect in the report.
fn traced(wrapper: &[&str], prepare: &str, meanwhile: fn(&Path)) -> (PathBuf, Value) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let program = format!(
        "{prepare}; exec 4>>app.log; \
         echo 'java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches' >&4; \
         for i in 1 2 3 4 5; do exec 3<>/dev/tcp/127.0.0.1/PORT; exec 3>&-; done; read"
    );
    let wrapper: Vec<String> = wrapper.iter().map(|&word| word.to_owned()).collect();
    let at = directory.path().to_owned();
    let ended = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let run = Run::start(command, &["--port", &port.to_string()]);
        let mut words = wrapper.iter().map(String::as_str).chain(["bash", "-c"]);
        let mut process = Command::new(words.next().unwrap())
            .args(words)
            .arg(program.replace("PORT", &port.to_string()))
            .current_dir(&at)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        accepting.join().unwrap();
        thread::sleep(LOOKED_AT);
        drop(process.stdin.take());
        process.wait_in_time().unwrap();
        meanwhile(&at);
        run.signal(Signal::INT);
        run.wait()
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    (log, trace.report["suspects"][0].clone())
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_log_that_is_rotated_after_the_end_of_its_process_is_quoted_by_its_new_name() {
    let (log, suspect) = traced(&[], "true", |directory| {
        let log = directory.join("app.log");
        fs::rename(&log, directory.join("app.log.1")).unwrap();
        fs::write(log, "Started again.\n").unwrap();
    });
    let finding = &suspect["logs"]["findings"][0];
    let now = format!("{}.1", log.display());
    assert_eq!(finding["path"], now, "{suspect}");
    assert_eq!(finding["gone"], Value::Null);
    assert_eq!(suspect["next"][0], format!("read {now} around line 1"));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_log_that_is_deleted_after_the_end_of_its_process_is_not_to_be_read() {
    let (log, suspect) = traced(&[], "true", |directory| {
        fs::remove_file(directory.join("app.log")).unwrap();
    });
    let finding = &suspect["logs"]["findings"][0];
    assert_eq!(finding["path"], log.display().to_string(), "{suspect}");
    assert_eq!(finding["gone"], "renamed");
    let next = suspect["next"][0].as_str().unwrap();
    assert!(next.contains("is not found"), "{next}");
}

/// Bash says why with `app.log` open, `meanwhile` it does something to that after a look, and it
/// goes on until the last look. The suspect in the report.
fn traced_on(meanwhile: &str) -> (PathBuf, Value) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let program = format!(
        "exec 4>>app.log; \
         echo 'java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches' >&4; \
         churn() {{ for i in 1 2 3 4 5; do exec 3<>/dev/tcp/127.0.0.1/PORT; exec 3>&-; done; }}; \
         churn; read; {meanwhile}; churn; read"
    );
    let at = directory.path().to_owned();
    let ended = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 10);
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let run = Run::start(command, &["--port", &port.to_string()]);
        let mut process = Command::new("bash")
            .args(["-c", &program.replace("PORT", &port.to_string())])
            .current_dir(&at)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(LOOKED_AT);
        process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        accepting.join().unwrap();
        run.signal(Signal::INT);
        let ended = run.wait();
        drop(process.stdin.take());
        process.wait_in_time().unwrap();
        ended
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    (log, trace.report["suspects"][0].clone())
}

/// As an appender does when its web application stops.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_a_log_said_that_is_closed_by_the_last_look_stays_evidence() {
    let (log, suspect) = traced_on("echo 'Stopped.' >&4; exec 4>&-");
    let finding = &suspect["logs"]["findings"][0];
    assert_eq!(finding["signature"], "zookeeper-class-missing", "{suspect}");
    assert_eq!(finding["path"], log.display().to_string());
    assert_eq!(finding["gone"], Value::Null);
    let mut files = suspect["logs"]["files"].as_array().unwrap().iter();
    let file = files.find(|file| file["path"] == finding["path"]).unwrap();
    assert!(file["read_before_ms"].is_u64(), "{suspect}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_a_log_said_that_is_emptied_or_moved_away_by_the_last_look_stays_evidence() {
    for (meanwhile, name, gone) in [
        (": >app.log", "app.log", Value::from("renamed")),
        (
            "mkdir old; mv app.log old/; exec 4>>app.log",
            "app.log",
            Value::from("renamed"),
        ),
        ("mv app.log other; exec 4>>app.log", "other", Value::Null),
    ] {
        let (log, suspect) = traced_on(meanwhile);
        let finding = &suspect["logs"]["findings"][0];
        assert_eq!(finding["signature"], "zookeeper-class-missing", "{suspect}");
        let path = log.with_file_name(name);
        assert_eq!(finding["path"], path.display().to_string());
        assert_eq!(finding["gone"], gone, "{suspect}");
    }
}

/// As a container's: its path below `/proc/PID/root` is gone with it.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_log_on_mounts_that_ended_with_their_process_is_named_as_that_had_it() {
    let (log, suspect) = traced(
        &["unshare", "--mount"],
        "mount -t tmpfs own $PWD; cd $PWD",
        |_| {},
    );
    let finding = &suspect["logs"]["findings"][0];
    assert_eq!(finding["path"], log.display().to_string(), "{suspect}");
    let pid = &suspect["pid"];
    assert_eq!(finding["gone"]["with_process"], *pid);
    let next = suspect["next"][0].as_str().unwrap();
    let whose = format!("is in the mount namespace of pid {pid}, which has ended");
    assert!(next.contains(&whose) && !next.contains("/proc/"), "{next}");
}

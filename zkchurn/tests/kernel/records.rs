// SPDX-License-Identifier: MIT
//! Records for an engine: the lines that a replay gives, in files, and no risk for the trace.

use std::{fs, path::Path, process::Command, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    faults::run::{PATIENCE, Run, helper},
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, Tracer, unused_port, wait_for},
};

/// What the files have, oldest first, those that are being written too.
fn lines(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    let text: String = texts.collect();
    text.lines().map(str::to_owned).collect()
}

fn of_kind<'a>(lines: &'a [String], kind: &str) -> Vec<&'a String> {
    let begin = format!("{{\"type\":\"{kind}\"");
    let lines = lines.iter();
    lines.filter(|line| line.starts_with(&begin)).collect()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn live_and_replayed_lines_are_the_same_and_each_says_where_it_is_from() {
    let directory = tempfile::tempdir().unwrap();
    let [records, recording] = ["records", "trace.zkchurn"].map(|name| directory.path().join(name));
    let (to, also) = (records.clone(), recording.clone());
    in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 50);
        let port_text = port.to_string();
        let options = ["--port", &port_text, "--interval", "100ms", "--ndjson-dir"];
        let paths = [to.to_str().unwrap(), "--record", also.to_str().unwrap()];
        let tracer = Tracer::start(&[&options[..], &paths].concat());
        (0..20).for_each(|_| drop(connect(v4(port))));
        // Not only at the end.
        wait_for(Duration::from_secs(30), "20 connections", || {
            of_kind(&lines(&to), "connection").len() == 20
        });
        let words = format!(
            "for i in $(seq 30); do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; sleep 0.05; done"
        );
        let secret = ["-c", &words, "client", "--password=hunter2"];
        let mut client = Command::new("bash");
        assert!(client.args(secret).status_in_time().unwrap().success());
        accepting.join().unwrap();
        wait_for(
            Duration::from_secs(30),
            "an interval with the client",
            || {
                lines(&to)
                    .iter()
                    .any(|line| line.contains("--password=(hidden)"))
            },
        );
        tracer.finish();
    });
    let written = lines(&records);
    assert!(written.iter().all(|line| !line.contains("hunter2")));
    let names = fs::read_dir(&records).unwrap();
    for name in names.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(
            name.starts_with("zkchurn-") && name.ends_with(".ndjson"),
            "{name}"
        );
    }
    let mut replay = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    replay
        .arg("replay")
        .arg(&recording)
        .args(["--format", "json"]);
    let replayed = String::from_utf8(replay.output_in_time().unwrap().stdout).unwrap();
    let replayed: Vec<_> = replayed.lines().map(str::to_owned).collect();
    for kind in ["start", "connection", "interval"] {
        assert_eq!(of_kind(&written, kind), of_kind(&replayed, kind), "{kind}");
    }
    // The report is for people, and nothing else is there.
    assert_eq!(of_kind(&written, "report").len(), 0);
    let first: Value = serde_json::from_str(&written[0]).unwrap();
    assert_eq!(first["type"], "start");
    for line in &written {
        let line: Value = serde_json::from_str(line).unwrap();
        for id in ["host", "boot_id", "run_id"] {
            assert!(line[id].as_str().is_some_and(|id| !id.is_empty()), "{line}");
            assert_eq!(line[id], first[id], "{line}");
        }
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_helper_that_is_gone_costs_the_trace_nothing_and_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let records = directory.path().join("records");
    let to = records.to_str().unwrap().to_owned();
    let ended = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 20);
        let port_text = port.to_string();
        let options = [
            "--port",
            &port_text,
            "--interval",
            "100ms",
            "--ndjson-dir",
            &to,
        ];
        let mut run = Run::start(Command::new(env!("CARGO_BIN_EXE_zkchurn")), &options);
        (0..10).for_each(|_| drop(connect(v4(port))));
        wait_for(PATIENCE, "10 connections", || {
            of_kind(&lines(Path::new(&to)), "connection").len() == 10
        });
        let writes = helper(&run, "zkchurn-lines");
        kill_process(Pid::from_raw(writes.cast_signed()).unwrap(), Signal::KILL).unwrap();
        run.await_message("takes no more records: the helper process");
        (0..10).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        run.signal(Signal::INT);
        run.wait()
    });
    // The records are incomplete, and that is said; the trace is not.
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the last records may be missing in"),
        "{}",
        ended.stderr
    );
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 20);
}

/// The last interval is that of the end.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_directory_that_is_removed_during_the_only_interval_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let records = directory.path().join("records");
    let to = records.to_str().unwrap().to_owned();
    let ended = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let port = port.to_string();
        let options = ["--port", &port, "--interval", "1h", "--ndjson-dir", &to];
        let run = Run::start(Command::new(env!("CARGO_BIN_EXE_zkchurn")), &options);
        fs::remove_dir_all(&to).unwrap();
        (0..5).for_each(|_| drop(connect(v4(port.parse().unwrap()))));
        accepting.join().unwrap();
        run.signal(Signal::INT);
        run.wait()
    });
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    let lacks = format!("{} lacks ", records.display());
    let missing = format!("the last records may be missing in {}", records.display());
    assert!(
        [lacks, missing]
            .iter()
            .any(|words| ended.stderr.contains(words)),
        "{}",
        ended.stderr
    );
}

// SPDX-License-Identifier: MIT
//! How a trace begins and ends, and that its recording tells the same.

use std::{
    io::Read,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, Tracer, unused_port, wait_for},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn every_way_to_end_gives_a_report() {
    let signals = [
        Signal::INT,
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
    ];
    for signal in signals {
        // Beneath `nohup` SIGHUP is ignored, behind a script's `&` SIGQUIT, and zkchurn leaves
        // them so. Whoever blocks signals and forgets it does not mean zkchurn.
        let mut command = Command::new("env");
        command.args(["--default-signal", "--block-signal"]);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let tracer = Tracer::start_command(command, &["--port", &unused_port().to_string()]);
        tracer.signal(signal);
        let answer = tracer.wait().report["answer"].to_string();
        assert!(
            answer.contains("No connection to port"),
            "{signal:?}: {answer}"
        );
    }
    let ended = Tracer::start(&["--port", "21999", "--duration", "200ms"]).wait();
    let length = ended.report["trace"]["length_ns"].as_u64().unwrap();
    assert!(
        (150_000_000..5_000_000_000).contains(&length),
        "{length} ns"
    );
}

/// The verifier breaks off where a signal is pending, as that of Ctrl-Z is in each thread.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn to_be_stopped_while_it_begins_is_no_refusal_of_the_kernel() {
    for _ in 0..3 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["--format", "json", "--duration", "200ms"])
            .args(["--port", &unused_port().to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        for _ in 0..300 {
            for signal in [Signal::STOP, Signal::CONT] {
                kill_process(pid, signal).unwrap();
            }
            thread::sleep(Duration::from_millis(1));
        }
        wait_for(Duration::from_secs(10), "the end of zkchurn", || {
            child.try_wait().unwrap().is_some()
        });
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        // Nor was a lesser way to trace taken for it.
        assert!(!said.contains("classic tracepoint"), "{said}");
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_replay_gives_the_same_report_as_the_live_trace() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace.zkchurn");
    let path = file.to_str().unwrap().to_owned();
    let live = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 50);
        let tracer = Tracer::start(&[
            "--port",
            &port.to_string(),
            "--interval",
            "100ms",
            "--record",
            &path,
        ]);
        for _ in 0..49 {
            drop(connect(v4(port)));
        }
        let open = connect(v4(port));
        let trace = tracer.finish();
        drop(open);
        accepting.join().unwrap();
        trace
    });
    let replay = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", "--format", "json"])
        .arg(&file)
        .output_in_time()
        .unwrap();
    assert!(replay.status.success());
    let replay = Trace::parse(std::str::from_utf8(&replay.stdout).unwrap()).unwrap();
    assert_eq!(live.report, replay.report);
    assert_eq!(live.connections, replay.connections);
    assert_eq!(live.connections.len(), 50);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reader_that_goes_away_is_success() {
    let port = unused_port();
    in_namespace(move || {
        let accepting = drain(listen(port), 1);
        let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["--format", "json", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // The start line means that tracing has begun.
        stdout.read_exact(&mut [0; 16]).unwrap();
        drop(stdout);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        let mut status = None;
        wait_for(Duration::from_secs(10), "the end of zkchurn", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), Some(0));
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert!(!stderr.contains("cannot be written"), "{stderr}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_existing_file_is_not_overwritten_by_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("precious");
    std::fs::write(&file, "precious").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["--duration", "100ms", "--record"])
        .arg(&file)
        .output_in_time()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("choose a name that does not exist yet"),
        "{message}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn doctor_finds_this_kernel_fit() {
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["doctor", "--format", "json"])
        .output_in_time()
        .unwrap();
    let finding: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(finding["can_trace"], true, "{finding:#}");
    assert_eq!(output.status.code(), Some(0));
}

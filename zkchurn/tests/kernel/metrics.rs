// SPDX-License-Identifier: MIT
//! The file with metrics: exact, whole at any moment, and no risk for the trace.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    faults::run::{PATIENCE, Run, helper},
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, Tracer, unused_port, wait_for},
};

/// The series and their values.
fn series(path: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

/// Connections that ended, as the file has them.
fn ended(path: &Path) -> f64 {
    let series = series(path);
    let ended = series.iter();
    ended
        .filter(|(name, _)| name.starts_with("zkchurn_connections_total{"))
        .map(|(_, count)| count)
        .sum()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_connection_is_in_the_file_while_the_trace_goes_on_and_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("zkchurn.prom");
    let path = file.to_str().unwrap().to_owned();
    in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 30);
        let port_text = port.to_string();
        let options = ["--port", &port_text, "--interval", "100ms", "--prom-file"];
        let tracer = Tracer::start(&[&options[..], &[&path]].concat());
        (0..20).for_each(|_| drop(connect(v4(port))));
        let file = Path::new(&path);
        wait_for(Duration::from_secs(30), "20 connections", || {
            (ended(file) - 20.0).abs() < 0.5
        });
        (0..10).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        tracer.finish();
        assert!((ended(file) - 30.0).abs() < 0.5, "{}", ended(file));
        let peer = format!("peer=\"127.0.0.1:{port}\"");
        let series = series(file);
        let mut counts = series.keys();
        assert!(counts.any(|name| name.contains(&peer)), "{series:?}");
    });
    let mut left = fs::read_dir(directory.path()).unwrap();
    assert!(left.all(|entry| entry.unwrap().file_name() == "zkchurn.prom"));
}

/// What is answered at a path; nothing where nobody answers.
fn got(port: u16, path: &str) -> String {
    let Ok(mut client) = TcpStream::connect(v4(port)) else {
        return String::new();
    };
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer);
    answer
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn counts_are_served_and_a_server_that_is_gone_costs_nothing_else() {
    let ended = in_namespace(|| {
        let (port, serves) = (unused_port(), unused_port());
        let accepting = drain(listen(port), 30);
        let (port_text, at) = (port.to_string(), serves.to_string());
        let options = ["--port", &port_text, "--interval", "100ms", "--listen", &at];
        let mut run = Run::start(
            std::process::Command::new(env!("CARGO_BIN_EXE_zkchurn")),
            &options,
        );
        (0..20).for_each(|_| drop(connect(v4(port))));
        let peer = format!("peer=\"127.0.0.1:{port}\"");
        wait_for(PATIENCE, "20 connections", || {
            let answer = got(serves, "/metrics");
            let ended = answer.lines().filter(|line| {
                line.starts_with("zkchurn_connections_total{") && line.contains(&peer)
            });
            let ended = ended.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
            ended.sum::<u64>() == 20
        });
        let healthy = got(serves, "/healthz");
        assert!(healthy.starts_with("HTTP/1.1 200 "), "{healthy}");
        // It holds nothing, whoever asks it.
        let server = helper(&run, "zkchurn-serve");
        let status = zkchurn_lab::harness::proc::status(server).unwrap();
        assert_eq!(
            (status.mask("CapPrm"), status.mask("CapEff")),
            (Some(0), Some(0))
        );
        kill_process(Pid::from_raw(server.cast_signed()).unwrap(), Signal::KILL).unwrap();
        run.await_message("metrics are no longer served at 127.0.0.1:");
        assert_eq!(got(serves, "/metrics"), "");
        (0..10).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        run.signal(Signal::INT);
        run.wait()
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = "metrics are no longer served";
    assert_eq!(ended.stderr.matches(said).count(), 1, "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 30);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_address_that_is_taken_is_said_before_anything_is_traced() {
    in_namespace(|| {
        let taken = unused_port();
        let _listener = listen(taken);
        let mut zkchurn = std::process::Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        zkchurn.args(["--port", &unused_port().to_string()]);
        zkchurn.args(["--listen", &taken.to_string()]);
        let refused = crate::in_time::CommandInTime::output_in_time(&mut zkchurn).unwrap();
        let why = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(7), "{why}");
        // Each C library has words of its own.
        let in_use = std::io::Error::from(rustix::io::Errno::ADDRINUSE);
        let sentence = format!("metrics cannot be served at 127.0.0.1:{taken}: {in_use}; choose");
        assert!(why.contains(&sentence), "{why}");
    });
}

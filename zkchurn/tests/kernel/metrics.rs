// SPDX-License-Identifier: MIT
//! The file with metrics: exact, whole at any moment, and no risk for the trace.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port, wait_for},
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

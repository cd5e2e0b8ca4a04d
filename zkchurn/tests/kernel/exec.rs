// SPDX-License-Identifier: MIT
//! A process that becomes another program under its pid, as entry points of containers do.

use std::{fs, process::Command};

use crate::{
    in_time::ChildInTime,
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Trace, Tracer, unused_port},
};

/// A shell connects once, becomes another program, and that connects twice.
fn traced(arguments: &'static [&str]) -> Trace {
    in_namespace(move || {
        let directory = tempfile::tempdir().unwrap();
        let second = directory.path().join("second");
        fs::copy("/bin/bash", &second).unwrap();
        let port = unused_port();
        let accepting = drain(listen(port), 3);
        let text = port.to_string();
        let tracer = Tracer::start(&[&["--port", &text], arguments].concat());
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; sleep 0.7");
        let then = format!("{connect}; {connect}; :");
        let script = format!("{connect}; exec {} -c '{then}'", second.display());
        let mut client = Command::new("bash").args(["-c", &script]).spawn().unwrap();
        assert!(client.wait_in_time().unwrap().success());
        accepting.join().unwrap();
        tracer.finish()
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_connection_is_named_by_the_program_that_opened_it() {
    let trace = traced(&[]);
    trace.assert_nothing_lost();
    let named: Vec<_> = (trace.connections.iter())
        .map(|connection| connection["process"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["bash", "second", "second"]);
    let row = &trace.report["flows"][0]["process"];
    assert_eq!(row["name"], "second", "{row}");
    let executable = row["executable"].as_str().unwrap();
    assert!(executable.ends_with("/second"), "{row}");
    let limitations = trace.report["degraded"].to_string();
    let told = "became another program during the trace (exec): bash, then second";
    assert!(limitations.contains(told), "{limitations}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_filter_goes_by_the_program_that_opened_the_connection() {
    for (filter, count) in [("process:second", 2), ("process:bash", 1)] {
        let arguments: &'static [&str] = match filter {
            "process:second" => &["--filter", "process:second"],
            _ => &["--filter", "process:bash"],
        };
        let trace = traced(arguments);
        assert_eq!(trace.connections.len(), count, "{filter}");
    }
}

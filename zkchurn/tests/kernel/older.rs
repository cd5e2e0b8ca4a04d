// SPDX-License-Identifier: MIT
//! Connections that were there before the trace, and sockets that change hands.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use rustix::net::{AddressFamily, bind};
use serde_json::{Value, json};

use crate::{
    in_time::{ChildInTime, CommandInTime},
    namespace::in_namespace,
    peer::{connect, drain, listen, stream_socket, v4, v4_mapped},
    tracer::{Tracer, assert_fields, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_older_connection_is_followed_to_its_end_and_held_by_its_process() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let stays = (connect(v4(port)), listener.accept().unwrap());
        let accepting = drain(listener.try_clone().unwrap(), 1);
        let mut ends = connect(v4_mapped(port));
        ends.write_all(b"hello").unwrap();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        // The walk has seen it by then.
        sleep(Duration::from_millis(1_200));
        ends.write_all(b" world").unwrap();
        drop(ends);
        accepting.join().unwrap();
        let accepting = drain(listener, 1);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        let trace = tracer.finish();
        drop(stays);
        trace
    });
    trace.assert_nothing_lost();
    let older: Vec<_> = trace
        .connections
        .iter()
        .filter(|connection| connection["before_start"] == true)
        .collect();
    assert_eq!(older.len(), 2, "{:#?}", trace.connections);
    for connection in &older {
        assert_eq!(connection["process"]["pid"], std::process::id());
        assert_eq!(connection["thread"], Value::Null);
    }
    // Payload is counted from the connection's real beginning.
    let ended = json!({ "payload_out": 11, "first_close": "us", "ipv6_socket": true });
    assert_fields(older[0], &ended);
    assert_eq!(older[1]["outcome"], "still_open");
    let flow = &trace.report["flows"][0];
    assert_eq!((&flow["opened"], &flow["ended"]), (&json!(1), &json!(1)));
    assert_fields(&flow["older"], &json!({ "seen": 2, "ended": 1, "open": 1 }));
    let answer = trace.report["answer"].as_str().unwrap();
    assert!(
        answer.contains("2 connections already open when the trace began (1 ended)"),
        "{answer}"
    );
    let sockets = &trace.report["time_wait"]["groups"];
    let of_older = sockets.as_array().unwrap().iter();
    let of_older = of_older.filter(|group| group["owner"]["tid"].is_null());
    assert_eq!(of_older.count(), 1, "{sockets:#}");
}

/// The server is gone, and the program does not close; of the fourth it does.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_was_half_closed_before_and_is_held_has_not_ended() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let mut held: Vec<_> = (0..4).map(|_| connect(v4(port))).collect();
        for _ in &held {
            drop(listener.accept().unwrap());
        }
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        drop(held.pop());
        sleep(Duration::from_millis(1_200));
        let trace = tracer.finish();
        drop(held);
        trace
    });
    trace.assert_nothing_lost();
    let older = &trace.report["total"]["older"];
    let counts = json!({ "seen": 4, "ended": 1, "open": 3, "half_closed_before": 3 });
    assert_fields(older, &counts);
    let finding = &trace.report["findings"][0];
    let told = json!({ "name": "held_in_close_wait", "connections": 3, "explains": 0 });
    assert_fields(finding, &told);
    assert_eq!(finding["who"]["pid"], std::process::id());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_a_filter_on_the_process_others_older_connections_stay_out() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let stays = connect(v4(port));
        let mut other = Command::new("sleep").arg("30").spawn().unwrap();
        let tracer = Tracer::start(&[
            "--port",
            &port.to_string(),
            "--pid",
            &other.id().to_string(),
        ]);
        let trace = tracer.finish();
        other.kill().unwrap();
        other.wait_in_time().unwrap();
        drop(stays);
        accepting.join().unwrap();
        trace
    });
    assert_eq!(trace.connections.len(), 0);
    assert_eq!(trace.report["total"]["older"]["seen"], 0);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_older_connection_between_two_traced_ports_has_the_side_of_who_listens() {
    for (side, end) in [("client", "remote"), ("server", "local")] {
        let (trace, port) = in_namespace(move || {
            let (port, own) = (unused_port(), unused_port());
            let listener = listen(port);
            let client = stream_socket(AddressFamily::INET);
            bind(&client, &v4(own)).unwrap();
            rustix::net::connect(&client, &v4(port)).unwrap();
            let accepted = listener.accept().unwrap();
            let ports = format!("{port},{own}");
            let tracer = Tracer::start(&["--port", &ports, "--side", side]);
            let trace = tracer.finish();
            drop((client, accepted));
            (trace, port)
        });
        let connection = trace.only();
        assert_eq!(connection["side"], side);
        assert_eq!(connection["before_start"], true);
        assert_eq!(connection[end], format!("127.0.0.1:{port}"));
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_a_filter_on_the_process_a_socket_that_it_shares_is_followed() {
    let (trace, pid) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        // The shell, with the lower pid, holds the socket that `cat` inherits.
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&4 & echo $!; wait; read");
        let script = format!("exec 4<&0; {script}");
        let mut shell = Command::new("bash")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let pid: u32 = line.trim().parse().unwrap();
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pid", line.trim()]);
        drop(shell.stdin.take());
        shell.wait_in_time().unwrap();
        accepting.join().unwrap();
        (tracer.finish(), pid)
    });
    let connection = trace.only();
    assert_eq!(connection["before_start"], true);
    assert_eq!(connection["process"]["pid"], pid);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_socket_that_another_process_closes_names_both() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        // The shell opens; `sleep` inherits the socket and outlives the shell's
        // own close of it.
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; sleep 0.2 & exec 3>&-; wait");
        let status = Command::new("bash")
            .args(["-c", &script])
            .status_in_time()
            .unwrap();
        assert!(status.success());
        accepting.join().unwrap();
        tracer.finish()
    });
    let connection = trace.only();
    assert_eq!(connection["process"]["name"], "bash");
    assert_eq!(connection["closer"]["comm"], "sleep");
    assert_ne!(connection["closer"]["pid"], connection["process"]["pid"]);
    let flow = &trace.report["flows"][0];
    assert_eq!(flow["closed_by_other_process"], 1);
    assert_eq!(flow["other_process_closer"], connection["closer"]);
}

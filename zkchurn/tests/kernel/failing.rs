// SPDX-License-Identifier: MIT
//! Connections that are never established, each for its own reason.

use std::{net::TcpStream, time::Duration};

use rustix::net::{AddressFamily, connect};
use serde_json::{Value, json};

use crate::{
    namespace::{black_hole, in_namespace, nobody},
    peer::{drain, listen, stream_socket, v4},
    tracer::{Trace, Tracer, assert_fields, unused_port},
};

fn assert_failed(trace: &Trace, expected: &Value) {
    trace.assert_nothing_lost();
    let connection = trace.only();
    assert_fields(connection, expected);
    assert_fields(
        connection,
        &json!({"established": null, "established_for_ns": null, "first_close": null, "payload_out": 0, "payload_in": 0}),
    );
    assert_eq!(connection["thread"]["pid"], std::process::id());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn refused() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        TcpStream::connect(v4(port)).unwrap_err();
        tracer.finish()
    });
    let error = json!({"errno": 111, "name": "ECONNREFUSED"});
    assert_failed(
        &trace,
        &json!({"outcome": "refused", "error": error, "closer": null}),
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn timed_out_in_a_black_hole() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let hole = black_hole();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let error = TcpStream::connect((hole, port)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        tracer.finish()
    });
    let error = json!({"errno": 110, "name": "ETIMEDOUT"});
    assert_failed(&trace, &json!({"outcome": "timed_out", "error": error}));
    // How many SYNs one retry means depends on tcp_syn_linear_timeouts (6.5+).
    assert!(trace.only()["retransmits"].as_u64().unwrap() >= 1);
    let tried = trace.only()["connecting_for_ns"].as_u64().unwrap();
    assert!(
        (2_500_000_000..6_000_000_000).contains(&tried),
        "{tried} ns"
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn unreachable_because_nobody_answers_arp() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let nobody = nobody();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let error = TcpStream::connect((nobody, port)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::HostUnreachable);
        tracer.finish()
    });
    let error = json!({"errno": 113, "name": "EHOSTUNREACH"});
    assert_failed(&trace, &json!({"outcome": "unreachable", "error": error}));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn given_up_by_the_caller() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let hole = black_hole();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let to = format!("{hole}:{port}").parse().unwrap();
        let error = TcpStream::connect_timeout(&to, Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        tracer.finish()
    });
    assert_failed(&trace, &json!({"outcome": "given_up", "error": null}));
    assert_eq!(trace.only()["closer"], trace.only()["thread"]);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_socket_that_is_refused_and_tries_again_is_two_connections() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let socket = stream_socket(AddressFamily::INET);
        connect(&socket, &v4(port)).unwrap_err();
        let accepting = drain(listen(port), 1);
        connect(&socket, &v4(port)).unwrap();
        drop(socket);
        accepting.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    let outcomes: Vec<_> = trace
        .connections
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["refused", "closed_by_us_before_any_byte"]);
    assert_eq!(
        trace.connections[0]["socket"],
        trace.connections[1]["socket"]
    );
}

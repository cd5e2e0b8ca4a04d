// SPDX-License-Identifier: MIT
//! The ZooKeeper host's side.

use serde_json::json;

use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4, v6},
    tracer::{Trace, Tracer, assert_fields, unused_port},
};

fn five_connections(side: &'static str) -> (Trace, u16) {
    in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--side", side]);
        for _ in 0..3 {
            drop(connect(v4(port)));
        }
        for _ in 0..2 {
            drop(connect(v6(port)));
        }
        accepting.join().unwrap();
        // The last accepted socket may still wait for the ACK of its FIN.
        (tracer.finish(), port)
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_server_counts_by_remote_host() {
    let (trace, port) = five_connections("server");
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 5);
    for connection in &trace.connections {
        assert_fields(
            connection,
            &json!({"side": "server", "process": null, "thread": null, "first_close": "peer"}),
        );
        assert!(
            connection["local"]
                .as_str()
                .unwrap()
                .ends_with(&format!(":{port}"))
        );
    }
    let flows = trace.report["flows"].as_array().unwrap();
    let rows: Vec<_> = flows
        .iter()
        .map(|row| {
            (
                row["destination"].as_str().unwrap(),
                row["opened"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        (format!("127.0.0.1 -> :{port}"), 3),
        (format!("::1 -> :{port}"), 2),
    ];
    assert_eq!(
        rows,
        expected
            .each_ref()
            .map(|(row, count)| (row.as_str(), *count))
    );
    let answer = trace.report["answer"].as_str().unwrap();
    assert!(
        answer.starts_with("remote host 127.0.0.1 opened 3 connections"),
        "{answer}"
    );
}

/// The server cannot tell a probe from a client that fails, and says so.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_server_names_the_host_that_churns_and_what_it_cannot_tell() {
    let (trace, _) = five_connections("server");
    let findings = trace.report["findings"].as_array().unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|one| {
            (
                &one["name"],
                &one["confidence"],
                &one["cannot_tell_from"][0],
            )
        })
        .collect();
    // Each connection is in one finding, which names the other that it may be.
    assert_eq!(
        json!(told),
        json!([[
            "client_fails_before_it_speaks",
            "possible",
            "tcp_health_probe"
        ]])
    );
    for finding in findings {
        assert_eq!(finding["who"]["kind"], "remote_host");
        assert_eq!(finding["who"]["label"], "127.0.0.1");
        assert_eq!(finding["connections"], 3);
    }
    let elsewhere =
        json!("run zkchurn on this host without --side server: it names the process and thread");
    let next = findings[0]["next"].as_array().unwrap();
    assert!(next.contains(&elsewhere), "{next:?}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn both_sides_of_loopback_are_two_sockets() {
    let (trace, _) = five_connections("both");
    trace.assert_nothing_lost();
    let count = |side| {
        trace
            .connections
            .iter()
            .filter(|one| one["side"] == side)
            .count()
    };
    assert_eq!((count("client"), count("server")), (5, 5));
}

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
    let families = trace.report["families"].as_array().unwrap();
    let rows: Vec<_> = families
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

// SPDX-License-Identifier: MIT
//! The ZooKeeper host's side.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use socket2::{Domain, SockFilter, Socket, Type};

use crate::{
    namespace::{in_namespace, ip},
    peer::{connect, drain, listen, read_all, v4, v6},
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
        json!("zkchurn on this host without --side server, which names the process and thread");
    let decides = findings[0]["would_decide"].as_array().unwrap();
    assert!(decides.contains(&elsewhere), "{decides:?}");
}

/// The accepting end is there for programs, and counts nowhere.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_both_ends_here_one_connection_is_one() {
    let (trace, port) = five_connections("both");
    trace.assert_nothing_lost();
    let sides = |ends: &[Value], side: &str| ends.iter().all(|end| end["side"] == side);
    assert_eq!((trace.connections.len(), trace.other_ends.len()), (5, 5));
    assert!(sides(&trace.connections, "client") && sides(&trace.other_ends, "server"));
    let total = &trace.report["total"];
    assert_fields(total, &json!({"opened": 5, "ended": 5, "open": 0}));
    assert_eq!(trace.report["both_ends_here"], 5);
    let flows = trace.report["flows"].as_array().unwrap();
    for (flow, host, count) in [(&flows[0], "127.0.0.1", 3), (&flows[1], "[::1]", 2)] {
        assert_fields(flow, &json!({"side": "client", "opened": count}));
        assert_eq!(flow["destination"], format!("{host}:{port}"));
    }
    let findings = trace.report["findings"].as_array().unwrap();
    let explained: u64 = findings
        .iter()
        .map(|finding| finding["connections"].as_u64().unwrap())
        .sum();
    assert!(explained <= 5, "{findings:#?}");
    for finding in findings {
        assert_eq!(finding["who"]["kind"], "thread", "{finding:#}");
    }
}

/// The server has closed, and the client holds its end for seconds after.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn ends_that_come_long_after_each_other_are_one_connection() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let tracer = Tracer::start(&[
            "--port",
            &port.to_string(),
            "--side",
            "both",
            "--interval",
            "1s",
        ]);
        let client = connect(v4(port));
        drop(listener.accept().unwrap());
        thread::sleep(Duration::from_secs(5));
        drop(client);
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.only()["first_close"], "peer");
    assert_eq!(trace.other_ends.len(), 1);
    assert_eq!(trace.report["total"]["opened"], 1);
}

/// Traces a socket that connects to itself.
fn connecting_to_itself(side: &'static str) -> Trace {
    in_namespace(move || {
        let port = unused_port();
        let tracer = Tracer::start(&["--port", &port.to_string(), "--side", side]);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&v4(port).into()).unwrap();
        socket.connect(&v4(port).into()).unwrap();
        let mut itself = TcpStream::from(socket);
        itself.write_all(b"hello").unwrap();
        itself.read_exact(&mut [0; 5]).unwrap();
        drop(itself);
        tracer.finish()
    })
}

/// It goes through SYN_RECV, as an accepted one does, and has one end only.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_socket_that_connects_to_itself_is_one_connection() {
    let trace = connecting_to_itself("both");
    trace.assert_nothing_lost();
    assert_fields(
        trace.only(),
        &json!({
            "side": "client", "outcome": "answered_then_closed_by_us", "first_close": "us",
            "payload_in": 5, "payload_out": 5,
        }),
    );
    assert_eq!(trace.other_ends.len(), 0);
    assert_eq!(trace.report["total"]["opened"], 1);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_socket_that_connects_to_itself_was_accepted_by_nobody() {
    let trace = connecting_to_itself("server");
    trace.assert_nothing_lost();
    assert!(trace.connections.is_empty(), "{:?}", trace.connections);
    assert_eq!(trace.report["total"]["opened"], 0);
}

/// `MSG_FASTOPEN` (include/linux/socket.h).
const MSG_FASTOPEN: i32 = 0x2000_0000;

/// The client's ACK has not come by then: a filter on its socket lets no SYN-ACK through.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_fast_open_brought_may_be_closed_before_the_handshake_is_complete() {
    let trace = in_namespace(|| {
        // Without cookies, both sides, and on all listeners (ip-sysctl.rst).
        std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", "1543").unwrap();
        let port = unused_port();
        let listener = listen(port);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--side", "server"]);
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // `BPF_RET | BPF_K`: nothing passes.
        client
            .attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])
            .unwrap();
        client.set_nonblocking(true).unwrap();
        client
            .send_to_with_flags(b"hello", &v4(port).into(), MSG_FASTOPEN)
            .unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        server.write_all(b"xyz").unwrap();
        drop(server);
        client.detach_filter().unwrap();
        client.set_nonblocking(false).unwrap();
        let mut client = TcpStream::from(client);
        assert_eq!(read_all(&mut client), 3);
        drop(client);
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_fields(
        trace.only(),
        &json!({
            "side": "server", "outcome": "answered_then_closed_by_us", "first_close": "us",
            "payload_in": 5, "payload_out": 3,
        }),
    );
}

/// As pods of a node, each with an address that no record had before: the server closes first, so
/// that its end's record comes first.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_first_connection_of_an_address_of_this_host_is_one_as_well() {
    const SERVER: [u8; 4] = [10, 99, 0, 1];
    let trace = in_namespace(|| {
        let clients = (2..7).map(|number| [10, 99, 0, number]);
        for [_, _, _, number] in clients.clone().chain([SERVER]) {
            ip(&format!("addr add 10.99.0.{number}/32 dev lo"));
        }
        let port = unused_port();
        let listener = listen(port);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--side", "both"]);
        for address in clients {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.bind(&SocketAddr::from((address, 0)).into()).unwrap();
            client
                .connect(&SocketAddr::from((SERVER, port)).into())
                .unwrap();
            drop(listener.accept().unwrap());
            assert_eq!(read_all(TcpStream::from(client)), 0);
        }
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_eq!((trace.connections.len(), trace.other_ends.len()), (5, 5));
    assert_fields(&trace.report["total"], &json!({"opened": 5, "ended": 5}));
    assert_eq!(trace.report["both_ends_here"], 5);
}

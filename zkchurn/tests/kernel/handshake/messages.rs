// SPDX-License-Identifier: MIT
//! What clients and servers say, over every kind of address.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    of_side, only,
    peer::{EXPIRED_SESSION, NEW_SESSION, TIMEOUT, request},
    traced,
};
use crate::{
    in_time::{ChildInTime, CommandInTime},
    peer::{connect, v4, v4_mapped, v6},
    tracer::{Trace, assert_fields},
};

/// Sends `bytes`, reads what is answered and closes.
fn say(to: SocketAddr, bytes: &[u8], answer: usize) {
    let mut stream = connect(to);
    stream.write_all(bytes).unwrap();
    stream.read_exact(&mut vec![0; answer]).unwrap();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_session_is_asked_for_and_granted_over_every_address() {
    for address in [v4, v6, v4_mapped] {
        let (trace, recording) = traced(1, move |port| say(address(port), &request(0), 41));
        assert_eq!(
            only(&trace),
            json!({
                "request": {
                    "kind": "connect_request",
                    "session": "0x0",
                    "new_handle": true,
                    "timeout_ms": 30_000,
                    "last_zxid": "0x200000007",
                    "first_packet": 49,
                },
                "response": {
                    "kind": "connect_response",
                    "session": "0x100019242b50000",
                    "expired": false,
                    "timeout_ms": TIMEOUT,
                    "first_packet": 41,
                },
            })
        );
        recording.assert_without_password();
        let summary = &trace.report["total"]["handshakes"];
        assert_eq!(summary["new_handles"], 1);
        assert_eq!(
            summary["main_session"]["session"],
            format!("{NEW_SESSION:#x}")
        );
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn reconnects_are_granted_expired_or_not_answered() {
    let (trace, recording) = traced(4, |port| {
        say(v4(port), &request(0x1b), 41);
        say(v4(port), &request(0x1b), 41);
        say(v4(port), &request(EXPIRED_SESSION), 41);
        // Gone before the server can answer.
        say(v4(port), &request(0x1b)[..28], 0);
    });
    recording.assert_without_password();
    let answers: Vec<_> = of_side(&trace, "client")
        .iter()
        .map(|handshake| {
            (
                handshake["request"]["session"].as_str().unwrap(),
                handshake["response"]["expired"].as_bool(),
            )
        })
        .collect();
    let expected = [
        ("0x1b", Some(false)),
        ("0x1b", Some(false)),
        ("0x666", Some(true)),
        ("0x1b", None),
    ];
    assert_eq!(answers, expected);
    let flow = client_flow(&trace);
    assert_fields(
        &flow["handshakes"],
        &json!({
            "connections": 4, "new_handles": 0, "reconnects": 4, "granted": 2, "expired": 1,
            "unanswered": 1, "sessions": 2, "sessions_uncounted": false,
            "main_session": {"session": "0x1b", "connections": 3},
            "asked_timeout_ms": {"min": 30_000, "max": 30_000},
            "granted_timeout_ms": {"min": TIMEOUT, "max": TIMEOUT},
            "last_zxid": {"min": "0x200000007", "max": "0x200000007"},
        }),
    );
}

fn client_flow(trace: &Trace) -> &Value {
    let mut flows = trace.report["flows"].as_array().unwrap().iter();
    flows.find(|flow| flow["side"] == "client").unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn other_things_that_are_said_at_the_port() {
    let (trace, _) = traced(5, |port| {
        say(v4(port), b"ruok", 4);
        say(v4(port), b"ruok\n", 4);
        say(v4(port), b"GET /commands HTTP/1.1\r\nHost: zk\r\n\r\n", 0);
        say(
            v4(port),
            b"\xff\xf4\xff\xfd\x06 and more than thirty bytes of it",
            0,
        );
        tls(port);
    });
    let mut kinds: Vec<_> = of_side(&trace, "client")
        .iter()
        .map(|handshake| handshake["request"]["kind"].as_str().unwrap())
        .collect();
    // A record comes when both ends have closed, in whatever order.
    kinds.sort_unstable();
    let expected = [
        "four_letter_word",
        "four_letter_word",
        "http",
        "other",
        "tls_client_hello",
    ];
    assert_eq!(kinds, expected);
    // Both ends of each are one connection.
    assert_fields(
        &trace.report["total"]["handshakes"],
        &json!({
            "four_letter_words": {"ruok": 2}, "http": 1, "tls": 1, "other_requests": 1,
            "other_responses": 2, "sessions": 0, "main_session": null, "unanswered": 0,
        }),
    );
}

/// A real client's TLS; the server hangs up on it.
fn tls(port: u16) {
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed (cargo xtask setup)");
    let status = client.wait_in_time().unwrap();
    assert!(!status.success(), "there is no TLS at that port");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_connection_on_which_nobody_speaks_has_no_handshake() {
    let (trace, recording) = traced(1, |port| drop(connect(v4(port))));
    assert_eq!(of_side(&trace, "client"), [&Value::Null]);
    assert_eq!(trace.report["total"]["handshakes"], Value::Null);
    assert_eq!(recording.handshakes(), []);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_replay_tells_the_same() {
    let (live, recording) = traced(2, |port| {
        say(v4(port), &request(0), 41);
        say(v6(port), b"GET / HTTP/1.0\r\n\r\n", 0);
    });
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", "--format", "json", &recording.path()])
        .output_in_time()
        .unwrap();
    let replay = Trace::parse(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    assert_eq!(live.report, replay.report);
    assert_eq!(live.connections, replay.connections);
    assert!(live.connections[0]["handshake"].is_object());
}

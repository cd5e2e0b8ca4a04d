// SPDX-License-Identifier: MIT
//! How much is captured: the first bytes and no more, in whatever packets they
//! come, and each only once.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;

use super::{
    of_side, only,
    peer::{NEW_SESSION, Recorded, TIMEOUT, request, response, serve},
    start, traced,
};
use crate::{
    in_time::{ChildInTime, CommandInTime},
    namespace::in_namespace,
    peer::{connect, drain, listen, v4, v6},
    tracer::{Trace, unused_port},
};

/// Sends `parts` in packets of their own, and reads an answer of 41 bytes.
fn say_in_parts(port: u16, parts: &[&[u8]]) {
    let mut stream = connect(v4(port));
    stream.set_nodelay(true).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
    }
    stream.read_exact(&mut [0; 41]).unwrap();
}

fn recorded(from_client: bool, offset: u8, bytes: &[u8], payload: u32) -> Recorded {
    Recorded {
        from_client,
        offset,
        bytes: bytes.to_vec(),
        payload,
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn exactly_28_bytes_of_the_client_and_20_of_the_server() {
    let (_, recording) = traced(1, |port| say_in_parts(port, &[&request(7)]));
    let sent = recorded(true, 0, &request(7)[..28], 49);
    let answered = recorded(false, 0, &response(7, TIMEOUT)[..20], 41);
    // Each packet is seen where it leaves and where it arrives.
    assert_eq!(
        recording.handshakes(),
        [sent.clone(), sent, answered.clone(), answered]
    );
    recording.assert_without_password();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_request_in_two_packets_as_the_c_client_sends_it() {
    let (trace, recording) = traced(1, |port| {
        say_in_parts(port, &[&request(7)[..4], &request(7)[4..]]);
    });
    let seen = only(&trace);
    assert_eq!(seen["request"]["session"], "0x7");
    assert_eq!(seen["request"]["first_packet"], 4);
    let of_client: Vec<_> = recording
        .handshakes()
        .into_iter()
        .filter(|record| record.from_client)
        .collect();
    let first = recorded(true, 0, &request(7)[..4], 4);
    let second = recorded(true, 4, &request(7)[4..28], 45);
    for part in [first, second] {
        let count = of_client.iter().filter(|record| **record == part).count();
        assert_eq!(count, 2, "{of_client:?}");
    }
    assert_eq!(of_client.len(), 4);
    recording.assert_without_password();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_request_byte_by_byte_ends_at_byte_28_too() {
    let (trace, recording) = traced(1, |port| {
        let request = request(7);
        let bytes: Vec<&[u8]> = request.chunks(1).collect();
        say_in_parts(port, &bytes);
    });
    assert_eq!(only(&trace)["request"]["session"], "0x7");
    let most = recording
        .handshakes()
        .iter()
        .map(|record| usize::from(record.offset) + record.bytes.len())
        .max();
    assert_eq!(most, Some(28));
    recording.assert_without_password();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_first_packet_of_many_bytes() {
    const LENGTH: usize = 40_000;
    let (trace, recording) = traced(1, |port| {
        let mut stream = connect(v6(port));
        stream.write_all(&[b'x'; LENGTH]).unwrap();
    });
    let of_client = of_side(&trace, "client")[0];
    assert_eq!(of_client["request"]["kind"], "other");
    // One packet of up to 64 KiB on loopback; segmented only behind the hook.
    let first = of_client["request"]["first_packet"].as_u64().unwrap();
    assert!(first > 28 && first <= LENGTH as u64, "{first}");
    assert!(
        recording
            .handshakes()
            .iter()
            .all(|record| record.bytes.len() == 28)
    );
}

/// The server's bytes end at byte 20 whatever it says, and however it says it.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_answer_in_parts_ends_at_byte_20() {
    let recording = super::Recording::new();
    let path = recording.path();
    let trace = in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            stream.read_exact(&mut [0; 49]).unwrap();
            for part in response(NEW_SESSION, TIMEOUT).chunks(6) {
                stream.write_all(part).unwrap();
            }
        });
        let tracer = start(port, &["--record", &path]);
        say_in_parts(port, &[&request(0)]);
        server.join().unwrap();
        tracer.finish()
    });
    assert_eq!(only(&trace)["response"]["session"], "0x100019242b50000");
    let ends: Vec<_> = recording
        .handshakes()
        .iter()
        .filter(|record| !record.from_client)
        .map(|record| usize::from(record.offset) + record.bytes.len())
        .collect();
    assert_eq!(ends.iter().max(), Some(&20), "{ends:?}");
    recording.assert_without_password();
}

/// While the queue of the interface drops everything, the first packet is sent
/// again and again.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_retransmitted_request_is_captured_once() {
    let (trace, recording) = traced(1, |port| {
        let mut stream = connect(v4(port));
        tc("add dev lo root tbf rate 8bit burst 1 limit 1");
        stream.write_all(&request(7)).unwrap();
        thread::sleep(Duration::from_millis(700));
        tc("del dev lo root");
        stream.read_exact(&mut [0; 41]).unwrap();
    });
    let client = trace
        .connections
        .iter()
        .find(|connection| connection["side"] == "client")
        .unwrap();
    // SYN, ACK, the request, the answer's ACK and the FIN are five. Its bytes count once
    // all the same.
    assert!(client["segments_out"].as_u64().unwrap() > 5, "{client:#}");
    assert_eq!(client["payload_out"], 49);
    assert_eq!(only(&trace)["request"]["session"], "0x7");
    let of_client = recording.handshakes();
    let of_client = of_client.iter().filter(|record| record.from_client);
    assert_eq!(
        of_client.count(),
        2,
        "one where it leaves, one where it arrives"
    );
}

fn tc(arguments: &str) {
    let mut tc = Command::new("tc");
    let status = tc.arg("qdisc").args(arguments.split(' ')).status_in_time();
    assert!(status.unwrap().success(), "tc qdisc {arguments}");
}

/// With TCP_DEFER_ACCEPT a client holds its last ACK back until there is data
/// (net/ipv4/tcp_input.c, `tcp_rcv_synsent_state_process`). The server's socket
/// does not exist when that data passes, and the report says so.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_request_in_the_packet_that_completes_the_connection() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let server = serve(listen(port), 1);
        let tracer = start(port, &[]);
        say_deferred(port, &request(7));
        server.join().unwrap();
        tracer.finish()
    });
    assert_eq!(of_side(&trace, "client")[0]["request"]["session"], "0x7");
    let of_server = of_side(&trace, "server")[0];
    assert_eq!(of_server["request"], Value::Null);
    assert_eq!(of_server["response"]["session"], "0x7");
    assert_eq!(trace.loss("handshakes_before_accept"), 1);
}

/// A client of its own, because no crate here sets the option: 6 is
/// IPPROTO_TCP, 9 TCP_DEFER_ACCEPT (include/uapi/linux/tcp.h). It sends what it reads.
const DEFERRING_CLIENT: &str = "
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die;
    setsockopt($socket, 6, 9, 1) or die;
    connect($socket, sockaddr_in($ARGV[0], inet_aton('127.0.0.1'))) or die;
    sysread(STDIN, my $request, 49) == 49 or die;
    syswrite($socket, $request) == 49 or die;
    sysread($socket, my $answer, 41) == 41 or die;
";

fn say_deferred(port: u16, request: &[u8]) {
    let mut client = Command::new("perl")
        .args(["-MSocket", "-e", DEFERRING_CLIENT, &port.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(request).unwrap();
    assert!(client.wait_in_time().unwrap().success());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn first_bytes_without_room_in_the_buffer_are_counted() {
    const COUNT: usize = 300;
    let trace: Trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), COUNT);
        let tracer = start(port, &["--buffer", "4"]);
        tracer.stop();
        for _ in 0..COUNT {
            connect(v4(port)).write_all(&request(7)).unwrap();
        }
        accepting.join().unwrap();
        tracer.signal(Signal::CONT);
        tracer.finish()
    });
    let dropped = trace.loss("handshake_records_dropped") as usize;
    // Two records for each connection: one where the request leaves and one
    // where it arrives. 4 KiB hold fewer than 64 of all kinds.
    assert!(
        (2 * COUNT - 64..2 * COUNT).contains(&dropped),
        "{dropped} dropped"
    );
}

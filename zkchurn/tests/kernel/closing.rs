// SPDX-License-Identifier: MIT
//! Who closes, how, and with how many bytes.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use socket2::{SockFilter, SockRef};

use crate::{
    in_time::LIMIT,
    namespace::{begin_with_window, in_namespace, inode},
    peer::{connect, drain, listen, read_all, reset_at_close, v4, v4_mapped, v6},
    tracer::{Trace, Tracer, assert_fields, unused_port},
};

/// `BPF_RET | BPF_K` (include/uapi/linux/bpf_common.h).
const BPF_RET: u16 = 0x06;

/// Traces one connection: `client` acts on one end, `server` on the other.
fn one_connection(
    to: impl Fn(u16) -> SocketAddr + Send + 'static,
    client: impl FnOnce(TcpStream) + Send + 'static,
    server: impl FnOnce(TcpStream) + Send + 'static,
) -> Trace {
    in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        let accepting = thread::spawn(move || server(listener.accept().unwrap().0));
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        client(connect(to(port)));
        accepting.join().unwrap();
        let trace = tracer.finish();
        trace.assert_nothing_lost();
        assert_eq!(trace.only()["remote"], v4_or_v6(to(port)));
        assert_eq!(trace.only()["netns"], inode());
        trace
    })
}

/// How the address is printed: v4-mapped as IPv4.
fn v4_or_v6(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

fn read_to_end(mut stream: TcpStream) {
    read_all(&mut stream);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_incident_shut_down_by_its_thread_closed_later() {
    let trace = one_connection(
        v4_mapped,
        |mut stream| {
            let opened = Instant::now();
            thread::sleep(Duration::from_millis(3));
            stream.shutdown(Shutdown::Write).unwrap();
            let lived = opened.elapsed();
            assert!(
                lived < Duration::from_secs(2),
                "the machine is too slow to tell"
            );
            read_all(&mut stream);
            // close(2) comes much later and must not count.
            thread::sleep(Duration::from_millis(300));
        },
        read_to_end,
    );
    let connection = trace.only();
    assert_fields(
        connection,
        &json!({
            "outcome": "closed_by_us_before_any_byte", "first_close": "us", "reset": null,
            "payload_out": 0, "payload_in": 0, "ipv6_socket": true, "error": null,
            "side": "client", "socket_is_cookie": true, "retransmits": 0,
        }),
    );
    assert_eq!(connection["closer"], connection["thread"]);
    assert_eq!(connection["thread"]["pid"], std::process::id());
    let lived = connection["established_for_ns"].as_u64().unwrap();
    assert!((3_000_000..300_000_000).contains(&lived), "{lived} ns");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn payload_is_exact_when_this_side_closes_first() {
    let trace = one_connection(
        v4,
        |mut stream| {
            stream.write_all(&[1; 49]).unwrap();
            stream.read_exact(&mut [0; 41]).unwrap();
        },
        |mut stream| {
            stream.read_exact(&mut [0; 49]).unwrap();
            stream.write_all(&[2; 41]).unwrap();
            read_all(&mut stream);
        },
    );
    assert_fields(
        trace.only(),
        &json!({"payload_out": 49, "payload_in": 41, "outcome": "answered_then_closed_by_us", "first_close": "us"}),
    );
}

/// Loopback delivers everything; a filter on the server's socket does not.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_is_sent_again_is_counted_in_segments_and_bytes() {
    const NOTHING_PASSES: SockFilter = SockFilter::new(BPF_RET, 0, 0, 0);
    let (is_deaf, wait_until_deaf) = channel();
    let trace = one_connection(
        v4,
        move |mut stream| {
            wait_until_deaf
                .recv_timeout(LIMIT)
                .expect("the server's socket takes nothing");
            stream.write_all(&[1; 45]).unwrap();
            stream.read_exact(&mut [0; 3]).unwrap();
        },
        move |mut stream| {
            let socket = SockRef::from(&stream);
            socket.attach_filter(&[NOTHING_PASSES]).unwrap();
            is_deaf.send(()).unwrap();
            // The first retry comes after 200 ms.
            thread::sleep(Duration::from_millis(500));
            socket.detach_filter().unwrap();
            stream.read_exact(&mut [0; 45]).unwrap();
            stream.write_all(&[2; 3]).unwrap();
            read_all(&mut stream);
        },
    );
    let connection = trace.only();
    assert_fields(connection, &json!({"payload_out": 45, "payload_in": 3}));
    let retransmits = connection["retransmits"].as_u64().unwrap();
    assert!(retransmits > 0);
    assert_eq!(connection["bytes_retransmitted"], 45 * retransmits);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_congestion_window_is_the_sockets() {
    let trace = in_namespace(|| {
        begin_with_window(37);
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        tracer.finish()
    });
    // The FIN that was acknowledged may have opened it by one.
    let window = trace.only()["congestion_window"].as_u64().unwrap();
    assert!((37..=38).contains(&window), "{window} segments");
    assert_eq!(trace.only()["bytes_retransmitted"], 0);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn payload_is_exact_when_the_peer_closes_first() {
    let trace = one_connection(
        v6,
        |mut stream| {
            stream.write_all(&[1; 49]).unwrap();
            assert_eq!(read_all(&mut stream), 41);
        },
        |mut stream| {
            stream.read_exact(&mut [0; 49]).unwrap();
            stream.write_all(&[2; 41]).unwrap();
        },
    );
    let connection = trace.only();
    assert_fields(
        connection,
        &json!({"payload_out": 49, "payload_in": 41, "outcome": "answered_then_closed_by_peer", "first_close": "peer", "ipv6_socket": true}),
    );
    assert_eq!(connection["closer"], connection["thread"]);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_half_closed_connection_still_receives() {
    let trace = one_connection(
        v4,
        |mut stream| {
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(&mut stream), 100_000);
        },
        |mut stream| {
            read_all(&mut stream);
            stream.write_all(&vec![7; 100_000]).unwrap();
        },
    );
    assert_fields(
        trace.only(),
        &json!({"payload_out": 0, "payload_in": 100_000, "first_close": "us", "outcome": "answered_then_closed_by_us"}),
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_peers_fin_is_not_counted_as_payload_nor_missed_when_it_never_came() {
    // The socket is closed, not only shut down, so it leaves FIN_WAIT2 without
    // the peer's FIN, which the TIME_WAIT socket takes later.
    let trace = one_connection(
        v4,
        |mut stream| {
            stream.read_exact(&mut [0; 1000]).unwrap();
            drop(stream);
            thread::sleep(Duration::from_millis(200));
        },
        |mut stream| {
            stream.write_all(&[7; 1000]).unwrap();
            read_all(&mut stream);
            thread::sleep(Duration::from_millis(100));
        },
    );
    assert_fields(trace.only(), &json!({"payload_in": 1000, "payload_out": 0}));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn linger_zero_is_a_reset_by_us() {
    let trace = one_connection(
        v4,
        |stream| reset_at_close(&stream),
        |mut stream| {
            let _ = stream.read(&mut [0; 1]);
        },
    );
    let connection = trace.only();
    assert_fields(
        connection,
        &json!({"outcome": "reset_by_us", "reset": "sent", "first_close": "us", "error": null}),
    );
    assert_eq!(connection["closer"], connection["thread"]);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn closing_with_unread_data_is_a_reset_by_us() {
    let trace = one_connection(
        v4,
        |stream| {
            // Waits for the data without reading it.
            stream.peek(&mut [0; 1]).unwrap();
        },
        |mut stream| {
            stream.write_all(&[7; 10]).unwrap();
            let _ = stream.read(&mut [0; 1]);
        },
    );
    assert_fields(
        trace.only(),
        &json!({"outcome": "reset_by_us", "reset": "sent", "payload_in": 10}),
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reset_from_the_peer_is_told_from_ours() {
    let trace = one_connection(
        v4,
        |mut stream| {
            stream.write_all(&[1; 49]).unwrap();
            let error = stream.read(&mut [0; 1]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        },
        |mut stream| {
            stream.read_exact(&mut [0; 49]).unwrap();
            reset_at_close(&stream);
        },
    );
    assert_fields(
        trace.only(),
        &json!({
            "outcome": "reset_by_peer", "reset": "received", "first_close": "peer",
            "error": {"errno": 104, "name": "ECONNRESET"}, "payload_out": 49, "payload_in": 0,
        }),
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reset_after_the_peers_fin_is_received_too() {
    let trace = one_connection(
        v4,
        |mut stream| {
            assert_eq!(read_all(&mut stream), 0);
            // The peer has closed: this provokes its RST.
            stream.write_all(&[1; 49]).unwrap();
            thread::sleep(Duration::from_millis(200));
        },
        drop,
    );
    assert_fields(
        trace.only(),
        &json!({"outcome": "reset_by_peer", "reset": "received", "first_close": "peer", "error": {"errno": 32, "name": "EPIPE"}}),
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_open_connection_is_reported_as_open() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let stream = connect(v4(port));
        let trace = tracer.finish();
        drop(stream);
        accepting.join().unwrap();
        trace
    });
    assert_fields(
        trace.only(),
        &json!({"outcome": "still_open", "ended": null, "first_close": null}),
    );
    assert_eq!(trace.report["total"]["open"], 1);
    assert_eq!(trace.report["total"]["opened"], 1);
    assert_eq!(trace.report["total"]["ended"], 0);
}

// SPDX-License-Identifier: MIT
//! The classic tracepoint, with and without BTF: what still works, and that
//! the rest is said to be unknown.

use std::{
    io::{Read, Write},
    thread,
};

use serde_json::json;

use crate::{
    faults::run::in_mount_namespace,
    namespace::in_namespace,
    peer::{connect, drain, listen, reset_at_close, v4_mapped},
    tracer::{Trace, Tracer, assert_fields, unused_port},
};

/// Starts zkchurn in a mount namespace that `prepare` has changed.
fn tracer_in_mount_namespace(prepare: &str, port: u16, arguments: &[&str]) -> Tracer {
    let mut command = in_mount_namespace(prepare);
    command.arg(env!("CARGO_BIN_EXE_zkchurn"));
    let port = port.to_string();
    Tracer::start_command(command, &[&["--port", &port], arguments].concat())
}

/// Traces one connection of 49 and 41 bytes, closed by us, with zkchurn in
/// a mount namespace that `prepare` has changed.
fn trace_in_mount_namespace(prepare: &'static str, arguments: &'static [&'static str]) -> Trace {
    in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 49]).unwrap();
            stream.write_all(&[2; 41]).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        });
        let tracer = tracer_in_mount_namespace(prepare, port, arguments);
        let mut stream = connect(v4_mapped(port));
        stream.write_all(&[1; 49]).unwrap();
        stream.read_exact(&mut [0; 41]).unwrap();
        drop(stream);
        server.join().unwrap();
        let trace = tracer.finish();
        assert_eq!(trace.only()["remote"], format!("127.0.0.1:{port}"));
        assert_eq!(
            trace.only()["thread"]["tid"],
            rustix::thread::gettid().as_raw_pid()
        );
        assert_eq!(trace.only()["closer"], trace.only()["thread"]);
        trace
    })
}

/// Unless the system has done so already, as most do.
pub(crate) const MOUNT_TRACEFS: &str =
    "{ [ -d /sys/kernel/tracing/events ] || mount -t tracefs nodev /sys/kernel/tracing; }";
const HIDE_BTF: &str = "{ [ -d /sys/kernel/tracing/events ] || mount -t tracefs nodev /sys/kernel/tracing; } && \
     mount -t tmpfs none /sys/kernel/btf";

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_classic_tracepoint_sees_the_same_but_the_cookie() {
    let trace = trace_in_mount_namespace(MOUNT_TRACEFS, &["--hook", "tracepoint"]);
    trace.assert_nothing_lost();
    assert_fields(
        trace.only(),
        &json!({
            "payload_out": 49, "payload_in": 41, "outcome": "answered_then_closed_by_us",
            "first_close": "us", "socket_is_cookie": false, "ipv6_socket": true,
        }),
    );
    let degraded = trace.report["degraded"].to_string();
    assert!(degraded.contains("classic tracepoint"), "{degraded}");
    // The TIME_WAIT socket joins by its addresses.
    let group = &trace.report["time_wait"]["groups"][0];
    assert_eq!(group["owner"]["tid"], trace.only()["thread"]["tid"]);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn without_cookies_a_socket_older_than_the_trace_is_unmatched_and_said_to_be() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 2);
        let older = connect(v4_mapped(port));
        let tracer = tracer_in_mount_namespace(MOUNT_TRACEFS, port, &["--hook", "tracepoint"]);
        // A RST ends it in this thread, so that the end is sure to be seen.
        reset_at_close(&older);
        drop(older);
        drop(connect(v4_mapped(port)));
        accepting.join().unwrap();
        tracer.finish()
    });
    assert_eq!(trace.connections.len(), 1);
    assert_eq!(trace.loss("unmatched_closes"), 1);
    let degraded = trace.report["degraded"].to_string();
    assert!(degraded.contains("older than the trace"), "{degraded}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn without_btf_the_rest_is_unknown_and_said_to_be() {
    let trace = trace_in_mount_namespace(HIDE_BTF, &[]);
    assert_fields(
        trace.only(),
        &json!({
            "payload_out": null, "payload_in": null, "outcome": "closed_by_us", "netns": null,
            "first_close": "us", "socket_is_cookie": false, "error": null,
        }),
    );
    let degraded = trace.report["degraded"].to_string();
    assert!(
        degraded.contains("payload bytes, errors, socket cookies"),
        "{degraded}"
    );
    assert!(
        degraded.contains("missed ends: a connection whose end"),
        "{degraded}"
    );
}

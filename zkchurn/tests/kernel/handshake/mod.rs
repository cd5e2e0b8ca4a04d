// SPDX-License-Identifier: MIT
//! `--handshake` on real sockets: what is captured, of whom, and that it ends
//! before the password.

mod limits;
mod messages;
mod peer;
mod refused;
mod several;

use serde_json::Value;

use crate::{
    namespace::in_namespace,
    peer::listen,
    tracer::{Trace, Tracer, unused_port},
};
use peer::{Recording, serve};

/// Has `exchange` talk `connections` times to a server on a port of its own,
/// while both sides are traced, and returns the trace and its recording.
fn traced(connections: usize, exchange: impl FnOnce(u16) + Send + 'static) -> (Trace, Recording) {
    let recording = Recording::new();
    let path = recording.path();
    let trace = in_namespace(move || {
        let port = unused_port();
        let server = serve(listen(port), connections);
        let tracer = start(port, &["--record", &path]);
        exchange(port);
        server.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.loss("handshake_records_dropped"), 0);
    assert_eq!(trace.loss("handshakes_evicted"), 0);
    (trace, recording)
}

/// Starts zkchurn on both sides of `port`, with handshakes.
fn start(port: u16, arguments: &[&str]) -> Tracer {
    let port = port.to_string();
    let common = ["--port", &port, "--side", "both", "--handshake"];
    Tracer::start(&[&common, arguments].concat())
}

/// The handshakes of one side, in the order of the connections.
fn of_side<'a>(trace: &'a Trace, side: &str) -> Vec<&'a Value> {
    let ends = trace.connections.iter().chain(&trace.other_ends);
    let of_side = ends.filter(|connection| connection["side"] == side);
    of_side.map(|connection| &connection["handshake"]).collect()
}

/// The only handshake, which both sides saw alike but for its moments.
fn only(trace: &Trace) -> Value {
    let without_moments = |handshake: &Value| {
        let mut handshake = handshake.clone();
        for message in ["request", "response"] {
            if let Some(fields) = handshake[message].as_object_mut() {
                fields.remove("at");
            }
        }
        handshake
    };
    let client = of_side(trace, "client");
    let server = of_side(trace, "server");
    assert_eq!((client.len(), server.len()), (1, 1));
    let seen = without_moments(client[0]);
    assert_eq!(seen, without_moments(server[0]));
    seen
}

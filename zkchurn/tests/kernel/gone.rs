// SPDX-License-Identifier: MIT
//! Clients that are gone before anybody can look at them.

use std::process::Command;

use crate::{
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_short_lived_client_is_named_from_what_was_captured_at_connect() {
    const CLIENTS: usize = 20;
    let (trace, pids) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), CLIENTS);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let mut pids = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = Command::new("bash").args(["-c", &script]).spawn().unwrap();
            pids.push(client.id());
            assert!(client.wait().unwrap().success());
        }
        accepting.join().unwrap();
        (tracer.finish(), pids)
    });
    trace.assert_nothing_lost();
    let named: Vec<_> = trace
        .connections
        .iter()
        .map(|connection| {
            assert_eq!(connection["process"]["name"], "bash");
            assert_eq!(connection["thread"]["comm"], "bash");
            connection["process"]["pid"].as_u64().unwrap() as u32
        })
        .collect();
    assert_eq!(named, pids);
    assert_eq!(trace.report["time_wait"]["total"], CLIENTS);
}

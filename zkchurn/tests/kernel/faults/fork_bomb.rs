// SPDX-License-Identifier: MIT
//! Thousands of processes that live for milliseconds and connect once: none has
//! a `/proc` any more when its record is read.

use std::{collections::HashSet, process::Command, thread, time::Instant};

use zkchurn_lab::harness::proc;

use super::{figure, size};
use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn every_client_has_its_pid_and_name_and_memory_is_bounded() {
    // The full size is more processes than are remembered.
    let clients = size(6_000, 600);
    let (trace, memory_kib, took) = in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        thread::spawn(move || drain(listener, usize::MAX));
        // 50 at a time, so that the machine's limits are not what is tested.
        let script = format!(
            "for i in $(seq {}); do for j in $(seq 50); do \
             bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' & done; wait; done",
            clients / 50
        );
        let begun = Instant::now();
        let status = Command::new("bash")
            .args(["-c", &script])
            .status_in_time()
            .unwrap();
        assert!(status.success());
        let took = begun.elapsed();
        let memory = proc::status(tracer.pid()).unwrap().number("VmRSS").unwrap();
        (tracer.finish(), memory, took)
    });
    figure(&format!(
        "{clients} clients in {:.1} s: {} recorded, {memory_kib} KiB resident",
        took.as_secs_f64(),
        trace.connections.len()
    ));
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), clients);
    let pids: HashSet<_> = trace
        .connections
        .iter()
        .map(|connection| {
            assert_eq!(connection["process"]["name"], "bash");
            connection["process"]["pid"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(pids.len(), clients);
    assert!(memory_kib < 192 * 1024, "{memory_kib} KiB");
}

// SPDX-License-Identifier: MIT
//! A host with very many network namespaces: connections in any of them are
//! traced, older ones are found, and it does not take long.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{figure, size};
use crate::{
    namespace::{in_namespace, inode},
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port, wait_for},
};

/// Processes that do nothing, each in a network namespace of its own.
struct Crowd(Vec<Child>);

impl Crowd {
    fn new(count: usize) -> Self {
        // It ends when its input does, so it cannot outlive this test.
        let start = |_| {
            Command::new("unshare")
                .args(["--net", "cat"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        let crowd = Self((0..count).map(start).collect());
        let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        for child in &crowd.0 {
            let path = format!("/proc/{}/ns/net", child.id());
            wait_for(Duration::from_secs(30), "a namespace", || {
                std::fs::read_link(&path).is_ok_and(|link| link != own)
            });
        }
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn connections_in_any_of_them_are_found_before_and_during_the_trace() {
    let count = size(1_000, 100);
    let crowd = Crowd::new(count);
    let (trace, started, ended, netns) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 2);
        let older = connect(v4(port));
        let begun = Instant::now();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let started = begun.elapsed();
        drop(older);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        let begun = Instant::now();
        let trace = tracer.finish();
        (trace, started, begun.elapsed(), inode())
    });
    drop(crowd);
    figure(&format!(
        "{count} network namespaces: tracing after {:.2} s, report after {:.2} s",
        started.as_secs_f64(),
        ended.as_secs_f64()
    ));
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 2);
    assert!(trace.connections.iter().all(|one| one["netns"] == netns));
    let older = |one: &&serde_json::Value| one["before_start"] == true;
    assert_eq!(trace.connections.iter().filter(older).count(), 1);
    assert_eq!(trace.report["time_wait"]["total"], 2);
    let degraded = trace.report["degraded"].to_string();
    assert!(!degraded.contains("over the limit"), "{degraded}");
    let limit = Duration::from_secs(10);
    assert!(started < limit && ended < limit, "{started:?}, {ended:?}");
}

// SPDX-License-Identifier: MIT
//! Each connection belongs to the thread that opened it.

use std::{collections::HashMap, process::Command, thread};

use crate::{
    in_time::ChildInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn every_connection_has_its_own_threads_tid_and_name() {
    const THREADS: usize = 6;
    const EACH: usize = 20;
    let (trace, truth) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), THREADS * EACH);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let opening: Vec<_> = (0..THREADS)
            .map(|number| {
                let opener = move || {
                    let ports: Vec<_> = (0..EACH)
                        .map(|_| connect(v4(port)).local_addr().unwrap().to_string())
                        .collect();
                    (rustix::thread::gettid().as_raw_pid(), ports)
                };
                let name = format!("opener-{number}-with-a-long-name");
                thread::Builder::new().name(name).spawn(opener).unwrap()
            })
            .collect();
        let mut truth = HashMap::new();
        for (number, opener) in opening.into_iter().enumerate() {
            let (tid, ports) = opener.join().unwrap();
            truth.extend(ports.into_iter().map(|port| (port, (tid, number))));
        }
        accepting.join().unwrap();
        (tracer.finish(), truth)
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), THREADS * EACH);
    let mut without_closer = 0;
    for connection in &trace.connections {
        let (tid, number) = truth[connection["local"].as_str().unwrap()];
        assert_eq!(connection["thread"]["tid"], tid);
        assert_eq!(
            connection["thread"]["comm"],
            format!("opener-{number}-with-a-long-name")[..15]
        );
        match connection["closer"].is_null() {
            true => without_closer += 1,
            false => assert_eq!(connection["closer"], connection["thread"]),
        }
    }
    // Only a skipped run of the program may hide who closed.
    assert!(
        without_closer <= trace.loss("recursion_misses"),
        "{without_closer} without closer"
    );
    let flow = &trace.report["flows"][0];
    assert_eq!(flow["thread_count"], THREADS);
    assert_eq!(flow["opened"], THREADS * EACH);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_socket_closed_by_another_thread_names_both() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let stream = connect(v4(port));
        let closer = thread::spawn(move || {
            drop(stream);
            rustix::thread::gettid().as_raw_pid()
        });
        let closer = closer.join().unwrap();
        accepting.join().unwrap();
        let trace = tracer.finish();
        assert_eq!(trace.only()["closer"]["tid"], closer);
        assert_eq!(
            trace.only()["thread"]["tid"],
            rustix::thread::gettid().as_raw_pid()
        );
        trace
    });
    assert_eq!(trace.report["total"]["closed_by_other_thread"], 1);
}

/// The client is gone before anybody looks; who starts it again and again is not.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn who_starts_short_lived_clients_is_named() {
    const CLIENTS: usize = 5;
    // The shell goes on after each, so it does not become the client.
    const SCRIPT: &str = "for _ in 1 2 3 4 5; do \"$@\"; done; :";
    let (trace, shell) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), CLIENTS);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let client = "socket(my $s, PF_INET, SOCK_STREAM, 0) or die; \
                      connect($s, pack_sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die";
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh", "perl", "-MSocket", "-e", client])
            .arg(port.to_string())
            .spawn()
            .unwrap();
        let pid = shell.id();
        accepting.join().unwrap();
        assert!(shell.wait_in_time().unwrap().success());
        (tracer.finish(), pid)
    });
    assert_eq!(trace.connections.len(), CLIENTS);
    let findings = trace.report["findings"].as_array().unwrap();
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}");
    };
    let started_by = format!("started by pid {shell} ");
    let places = finding["who"]["runs_in"].as_array();
    let is_named = |place: &serde_json::Value| place.as_str().unwrap().starts_with(&started_by);
    assert!(
        places.is_some_and(|places| places.iter().any(is_named)),
        "{finding:#}"
    );
}

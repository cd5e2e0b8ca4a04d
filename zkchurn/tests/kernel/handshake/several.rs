// SPDX-License-Identifier: MIT
//! Other ports, other instances, and what is left behind.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    time::Duration,
};

use rustix::process::Signal;
use zkchurn_lab::harness::proc;

use super::{
    of_side,
    peer::{Recording, request, serve},
    start,
};
use crate::{
    namespace::in_namespace,
    peer::{connect, listen, v4},
    tracer::{unused_port, wait_for},
};

fn say(port: u16, session: i64) {
    let mut stream = connect(v4(port));
    stream.write_all(&request(session)).unwrap();
    stream.read_exact(&mut [0; 41]).unwrap();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn another_port_and_an_older_connection_are_not_looked_at() {
    let recording = Recording::new();
    let path = recording.path();
    let trace = in_namespace(move || {
        let (traced, other) = (unused_port(), unused_port());
        let older = serve(listen(traced), 1);
        let mut early = connect(v4(traced));
        let servers = serve(listen(other), 1);
        let tracer = start(traced, &["--record", &path]);
        say(other, 0x0eee);
        early.write_all(&request(0x0ddd)).unwrap();
        early.read_exact(&mut [0; 41]).unwrap();
        drop(early);
        older.join().unwrap();
        servers.join().unwrap();
        tracer.finish()
    });
    assert_eq!(recording.handshakes(), []);
    trace.only();
    assert_eq!(trace.other_ends.len(), 1, "{:#?}", trace.other_ends);
    for connection in trace.connections.iter().chain(&trace.other_ends) {
        assert_eq!(connection["before_start"], true);
        assert!(connection["handshake"].is_null());
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn two_instances_see_the_same() {
    let traces = in_namespace(|| {
        let port = unused_port();
        let server = serve(listen(port), 1);
        let first = start(port, &[]);
        let second = start(port, &[]);
        say(port, 0x77);
        server.join().unwrap();
        [first.finish(), second.finish()]
    });
    for trace in &traces {
        for side in ["client", "server"] {
            let seen = of_side(trace, side);
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0]["request"]["session"], "0x77");
            assert_eq!(seen[0]["response"]["session"], "0x77");
        }
    }
}

/// The kernel's ids of the programs that a process holds.
fn programs_of(pid: u32) -> BTreeSet<u32> {
    let descriptors = proc::descriptors(pid).unwrap();
    let ids = descriptors.iter().filter_map(|one| one.number("prog_id"));
    ids.map(|id| id.try_into().unwrap()).collect()
}

/// The names of those that are in the kernel, each once: the two at the tracepoint
/// have the same first 15 bytes, and the kernel keeps no more.
fn loaded(ids: &BTreeSet<u32>) -> BTreeSet<String> {
    aya::programs::loaded_programs()
        .filter_map(Result::ok)
        .filter(|program| ids.contains(&program.id()))
        .filter_map(|program| program.name_as_str().map(str::to_owned))
        .collect()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn nothing_stays_in_the_kernel_after_a_kill() {
    let tracer = start(unused_port(), &[]);
    let programs = programs_of(tracer.pid());
    let names = [
        "check_sockets",
        "handshake_egres",
        "handshake_ingre",
        "inet_sock_set_s",
    ];
    assert_eq!(loaded(&programs), names.map(str::to_owned).into());
    tracer.signal(Signal::KILL);
    wait_for(Duration::from_secs(10), "the end of the programs", || {
        loaded(&programs).is_empty()
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn without_the_option_no_program_sees_packets() {
    let port = unused_port().to_string();
    let tracer = crate::tracer::Tracer::start(&["--port", &port]);
    let loaded = loaded(&programs_of(tracer.pid()));
    let names = ["check_sockets", "inet_sock_set_s"];
    assert_eq!(loaded, names.map(str::to_owned).into());
}

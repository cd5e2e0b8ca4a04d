// SPDX-License-Identifier: MIT
//! A socket's life as odd programs lead it: who opened and closed, which way a RST went,
//! how many bytes, and why a connect failed. Each case is a few lines of perl, which
//! every guest has, and what zkchurn must say of them.

mod bytes;
mod closing;
mod connecting;
mod expectation;
mod icmp;
mod mptcp;
mod processes;
mod server;

use std::{
    collections::HashMap,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    tracer::{Tracer, unused_port},
};
use expectation::check;
use server::Server;

/// One client.
struct Case {
    name: &'static str,
    server: Server,
    /// What it does; see `client.pl`.
    client: &'static str,
    /// What zkchurn must say of each of its connections, in their order.
    expected: &'static [&'static str],
}

/// What each client can call.
const PRELUDE: &str = include_str!("client.pl");

/// Runs the cases one after the other, each at a port of its own, in one trace.
fn live(cases: &'static [Case]) {
    in_namespace(|| run(cases));
}

/// The same in the namespace of the caller.
fn run(cases: &[Case]) {
    // Fast Open without cookies, both sides, and on all listeners (ip-sysctl.rst).
    std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", "1543").unwrap();
    let ports: Vec<u16> = cases.iter().map(|_| unused_port()).collect();
    for (case, port) in cases.iter().zip(&ports) {
        case.server.start(*port);
    }
    let list: Vec<_> = ports.iter().map(u16::to_string).collect();
    let tracer = Tracer::start(&["--port", &list.join(","), "--interval", "0"]);
    let truths: Vec<_> = cases
        .iter()
        .zip(&ports)
        .map(|(case, port)| truth(case, *port))
        .collect();
    await_ends(&ports);
    let trace = tracer.finish();
    trace.assert_nothing_lost();
    let mut wrong = Vec::new();
    for ((case, port), truth) in cases.iter().zip(&ports).zip(&truths) {
        let at_port = format!(":{port}");
        let of_case: Vec<_> = trace
            .connections
            .iter()
            .filter(|one| one["remote"].as_str().unwrap().ends_with(&at_port))
            .collect();
        wrong.extend(check(case, &of_case, truth));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Waits for the servers to answer what was closed: on a loaded machine they may not have
/// run yet. Cases that leave a socket in this state for good end the wait by its limit.
fn await_ends(ports: &[u16]) {
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until && any_awaits_fin(ports) {
        sleep(Duration::from_millis(10));
    }
}

/// Whether a closed socket waits for an answer, by `/proc/net/tcp` (net/ipv4/tcp_ipv4.c,
/// `get_tcp4_sock`): in FIN_WAIT1 or FIN_WAIT2, and no TIME_WAIT socket, whose timer is 3.
fn any_awaits_fin(ports: &[u16]) -> bool {
    let tables = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];
    let tables = tables.map(|path| std::fs::read_to_string(path).unwrap());
    tables.iter().flat_map(|table| table.lines()).any(|row| {
        let fields: Vec<_> = row.split_whitespace().collect();
        let [_, _, remote, state, _, timer, ..] = fields[..] else {
            return false;
        };
        let port = remote.split_once(':');
        let port = port.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        port.is_some_and(|port| ports.contains(&port))
            && ["04", "05"].contains(&state)
            && !timer.starts_with("03")
    })
}

/// Runs a client, and returns what it says of itself: names and process ids.
fn truth(case: &Case, port: u16) -> HashMap<String, u64> {
    let script = format!("{PRELUDE}\n{}\n", case.client);
    let mut perl = Command::new("perl");
    let output = perl.args(["-e", &script, &port.to_string()]);
    let output = output.output_in_time().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{}: {errors}", case.name);
    said.lines()
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

// SPDX-License-Identifier: MIT
//! Sessions that are gone, and a session that two clients have.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::Kind;
use super::expected::{Expected, Findings, REQUEST, RESPONSE};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, established_ports};
use crate::incident::log::ESTABLISHED;
use crate::incident::server::Server;

const COUNT: usize = 12;
const LOOP: Findings = Findings::must(&[&["session_expired_loop"]]);
const SHARED: Findings = Findings::must(&[&["one_session_two_clients"]]);
const EXPIRED: Expected = Expected {
    outcomes: &["answered_then_closed_by_peer", "answered_then_closed_by_us"],
    payload_out: REQUEST,
    payload_in: RESPONSE,
    plain: LOOP,
    handshake: LOOP,
};
/// One expired session is no churn; a finding that says so is not wrong.
const ONCE: Findings = Findings::NONE.may(&["session_expired_loop", "read_timeouts"]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "one_session_two_clients",
        about: "two Java clients with the same session and password",
        quick: true,
        expected: Expected {
            outcomes: &[
                "answered_then_closed_by_peer",
                "reset_by_peer",
                "still_open",
            ],
            // Pings may be added.
            payload_out: (49, 100),
            payload_in: (41, 100),
            // The sockets alone show two clients whose connections end early.
            plain: Findings::must(&[&[
                "one_session_two_clients",
                "session_expired_loop",
                "unexplained_churn",
            ]]),
            handshake: SHARED,
        },
        run: shared,
    },
    Kind {
        name: "expired_retry",
        about: "a Java application that presents an expired session again and again",
        quick: true,
        expected: EXPIRED,
        run: retry,
    },
    Kind {
        name: "expired_once",
        about: "a Java client that stood still for longer than its session",
        quick: true,
        expected: Expected {
            plain: ONCE,
            handshake: ONCE,
            ..EXPIRED
        },
        run: once,
    },
];

fn shared(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let hosts = scene.local();
    let first = scene.java("client", &["PlainClient", &hosts, "10000"])?;
    // The whole line: Java prints it in pieces.
    scene.wait_for_printed("client", "\n")?;
    let printed = scene.printed("client")?;
    let mut words = printed.split_whitespace().skip(1);
    let session = words.next().context("no session was printed")?;
    let password = words.next().context("no password was printed")?;
    let mut log = scene.log("client");
    log.skip()?;
    let from = log.position();
    let tracer = scene.trace()?;
    let second = scene.java(
        "second",
        &["PlainClient", &hosts, "10000", session, password],
    )?;
    scene.attempts(&mut log, ESTABLISHED, COUNT / 2)?;
    tracer.stop()?;
    let of = |name: &str, pid, from| -> Result<_> {
        let ports = established_ports(&scene.file(name), from)?;
        Ok(Truth::counted(ports.len(), &[pid]).from(ports))
    };
    let first = of("client.log", first.pid(), from)?;
    Ok(first.and(of("second.log", second.pid(), 0)?))
}

fn retry(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let count = COUNT.to_string();
    let mut client = scene.java("client", &["ExpiredRetry", &scene.local(), &count, "1000"])?;
    scene.wait_for_printed("client", "gone")?;
    let mut log = scene.log("client");
    log.skip()?;
    let tracer = scene.trace()?;
    client.tell("")?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), log.position())?;
    Ok(Truth::counted(COUNT, &[client.pid()]).from(ports))
}

fn once(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().line("tickTime=500"))?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "2000"])?;
    scene.wait_for_printed("client", "session")?;
    let mut log = scene.log("client");
    log.skip()?;
    let tracer = scene.trace()?;
    client.signal(Signal::STOP)?;
    thread::sleep(Duration::from_secs(5));
    client.signal(Signal::CONT)?;
    scene.wait_for_printed("client", "expired")?;
    // Until its thread has closed.
    thread::sleep(Duration::from_secs(2));
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), log.position())?;
    Ok(Truth::counted(1, &[client.pid()]).from(ports))
}

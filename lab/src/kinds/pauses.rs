// SPDX-License-Identifier: MIT
//! A server that does not answer in time.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::Kind;
use super::expected::{Expected, Findings, NONE, REQUEST};
use super::scene::Scene;
use super::truth::{Truth, established_ports};
use crate::incident::client::send_thread;
use crate::incident::log::{ESTABLISHED, SESSION};
use crate::incident::server::Server;

const TIMEOUTS: Findings = Findings::must(&[&["read_timeouts"]]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "server_pauses",
        about: "a Java client whose server stands still for 4.5 s now and then",
        quick: true,
        expected: Expected {
            // A FIN that meets the server awake may be answered by a RST.
            outcomes: &["answered_then_closed_by_us", "reset_by_peer", "still_open"],
            payload_out: (49, 500),
            payload_in: (41, 500),
            plain: TIMEOUTS,
            handshake: TIMEOUTS,
        },
        run: pauses,
    },
    Kind {
        name: "server_stopped",
        about: "a Java client whose server stands still for good",
        quick: true,
        expected: Expected {
            // Of the last one the bytes are not known: it is closed, not over.
            outcomes: &["closed_by_us_without_answer", "closed_by_us"],
            payload_out: REQUEST,
            payload_in: NONE,
            plain: TIMEOUTS,
            handshake: TIMEOUTS,
        },
        run: stopped,
    },
];

/// With a session of 6 s the client gives up after 4 s of silence, and is back
/// before the server has given up the session.
fn pauses(scene: &Scene<'_>) -> Result<Truth> {
    let server = scene.server()?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "6000"])?;
    let mut log = scene.log("client");
    for _ in 0..4 {
        log.wait_for(SESSION)?;
        thread::sleep(Duration::from_millis(500));
        server.signal(Signal::STOP)?;
        thread::sleep(Duration::from_millis(4500));
        server.signal(Signal::CONT)?;
    }
    log.wait_for(SESSION)?;
    let thread = send_thread(client.pid())?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(ports.len(), &[client.pid()])
        .by(vec![thread])
        .from(ports))
}

/// The kernel goes on accepting for the server, up to its backlog.
fn stopped(scene: &Scene<'_>) -> Result<Truth> {
    let server = Server::start(&scene.config().line("tickTime=500"))?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "2000"])?;
    scene.wait_for_printed("client", "session")?;
    let mut log = scene.log("client");
    log.skip()?;
    let from = log.position();
    let tracer = scene.trace()?;
    server.signal(Signal::STOP)?;
    scene.attempts(&mut log, ESTABLISHED, 8)?;
    // The last one waits for its answer in vain, too.
    log.wait_for("Closing socket connection")?;
    thread::sleep(Duration::from_millis(300));
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), from)?;
    let thread = send_thread(client.pid())?;
    Ok(Truth::counted(ports.len(), &[client.pid()])
        .by(vec![thread])
        .from(ports))
}

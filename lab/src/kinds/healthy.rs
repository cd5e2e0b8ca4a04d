// SPDX-License-Identifier: MIT
//! Nothing is wrong.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::Scene;
use super::truth::{Truth, lines_with};
use crate::incident::client::send_thread;
use crate::incident::log::{OPENING, SESSION};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "healthy",
        about: "a Java client that keeps its connection, beside an older kazoo client",
        quick: true,
        expected: Expected {
            outcomes: &["still_open"],
            payload_out: (49, 500),
            payload_in: (41, 500),
            plain: Findings::NONE,
            handshake: Findings::NONE,
        },
        run: healthy,
    },
    Kind {
        name: "server_restart",
        about: "a Java client whose server was restarted once",
        quick: true,
        expected: Expected {
            // A server that has just begun to listen may not serve yet.
            outcomes: &[
                "refused",
                "closed_by_peer_without_answer",
                "reset_by_peer",
                "still_open",
            ],
            payload_out: (0, 500),
            payload_in: (0, 500),
            plain: RESTART,
            handshake: RESTART,
        },
        run: restart,
    },
];

/// While the server was away, the client was refused.
const RESTART: Findings = Findings::NONE.may(&["refused"]);

fn healthy(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let _older = scene.python("kazoo_handles.py", &[&scene.local(), "1", "0"])?;
    scene.wait_for_printed("kazoo_handles.py", "open")?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "6000"])?;
    scene.wait_for_printed("client", "session")?;
    thread::sleep(Duration::from_secs(12));
    tracer.stop()?;
    let thread = send_thread(client.pid())?;
    Ok(Truth::counted(1, &[client.pid()]).by(vec![thread]))
}

fn restart(scene: &Scene<'_>) -> Result<Truth> {
    let server = scene.server()?;
    let client = scene.java("client", &["IncidentClient", &scene.local()])?;
    scene.wait_for_printed("client", "watch set")?;
    let mut log = scene.log("client");
    log.skip()?;
    let from = log.position();
    let tracer = scene.trace()?;
    server.stop()?;
    // Two attempts in vain.
    scene.attempts(&mut log, OPENING, 2)?;
    let _server = scene.server()?;
    log.wait_for(SESSION)?;
    thread::sleep(Duration::from_secs(5));
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), from, OPENING)?;
    let thread = send_thread(client.pid())?;
    Ok(Truth::counted(attempts, &[client.pid()]).by(vec![thread]))
}

// SPDX-License-Identifier: MIT
//! Connections that the server has ended, and whose sockets the program keeps.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::Scene;
use super::truth::Truth;
use crate::incident::server::Server;

const FINDING: Findings = Findings::must(&[&["held_in_close_wait"]]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[Kind {
    name: "close_wait_held",
    about: "a program that keeps its sockets after the server has closed (CLOSE_WAIT)",
    quick: false,
    expected: Expected {
        // Their bytes are not known before they are over.
        outcomes: &["closed_by_peer"],
        payload_out: (49, 49),
        payload_in: (41, 41),
        plain: FINDING,
        handshake: FINDING,
    },
    run: held,
}];

fn held(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().line("tickTime=500"))?;
    let tracer = scene.trace()?;
    let port = scene.port.to_string();
    let client = scene.python("held_closed.py", &["127.0.0.1", &port, "10", "0.7"])?;
    scene.wait_for_printed("held_closed.py", "held")?;
    let pid = client.pid();
    tracer.stop()?;
    let printed = scene.printed("held_closed.py")?;
    let lines: Vec<_> = printed.lines().filter(|line| *line != "held").collect();
    Truth::printed(&lines.join("\n"), pid)
}

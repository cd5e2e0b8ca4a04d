// SPDX-License-Identifier: MIT
//! A packet larger than the server takes.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};

const FINDING: Findings = Findings::must(&[&["oversized_packet"]]);

/// The kinds of this file.
pub const KINDS: &[Kind] = &[Kind {
    name: "oversized_packet",
    about: "a kazoo client that writes 1.2 MB again and again",
    quick: true,
    expected: Expected {
        outcomes: &[
            "reset_by_peer",
            "answered_then_closed_by_peer",
            "answered_then_closed_by_us",
        ],
        payload_out: (49, 1_300_000),
        payload_in: (41, 500),
        plain: FINDING,
        handshake: FINDING,
    },
    run: oversized,
}];

fn oversized(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_oversized.py", &[&scene.local(), "12", "1"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

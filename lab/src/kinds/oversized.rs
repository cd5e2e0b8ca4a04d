// SPDX-License-Identifier: MIT
//! A packet larger than the server takes.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, established_ports, lines_with};

const FINDING: Findings = Findings::must(&[&["oversized_packet"]]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
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
    },
    Kind {
        name: "oversized_answer",
        about: "a Java client that lists children whose names are over jute.maxbuffer together",
        quick: false,
        expected: Expected {
            outcomes: &["answered_then_closed_by_us", "reset_by_us"],
            payload_out: (49, 500),
            payload_in: (41, 1_300_000),
            plain: FINDING,
            handshake: FINDING,
        },
        run: oversized_answer,
    },
];

fn oversized_answer(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let mut maker = scene.python("kazoo_children.py", &[&scene.local(), "/wide"])?;
    maker.wait(AT_MOST)?;
    let tracer = scene.trace()?;
    let main = ["ListAll", &scene.local(), "/wide", "10"];
    let mut client = scene.java("client", &main)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(ports.len(), &[client.pid()]).from(ports))
}

fn oversized(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_oversized.py", &[&scene.local(), "12", "1"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

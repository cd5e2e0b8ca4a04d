// SPDX-License-Identifier: MIT
//! Handles that are opened and never closed.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::Scene;
use super::truth::{Truth, established_ports, lines_with};

const COUNT: usize = 20;
const FINDING: Findings = Findings::must(&[&["handle_leak"]]);
const LEAK: Expected = Expected {
    outcomes: &["still_open"],
    payload_out: (49, 500),
    payload_in: (41, 500),
    plain: FINDING,
    handshake: FINDING,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "handle_leak_java",
        about: "a Java program that opens handles and closes none",
        quick: true,
        expected: LEAK,
        run: java,
    },
    Kind {
        name: "handle_leak_kazoo",
        about: "a Python program that opens kazoo handles and closes none",
        quick: true,
        expected: LEAK,
        run: kazoo,
    },
];

fn java(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let count = COUNT.to_string();
    let client = scene.java("client", &["HandleLeak", &scene.local(), &count, "700"])?;
    scene.wait_for_printed("client", "open")?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(COUNT, &[client.pid()]).from(ports))
}

fn kazoo(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let count = COUNT.to_string();
    let client = scene.python("kazoo_handles.py", &[&scene.local(), &count, "0.7"])?;
    scene.wait_for_printed("kazoo_handles.py", "open")?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

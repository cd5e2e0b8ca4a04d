// SPDX-License-Identifier: MIT
//! A client for each request.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, established_ports, lines_with};

const COUNT: usize = 14;
pub(super) const FINDING: Findings = Findings::must(&[&["client_per_request"]]);
/// Who closes first is a race: the client asks the server to end the session
/// and both close.
pub(super) const REQUESTS: Expected = Expected {
    outcomes: &[
        "answered_then_closed_by_peer",
        "answered_then_closed_by_us",
        "reset_by_us",
        "reset_by_peer",
    ],
    payload_out: (61, 200),
    payload_in: (41, 400),
    plain: FINDING,
    handshake: FINDING,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "per_request_java",
        about: "a Java program that makes a client for each request",
        quick: true,
        expected: REQUESTS,
        run: java,
    },
    Kind {
        name: "per_request_kazoo",
        about: "a Python program that makes a kazoo client for each request",
        quick: true,
        expected: REQUESTS,
        run: kazoo,
    },
    Kind {
        name: "health_check_beside_expiries",
        about: "a health check that opens a session, in a web application whose own sessions expire",
        quick: true,
        expected: Expected {
            payload_out: (49, 100),
            payload_in: (41, 100),
            ..REQUESTS
        },
        run: health_check,
    },
];

fn health_check(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let count = COUNT.to_string();
    let mut client = scene.java("client", &["HealthCheck", &scene.local(), &count, "700"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(COUNT, &[client.pid()]).from(ports))
}

fn java(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let count = COUNT.to_string();
    let mut client = scene.java("client", &["PerRequest", &scene.local(), &count, "700"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(COUNT, &[client.pid()]).from(ports))
}

fn kazoo(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let truth = kazoo_requests(scene, &scene.local(), COUNT)?;
    tracer.stop()?;
    Ok(truth)
}

/// Runs the Python program to its end.
pub(super) fn kazoo_requests(scene: &Scene<'_>, hosts: &str, count: usize) -> Result<Truth> {
    let arguments = [hosts, &count.to_string(), "0.7"];
    let mut client = scene.python("kazoo_requests.py", &arguments)?;
    client.wait(AT_MOST)?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

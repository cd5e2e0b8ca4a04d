// SPDX-License-Identifier: MIT
//! Nobody listens.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};
use crate::incident::client::send_thread;
use crate::incident::log::OPENING;

const FINDING: Findings = Findings::must(&[&["refused"]]);
const REFUSED: Expected = Expected {
    outcomes: &["refused"],
    payload_out: NONE,
    payload_in: NONE,
    plain: FINDING,
    handshake: FINDING,
};
const COUNT: usize = 12;
const SESSION_TIMEOUT_MS: &str = "10000";

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "refused_after_session",
        about: "a Java client whose server has been stopped",
        quick: true,
        expected: REFUSED,
        run: after_session,
    },
    Kind {
        name: "refused_java",
        about: "a Java client of a server that never was there",
        quick: true,
        expected: REFUSED,
        run: |scene| never_connected(scene, &["127.0.0.1"], COUNT),
    },
    Kind {
        name: "refused_3_hosts",
        about: "a Java client of three servers that never were there",
        quick: true,
        expected: REFUSED,
        run: |scene| never_connected(scene, &["127.0.0.1", "127.0.0.2", "127.0.0.3"], 27),
    },
    Kind {
        name: "refused_kazoo",
        about: "a kazoo client of a server that never was there",
        quick: true,
        expected: REFUSED,
        run: kazoo,
    },
    Kind {
        name: "refused_go",
        about: "a Go client of a server that never was there",
        quick: false,
        expected: REFUSED,
        run: go,
    },
    Kind {
        name: "refused_node",
        about: "a Node program that makes clients for a server that never was there",
        quick: false,
        expected: REFUSED,
        run: node,
    },
];

/// Neither tells how often it tries.
fn of_one(process: u32) -> Truth {
    Truth {
        connections: None,
        ..Truth::counted(0, &[process])
    }
}

fn go(scene: &Scene<'_>) -> Result<Truth> {
    let tracer = scene.trace()?;
    let mut client = scene.go(&["attempt", &scene.local(), "15", "1000"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(of_one(client.pid()))
}

fn node(scene: &Scene<'_>) -> Result<Truth> {
    let tracer = scene.trace()?;
    let mut client = scene.node(&[&scene.local(), "5", "300"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(of_one(client.pid()))
}

/// Each of these addresses with the port.
pub(super) fn connect_string(hosts: &[&str], port: u16) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
    hosts.join(",")
}

fn never_connected(scene: &Scene<'_>, hosts: &[&str], count: usize) -> Result<Truth> {
    let hosts = connect_string(hosts, scene.port);
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &hosts, SESSION_TIMEOUT_MS])?;
    let mut log = scene.log("client");
    for _ in 0..count {
        log.wait_for(OPENING)?;
    }
    let (pid, thread) = (client.pid(), send_thread(client.pid())?);
    drop(client);
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[pid]).by(vec![thread]))
}

fn after_session(scene: &Scene<'_>) -> Result<Truth> {
    let server = scene.server()?;
    let client = scene.java(
        "client",
        &["PlainClient", &scene.local(), SESSION_TIMEOUT_MS],
    )?;
    scene.wait_for_printed("client", "session")?;
    server.stop()?;
    let mut log = scene.log("client");
    let (tracer, from) = scene.trace_between(&mut log, OPENING)?;
    for _ in 0..COUNT {
        log.wait_for(OPENING)?;
    }
    let (pid, thread) = (client.pid(), send_thread(client.pid())?);
    drop(client);
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), from, OPENING)?;
    Ok(Truth::counted(attempts, &[pid]).by(vec![thread]))
}

fn kazoo(scene: &Scene<'_>) -> Result<Truth> {
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_attempts.py", &[&scene.local(), "25"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

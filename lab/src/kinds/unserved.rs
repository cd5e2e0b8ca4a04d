// SPDX-License-Identifier: MIT
//! Servers that accept a connection and then will not have the client.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use zkchurn_lab::harness::program::Program;
use zkchurn_lab::harness::tracer::Tracer;

use super::Kind;
use super::expected::{Expected, Findings, NONE, REQUEST};
use super::refused::connect_string;
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, established_ports, lines_with};
use crate::incident::client::send_thread;
use crate::incident::log::{ESTABLISHED, OPENING};
use crate::incident::server::Server;

const COUNT: usize = 12;
const SESSION_TIMEOUT_MS: &str = "10000";

const LIMIT: Findings = Findings::must(&[&["connection_limit"]]);
/// Which of the two it is, only the server's log tells.
const NOT_SERVED: Findings = Findings::must(&[&["not_served"]]);
const UNANSWERED: Expected = Expected {
    outcomes: &["closed_by_peer_without_answer", "reset_by_peer"],
    payload_out: REQUEST,
    payload_in: NONE,
    plain: NOT_SERVED,
    handshake: NOT_SERVED,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "zxid_ahead",
        about: "a Java client whose server was restarted without its data",
        quick: true,
        expected: UNANSWERED,
        run: zxid_ahead,
    },
    Kind {
        name: "no_quorum",
        about: "a Java client of a server that is alone of three",
        quick: true,
        expected: UNANSWERED,
        run: no_quorum,
    },
    Kind {
        name: "limit_reached",
        about: "a Java client beside a kazoo client, with maxClientCnxns=1",
        quick: true,
        expected: Expected {
            outcomes: &[
                "reset_by_peer",
                "closed_by_peer_without_answer",
                "closed_by_peer_before_any_byte",
            ],
            payload_out: (0, 49),
            payload_in: NONE,
            plain: LIMIT,
            handshake: LIMIT,
        },
        run: limit_reached,
    },
    Kind {
        name: "no_quorum_node",
        about: "a Node program that makes clients, at a server that is alone of three",
        quick: false,
        expected: Expected {
            // Some end their session before they have one.
            payload_out: (48, 60),
            ..UNANSWERED
        },
        run: no_quorum_node,
    },
    Kind {
        name: "no_quorum_kazoo",
        about: "a kazoo client of a server that is alone of three",
        quick: false,
        expected: UNANSWERED,
        run: no_quorum_kazoo,
    },
    Kind {
        name: "read_only_probing",
        about: "a kazoo client that a server without a quorum serves read-only, and that asks the others `isro`",
        quick: false,
        expected: Expected {
            // Until its read-only mode has begun, the server serves nobody.
            outcomes: &[
                "answered_then_closed_by_peer",
                "answered_then_closed_by_us",
                "closed_by_peer_without_answer",
                "reset_by_peer",
                "still_open",
            ],
            payload_out: (4, 500),
            payload_in: (0, 500),
            plain: PROBING,
            handshake: PROBING,
        },
        run: read_only_kazoo,
    },
    Kind {
        name: "read_only_fails",
        about: "a Java client at a read-only server that refuses it a session",
        quick: false,
        expected: Expected {
            outcomes: &[
                "answered_then_closed_by_peer",
                "answered_then_closed_by_us",
                "closed_by_peer_without_answer",
                "reset_by_peer",
                "reset_by_us",
                "closed_by_us",
                "still_open",
            ],
            payload_out: (4, 500),
            payload_in: (0, 500),
            plain: READ_ONLY,
            handshake: READ_ONLY,
        },
        run: read_only,
    },
];

const PROBING: Findings = Findings::must(&[&["four_letter_word_monitor"]])
    .may(&["not_served", "four_letter_word_unanswered"]);
const READ_ONLY: Findings = Findings::must(&[&["read_only_refused"]]).may(&["not_served"]);

fn no_quorum_node(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().alone_of_three()?)?;
    let tracer = scene.trace()?;
    let mut client = scene.node(&[&scene.local(), "6", "300"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    // It tells nothing of its attempts.
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

fn no_quorum_kazoo(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().alone_of_three()?)?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_attempts.py", &[&scene.local(), "25"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

/// It refuses sessions that the ensemble would have to agree on.
fn read_only_server(scene: &Scene<'_>, sessions: &str) -> Result<(Server, String)> {
    let config = scene
        .config()
        .address(Ipv4Addr::UNSPECIFIED)
        .line(sessions)
        .alone_of_three()?;
    let server = Server::start(&config.property("-Dreadonlymode.enabled=true"))?;
    let hosts = connect_string(&["127.0.0.1", "127.0.0.2"], scene.port);
    Ok((server, hosts))
}

fn read_only_kazoo(scene: &Scene<'_>) -> Result<Truth> {
    let (_server, hosts) = read_only_server(scene, "localSessionsEnabled=true")?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_attempts.py", &[&hosts, "60", "10", "read-only"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

fn read_only(scene: &Scene<'_>) -> Result<Truth> {
    let (_server, hosts) = read_only_server(scene, "localSessionsEnabled=false")?;
    let class_path = scene.tools.class_path(scene.dir)?;
    let tracer = scene.trace()?;
    let main = ["PlainClient", &hosts, "10000"];
    let client = scene.java_with("client", &class_path, &["-Dreadonly=true"], &main)?;
    thread::sleep(Duration::from_secs(40));
    tracer.stop()?;
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

/// The connections that a client with a log makes from some byte on.
fn truth(scene: &Scene<'_>, client: &Program, from: usize) -> Result<Truth> {
    let ports = established_ports(&scene.file("client.log"), from)?;
    Ok(Truth::counted(ports.len(), &[client.pid()])
        .by(vec![send_thread(client.pid())?])
        .from(ports))
}

/// The client remembers the last transaction that it was told of; `exists`
/// tells it one. A server that starts from nothing is behind that.
fn zxid_ahead(scene: &Scene<'_>) -> Result<Truth> {
    let server = scene.server()?;
    let client = scene.java("client", &["IncidentClient", &scene.local()])?;
    scene.wait_for_printed("client", "watch set")?;
    server.stop()?;
    std::fs::remove_dir_all(scene.file("data")).context("cannot remove the data")?;
    let _server = scene.server()?;
    let mut log = scene.log("client");
    let (tracer, from) = scene.trace_between(&mut log, ESTABLISHED)?;
    scene.attempts(&mut log, ESTABLISHED, COUNT)?;
    tracer.stop()?;
    truth(scene, &client, from)
}

fn no_quorum(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().alone_of_three()?)?;
    let (tracer, client) = from_the_start(scene, ESTABLISHED)?;
    tracer.stop()?;
    truth(scene, &client, 0)
}

/// The server may have closed before the client has noticed that it is
/// connected, so not every attempt tells its port.
fn limit_reached(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().line("maxClientCnxns=1"))?;
    let _holder = scene.python("kazoo_handles.py", &[&scene.local(), "1", "0"])?;
    scene.wait_for_printed("kazoo_handles.py", "open")?;
    let (tracer, client) = from_the_start(scene, OPENING)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]).by(vec![send_thread(client.pid())?]))
}

/// Traces a client from its start; each attempt logs this text.
fn from_the_start(scene: &Scene<'_>, attempt: &str) -> Result<(Tracer, Program)> {
    let tracer = scene.trace()?;
    let client = scene.java(
        "client",
        &["PlainClient", &scene.local(), SESSION_TIMEOUT_MS],
    )?;
    scene.attempts(&mut scene.log("client"), attempt, COUNT)?;
    Ok((tracer, client))
}

// SPDX-License-Identifier: MIT
//! A server that has no more room: for connections, for descriptors, for this address.

use std::process::Command;

use anyhow::{Context as _, Result};
use xtask::command;

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};
use crate::incident::log::OPENING;
use crate::incident::server::Server;

const UNANSWERED: &[&str] = &[
    "closed_by_us_without_answer",
    "closed_by_us",
    "closed_by_peer_without_answer",
    "closed_by_peer_before_any_byte",
    "reset_by_peer",
    "given_up",
    "still_open",
];

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "server_out_of_descriptors",
        about: "a Java client of a server that may open no more files",
        quick: false,
        expected: Expected {
            outcomes: UNANSWERED,
            payload_out: (0, 49),
            payload_in: NONE,
            plain: Findings::must(&[&["read_timeouts"]]),
            handshake: Findings::must(&[&["read_timeouts"]]),
        },
        run: out_of_descriptors,
    },
    Kind {
        name: "throttled",
        about: "a kazoo program that makes clients, at a server whose connection throttle refuses them",
        quick: false,
        expected: Expected {
            outcomes: UNANSWERED,
            payload_out: (0, 49),
            payload_in: NONE,
            plain: Findings::must(&[&["not_served"]]).may(&["connection_limit"]),
            handshake: Findings::must(&[&["not_served"]]).may(&["connection_limit"]),
        },
        run: throttled,
    },
    Kind {
        name: "limit_shared",
        about: "a kazoo client for each request, whose address another program's handles fill",
        quick: false,
        expected: Expected {
            outcomes: UNANSWERED,
            payload_out: (0, 49),
            payload_in: NONE,
            plain: Findings::must(&[&["connection_limit"]]),
            handshake: Findings::must(&[&["connection_limit"]]),
        },
        run: limit_shared,
    },
];

fn out_of_descriptors(scene: &Scene<'_>) -> Result<Truth> {
    let server = Server::start(&scene.config().line("tickTime=500"))?;
    // It opens its log of transactions with the first session.
    let _older = scene.python("kazoo_handles.py", &[&scene.local(), "1", "0"])?;
    scene.wait_for_printed("kazoo_handles.py", "open")?;
    let pid = server.pid().to_string();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .context("cannot list the server's files")?
        .count();
    // A limit below what is open: what is closed meanwhile makes no room.
    let limit = format!("--nofile={0}:{0}", open / 2);
    command::run(Command::new("prlimit").args(["--pid", &pid, &limit]))?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "3000"])?;
    scene.attempts(&mut scene.log("client"), "Closing socket connection", 6)?;
    let pid = client.pid();
    drop(client);
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[pid]))
}

/// One connection takes the only token, and no other comes for a day.
fn throttled(scene: &Scene<'_>) -> Result<Truth> {
    let config = scene
        .config()
        .property("-Dzookeeper.connection_throttle_tokens=1")
        .property("-Dzookeeper.connection_throttle_fill_time=86400000")
        .property("-Dzookeeper.connection_throttle_fill_count=1");
    let _server = Server::start(&config)?;
    let _holder = scene.python("kazoo_handles.py", &[&scene.local(), "1", "0"])?;
    scene.wait_for_printed("kazoo_handles.py", "open")?;
    turned_away(scene)
}

fn limit_shared(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().line("maxClientCnxns=5"))?;
    let _holder = scene.python("kazoo_handles.py", &[&scene.local(), "5", "0"])?;
    scene.wait_for_printed("kazoo_handles.py", "open")?;
    turned_away(scene)
}

/// A program that makes a new client after each failure.
fn turned_away(scene: &Scene<'_>) -> Result<Truth> {
    let before = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_refused.py", &[&scene.local(), "8", "0.5"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let all = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(all - before, &[client.pid()]))
}

// SPDX-License-Identifier: MIT
//! Servers that come and go, and a client that stands still for longer than its session.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use super::Kind;
use super::expected::{Expected, Findings};
use super::refused::connect_string;
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};
use crate::incident::log::{OPENING, SESSION};
use crate::incident::server::{Config, Server};

/// While a server is away, clients are refused; while it has no quorum, they are not
/// served. Neither is wrong, and neither is asked for.
const COMES_AND_GOES: Findings = Findings::NONE.may(&[
    "refused",
    "not_served",
    "stale_address",
    "unexplained_churn",
]);
const ANY: Expected = Expected {
    outcomes: &[
        "refused",
        "closed_by_peer_without_answer",
        "closed_by_peer_before_any_byte",
        "closed_by_us_before_any_byte",
        "closed_by_us_without_answer",
        "answered_then_closed_by_peer",
        "answered_then_closed_by_us",
        "reset_by_peer",
        "reset_by_us",
        "still_open",
    ],
    payload_out: (0, 500),
    payload_in: (0, 500),
    plain: COMES_AND_GOES,
    handshake: COMES_AND_GOES,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "rolling_restart",
        about: "a Java client of three servers that are restarted one after the other",
        quick: false,
        expected: ANY,
        run: rolling,
    },
    Kind {
        name: "restart_loop",
        about: "a kazoo client whose server is stopped and started again and again",
        quick: false,
        expected: Expected {
            plain: RESTARTED,
            handshake: RESTARTED,
            ..ANY
        },
        run: restart_loop,
    },
    Kind {
        name: "long_pauses",
        about: "a kazoo client that stands still for longer than its session, again and again",
        quick: false,
        expected: Expected {
            plain: PAUSES,
            handshake: PAUSES,
            ..ANY
        },
        run: pauses,
    },
];

const RESTARTED: Findings =
    Findings::must(&[&["server_restarts", "refused"]]).may(&["not_served", "unexplained_churn"]);

const PAUSES: Findings =
    Findings::must(&[&["session_expired_loop", "read_timeouts", "unexplained_churn"]]);

fn rolling(scene: &Scene<'_>) -> Result<Truth> {
    let members = [1_u8, 2, 3].map(|number| (number, scene.file(&format!("member{number}"))));
    let start = |(number, dir): &(u8, PathBuf)| {
        std::fs::create_dir_all(dir).context("cannot make a member's directory")?;
        let config = Config::new(dir, scene.port).address([127, 0, 0, *number].into());
        Server::start(&config.line("tickTime=500").member_of_three(*number)?)
    };
    let mut servers = Vec::new();
    for member in &members {
        servers.push(start(member)?);
    }
    let hosts = connect_string(&["127.0.0.1", "127.0.0.2", "127.0.0.3"], scene.port);
    let client = scene.java("client", &["PlainClient", &hosts, "10000"])?;
    let mut log = scene.log("client");
    log.wait_for(SESSION)?;
    let tracer = scene.trace()?;
    log.skip()?;
    let from = log.position();
    for member in &members {
        servers.remove(0).stop()?;
        thread::sleep(Duration::from_secs(3));
        servers.push(start(member)?);
        thread::sleep(Duration::from_secs(6));
    }
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), from, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

fn restart_loop(scene: &Scene<'_>) -> Result<Truth> {
    let mut server = scene.server()?;
    let client = scene.python("kazoo_attempts.py", &[&scene.local(), "600"])?;
    thread::sleep(Duration::from_secs(2));
    let tracer = scene.trace()?;
    for _ in 0..4 {
        server.stop()?;
        thread::sleep(Duration::from_secs(3));
        server = scene.server()?;
        thread::sleep(Duration::from_secs(4));
    }
    tracer.stop()?;
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

/// With a session of 2 s.
fn pauses(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().line("tickTime=500"))?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_attempts.py", &[&scene.local(), "30", "2"])?;
    for _ in 0..5 {
        thread::sleep(Duration::from_secs(2));
        client.signal(Signal::STOP)?;
        thread::sleep(Duration::from_secs(4));
        client.signal(Signal::CONT)?;
    }
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

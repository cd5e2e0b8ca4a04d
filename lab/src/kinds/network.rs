// SPDX-License-Identifier: MIT
//! Networks that lose packets. No firewall is needed for it: a wrong neighbour
//! entry sends frames to a hardware address that nobody has, and an address
//! that nobody has finds no neighbour at all.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use zkchurn_lab::harness::namespace::{Namespace, ip};

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::Scene;
use super::truth::{Truth, established_ports, lines_with};
use crate::incident::client::send_thread;
use crate::incident::log::{OPENING, SESSION};
use crate::incident::server::Server;

const BLACKHOLE: Findings = Findings::must(&[&["blackhole"]]);
/// The client cannot shut a socket down that is not connected, and really closes
/// it only when it selects again, after its next connect (`SelectableChannel`).
const GIVEN_UP: &[&str] = &["given_up", "still_open"];
const UNREACHABLE: Findings = Findings::must(&[&["unreachable"]]);
/// While nothing comes through, a new connect would be swallowed as well.
const TIMEOUTS: Findings = Findings::must(&[&["read_timeouts"]]).may(&["blackhole"]);

const PATH_LOST: Findings = Findings::must(&[&["blackhole"]]).may(&["read_timeouts"]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "dropped_after_established",
        about: "a Java client whose packets are lost now and then for some seconds",
        quick: true,
        expected: Expected {
            outcomes: &["answered_then_closed_by_us", "still_open", "reset_by_peer"],
            payload_out: (49, 500),
            payload_in: (41, 500),
            plain: TIMEOUTS,
            handshake: TIMEOUTS,
        },
        run: dropped,
    },
    Kind {
        name: "blackhole",
        about: "a Java client whose SYN is dropped",
        quick: true,
        expected: Expected {
            outcomes: GIVEN_UP,
            payload_out: NONE,
            payload_in: NONE,
            plain: BLACKHOLE,
            handshake: BLACKHOLE,
        },
        run: |scene| nobody(scene, true, "4000", 7),
    },
    Kind {
        name: "path_lost",
        about: "a Java client whose packets are lost from some moment on",
        quick: true,
        expected: Expected {
            outcomes: &["given_up", "still_open", "closed_by_us"],
            payload_out: NONE,
            payload_in: NONE,
            plain: PATH_LOST,
            handshake: PATH_LOST,
        },
        run: lost,
    },
    Kind {
        name: "no_neighbour",
        about: "a Java client of an address that no host has",
        quick: true,
        expected: Expected {
            outcomes: &["unreachable"],
            payload_out: NONE,
            payload_in: NONE,
            plain: UNREACHABLE,
            handshake: UNREACHABLE,
        },
        run: |scene| nobody(scene, false, "30000", 8),
    },
];

const NEAR: &str = "10.77.0.1/24";
pub(super) const FAR: &str = "10.77.0.2";
const NOBODY: &str = "10.77.0.9";
/// What the client logs when it gives up for want of an answer.
const GAVE_UP: &str = "Closing socket connection";
/// Locally administered, and of no device.
const NO_ADDRESS: &str = "02:00:00:00:00:99";

/// A client of an address that nobody has. `known`: frames to it go out all
/// the same.
fn nobody(scene: &Scene<'_>, known: bool, session_ms: &str, count: usize) -> Result<Truth> {
    ip(&["link", "add", "near", "type", "veth", "peer", "name", "far"])?;
    ip(&["address", "add", NEAR, "dev", "near"])?;
    ip(&["link", "set", "near", "up"])?;
    ip(&["link", "set", "far", "up"])?;
    if known {
        neighbour(NOBODY, NO_ADDRESS)?;
    }
    let tracer = scene.trace()?;
    let hosts = format!("{NOBODY}:{}", scene.port);
    let client = scene.java("client", &["PlainClient", &hosts, session_ms])?;
    let mut log = scene.log("client");
    // Each attempt is over, and the next has not begun.
    scene.attempts(&mut log, GAVE_UP, count)?;
    let (pid, thread) = (client.pid(), send_thread(client.pid())?);
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[pid]).by(vec![thread]))
}

fn neighbour(address: &str, hardware: &str) -> Result<()> {
    ip(&[
        "neighbour",
        "replace",
        address,
        "lladdr",
        hardware,
        "dev",
        "near",
        "nud",
        "permanent",
    ])
}

/// Two hosts. With a session of 9 s the client gives up after 6 s of silence,
/// and is back before the server has given up the session.
fn dropped(scene: &Scene<'_>) -> Result<Truth> {
    let far = two_hosts(scene)?;
    let config = scene.config().address(FAR.parse()?).line("tickTime=500");
    let _server = far.during(|| Server::start(&config))?;
    let tracer = scene.trace()?;
    let hosts = format!("{FAR}:{}", scene.port);
    let client = scene.java("client", &["PlainClient", &hosts, "9000"])?;
    let mut log = scene.log("client");
    for _ in 0..4 {
        log.wait_for(SESSION)?;
        thread::sleep(Duration::from_millis(300));
        neighbour(FAR, NO_ADDRESS)?;
        log.wait_for(GAVE_UP)?;
        ip(&["neighbour", "delete", FAR, "dev", "near"])?;
    }
    log.wait_for(SESSION)?;
    let thread = send_thread(client.pid())?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(ports.len(), &[client.pid()])
        .by(vec![thread])
        .from(ports))
}

/// The way to the server is lost while the client is connected, and does not
/// come back.
fn lost(scene: &Scene<'_>) -> Result<Truth> {
    let far = two_hosts(scene)?;
    let config = scene.config().address(FAR.parse()?);
    let _server = far.during(|| Server::start(&config))?;
    let tracer = scene.trace()?;
    let hosts = format!("{FAR}:{}", scene.port);
    let client = scene.java("client", &["PlainClient", &hosts, "4000"])?;
    let mut log = scene.log("client");
    log.wait_for(SESSION)?;
    neighbour(FAR, NO_ADDRESS)?;
    scene.attempts(&mut log, GAVE_UP, 7)?;
    let thread = send_thread(client.pid())?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]).by(vec![thread]))
}

/// The server's host, at the other end of a cable.
pub(super) fn two_hosts(scene: &Scene<'_>) -> Result<Namespace> {
    let far = scene.far_host()?;
    let peer = [
        "link", "add", "near", "type", "veth", "peer", "name", "far", "netns",
    ];
    ip(&[&peer[..], &[far.name()]].concat())?;
    ip(&["address", "add", NEAR, "dev", "near"])?;
    ip(&["link", "set", "near", "up"])?;
    let address = format!("{FAR}/24");
    ip(&["-n", far.name(), "address", "add", &address, "dev", "far"])?;
    ip(&["-n", far.name(), "link", "set", "far", "up"])?;
    Ok(far)
}

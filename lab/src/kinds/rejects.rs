// SPDX-License-Identifier: MIT
//! Packet filters: they reject, drop one half of a handshake, or forget a connection.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::network::{FAR, two_hosts};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};
use crate::incident::log::{OPENING, SESSION};
use crate::incident::server::Server;

const REJECTED: Findings = Findings::must(&[&["refused", "unreachable"]]);
const FAILED: Expected = Expected {
    outcomes: &["refused", "unreachable", "connect_failed", "given_up"],
    payload_out: NONE,
    payload_in: NONE,
    plain: REJECTED,
    handshake: REJECTED,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "reject_on_this_host",
        about: "a kazoo client, whose connect does not block, behind this host's own REJECT rule",
        quick: false,
        expected: FAILED,
        run: on_this_host,
    },
    Kind {
        name: "reject_on_the_way",
        about: "a Java client whose SYNs another host rejects as prohibited",
        quick: false,
        expected: Expected {
            outcomes: &[
                "refused",
                "unreachable",
                "connect_failed",
                "given_up",
                "still_open",
            ],
            // Of ICMP errors a host sends one a second.
            plain: REJECTED.may(&["blackhole"]),
            handshake: REJECTED.may(&["blackhole"]),
            ..FAILED
        },
        run: on_the_way,
    },
    Kind {
        name: "reject_on_the_way_go",
        about: "a Go client whose SYNs another host rejects as for a closed port",
        quick: false,
        expected: Expected {
            plain: REJECTED.may(&["blackhole"]),
            handshake: REJECTED.may(&["blackhole"]),
            ..FAILED
        },
        run: on_the_way_go,
    },
    Kind {
        name: "syn_ack_dropped",
        about: "a Java client whose SYNs arrive and whose answers are dropped",
        quick: false,
        expected: Expected {
            outcomes: &["given_up", "still_open"],
            plain: Findings::must(&[&["blackhole"]]),
            handshake: Findings::must(&[&["blackhole"]]),
            ..FAILED
        },
        run: answers_dropped,
    },
    Kind {
        name: "nat_forgets",
        about: "a Java client whose connection is forgotten on the way: its first ping gets a RST",
        quick: false,
        expected: Expected {
            outcomes: &["reset_by_peer", "still_open"],
            payload_out: (49, 500),
            payload_in: (41, 500),
            plain: Findings::must(&[&["idle_timeout"]]),
            handshake: Findings::must(&[&["idle_timeout"]]),
        },
        run: forgotten,
    },
];

fn on_this_host(scene: &Scene<'_>) -> Result<Truth> {
    let port = scene.port.to_string();
    scene.iptables(&[
        "-A", "OUTPUT", "-p", "tcp", "--dport", &port, "-j", "REJECT",
    ])?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kazoo_attempts.py", &[&scene.local(), "20"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

fn on_the_way(scene: &Scene<'_>) -> Result<Truth> {
    let far = two_hosts(scene)?;
    let port = scene.port.to_string();
    let how = ["-j", "REJECT", "--reject-with", "icmp-admin-prohibited"];
    let rule = [&["-A", "INPUT", "-p", "tcp", "--dport", &port], &how[..]].concat();
    far.during(|| scene.iptables(&rule))?;
    let tracer = scene.trace()?;
    let hosts = format!("{FAR}:{port}");
    let client = scene.java("client", &["PlainClient", &hosts, "10000"])?;
    scene.attempts(&mut scene.log("client"), OPENING, 10)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

fn on_the_way_go(scene: &Scene<'_>) -> Result<Truth> {
    let far = two_hosts(scene)?;
    let port = scene.port.to_string();
    let rule = ["-A", "INPUT", "-p", "tcp", "--dport", &port, "-j", "REJECT"];
    far.during(|| scene.iptables(&rule))?;
    let tracer = scene.trace()?;
    let hosts = format!("{FAR}:{port}");
    let mut client = scene.go(&["attempt", &hosts, "20", "1000"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

fn answers_dropped(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let port = scene.port.to_string();
    let flags = ["--tcp-flags", "SYN,ACK", "SYN,ACK"];
    let of_server = ["-A", "OUTPUT", "-p", "tcp", "--sport", &port];
    scene.iptables(&[&of_server[..], &flags[..], &["-j", "DROP"]].concat())?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "4000"])?;
    scene.attempts(&mut scene.log("client"), "Closing socket connection", 7)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

/// With a session of 6 s the client pings after 2 s. It comes back after a second or more,
/// and finds the way free again.
fn forgotten(scene: &Scene<'_>) -> Result<Truth> {
    let _server = Server::start(&scene.config().line("tickTime=500"))?;
    let port = scene.port.to_string();
    let later_packets = ["OUTPUT", "-p", "tcp", "--dport", &port, "!", "--syn"];
    let answer = ["-j", "REJECT", "--reject-with", "tcp-reset"];
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "6000"])?;
    let mut log = scene.log("client");
    for _ in 0..5 {
        log.wait_for(SESSION)?;
        thread::sleep(Duration::from_secs(1));
        scene.iptables(&[&["-A"], &later_packets[..], &answer[..]].concat())?;
        thread::sleep(Duration::from_millis(1_400));
        scene.iptables(&[&["-D"], &later_packets[..], &answer[..]].concat())?;
    }
    log.wait_for(SESSION)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

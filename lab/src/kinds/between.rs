// SPDX-License-Identifier: MIT
//! Something between the client and the server: a proxy that has no server behind it, and
//! one that cuts what is idle.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use xtask::command::{self, dies_with_parent};
use zkchurn_lab::harness::{program::Program, wait};

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};
use crate::incident::client::send_thread;
use crate::incident::log::OPENING;
use crate::incident::server::{Config, Server};
use crate::incident::socket::is_listened_to;

/// Where the server is, behind the proxy, and how far its port is from the one that is
/// traced: not another kind's.
const BEHIND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PORT_BEHIND: u16 = 9_000;
const COUNT: usize = 10;
/// Each takes 3 s and a pause.
const CUTS: usize = 6;

const NOBODY: Findings =
    Findings::must(&[&["proxy_without_server"]]).may(&["not_served", "connection_limit"]);
const WITHOUT_SERVER: Expected = Expected {
    outcomes: &[
        "closed_by_peer_without_answer",
        "closed_by_peer_before_any_byte",
        "reset_by_peer",
    ],
    payload_out: (0, 49),
    payload_in: NONE,
    plain: NOBODY,
    handshake: NOBODY,
};
const CUT: Expected = Expected {
    outcomes: &["answered_then_closed_by_peer", "answered_then_closed_by_us"],
    payload_out: (49, 200),
    payload_in: (41, 400),
    plain: Findings::must(&[&["idle_timeout"]]),
    handshake: Findings::must(&[&["idle_timeout"]]),
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "proxy_closes_at_once",
        about: "a Java client at a proxy that accepts and closes",
        quick: true,
        expected: WITHOUT_SERVER,
        run: |scene| without_server(scene, "at_once"),
    },
    Kind {
        name: "proxy_closes_after_reading",
        about: "a Java client at a proxy that reads the request and closes",
        quick: true,
        expected: WITHOUT_SERVER,
        run: |scene| without_server(scene, "after_reading"),
    },
    Kind {
        name: "balancer_resets",
        about: "a Java client at a load balancer that accepts and sends a RST",
        quick: false,
        expected: WITHOUT_SERVER,
        run: |scene| without_server(scene, "reset"),
    },
    Kind {
        name: "idle_timeout_go",
        about: "a Go client behind HAProxy with a timeout of 3 s",
        quick: false,
        expected: Expected {
            payload_out: (48, 200),
            payload_in: (40, 400),
            ..CUT
        },
        run: idle_go,
    },
    Kind {
        name: "idle_timeout",
        about: "a Java client behind HAProxy with a timeout of 3 s",
        quick: false,
        expected: CUT,
        run: idle,
    },
    Kind {
        name: "new_session_after_each_cut",
        about: "a client that never asks for its old session, behind the same HAProxy",
        quick: false,
        expected: Expected {
            plain: Findings::must(&[&["idle_timeout"]]).may(&["client_per_request"]),
            handshake: Findings::must(&[&["idle_timeout"]]).may(&["client_per_request"]),
            ..CUT
        },
        run: new_sessions,
    },
];

fn without_server(scene: &Scene<'_>, when: &str) -> Result<Truth> {
    let _proxy = scene.python("proxy.py", &[&scene.port.to_string(), when])?;
    scene.wait_for_printed("proxy.py", "listening")?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "10000"])?;
    scene.attempts(&mut scene.log("client"), OPENING, COUNT)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

/// A server behind HAProxy; only what goes to the proxy is of the client.
fn behind_proxy(scene: &Scene<'_>) -> Result<(Server, Program)> {
    let behind = scene.port + PORT_BEHIND;
    let config = Config::new(scene.dir, behind).address(BEHIND);
    let server = Server::start(&config)?;
    let configuration = format!(
        "global\n  nbthread 1\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 3s\n  \
         timeout server 3s\nlisten zookeeper\n  bind {}\n  server zk1 {BEHIND}:{behind}\n",
        scene.local()
    );
    std::fs::write(scene.file("haproxy.cfg"), configuration).context("cannot write haproxy.cfg")?;
    let program = command::on_path("haproxy").context("there is no haproxy")?;
    let mut command = dies_with_parent(&program);
    command.args(["-db", "-f", "haproxy.cfg"]);
    let haproxy = scene.start(&mut command, "haproxy")?;
    wait::until("HAProxy to listen", AT_MOST, || {
        Ok(is_listened_to(scene.port).then_some(()))
    })?;
    Ok((server, haproxy))
}

fn idle(scene: &Scene<'_>) -> Result<Truth> {
    let _running = behind_proxy(scene)?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "30000"])?;
    scene.attempts(&mut scene.log("client"), OPENING, CUTS)?;
    thread::sleep(Duration::from_secs(3));
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]).by(vec![send_thread(client.pid())?]))
}

fn idle_go(scene: &Scene<'_>) -> Result<Truth> {
    let _running = behind_proxy(scene)?;
    let tracer = scene.trace()?;
    let mut client = scene.go(&["attempt", &scene.local(), "28", "1000"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

fn new_sessions(scene: &Scene<'_>) -> Result<Truth> {
    let _running = behind_proxy(scene)?;
    let tracer = scene.trace()?;
    let arguments = ["127.0.0.1", &scene.port.to_string(), &CUTS.to_string()];
    let mut client = scene.python("new_sessions.py", &arguments)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Truth::printed(&scene.printed("new_sessions.py")?, client.pid())
}

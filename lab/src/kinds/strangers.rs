// SPDX-License-Identifier: MIT
//! Clients that speak another protocol at ZooKeeper's port.

use std::time::Duration;

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::Scene;
use super::truth::{Truth, lines_with};
use crate::incident::log::OPENING;

const COUNT: u32 = 12;
const PERIOD: Duration = Duration::from_secs(1);

/// Every connection sends something that no ZooKeeper client sends, and gets
/// no answer.
const STRANGE: Expected = Expected {
    outcomes: &["closed_by_peer_without_answer", "reset_by_peer"],
    payload_out: (50, 2000),
    payload_in: NONE,
    plain: Findings::must(&[&[
        "wrong_protocol",
        "http_at_plaintext_port",
        "tls_at_plaintext_port",
    ]]),
    handshake: Findings::NONE,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "http_curl",
        about: "`curl http://…` once a second",
        quick: true,
        expected: Expected {
            handshake: Findings::must(&[&["http_at_plaintext_port"]]),
            ..STRANGE
        },
        run: curl,
    },
    Kind {
        name: "tls_openssl",
        about: "`openssl s_client` once a second",
        quick: true,
        expected: Expected {
            handshake: Findings::must(&[&["tls_at_plaintext_port"]]),
            ..STRANGE
        },
        run: openssl,
    },
    Kind {
        name: "tls_java",
        about: "a Java client with TLS, which connects by Netty",
        quick: true,
        expected: Expected {
            handshake: Findings::must(&[&["tls_at_plaintext_port"]]),
            ..STRANGE
        },
        run: java,
    },
];

fn curl(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let url = format!("http://{}/", scene.local());
    let form = [
        "curl",
        "--silent",
        "--max-time",
        "5",
        "--write-out",
        "%{local_port}\\n",
    ];
    let program = [&form[..], &[&url]].concat();
    let processes = scene.repeat(COUNT, PERIOD, &program, b"")?;
    tracer.stop()?;
    let printed = scene.printed("curl")?;
    let ports = printed.lines().map(str::parse).collect::<Result<_, _>>()?;
    Ok(Truth::counted(processes.len(), &processes).from(ports))
}

fn openssl(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let program = ["openssl", "s_client", "-connect", &scene.local()];
    let processes = scene.repeat(COUNT, PERIOD, &program, b"")?;
    tracer.stop()?;
    Ok(Truth::counted(processes.len(), &processes))
}

fn java(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let class_path = scene.tools.class_path_with_netty(scene.dir)?;
    let client = scene.java_with(
        "client",
        &class_path,
        &[
            "-Dzookeeper.client.secure=true",
            "-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty",
        ],
        &["PlainClient", &scene.local(), "10000"],
    )?;
    let mut log = scene.log("client");
    scene.attempts(&mut log, OPENING, 12)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

// SPDX-License-Identifier: MIT
//! Clients that speak another protocol at ZooKeeper's port.

use std::time::Duration;

use anyhow::Result;
use xtask::command::dies_with_parent;

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::{AT_MOST, Scene};
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
    Kind {
        name: "kafka_client",
        about: "a Kafka client that was given ZooKeeper's address",
        quick: false,
        expected: Expected {
            outcomes: &[
                "closed_by_peer_without_answer",
                "closed_by_us_without_answer",
                "reset_by_peer",
                "reset_by_us",
            ],
            payload_out: (1, 500),
            plain: Findings::must(&[&["wrong_protocol", "unexplained_churn"]]),
            handshake: Findings::must(&[&["wrong_protocol", "unexplained_churn"]]),
            ..STRANGE
        },
        run: kafka,
    },
    Kind {
        name: "client_at_http_port",
        about: "a Java client that was given the address of an HTTP server",
        quick: false,
        expected: Expected {
            outcomes: &[
                "closed_by_us_without_answer",
                "closed_by_us",
                "answered_then_closed_by_peer",
                "answered_then_closed_by_us",
                "reset_by_us",
                "reset_by_peer",
            ],
            payload_out: (48, 49),
            payload_in: (0, 1_000),
            plain: Findings::must(&[&["read_timeouts", "not_zookeeper"]]),
            handshake: Findings::must(&[&["read_timeouts", "not_zookeeper"]]),
        },
        run: at_http,
    },
];

fn kafka(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let mut client = scene.python("kafka_client.py", &[&scene.local(), "15"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth {
        connections: None,
        ..Truth::counted(0, &[client.pid()])
    })
}

/// It waits for the end of a line, and the client for an answer.
fn at_http(scene: &Scene<'_>) -> Result<Truth> {
    let mut command = dies_with_parent(&scene.tools.python);
    let port = scene.port.to_string();
    command.args(["-u", "-m", "http.server", &port, "--bind", "127.0.0.1"]);
    let _server = scene.start(&mut command, "http")?;
    scene.wait_for_printed("http", "Serving HTTP")?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "3000"])?;
    scene.attempts(&mut scene.log("client"), "Closing socket connection", 6)?;
    let pid = client.pid();
    drop(client);
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[pid]))
}

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

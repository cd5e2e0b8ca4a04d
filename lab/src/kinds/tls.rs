// SPDX-License-Identifier: MIT
//! A port that speaks TLS, and clients that do not get through.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use xtask::command;

use super::Kind;
use super::expected::{Expected, Findings, NONE, REQUEST};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, lines_with};
use crate::incident::log::OPENING;
use crate::incident::server::Server;

const COUNT: usize = 10;
const PASSWORD: &str = "for-a-test";

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "tls_not_trusted",
        about: "a kazoo client with TLS that does not trust the server's certificate",
        quick: true,
        expected: Expected {
            outcomes: &[
                "answered_then_closed_by_peer",
                "answered_then_closed_by_us",
                "reset_by_us",
                "reset_by_peer",
            ],
            payload_out: (100, 2000),
            payload_in: (100, 5000),
            plain: Findings::must(&[&["tls_handshake_failed"]]),
            handshake: Findings::must(&[&["tls_handshake_failed"]]),
        },
        run: not_trusted,
    },
    Kind {
        name: "plaintext_at_tls_port",
        about: "a Java client without TLS at a port that speaks it",
        quick: true,
        expected: Expected {
            outcomes: &[
                "closed_by_peer_without_answer",
                "reset_by_peer",
                "answered_then_closed_by_peer",
            ],
            payload_out: REQUEST,
            payload_in: NONE,
            plain: Findings::must(&[&["plaintext_at_tls_port"]]).may(&["not_served"]),
            handshake: Findings::must(&[&["plaintext_at_tls_port"]]).may(&["not_served"]),
        },
        run: plaintext,
    },
];

/// A key, and a certificate that only the server itself trusts.
fn key_store(scene: &Scene<'_>) -> Result<PathBuf> {
    let (store, certificate) = (scene.file("server.p12"), scene.file("server.pem"));
    let keytool = |arguments: &[&str], file: Option<&Path>| {
        let mut command = Command::new("keytool");
        command.args(arguments);
        if let Some(file) = file {
            command.arg("-file").arg(file);
        }
        command.args(["-storetype", "PKCS12", "-storepass", PASSWORD]);
        command::run(command.arg("-keystore").arg(&store))
    };
    let name = ["-dname", "CN=zk1.example", "-validity", "2"];
    let key = ["-genkeypair", "-alias", "zk", "-keyalg", "RSA"];
    keytool(&[&key[..], &name].concat(), None)?;
    keytool(&["-exportcert", "-alias", "zk"], Some(&certificate))?;
    // A trust store needs an entry that is no key.
    let trusted = ["-importcert", "-noprompt", "-alias", "trusted"];
    keytool(&trusted, Some(&certificate))?;
    Ok(store)
}

fn server(scene: &Scene<'_>) -> Result<Server> {
    Server::start(&scene.config().secure(&key_store(scene)?, PASSWORD))
}

fn not_trusted(scene: &Scene<'_>) -> Result<Truth> {
    let _server = server(scene)?;
    let tracer = scene.trace()?;
    let arguments = [&scene.local(), &COUNT.to_string(), "0.7", "tls"];
    let mut client = scene.python("kazoo_refused.py", &arguments)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

fn plaintext(scene: &Scene<'_>) -> Result<Truth> {
    let _server = server(scene)?;
    let tracer = scene.trace()?;
    let client = scene.java("client", &["PlainClient", &scene.local(), "10000"])?;
    scene.attempts(&mut scene.log("client"), OPENING, COUNT)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("client.log"), 0, OPENING)?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

// SPDX-License-Identifier: MIT
//! A server that insists on SASL, and clients that do not pass.

use anyhow::{Context as _, Result, bail};

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::{AT_MOST, Scene};
use super::truth::{Truth, established_ports, lines_with};
use crate::incident::server::{Config, Server};

const COUNT: usize = 10;

const REFUSED: Findings = Findings::must(&[&["authentication_refused"]]);
const EXPECTED: Expected = Expected {
    outcomes: &[
        "answered_then_closed_by_peer",
        "answered_then_closed_by_us",
        "reset_by_us",
        "reset_by_peer",
    ],
    payload_out: (49, 700),
    payload_in: (41, 700),
    plain: REFUSED,
    handshake: REFUSED,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "sasl_required",
        about: "a kazoo program without SASL, at a server that insists on it",
        quick: true,
        expected: EXPECTED,
        run: without_sasl,
    },
    Kind {
        name: "sasl_wrong_password",
        about: "a Java program whose JAAS section has a wrong password",
        quick: true,
        expected: EXPECTED,
        run: wrong_password,
    },
    Kind {
        name: "sasl_no_section",
        about: "a Java program whose JAAS file has no section for the client",
        quick: false,
        expected: EXPECTED,
        run: no_section,
    },
    Kind {
        name: "sasl_required_node",
        about: "a Node program without SASL, at a server that insists on it: it dies, and is started again",
        quick: false,
        expected: EXPECTED,
        run: node,
    },
];

const SERVER_JAAS: &str = "Server { org.apache.zookeeper.server.auth.DigestLoginModule required \
                           user_app=\"right\"; };\n";
const CLIENT_JAAS: &str = "Client { org.apache.zookeeper.server.auth.DigestLoginModule required \
                           username=\"app\" password=\"wrong\"; };\n";

fn write(scene: &Scene<'_>, name: &str, text: &str) -> Result<String> {
    let path = scene.file(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
    Ok(format!(
        "-Djava.security.auth.login.config={}",
        path.display()
    ))
}

fn server(scene: &Scene<'_>, insists: bool) -> Result<Server> {
    let jaas = write(scene, "server.jaas", SERVER_JAAS)?;
    let provider = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider";
    let config: Config<'_> = scene
        .config()
        .line(&format!("authProvider.1={provider}"))
        .property(&jaas);
    Server::start(&match insists {
        true => config.property("-Dzookeeper.sessionRequireClientSASLAuth=true"),
        false => config,
    })
}

/// The application makes a new client after each failure.
fn without_sasl(scene: &Scene<'_>) -> Result<Truth> {
    let _server = server(scene, true)?;
    let tracer = scene.trace()?;
    let arguments = [&scene.local(), &COUNT.to_string(), "0.7"];
    let mut client = scene.python("kazoo_refused.py", &arguments)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let attempts = lines_with(&scene.file("kazoo.log"), 0, "Connecting to")?;
    Ok(Truth::counted(attempts, &[client.pid()]))
}

fn node(scene: &Scene<'_>) -> Result<Truth> {
    let _server = server(scene, true)?;
    let tracer = scene.trace()?;
    let mut processes = Vec::new();
    for _ in 0..COUNT {
        let mut client = scene.node(&[&scene.local(), "1", "0"])?;
        processes.push(client.pid());
        // It knows no error of this number, and does not survive it.
        if client.wait(AT_MOST).is_ok() {
            bail!("the client survived");
        }
    }
    tracer.stop()?;
    Ok(Truth::counted(COUNT, &processes))
}

fn wrong_password(scene: &Scene<'_>) -> Result<Truth> {
    java(scene, CLIENT_JAAS)
}

/// The name of the section is one letter off.
fn no_section(scene: &Scene<'_>) -> Result<Truth> {
    java(scene, &CLIENT_JAAS.replace("Client {", "client {"))
}

fn java(scene: &Scene<'_>, section: &str) -> Result<Truth> {
    let _server = server(scene, true)?;
    let jaas = write(scene, "client.jaas", section)?;
    let class_path = scene.tools.class_path(scene.dir)?;
    let tracer = scene.trace()?;
    let main = ["PerRequest", &scene.local(), &COUNT.to_string(), "700"];
    let mut client = scene.java_with("client", &class_path, &[&jaas], &main)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    let ports = established_ports(&scene.file("client.log"), 0)?;
    Ok(Truth::counted(ports.len(), &[client.pid()]).from(ports))
}

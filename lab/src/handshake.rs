// SPDX-License-Identifier: MIT
//! `handshake`: a real Java client takes a session of a real server, while
//! `zkchurn --handshake` looks on. The session that zkchurn reads off the wire
//! must be the one in the client's log, and its password in no recording.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::Args;
use xtask::setup::{self, Group};
use xtask::{command, privilege, workspace};
use zkchurn_lab::harness::tracer::Tracer;

use crate::incident::client::Client;
use crate::incident::server::{Config, Server};
use crate::incident::{free_port, log};
use crate::recorded::Recorded;

/// Options of `handshake`.
#[derive(Args)]
pub(crate) struct Options {}

/// Runs the verb.
pub(crate) fn run(_: &Options) -> Result<()> {
    setup::ensure(&[Group::Incident])?;
    let zkchurn = command::zkchurn()?;
    privilege::acquire("to trace connections in the kernel")?;
    let scratch = workspace::scratch("handshake")?;
    let dir = scratch.path();
    let port = free_port()?;
    println!("handshake: ZooKeeper on 127.0.0.1:{port}");
    let server = Server::start(&Config::new(dir, port))?;
    let recording = dir.join("handshake.zkchurn");
    let arguments = ["--handshake", "--side", "both", "--port", &port.to_string()];
    let tracer = Tracer::start(&zkchurn, &arguments, &recording)?;
    let mut client = Client::start(dir, port)?;
    // The client notices, so that its connection has ended.
    server.stop()?;
    client.log.wait_for(log::REFUSED)?;
    tracer.stop()?;
    let log = std::fs::read_to_string(dir.join("client.log")).context("the client's log")?;
    let expected = Granted::from_log(&log).context("the client's log tells no session")?;
    check(
        &expected,
        client.pid(),
        &Recorded::replay(&zkchurn, Path::new(&recording))?,
    )
}

/// What the client's log says of its session.
#[derive(Debug, PartialEq, Eq)]
struct Granted {
    session: String,
    timeout_ms: u64,
}

impl Granted {
    /// From `Session establishment complete on server …, session id = 0x…,
    /// negotiated timeout = …` (`org.apache.zookeeper.ClientCnxn`).
    fn from_log(log: &str) -> Option<Self> {
        let line = log
            .lines()
            .find(|line| line.contains("Session establishment complete"))?;
        let after = |text: &str| {
            let (_, rest) = line.split_once(text)?;
            rest.split(|c: char| !c.is_ascii_alphanumeric()).next()
        };
        Some(Self {
            session: after("session id = ")
                .or_else(|| after("sessionid = "))?
                .to_owned(),
            timeout_ms: after("negotiated timeout = ")?.parse().ok()?,
        })
    }
}

/// Compares both sides' handshakes with what the client says.
fn check(expected: &Granted, pid: u32, trace: &Recorded) -> Result<()> {
    println!("\nhandshake: zkchurn's reading against {expected:?}");
    let granted: Vec<_> = trace
        .connections
        .iter()
        .chain(&trace.other_ends)
        .filter(|connection| connection.handshake["response"]["kind"] == "connect_response")
        .collect();
    ensure!(granted.len() == 2, "{} sides of a handshake", granted.len());
    for connection in granted {
        let (request, response) = (
            &connection.handshake["request"],
            &connection.handshake["response"],
        );
        println!("  {:?}: {request} {response}", connection.pid);
        ensure!(request["new_handle"] == true, "not a new handle");
        ensure!(
            response["session"] == expected.session.as_str(),
            "another session"
        );
        ensure!(
            response["timeout_ms"] == expected.timeout_ms,
            "another timeout"
        );
        ensure!(response["expired"] == false, "expired");
    }
    let by_client = |pid_of: &Option<i64>| *pid_of == Some(i64::from(pid));
    ensure!(
        trace.connections.iter().any(|one| by_client(&one.pid)
            && one.handshake["response"]["session"] == expected.session.as_str()),
        "the session is not the client's, process {pid}"
    );
    ensure!(trace.lost == 0, "lost {}", trace.lost);
    println!("  ok: session {} of process {pid}", expected.session);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::recorded::Connection;

    const LOG: &str = "INFO Socket connection established\n\
        INFO Session establishment complete on server localhost/127.0.0.1:2181, \
        session id = 0x100019242b50000, negotiated timeout = 6000\n";

    fn trace(response: &Value) -> Recorded {
        let connection = |pid| Connection {
            pid,
            handshake: json!({"request": {"new_handle": true}, "response": response}),
            ..Connection::default()
        };
        Recorded {
            connections: vec![connection(Some(42))],
            other_ends: vec![connection(None)],
            ..Recorded::default()
        }
    }

    #[test]
    fn the_session_of_the_log_passes_and_each_deviation_fails() {
        let expected = Granted::from_log(LOG).expect("a session");
        let good = json!({
            "kind": "connect_response", "session": "0x100019242b50000",
            "timeout_ms": 6000, "expired": false,
        });
        check(&expected, 42, &trace(&good)).expect("it is the same");
        assert!(check(&expected, 43, &trace(&good)).is_err());
        for (field, wrong) in [
            ("session", json!("0x100019242b50001")),
            ("timeout_ms", json!(6001)),
            ("expired", json!(true)),
            ("kind", json!("other")),
        ] {
            let mut response = good.clone();
            response[field] = wrong;
            assert!(check(&expected, 42, &trace(&response)).is_err(), "{field}");
        }
    }
}

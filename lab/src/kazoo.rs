// SPDX-License-Identifier: MIT
//! `kazoo`: a Python program that makes a ZooKeeper client for each request,
//! against a real server. Each client connects by a thread of its own, and
//! zkchurn must say so instead of naming one of them.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::setup::{self, Group};
use xtask::{command, privilege, setup::kazoo, workspace};
use zkchurn_lab::harness::tracer::Tracer;

use crate::incident::{
    free_port,
    server::{Config, Server},
};
use crate::recorded::Recorded;

/// Options of `kazoo`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many clients to make, one after another
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(3..=1000))]
    clients: u16,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[Group::Incident, Group::Kazoo])?;
    let zkchurn = command::zkchurn()?;
    privilege::acquire("to trace connections in the kernel")?;
    let scratch = workspace::scratch("kazoo")?;
    let port = free_port()?;
    let _server = Server::start(&Config::new(scratch.path(), port))?;
    println!(
        "kazoo: ZooKeeper on 127.0.0.1:{port}, {} clients",
        options.clients
    );
    let recording = scratch.path().join("kazoo.zkchurn");
    let tracer = Tracer::start(
        &zkchurn,
        &["--handshake", "--port", &port.to_string()],
        &recording,
    )?;
    let said = churn(port, options.clients)?;
    tracer.stop()?;
    let trace = Recorded::replay(&zkchurn, Path::new(&recording))?;
    let recorded = std::fs::read(&recording).context("the recording")?;
    print_and_check(&said, options.clients, &trace, &recorded)
}

/// What the program says of itself.
struct Said {
    pid: i64,
    /// The session and its password of each client.
    sessions: Vec<(String, Vec<u8>)>,
}

impl Said {
    /// Reads a line with the pid, and one with session and password for each
    /// client, both in hexadecimal.
    fn parse(printed: &str) -> Option<Self> {
        let mut lines = printed.lines();
        let pid = lines.next()?.parse().ok()?;
        let session = |line: &str| {
            let (session, password) = line.split_once(' ')?;
            let pairs = password.as_bytes().chunks(2);
            let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            Some((session.to_owned(), pairs.map(byte).collect::<Option<_>>()?))
        };
        Some(Self {
            pid,
            sessions: lines.map(session).collect::<Option<_>>()?,
        })
    }
}

/// Runs the program to its end.
fn churn(port: u16, clients: u16) -> Result<Said> {
    let program = workspace::root().join("lab/kazoo/churn.py");
    let printed = command::output(
        Command::new("python3")
            .env("PYTHONPATH", kazoo::library()?)
            .arg(program)
            .arg(format!("{}:{port}", Ipv4Addr::LOCALHOST))
            .arg(clients.to_string()),
    )?;
    Said::parse(&printed).context("the client told no pid or no sessions")
}

fn print_and_check(said: &Said, clients: u16, trace: &Recorded, recorded: &[u8]) -> Result<()> {
    println!("\nkazoo: the report against what the program did");
    let mut failed = 0;
    for (holds, what) in findings(said, clients, trace, recorded) {
        println!("  {}  {what}", if holds { "ok  " } else { "FAIL" });
        failed += usize::from(!holds);
    }
    if failed > 0 {
        bail!("{failed} findings of the clients' trace do not hold");
    }
    Ok(())
}

fn findings(said: &Said, clients: u16, trace: &Recorded, recorded: &[u8]) -> Vec<(bool, String)> {
    let pid = said.pid;
    let all = &trace.connections;
    let mut threads: Vec<_> = all.iter().filter_map(|one| one.tid).collect();
    threads.sort_unstable();
    threads.dedup();
    let flow = &trace.report["flows"][0];
    let owned = &trace.report["time_wait"]["groups"][0];
    vec![
        (
            all.len() == usize::from(clients) && all.iter().all(|one| one.pid == Some(pid)),
            format!("{} connections, all by process {pid}", all.len()),
        ),
        (
            threads.len() == all.len(),
            format!("from {} threads", threads.len()),
        ),
        (
            trace.answer.contains(", each from a thread of its own"),
            "the answer says that each is from a new thread".to_owned(),
        ),
        (
            flow["process"]["label"] == "python3 (churn.py)",
            "the program is named by its script".to_owned(),
        ),
        (
            owned["count"].as_u64() == owned["threads"].as_u64() && owned["owner"]["pid"] == pid,
            format!(
                "{} sockets in TIME_WAIT are of that process",
                owned["count"]
            ),
        ),
        (
            all.len() == said.sessions.len()
                && all.iter().zip(&said.sessions).all(|(one, (session, _))| {
                    one.handshake["request"]["new_handle"] == true
                        && one.handshake["response"]["session"] == session.as_str()
                }),
            format!("{} sessions are the clients' own", said.sessions.len()),
        ),
        (
            said.sessions.iter().all(|(_, password)| {
                // ZooKeeper's passwords are random.
                !password.is_empty()
                    && password
                        .windows(4)
                        .all(|part| !recorded.windows(4).any(|window| window == part))
            }),
            "no four bytes of a password are recorded".to_owned(),
        ),
        (trace.lost == 0, format!("lost {}", trace.lost)),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::recorded::Connection;

    fn trace() -> Recorded {
        let connection = |tid: i64| Connection {
            pid: Some(42),
            tid: Some(tid),
            handshake: json!({
                "request": {"new_handle": true},
                "response": {"session": format!("0x{tid}")},
            }),
            ..Connection::default()
        };
        Recorded {
            connections: (43..46).map(connection).collect(),
            answer: "pid 42 opened 3 connections, each from a thread of its own".to_owned(),
            report: json!({
                "flows": [{"process": {"label": "python3 (churn.py)"}}],
                "time_wait": {"groups": [{"owner": {"pid": 42}, "threads": 3, "count": 3}]},
            }),
            ..Recorded::default()
        }
    }

    fn said() -> Said {
        let lines = (43..46).map(|id| format!("\n0x{id} 010203040506"));
        Said::parse(&format!("42{}", lines.collect::<String>())).expect("what it prints")
    }

    fn fails(change: impl FnOnce(&mut Recorded)) -> bool {
        let mut trace = trace();
        change(&mut trace);
        print_and_check(&said(), 3, &trace, b"nothing").is_err()
    }

    #[test]
    fn clients_as_they_are_pass_and_each_deviation_fails() {
        print_and_check(&said(), 3, &trace(), b"nothing").expect("all findings hold");
        assert!(print_and_check(&said(), 3, &trace(), b"..\x03\x04\x05\x06..").is_err());
        assert!(fails(|trace| trace.connections.truncate(2)));
        assert!(fails(|trace| trace.connections[0].pid = Some(41)));
        assert!(fails(|trace| trace.connections[0].tid = Some(44)));
        assert!(fails(|trace| trace.answer.clear()));
        assert!(fails(|trace| trace.report = json!({})));
        assert!(fails(|trace| trace.lost = 1));
        assert!(fails(|trace| trace.connections[0].handshake = json!(null)));
    }
}

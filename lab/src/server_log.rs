// SPDX-License-Identifier: MIT
//! `serverlog`: clients of a real server, each from an address of its own and in
//! a known number, and whether `zkchurn serverlog` reads just that in the
//! server's log.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use xtask::setup::{self, Group};
use xtask::{command, workspace};
use zkchurn_lab::harness::wait;
use zkchurn_lab::harness::zookeeper::ConnectRequest;

use crate::incident::{
    free_port,
    server::{Config, Server},
};

/// `maxClientCnxns` of a server that is not told otherwise (`ServerCnxnFactory`).
const LIMIT: usize = 60;
const OVER_LIMIT: usize = 3;
const CLOSING: usize = 25;
const HTTP: usize = 4;
const WORDS: usize = 5;
const AHEAD: usize = 6;

const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const SERVES_WITHIN: Duration = Duration::from_secs(60);
/// A server that has accepted a client before it serves never answers that
/// client: only another attempt tells.
const ATTEMPT: Duration = Duration::from_millis(500);
/// The server writes a line once it has seen the client close.
const WRITES_WITHIN: Duration = Duration::from_secs(20);

/// Runs the verb.
pub(crate) fn run() -> Result<()> {
    setup::ensure(&[Group::Incident])?;
    let zkchurn = command::zkchurn()?;
    let scratch = workspace::scratch("serverlog")?;
    let port = free_port()?;
    let server = Server::start(&Config::new(scratch.path(), port))?;
    println!("serverlog: ZooKeeper on 127.0.0.1:{port}");
    wait::until("ZooKeeper to serve", SERVES_WITHIN, || Ok(serves(port)))?;
    run_clients(port)?;
    let log = scratch.path().join("server.log");
    let expected = expected();
    let report = wait::until("the server to have written all", WRITES_WITHIN, || {
        let report = report(&zkchurn, &log)?;
        Ok(deviations(&report, &expected).is_empty().then_some(report))
    });
    server.stop()?;
    let report = match report {
        Ok(report) => report,
        Err(_) => self::report(&zkchurn, &log)?,
    };
    print_and_check(&report, &expected)?;
    command::run(Command::new(&zkchurn).arg("serverlog").arg(&log))
}

/// What the log must tell of each address.
fn expected() -> Vec<(Ipv4Addr, Value)> {
    vec![
        (
            source(7),
            json!({"limit_reached": OVER_LIMIT, "ended_with_session": LIMIT}),
        ),
        (source(2), json!({"closed_without_session": CLOSING})),
        (source(3), json!({"http": HTTP})),
        (source(4), json!({"four_letter_word": WORDS})),
        (source(5), json!({"zxid_ahead": AHEAD})),
    ]
}

fn source(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

fn run_clients(port: u16) -> Result<()> {
    reach_the_limit(port)?;
    for _ in 0..CLOSING {
        drop(connect(source(2), port)?);
    }
    for _ in 0..HTTP {
        ask(connect(source(3), port)?, b"GET / HTTP/1.1\r\n\r\n")?;
    }
    for _ in 0..WORDS {
        let answer = ask(connect(source(4), port)?, b"srvr")?;
        ensure!(
            answer.starts_with(b"Zookeeper version"),
            "no answer to srvr"
        );
    }
    for _ in 0..AHEAD {
        let answer = ask(connect(source(5), port)?, &connect_request(i64::MAX))?;
        ensure!(answer.is_empty(), "a client from the future got a session");
    }
    Ok(())
}

/// A server listens before it serves. The address asks for nothing else.
fn serves(port: u16) -> Option<()> {
    let mut stream = connect(source(9), port).ok()?;
    stream.set_read_timeout(Some(ATTEMPT)).ok()?;
    stream.write_all(&connect_request(0)).ok()?;
    stream.read_exact(&mut [0; 41]).ok()
}

/// Holds as many connections as one address may, each known to be counted
/// because its session was answered, and tries some more.
fn reach_the_limit(port: u16) -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..LIMIT {
        let mut stream = connect(source(7), port)?;
        stream.write_all(&connect_request(0))?;
        let mut answer = [0; 41];
        stream.read_exact(&mut answer).context("no session")?;
        held.push(stream);
    }
    for _ in 0..OVER_LIMIT {
        // The server resets it: by then the client may still be connecting.
        if let Ok(stream) = connect(source(7), port) {
            ask(stream, b"")?;
        }
    }
    Ok(())
}

fn connect(from: Ipv4Addr, port: u16) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.connect_timeout(&to.into(), ANSWERS_WITHIN)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    Ok(stream)
}

/// Sends something and reads until the server closes.
fn ask(mut stream: TcpStream, question: &[u8]) -> Result<Vec<u8>> {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    let mut answer = Vec::new();
    let asked = stream.write_all(question);
    match asked.and_then(|()| stream.read_to_end(&mut answer)) {
        Ok(_) => Ok(answer),
        // What the server has not read makes its close a reset.
        Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset) => Ok(answer),
        Err(error) => Err(error).context("the server does not close"),
    }
}

/// A ConnectRequest for a new session.
fn connect_request(last_zxid: i64) -> Vec<u8> {
    let request = ConnectRequest {
        last_zxid,
        ..ConnectRequest::default()
    };
    request.bytes()
}

fn report(zkchurn: &Path, log: &Path) -> Result<Value> {
    let mut serverlog = Command::new(zkchurn);
    serverlog.arg("serverlog").arg(log);
    let json = command::output(serverlog.args(["--format", "json"]))?;
    serde_json::from_str(&json).context("the report is no JSON")
}

/// Where the report does not tell what the clients did.
fn deviations(report: &Value, expected: &[(Ipv4Addr, Value)]) -> Vec<String> {
    let rows = report["addresses"].as_array().cloned().unwrap_or_default();
    let mut deviations = Vec::new();
    for (address, counts) in expected {
        let row = rows
            .iter()
            .find(|row| row["address"] == address.to_string());
        let found = row.map_or(&Value::Null, |row| &row["counts"]);
        if found != counts {
            deviations.push(format!("{address}: {found} instead of {counts}"));
        }
    }
    if report["log"]["foreign"] != 0 || report["log"]["levels"]["INFO"].is_null() {
        deviations.push(format!("the log was not understood: {}", report["log"]));
    }
    // Not written at INFO from 3.5.5 on.
    if !report["total"]["accepted"].is_null() {
        deviations.push("a count is made up of lines that are not written".to_owned());
    }
    deviations
}

fn print_and_check(report: &Value, expected: &[(Ipv4Addr, Value)]) -> Result<()> {
    for (address, counts) in expected {
        println!("  expected of {address}: {counts}");
    }
    let deviations = deviations(report, expected);
    for deviation in &deviations {
        println!("  FAIL  {deviation}");
    }
    match deviations.len() {
        0 => println!("serverlog: the log tells just this\n"),
        count => bail!("{count} counts are not those of the clients"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_passes_and_each_deviation_fails() {
        let expected = expected();
        let rows: Vec<_> = expected
            .iter()
            .map(|(address, counts)| json!({"address": address.to_string(), "counts": counts}))
            .collect();
        let report = json!({
            "addresses": rows,
            "total": {"accepted": null},
            "log": {"foreign": 0, "levels": {"INFO": 1}},
        });
        print_and_check(&report, &expected).expect("as expected");
        for (pointer, value) in [
            ("/addresses/1/counts/closed_without_session", json!(24)),
            ("/addresses/0/address", json!("127.0.0.9")),
            ("/log/foreign", json!(1)),
            ("/total/accepted", json!(0)),
        ] {
            let mut changed = report.clone();
            *changed.pointer_mut(pointer).expect("a field") = value;
            assert!(print_and_check(&changed, &expected).is_err(), "{pointer}");
        }
    }
}

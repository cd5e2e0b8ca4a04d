// SPDX-License-Identifier: MIT
//! `incident`: the real thing. A ZooKeeper client loses a class that it needs
//! only for reconnecting; its server is restarted; from then on one thread
//! connects, fails inside itself, closes and tries again, for ever. zkchurn
//! traces it, and its report is held against the client's own log.

pub(crate) mod client;
pub(crate) mod jars;
pub(crate) mod java;
pub(crate) mod log;
pub(crate) mod server;
pub(crate) mod socket;
mod verdict;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::setup::Group;
use xtask::{command, privilege, setup, workspace};
use zkchurn_lab::harness::tracer::Tracer;

use self::client::Client;
use self::server::{Config, Server};
use self::verdict::Observed;
use crate::recorded::Recorded;

/// Options of `incident`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many connections to trace
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// Keep the recording in this file
    #[arg(long)]
    record: Option<PathBuf>,
    /// Start nothing: only make the client's classes and jars in this directory, and the file
    /// class-path, for a run elsewhere
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["connections", "record"])]
    files: Option<PathBuf>,
}

/// The client's shortest pause is 1.1 s. A tracer that is attached sooner
/// than this after an attempt has missed nothing of the next.
const ATTACHES_BEFORE_NEXT: Duration = Duration::from_millis(1000);
const TRIES: usize = 5;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    check_recording(options.record.as_deref())?;
    setup::ensure(&[Group::Incident])?;
    if let Some(directory) = &options.files {
        return client::files(directory);
    }
    let zkchurn = command::zkchurn()?;
    privilege::acquire("to trace connections in the kernel")?;
    let scratch = workspace::scratch_elsewhere("incident")?;
    let outcome = incident(options, &zkchurn, scratch.path());
    if outcome.is_err() {
        // The logs tell what went wrong.
        println!("logs are kept in {}", scratch.keep().display());
    }
    outcome
}

fn incident(options: &Options, zkchurn: &Path, dir: &Path) -> Result<()> {
    let port = free_port()?;
    println!("incident: ZooKeeper on 127.0.0.1:{port}");
    let server = Server::start(&Config::new(dir, port))?;
    let mut client = Client::start(dir, port)?;
    println!(
        "incident: client JVM {} has a session and a watch; restarting the server",
        client.pid()
    );
    server.stop()?;
    client.log.wait_for(log::REFUSED)?;
    let _server = Server::start(&Config::new(dir, port))?;
    client.log.wait_for(log::CLASS_NOT_FOUND)?;
    println!(
        "incident: the churn has begun; tracing {} connections",
        options.connections
    );

    let recording = recording(options, dir)?;
    let observed = traced(options, zkchurn, &mut client, &recording)?;
    let log = std::fs::read_to_string(dir.join("client.log")).context("the client's log")?;
    let trace = Recorded::replay(zkchurn, &recording)?;
    verdict::print_and_check(&observed, &log, &trace)
}

/// Traces a number of attempts, from between two of them to between two.
fn traced(
    options: &Options,
    zkchurn: &Path,
    client: &mut Client,
    recording: &Path,
) -> Result<Observed> {
    let tracer = attached_between_attempts(zkchurn, client, recording)?;
    let mut ports = Vec::new();
    for _ in 0..options.connections {
        ports.push(client.log.next_attempt()?);
    }
    let last = ports.last().copied().context("no attempt")?;
    socket::wait_until_over(last, client.port)?;
    tracer.stop()?;
    let thread = client.send_thread()?;
    Ok(Observed {
        pid: client.pid(),
        thread,
        port: client.port,
        ports,
    })
}

/// Starts the tracer right after an attempt. Should it take so long that the
/// next attempt may have begun, that start does not count.
fn attached_between_attempts(
    zkchurn: &Path,
    client: &mut Client,
    recording: &Path,
) -> Result<Tracer> {
    let port = client.port.to_string();
    for _ in 0..TRIES {
        client.log.skip()?;
        let attempt = client.log.next_attempt()?;
        let seen = Instant::now();
        socket::wait_until_over(attempt, client.port)?;
        let arguments = ["--port", &port, "--jvm", "dump"];
        let tracer = Tracer::start(zkchurn, &arguments, recording)?;
        if seen.elapsed() < ATTACHES_BEFORE_NEXT {
            return Ok(tracer);
        }
        println!("incident: attached too late after an attempt; once more");
        tracer.stop()?;
        std::fs::remove_file(recording).context("cannot remove the recording")?;
    }
    bail!("zkchurn was never attached within {ATTACHES_BEFORE_NEXT:?}")
}

/// zkchurn overwrites nothing, and would say so only after half a minute.
fn check_recording(file: Option<&Path>) -> Result<()> {
    match file {
        Some(file) if file.exists() => bail!("{} exists already", file.display()),
        _ => Ok(()),
    }
}

fn recording(options: &Options, dir: &Path) -> Result<PathBuf> {
    let Some(path) = &options.record else {
        return Ok(dir.join("incident.zkchurn"));
    };
    std::path::absolute(path).with_context(|| format!("not a path: {}", path.display()))
}

/// A free port below those that the kernel hands out: while the server is
/// down, nobody else can get it as the port of an outgoing connection, not
/// even the client that tries to reach it.
pub(crate) fn free_port() -> Result<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .context("cannot tell the kernel's range of ports")?;
    let lowest = range
        .split_whitespace()
        .next()
        .and_then(|low| low.parse().ok());
    let lowest: u16 = lowest.context("the kernel's range of ports is no range")?;
    let below = std::iter::repeat_with(|| fastrand::u16(1024..lowest.max(1025)));
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    below.take(100).find(free).context("no port is free")
}

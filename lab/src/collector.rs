// SPDX-License-Identifier: MIT
//! `collector`: connections of a program, traced and sent to a real collector, which writes them to
//! the ClickHouse engine; what that answers must be what the trace has.

mod inserts;

use std::{
    fs::{self, File},
    io::Read as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use xtask::{
    command, privilege,
    setup::{self, Group, collector},
    wait, workspace,
};
use zkchurn_lab::harness::{trace::Trace, tracer::Tracer};

use crate::{
    clickhouse::{Engine, Row, number, text},
    incident::free_port,
};
use inserts::Inserts;

/// Options of `collector`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many connections to make
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
}

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[Group::Clickhouse, Group::Collector, Group::Manifests])?;
    check_configuration()?;
    let zkchurn = command::zkchurn()?;
    privilege::acquire("to trace connections in the kernel")?;
    let scratch = workspace::scratch("collector")?;
    let inserts = Inserts::start()?;
    let port = free_port()?;
    let rotel = Rotel::start(port, &inserts, &scratch.path().join("rotel.log"))?;
    let server = server()?;
    println!(
        "collector: rotel on 127.0.0.1:{port}, {} connections to 127.0.0.1:{server}",
        options.connections
    );
    let url = format!("http://127.0.0.1:{port}");
    let server_text = server.to_string();
    let args = [
        "--port",
        &server_text,
        "--interval",
        "1s",
        "--format",
        "json",
        "--otlp",
        &url,
    ];
    let recording = scratch.path().join("trace.zkchurn");
    let (tracer, mut printed) = Tracer::start_reading(&zkchurn, &args, &recording)?;
    let reader = thread::spawn(move || {
        let mut text = String::new();
        printed.read_to_string(&mut text).map(|_| text)
    });
    for _ in 0..options.connections {
        TcpStream::connect((Ipv4Addr::LOCALHOST, server)).context("cannot connect")?;
    }
    tracer.stop()?;
    let printed = reader.join().map_err(|_| anyhow::anyhow!("no output"))??;
    let trace = Trace::parse(&printed)?;
    // It writes what it has gathered as it ends.
    rotel.stop()?;
    let mut engine = Engine::start(&scratch.path().join("tables"))?;
    for statement in shipped("clickhouse.sql")?.split_inclusive(";\n") {
        if !statement.trim().is_empty() {
            engine.run(statement)?;
        }
    }
    let count = inserts.load(&mut engine, scratch.path())?;
    println!("collector: rotel wrote {count} batches of logs");
    compare(&mut engine, &trace, server)
}

/// What the engine has of the connections, against the trace.
fn compare(engine: &mut Engine, trace: &Trace, server: u16) -> Result<()> {
    let sql = "SELECT * FROM otel.zkchurn_connections ORDER BY ended, socket";
    let rows = engine.run(sql)?;
    ensure!(
        rows.len() == trace.connections.len(),
        "{} connections in ClickHouse, {} in the trace",
        rows.len(),
        trace.connections.len()
    );
    for connection in &trace.connections {
        let socket = connection["socket"].as_str().context("no socket")?;
        let row = rows.iter().find(|row| text(row, "socket") == socket);
        let row = row.with_context(|| format!("no row of socket {socket}"))?;
        is_the_same(connection, row)?;
    }
    let ensemble = format!("%:{server}");
    let until = engine.run("SELECT formatDateTime(now('UTC') + 60, '%F %T', 'UTC') AS until")?;
    let until = until
        .first()
        .map(|row| text(row, "until"))
        .unwrap_or_default();
    let parameters = [
        ("ensemble", &*ensemble),
        ("until", until),
        ("minutes", "15"),
    ];
    let answer = engine.asked(&shipped("who-churns.sql")?, &parameters)?;
    let first = answer.first().context("who-churns.sql names nobody")?;
    println!("collector: who churns: {}", Value::Object(first.clone()));
    let counted = number(first, "short_connections").unwrap_or_default();
    ensure!(
        (counted - trace.connections.len() as f64).abs() < 0.5,
        "who-churns.sql counts {counted}"
    );
    println!(
        "collector: all {} connections are as in the trace",
        rows.len()
    );
    Ok(())
}

fn is_the_same(connection: &Value, row: &Row) -> Result<()> {
    for (name, pointer) in [
        ("outcome", "/outcome"),
        ("first_close", "/first_close"),
        ("side", "/side"),
        ("thread", "/thread/comm"),
        ("server", "/remote"),
    ] {
        let expected = connection.pointer(pointer).and_then(Value::as_str);
        ensure!(
            text(row, name) == expected.unwrap_or_default(),
            "{name} is {} and not {expected:?}",
            text(row, name)
        );
    }
    for (name, pointer) in [
        ("pid", "/process/pid"),
        ("tid", "/thread/tid"),
        ("established_for_ns", "/established_for_ns"),
        ("connecting_for_ns", "/connecting_for_ns"),
    ] {
        let expected = connection.pointer(pointer).and_then(Value::as_f64);
        ensure!(
            number(row, name) == expected,
            "{name} is {:?} and not {expected:?}",
            number(row, name)
        );
    }
    Ok(())
}

/// A server that closes what it accepts; its port.
fn server() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 16]);
        }
    });
    Ok(port)
}

/// The collector at work.
struct Rotel(Child);

impl Rotel {
    fn start(port: u16, to: &Inserts, log: &std::path::Path) -> Result<Self> {
        let program = collector::program()?;
        let grpc = free_port()?;
        let mut rotel = command::dies_with_parent(&program);
        rotel.args(["start", "--exporter", "clickhouse"]);
        rotel.args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")]);
        rotel.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        rotel.args(["--clickhouse-exporter-endpoint", &to.endpoint()]);
        // What it inserts is read here.
        rotel.args(["--clickhouse-exporter-compression", "none"]);
        let log = File::create(log)?;
        let started = rotel
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn();
        let rotel = Self(started.with_context(|| format!("cannot run {}", program.display()))?);
        wait::until("rotel to listen", PATIENCE, || {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
        })?;
        Ok(rotel)
    }

    fn stop(mut self) -> Result<()> {
        let pid = privilege::pid_of(&self.0)?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let ended = wait::until("rotel to end", PATIENCE, || Ok(self.0.try_wait()?))?;
        ensure!(ended.success(), "rotel ended with {ended}");
        Ok(())
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file of contrib/opentelemetry.
fn shipped(name: &str) -> Result<String> {
    let path = workspace::root().join("contrib/opentelemetry").join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Whether the pipelines of collector.yaml name what is there: no collector that reads it is to be had
/// here.
fn check_configuration() -> Result<()> {
    const PRINT: &str =
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let path = workspace::root().join("contrib/opentelemetry/collector.yaml");
    let mut python = std::process::Command::new("python3");
    python
        .env("PYTHONPATH", setup::manifests::library()?)
        .args(["-c", PRINT])
        .arg(&path);
    let configuration: Value = serde_json::from_str(&command::output(&mut python)?)?;
    let pipelines = configuration["service"]["pipelines"].as_object();
    for (pipeline, parts) in pipelines.context("no pipelines")? {
        for kind in ["receivers", "processors", "exporters"] {
            let named = parts[kind].as_array().context("no list")?;
            for name in named.iter().filter_map(Value::as_str) {
                if configuration[kind].get(name).is_none() {
                    bail!("{pipeline} of collector.yaml names {name}, which {kind} has not");
                }
            }
        }
    }
    Ok(())
}

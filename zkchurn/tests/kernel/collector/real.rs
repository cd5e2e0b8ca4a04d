// SPDX-License-Identifier: MIT
//! A real collector, rotel, prints what it was sent; that is compared with the trace's own JSON.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;
use zkchurn_lab::harness::collector;

use crate::{
    faults::run::Run,
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, unused_port, wait_for},
};

const LIMIT: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 50;

/// The collector at work. It is ended when this is dropped.
struct Rotel(Child);

impl Rotel {
    /// Starts it, with what it prints in a file, and waits until it listens.
    fn start(port: u16, printed: &Path) -> Self {
        let program = collector::program().unwrap();
        let out = File::create(printed).unwrap();
        let mut rotel = Command::new(&program);
        rotel.args(["start", "--exporter", "blackhole"]);
        rotel.args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")]);
        let grpc = unused_port();
        rotel.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        rotel.args(["--debug-log", "logs", "--debug-log", "metrics"]);
        rotel.args(["--debug-log-verbosity", "detailed"]);
        let started = rotel.stdin(Stdio::null()).stdout(out).spawn();
        let started = started.unwrap_or_else(|error| {
            panic!(
                "{} cannot be run ({error}): `cargo xtask setup` gets it",
                program.display()
            )
        });
        let mut rotel = Self(started);
        wait_for(LIMIT, "the collector to listen", || {
            let ended = rotel.0.try_wait().unwrap();
            assert!(ended.is_none(), "the collector has ended: {ended:?}");
            TcpStream::connect(v4(port)).is_ok()
        });
        rotel
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A record as the collector prints it: the name of its event, and its attributes.
#[derive(Debug, Default)]
struct Event {
    name: String,
    attributes: BTreeMap<String, String>,
}

impl Event {
    fn is(&self, key: &str, value: &Value) {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Null => {
                assert_eq!(self.attributes.get(key), None, "{key}: {self:?}");
                return;
            }
            other => other.to_string(),
        };
        assert_eq!(self.attributes.get(key), Some(&value), "{key}: {self:?}");
    }
}

/// All records, in the order in which they came.
fn events(printed: &Path) -> Vec<Event> {
    let text = fs::read_to_string(printed).unwrap_or_default();
    let mut events = Vec::new();
    let mut event = None;
    for line in text.lines() {
        if line.starts_with("LogRecord #") {
            events.extend(event.replace(Event::default()));
        } else if line.starts_with("ResourceLog") || line.starts_with("ResourceMetrics") {
            events.extend(event.take());
        } else if let Some(event) = &mut event {
            if let Some(name) = line.strip_prefix("EventName: ") {
                name.clone_into(&mut event.name);
            } else if let Some((key, value)) = attribute(line) {
                event.attributes.insert(key, value);
            }
        }
    }
    events.extend(event);
    events
}

/// `     -> process.pid: Int(42)`
fn attribute(line: &str) -> Option<(String, String)> {
    let (key, value) = line.trim().strip_prefix("-> ")?.split_once(": ")?;
    let (_, value) = value.split_once('(')?;
    Some((key.to_owned(), value.strip_suffix(')')?.to_owned()))
}

fn of_name<'a>(events: &'a [Event], name: &str) -> Vec<&'a Event> {
    events.iter().filter(|event| event.name == name).collect()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn it_gets_each_connection_with_what_the_trace_says_of_it_and_each_finding() {
    let directory = tempfile::tempdir().unwrap();
    let printed = directory.path().join("rotel");
    let to = printed.clone();
    let ended = in_namespace(move || {
        let (port, http) = (unused_port(), unused_port());
        let rotel = Rotel::start(http, &to);
        let accepting = drain(listen(port), CONNECTIONS + 30);
        let url = format!("http://127.0.0.1:{http}");
        let port_text = port.to_string();
        let options = ["--port", &port_text, "--interval", "200ms", "--otlp", &url];
        let run = Run::start(Command::new(env!("CARGO_BIN_EXE_zkchurn")), &options);
        (0..CONNECTIONS).for_each(|_| drop(connect(v4(port))));
        // Not only at the end.
        wait_for(LIMIT, "the first connections", || {
            of_name(&events(&to), "zkchurn.connection.ended").len() == CONNECTIONS
        });
        let words = format!(
            "for i in $(seq 30); do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; sleep 0.05; done"
        );
        let secret = ["-c", &words, "client", "--password=hunter2"];
        let mut client = Command::new("bash");
        assert!(client.args(secret).status_in_time().unwrap().success());
        accepting.join().unwrap();
        run.signal(Signal::INT);
        let ended = run.wait();
        // What the collector has taken it prints a moment later.
        wait_for(LIMIT, "the end of the findings", || {
            let events = events(&to);
            let count = |name| of_name(&events, name).len();
            let began = count("zkchurn.finding.began");
            count("zkchurn.connection.ended") == CONNECTIONS + 30
                && began > 0
                && began == count("zkchurn.finding.ended")
        });
        drop(rotel);
        ended
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.loss("records_not_exported"), 0);
    let text = fs::read_to_string(&printed).unwrap();
    assert!(!text.contains("hunter2"));
    let start: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    let run_id = start["run_id"].as_str().unwrap();
    assert!(
        text.contains(&format!("-> zkchurn.run_id: Str({run_id})")),
        "{}",
        &text[..text.len().min(3000)]
    );
    let events = events(&printed);
    assert_each_is_there(&trace, &events);
    assert_findings(&trace, &events);
    for metric in ["connections", "connection_lifetime", "records_lost"] {
        let name = format!("-> Name: zkchurn.{metric}\n");
        assert!(text.contains(&name), "{metric}");
    }
}

fn assert_each_is_there(trace: &Trace, events: &[Event]) {
    let ended = of_name(events, "zkchurn.connection.ended");
    assert_eq!(ended.len(), trace.connections.len());
    for (connection, event) in trace.connections.iter().zip(ended) {
        let connection = |pointer: &str| connection.pointer(pointer).unwrap_or(&Value::Null);
        let local = connection("/local").as_str().unwrap();
        let port = local.rsplit_once(':').unwrap().1;
        event.is("network.local.port", &port.into());
        for (key, pointer) in [
            ("process.pid", "/process/pid"),
            ("process.user.id", "/process/uid"),
            ("zkchurn.process.name", "/process/name"),
            ("thread.name", "/thread/comm"),
            ("zkchurn.thread.tid", "/thread/tid"),
            ("zkchurn.closer.pid", "/closer/pid"),
            ("zkchurn.closer.tid", "/closer/tid"),
            ("zkchurn.connection.side", "/side"),
            ("zkchurn.connection.outcome", "/outcome"),
            ("zkchurn.connection.first_close", "/first_close"),
            ("zkchurn.connection.reset", "/reset"),
            ("zkchurn.connection.socket", "/socket"),
            ("zkchurn.connection.netns", "/netns"),
            ("zkchurn.connection.before_start", "/before_start"),
            ("zkchurn.connection.connecting_for_ns", "/connecting_for_ns"),
            (
                "zkchurn.connection.established_for_ns",
                "/established_for_ns",
            ),
            ("zkchurn.connection.payload_out", "/payload_out"),
            ("zkchurn.connection.payload_in", "/payload_in"),
            ("zkchurn.connection.retransmits", "/retransmits"),
            ("zkchurn.connection.smoothed_rtt_us", "/smoothed_rtt_us"),
        ] {
            event.is(key, connection(pointer));
        }
        assert_eq!(event.attributes.get("thread.id"), None);
    }
}

/// Each finding of the report began, and none is there that did not end.
fn assert_findings(trace: &Trace, events: &[Event]) {
    let began = of_name(events, "zkchurn.finding.began");
    let findings = trace.report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let name = finding["name"].as_str().unwrap();
        let is_it = |event: &&&Event| event.attributes["zkchurn.finding.name"] == name;
        assert!(began.iter().any(|event| is_it(&event)), "{name}: {began:?}");
    }
    for ended in of_name(events, "zkchurn.finding.ended") {
        assert_eq!(
            ended.attributes["zkchurn.finding.end_reason"],
            "trace_ended"
        );
    }
}

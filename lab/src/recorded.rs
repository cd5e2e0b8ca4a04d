// SPDX-License-Identifier: MIT
//! What zkchurn makes of a recording, in the terms of the verbs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::command;
use zkchurn_lab::harness::trace::Trace;
/// A trace from its start to its report, as a replay gives it.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Every connection that ended.
    pub connections: Vec<Connection>,
    /// The accepting ends of those of which both ends were traced.
    pub other_ends: Vec<Connection>,
    /// The report's answer in plain words.
    pub answer: String,
    /// The sum of all losses.
    pub lost: u64,
    /// The losses as reported.
    pub loss: Value,
    /// The whole report.
    pub report: Value,
}

/// A skipped run of the program is a missed change of state, and a connection that was found
/// closed has a record without its end. Neither is a missing connection: those are counted one by
/// one.
const RECORDED_ALL_THE_SAME: [&str; 2] = ["recursion_misses", "found_closed"];

/// What the verbs look at in a connection's record.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The process that opened it.
    pub pid: Option<i64>,
    /// The thread that opened it.
    pub tid: Option<i64>,
    /// The thread that closed it.
    pub closer_tid: Option<i64>,
    /// Its local port; the client's, where the client was traced.
    pub local_port: Option<u16>,
    /// Whether it was ever established.
    pub established: bool,
    /// For how long.
    pub established_for: Option<Duration>,
    /// Which side closed first.
    pub first_close: Option<String>,
    /// Payload sent.
    pub payload_out: Option<u64>,
    /// What both sides said first.
    pub handshake: Value,
    /// Payload received.
    pub payload_in: Option<u64>,
    /// How it ended.
    pub outcome: String,
    /// Whether it is older than the trace.
    pub before_start: bool,
}

impl Recorded {
    /// Replays a recording and reads what zkchurn makes of it.
    pub(crate) fn replay(zkchurn: &Path, recording: &Path) -> Result<Self> {
        let mut replay = Command::new(zkchurn);
        replay.arg("replay").arg(recording);
        Self::parse(&command::output(replay.args(["--format", "json"]))?)
    }

    fn parse(lines: &str) -> Result<Self> {
        let Trace {
            connections,
            other_ends,
            report,
        } = Trace::parse(lines)?;
        let loss = report["loss"].clone();
        let losses = loss.as_object().context("a report without losses")?;
        let of_connections = losses
            .iter()
            .filter(|(name, _)| !RECORDED_ALL_THE_SAME.contains(&name.as_str()));
        Ok(Self {
            lost: of_connections.filter_map(|(_, value)| value.as_u64()).sum(),
            connections: connections.iter().map(Connection::from).collect(),
            other_ends: other_ends.iter().map(Connection::from).collect(),
            answer: report["answer"].as_str().unwrap_or_default().to_owned(),
            loss,
            report,
        })
    }
}

impl From<&Value> for Connection {
    fn from(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let address: Option<SocketAddr> =
            value["local"].as_str().and_then(|local| local.parse().ok());
        Self {
            pid: value["process"]["pid"].as_i64(),
            tid: value["thread"]["tid"].as_i64(),
            closer_tid: value["closer"]["tid"].as_i64(),
            local_port: address.map(|address| address.port()),
            established: !value["established"].is_null(),
            established_for: value["established_for_ns"]
                .as_u64()
                .map(Duration::from_nanos),
            first_close: text(&value["first_close"]),
            payload_out: value["payload_out"].as_u64(),
            handshake: value["handshake"].clone(),
            payload_in: value["payload_in"].as_u64(),
            outcome: text(&value["outcome"]).unwrap_or_default(),
            before_start: value["before_start"] == true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"type":"start","schema":1}
{"type":"connection","process":{"pid":1,"name":"java"},"thread":{"tid":2,"comm":"main-SendThread"},"closer":{"pid":1,"tid":2,"comm":"x"},"local":"127.0.0.1:4000","established":"2024-01-01T00:00:00Z","established_for_ns":1600000,"first_close":"us","outcome":"closed","payload_out":0}
{"type":"connection","process":null,"thread":null,"closer":null,"local":null,"established":null,"established_for_ns":null}
{"type":"report","answer":"pid 1","loss":{"table_full":2,"recursion_misses":1,"found_closed":4}}
"#;

    #[test]
    fn records_and_losses_are_read() {
        let trace = Recorded::parse(LINES).expect("a whole trace");
        let [first, second] = trace.connections.as_slice() else {
            panic!("{} connections", trace.connections.len());
        };
        assert_eq!((first.pid, first.closer_tid), (Some(1), Some(2)));
        assert_eq!(first.local_port, Some(4000));
        assert_eq!(first.established_for, Some(Duration::from_micros(1600)));
        assert!(first.established && !second.established);
        assert_eq!((trace.lost, trace.answer.as_str()), (2, "pid 1"));
    }

    #[test]
    fn a_trace_without_report_or_losses_is_refused() {
        assert!(Recorded::parse("{\"type\":\"start\"}").is_err());
        assert!(Recorded::parse("{\"type\":\"report\"}").is_err());
    }
}

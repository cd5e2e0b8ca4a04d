// SPDX-License-Identifier: MIT
//! What a tool has seen, read from the files it left.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xtask::command;

use super::generator::PORT;
use super::running::Files;
use super::tool::{Tool, report};

/// What a tool made of the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Connections that it recorded from their beginning to their end; of
    /// tcpdump, first SYNs that it captured.
    pub recorded: u64,
    /// What it says it lost: connections, of tcpdump packets. Recursion misses
    /// are counted apart.
    pub said_lost: u64,
}

/// Reads what a tool has seen.
pub(super) fn seen(tool: Tool, zkchurn: &Path, files: &Files) -> Result<Seen> {
    match tool {
        Tool::None | Tool::Empty => Ok(Seen::default()),
        Tool::Json => json(&read(&files.out)?),
        Tool::Record => {
            let mut replay = Command::new(zkchurn);
            replay
                .args(["replay", "--format", "json"])
                .arg(&files.capture);
            json(&command::output(&mut replay)?)
        }
        Tool::Tcplife | Tool::TcplifePort => tcplife(files),
        Tool::Bpftrace => bpftrace(files),
        Tool::Tcpdump | Tool::TcpdumpFlags => tcpdump(files),
        Tool::Live => text(&read(&report(&files.capture))?),
        Tool::Zkchurn | Tool::Handshake | Tool::Idle => text(&read(&files.out)?),
    }
}

/// Of the report in words, for the ways of use that are measured with it: JSON in
/// its place would be another way of use, with other costs.
/// `…, 15 connections in all` and `lost: 0 ring buffer full, 0 table full, …`.
fn text(report: &str) -> Result<Seen> {
    let traced = last(report, "traced: ")?;
    let lost = last(report, "lost: ")?;
    Ok(Seen {
        recorded: before(traced, "connection")?,
        said_lost: before(lost, "ring buffer full")? + before(lost, "table full")?,
    })
}

fn last<'a>(report: &'a str, beginning: &str) -> Result<&'a str> {
    let line = report
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(beginning));
    line.with_context(|| format!("no line `{beginning}…` in the report"))
}

/// The number before these words, which has a comma at the thousands.
fn before(line: &str, words: &str) -> Result<u64> {
    let number = line
        .split_once(words)
        .and_then(|(before, _)| before.split_whitespace().next_back())
        .with_context(|| format!("no number of {words:?} in {line:?}"))?;
    number
        .replace(',', "")
        .parse()
        .with_context(|| format!("{number:?} in {line:?}"))
}

/// A line for each connection and the report at the end. Only the report is
/// taken apart: there may be a hundred thousand lines.
fn json(lines: &str) -> Result<Seen> {
    let ended = |line: &&str| {
        line.contains(r#""type":"connection""#) && !line.contains(r#""outcome":"still_open""#)
    };
    let report = lines.lines().next_back().context("it printed nothing")?;
    let report: Value = serde_json::from_str(report)?;
    let loss = |name: &str| {
        let count = report["loss"][name].as_u64();
        count.with_context(|| format!("the report has no loss.{name}"))
    };
    Ok(Seen {
        recorded: lines.lines().filter(ended).count() as u64,
        said_lost: loss("ended_records_dropped")? + loss("table_full")?,
    })
}

/// `PID COMM LADDR LPORT RADDR RPORT TX_KB RX_KB MS`: both sides have a line,
/// the client's has the port on the right. A name may hold blanks.
fn tcplife(files: &Files) -> Result<Seen> {
    let mut recorded = 0;
    for line in BufReader::new(File::open(&files.out)?).lines() {
        recorded += u64::from(tcplife_line(&line?).is_some());
    }
    // "lost 12 events on CPU #0!"
    let complaints = read(&files.err)?;
    let lost = complaints.lines().filter_map(|line| {
        let (_, rest) = line.split_once("ost ")?;
        rest.split_once(" events")?.0.parse::<u64>().ok()
    });
    Ok(Seen {
        recorded,
        said_lost: lost.sum(),
    })
}

/// The client's port and the lifetime in ms, of a connection of the load.
fn tcplife_line(line: &str) -> Option<(u16, f64)> {
    let mut from_right = line.split_whitespace().rev();
    let lived = from_right.next()?.parse().ok()?;
    let remote: u16 = from_right.nth(2)?.parse().ok()?;
    let local = from_right.nth(1)?.parse().ok()?;
    (remote == PORT).then_some((local, lived))
}

/// `PID COMM LPORT RPORT` on standard output; "Lost 7 events" there or among the complaints.
fn bpftrace(files: &Files) -> Result<Seen> {
    let said = [read(&files.out)?, read(&files.err)?];
    let lines = said.iter().flat_map(|text| text.lines());
    let port = PORT.to_string();
    let recorded = |line: &&str| line.split_whitespace().next_back() == Some(&port);
    let lost = |line: &str| {
        let number = line.strip_prefix("Lost ")?.strip_suffix(" events")?;
        number.parse::<u64>().ok()
    };
    Ok(Seen {
        recorded: lines.clone().filter(recorded).count() as u64,
        said_lost: lines.filter_map(lost).sum(),
    })
}

fn tcpdump(files: &Files) -> Result<Seen> {
    let syns = format!("dst port {PORT} and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn");
    let mut reader = Command::new("tcpdump");
    reader.args(["-n", "-r"]).arg(&files.capture).arg(syns);
    let complaints = read(&files.err)?;
    let dropped = complaints.lines().find_map(|line| {
        let number = line.trim().strip_suffix(" packets dropped by kernel")?;
        number.parse().ok()
    });
    Ok(Seen {
        recorded: command::output(&mut reader)?.lines().count() as u64,
        said_lost: dropped.context("tcpdump does not tell what it dropped")?,
    })
}

/// How long connections lived by a tool's word, in ns, by the client's port.
pub(super) fn lifetimes(tool: Tool, files: &Files) -> Result<HashMap<u16, f64>> {
    let text = read(&files.out)?;
    Ok(match tool {
        Tool::Json => text.lines().filter_map(json_line).collect(),
        _ => text
            .lines()
            .filter_map(tcplife_line)
            .map(|(port, milliseconds)| (port, milliseconds * 1e6))
            .collect(),
    })
}

fn json_line(line: &str) -> Option<(u16, f64)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let local: SocketAddr = value["local"].as_str()?.parse().ok()?;
    let lived = value["established_for_ns"].as_f64()?;
    Some((local.port(), lived))
}

/// Whether a tool has printed or captured its first connection.
pub(super) fn has_record(tool: Tool, files: &Files) -> bool {
    /// A capture's own header (pcap-savefile).
    const HEADER: u64 = 24;
    if tool.is_tcpdump() {
        return fs::metadata(&files.capture).is_ok_and(|file| file.len() > HEADER);
    }
    let Ok(text) = fs::read_to_string(&files.out) else {
        return false;
    };
    match tool {
        Tool::Json => text.contains(r#""type":"connection""#),
        Tool::Bpftrace => text.lines().any(|line| line.ends_with(&format!(" {PORT}"))),
        Tool::Tcplife | Tool::TcplifePort => text.lines().any(|line| tcplife_line(line).is_some()),
        _ => text.contains(&format!(":{PORT} ")),
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_in_words_tells_what_was_recorded_and_lost() {
        let report = "first: x\ntraced: port 24181 on vm (Linux 6.18), client side, a to b (2 s), \
            40,000 connections in all\nlost: 1,003 ring buffer full, 4 table full, 9 recursion misses; \
            0 unmatched closes\n";
        let seen = text(report).expect("a report");
        assert_eq!((seen.recorded, seen.said_lost), (40_000, 1_007));
    }

    #[test]
    fn one_connection_is_recorded_as_one_too() {
        let report = "traced: port 1 on vm, 1 connection in all\n\
            lost: 0 ring buffer full, 0 table full, 0 recursion misses\n";
        assert_eq!(text(report).expect("a report").recorded, 1);
    }

    #[test]
    fn of_both_sides_lines_tcplifes_client_counts() {
        let client = "7 a name 127.0.0.1 40001 127.0.0.1 24181 0 0 1.25";
        let server = "7 zkchurn-lab 127.0.0.1 24181 127.0.0.1 40001 0 0 1.31";
        assert_eq!(tcplife_line(client), Some((40_001, 1.25)));
        assert_eq!(tcplife_line(server), None);
        assert_eq!(
            tcplife_line("PID COMM LADDR LPORT RADDR RPORT TX_KB RX_KB MS"),
            None
        );
    }

    #[test]
    fn a_lifetime_in_json_goes_with_the_clients_port() {
        let line =
            r#"{"type":"connection","local":"127.0.0.1:34216","established_for_ns":1443820}"#;
        assert_eq!(json_line(line), Some((34_216, 1_443_820.0)));
    }

    #[test]
    fn json_counts_ended_connections_and_adds_both_losses() {
        let lines = r#"{"type":"connection","outcome":"refused"}
{"type":"connection","outcome":"still_open"}
{"type":"report","loss":{"ended_records_dropped":2,"table_full":3}}"#;
        let seen = json(lines).expect("a trace");
        assert_eq!((seen.recorded, seen.said_lost), (1, 5));
    }
}

// SPDX-License-Identifier: MIT
//! The lines while tracing: one a connection, and one an interval.

use std::io::{self, Write};

use jiff::{Timestamp, tz::TimeZone};

use super::style::Style;
use crate::{
    connection::{Connection, FirstClose},
    errno,
    process::ProcessKey,
    render::{
        ConnectionLine,
        words::{handshakes, loss, moment::time_of_day},
    },
    report::{IntervalSummary, Leading},
    text,
};

/// Keeps a storm readable: so many lines a second of the trace's own time, and
/// a count of the rest.
#[derive(Debug)]
pub struct LineLimit {
    per_second: u32,
    second: u64,
    admitted: u32,
    left_out: u64,
}

impl LineLimit {
    /// A limit; 0 for none.
    pub fn new(per_second: u32) -> Self {
        Self {
            per_second,
            second: 0,
            admitted: 0,
            left_out: 0,
        }
    }

    /// Whether `at_ns` lies in a later second than what came before.
    pub fn begins_new_second(&mut self, at_ns: u64) -> bool {
        let second = at_ns / 1_000_000_000;
        let is_new = second > self.second;
        if is_new {
            self.second = second;
            self.admitted = 0;
        }
        is_new
    }

    /// Whether one more line may be written in this second.
    pub fn admit(&mut self) -> bool {
        if self.per_second != 0 && self.admitted >= self.per_second {
            self.left_out += 1;
            return false;
        }
        self.admitted += 1;
        true
    }

    /// How many lines were left out since the last call.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

/// The column names, aligned with [`write_line`].
pub fn header() -> String {
    format!(
        "{:<12} {:>7} {:<22} {:>7} {:<15} {:<21} {:>8} {:<6} {:>7} {:>7}  OUTCOME",
        "TIME", "PID", "PROCESS", "TID", "THREAD", "DESTINATION", "LIVED", "CLOSED", "OUT", "IN"
    )
}

/// Writes the line of one connection.
pub fn write_line(
    to: &mut impl Write,
    line: &ConnectionLine<'_>,
    style: &Style,
    zone: &TimeZone,
) -> io::Result<()> {
    let connection = line.connection;
    let at = connection.ended_ns.unwrap_or(connection.started_ns);
    let dash = || "-".to_owned();
    let thread = connection.opener.map(|opener| opener.thread);
    let bytes = |count: Option<u64>| count.map_or_else(dash, text::count);
    let at_least = if connection.before_start { ">" } else { "" };
    let lived = connection
        .established_for_ns()
        .map_or_else(dash, |lived| format!("{at_least}{}", text::duration(lived)));
    let pid = ProcessKey::of(connection).map(|process| process.pid);
    writeln!(
        to,
        "{} {:>7} {:<22} {:>7} {:<15} {:<21} {lived:>8} {:<6} {:>7} {:>7}  {}",
        time_of_day(line.clock.timestamp(at), zone),
        pid.map_or_else(dash, |pid| pid.to_string()),
        clip(&process(line), 22),
        thread.map_or_else(dash, |thread| thread.tid.to_string()),
        clip(
            &thread.map_or_else(dash, |thread| thread.comm.to_string()),
            15
        ),
        peer(connection),
        first_close(connection),
        bytes(connection.traffic.payload_out),
        bytes(connection.traffic.payload_in),
        style.outcome(line.outcome, &outcome(line)),
    )
}

fn process(line: &ConnectionLine<'_>) -> String {
    let captured = || {
        line.connection
            .opener
            .and_then(|opener| opener.process_comm)
            .or(line.connection.holder.map(|holder| holder.comm))
    };
    match line.process {
        Some(process) => text::printable(process.label().as_bytes()),
        None => captured().map_or_else(|| "-".to_owned(), |comm| comm.to_string()),
    }
}

/// The server, or for an accepted connection the client.
fn peer(connection: &Connection) -> String {
    connection.remote.to_string()
}

fn first_close(connection: &Connection) -> &'static str {
    match connection.first_close() {
        Some(FirstClose::Us) => "us",
        Some(FirstClose::Peer) => "peer",
        Some(FirstClose::Kernel) => "kernel",
        None => "-",
    }
}

/// The outcome, with the time that a failed connect took.
fn outcome(line: &ConnectionLine<'_>) -> String {
    let mut words = line.outcome.label().to_owned();
    if let Some(name) = line.connection.told_error().and_then(errno::name) {
        words.push_str(&format!(" ({name})"));
    }
    if !line.connection.was_established()
        && let Some(tried) = line.connection.connecting_for_ns()
    {
        words.push_str(&format!(" after {}", text::duration(tried)));
    }
    if let Some(handshake) = &line.connection.handshake {
        words.push_str(&format!("; {}", handshakes::of_connection(handshake)));
    }
    if let Some(closer) = line.connection.closed_by_other_process() {
        words.push_str(&format!(
            " by another process: pid {} thread {} \"{}\"",
            closer.tgid, closer.tid, closer.comm
        ));
    }
    words
}

/// At most `width` characters, the last one an ellipsis if more were there.
fn clip(words: &str, width: usize) -> String {
    if words.chars().count() <= width {
        return words.to_owned();
    }
    let mut clipped: String = words.chars().take(width - 1).collect();
    clipped.push('…');
    clipped
}

/// What the last interval brought, in one line.
pub fn interval_line(summary: &IntervalSummary, zone: &TimeZone) -> String {
    let at = time(summary, zone);
    let mut line = format!(
        "-- {at} last {}: {} opened, {} ended, {} open",
        text::window(summary.length_ns),
        text::count(summary.opened),
        text::count(summary.ended),
        text::count(summary.open),
    );
    if let Some(busiest) = &summary.busiest {
        let who = match &busiest.process {
            Some(process) => format!(
                "pid {} {}",
                process.pid,
                text::printable(process.label.as_bytes())
            ),
            None => "remote host".to_owned(),
        };
        let ended = text::count(busiest.ended);
        line.push_str(&format!(
            "; most by {who} to {} ({ended})",
            busiest.destination
        ));
    }
    format!("{line}; {}", loss::line(&summary.loss))
}

/// The finding that leads now, in one line.
pub fn leading_line(summary: &IntervalSummary, leading: &Leading, zone: &TimeZone) -> String {
    let more = match leading.destinations.len() {
        0 | 1 => String::new(),
        peers => format!(" and {}", text::counted(peers as u64 - 1, "other peer")),
    };
    let first = leading.destinations.first().map(String::as_str);
    format!(
        "-- {} {} ({}): {} -> {}{more}",
        time(summary, zone),
        leading.title,
        leading.confidence.word(),
        leading.who,
        first.unwrap_or("unknown"),
    )
}

fn time(summary: &IntervalSummary, zone: &TimeZone) -> String {
    let at: Option<Timestamp> = summary.at.parse().ok();
    at.map_or_else(String::new, |at| time_of_day(at, zone))
}

// SPDX-License-Identifier: MIT
//! What pictures need of the connections, kept in bounded memory while a trace goes on:
//! the first of them one by one, and all of them in bins of time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{histogram::Histogram, look::Look};
use crate::{
    connection::{Connection, Side},
    process::ProcessKey,
    render::ConnectionLine,
    text::printable,
};

/// Connections that are kept one by one.
pub(super) const MOST_MARKS: usize = 2_000;
/// Threads that have a lane.
const MOST_LANES: usize = 24;
/// Bins of time; when there are more, two become one.
pub(super) const MOST_BINS: usize = 240;
/// The shortest bin, nanoseconds.
const SHORTEST_BIN_NS: u64 = 20_000_000;

/// The connections of a trace, as pictures show them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Chart {
    /// By thread; the last may be of all further ones.
    pub lanes: Vec<Lane>,
    /// The first ones, in order of their start.
    pub marks: Vec<MarkOf>,
    /// Connections without a mark of their own.
    pub without_mark: u64,
    /// Nanoseconds of a bin.
    pub bin_ns: u64,
}

/// The connections of a thread, or of a remote host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lane {
    pub label: String,
    pub connections: u64,
    /// Times between the starts of successive connections.
    pub gaps: Histogram,
    /// Times ESTABLISHED.
    pub lived: Histogram,
    pub looks: BTreeMap<Look, u64>,
    /// By bin of time, what began in it.
    pub bins: BTreeMap<u64, BTreeMap<Look, u64>>,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MarkOf {
    /// Index of its lane.
    pub lane: usize,
    /// Start, nanoseconds since the trace began.
    pub at_ns: u64,
    /// Time ESTABLISHED.
    pub lived_ns: Option<u64>,
    /// From connect to ESTABLISHED or to the failure.
    pub connecting_ns: Option<u64>,
    pub look: Look,
    /// How it ended, in words.
    pub outcome: String,
    /// The peer.
    pub peer: String,
    /// Payload bytes.
    pub sent: Option<u64>,
    pub received: Option<u64>,
    /// What was said first, as far as it was captured: nanoseconds since the trace began.
    pub request_ns: Option<u64>,
    pub response_ns: Option<u64>,
    /// `us`, `peer` or `kernel`.
    pub first_close: Option<String>,
}

/// What makes a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Thread(ProcessKey, Option<u32>),
    Host(String),
    Others,
}

/// Collects them.
#[derive(Debug, Default)]
pub(super) struct Collector {
    chart: Chart,
    lanes: BTreeMap<Of, (usize, Option<u64>)>,
}

impl Collector {
    /// Takes the next connection that ended.
    pub(super) fn add(&mut self, line: &ConnectionLine<'_>) {
        let connection = line.connection;
        let at_ns = connection
            .started_ns
            .saturating_sub(line.clock.monotonic_ns);
        let look = Look::of(line.outcome);
        let lane = self.lane(line);
        self.count(lane, connection, look, at_ns);
        if self.chart.marks.len() < MOST_MARKS {
            self.chart.marks.push(mark(line, lane, look, at_ns));
        } else {
            self.chart.without_mark += 1;
        }
    }

    fn lane(&mut self, line: &ConnectionLine<'_>) -> usize {
        let of = of(line.connection);
        let of = match self.lanes.len() < MOST_LANES || self.lanes.contains_key(&of) {
            true => of,
            false => Of::Others,
        };
        if let Some((index, _)) = self.lanes.get(&of) {
            return *index;
        }
        let index = self.chart.lanes.len();
        self.chart.lanes.push(Lane {
            label: match of {
                Of::Others => "all others".to_owned(),
                _ => label(line),
            },
            ..Lane::default()
        });
        self.lanes.insert(of, (index, None));
        index
    }

    fn count(&mut self, index: usize, connection: &Connection, look: Look, at_ns: u64) {
        self.chart.bin_ns = self.chart.bin_ns.max(SHORTEST_BIN_NS);
        while at_ns / self.chart.bin_ns >= MOST_BINS as u64 {
            self.halve();
        }
        let started = connection.started_ns;
        let known = self.lanes.values_mut().find(|(lane, _)| *lane == index);
        let before = known.and_then(|(_, last)| last.replace(started));
        let bin = at_ns / self.chart.bin_ns;
        let Some(lane) = self.chart.lanes.get_mut(index) else {
            return;
        };
        lane.connections += 1;
        *lane.looks.entry(look).or_default() += 1;
        *lane.bins.entry(bin).or_default().entry(look).or_default() += 1;
        if connection.before_start {
            return;
        }
        if let Some(before) = before {
            lane.gaps.add(started.abs_diff(before));
        }
        if let Some(lived) = connection.established_for_ns() {
            lane.lived.add(lived);
        }
    }

    /// Makes one bin of two.
    fn halve(&mut self) {
        self.chart.bin_ns = self.chart.bin_ns.saturating_mul(2);
        for lane in &mut self.chart.lanes {
            for (bin, looks) in std::mem::take(&mut lane.bins) {
                let wider = lane.bins.entry(bin / 2).or_default();
                for (look, count) in looks {
                    *wider.entry(look).or_default() += count;
                }
            }
        }
    }

    /// What was collected: busiest lanes first.
    pub(super) fn finish(&self) -> Chart {
        let mut chart = self.chart.clone();
        let mut order: Vec<usize> = (0..chart.lanes.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(self.chart.lanes[*index].connections));
        chart.lanes = order
            .iter()
            .map(|index| self.chart.lanes[*index].clone())
            .collect();
        for mark in &mut chart.marks {
            let new = order.iter().position(|index| *index == mark.lane);
            mark.lane = new.unwrap_or_default();
        }
        chart.marks.sort_by_key(|mark| mark.at_ns);
        chart
    }
}

fn of(connection: &Connection) -> Of {
    match (ProcessKey::of(connection), connection.side) {
        (Some(key), _) => Of::Thread(key, connection.opener.map(|opener| opener.thread.tid)),
        (None, Side::Server) => Of::Host(connection.remote.ip().to_string()),
        (None, Side::Client) => Of::Others,
    }
}

/// `java (shop) main-SendThread 3734`
fn label(line: &ConnectionLine<'_>) -> String {
    let connection = line.connection;
    let Some(key) = ProcessKey::of(connection) else {
        return connection.remote.ip().to_string();
    };
    let opener = connection.opener;
    let comm = opener.and_then(|opener| opener.process_comm);
    let comm = comm.or(connection.holder.map(|holder| holder.comm));
    let process = line.process.map_or_else(
        || comm.map_or_else(|| "?".to_owned(), |comm| comm.to_string()),
        |process| printable(process.label().as_bytes()),
    );
    match opener.map(|opener| opener.thread) {
        Some(thread) if thread.tid != key.pid => {
            format!("{process} {}, {} {}", key.pid, thread.comm, thread.tid)
        }
        _ => format!("{process} {}", key.pid),
    }
}

fn mark(line: &ConnectionLine<'_>, lane: usize, look: Look, at_ns: u64) -> MarkOf {
    let connection = line.connection;
    let since = |ns: u64| ns.saturating_sub(line.clock.monotonic_ns);
    let handshake = connection.handshake.as_ref();
    let first_close = connection.first_close().map(|first| match first {
        crate::connection::FirstClose::Us => "us",
        crate::connection::FirstClose::Peer => "peer",
        crate::connection::FirstClose::Kernel => "kernel",
    });
    MarkOf {
        lane,
        at_ns,
        lived_ns: connection.established_for_ns(),
        connecting_ns: connection.connecting_for_ns(),
        look,
        outcome: line.outcome.label().to_owned(),
        peer: match connection.side {
            Side::Client => connection.remote.to_string(),
            Side::Server => connection.remote.ip().to_string(),
        },
        sent: connection.traffic.payload_out,
        received: connection.traffic.payload_in,
        request_ns: handshake
            .and_then(|handshake| handshake.request)
            .map(|first| since(first.at_ns)),
        response_ns: handshake
            .and_then(|handshake| handshake.response)
            .map(|first| since(first.at_ns)),
        first_close: first_close.map(str::to_owned),
    }
}

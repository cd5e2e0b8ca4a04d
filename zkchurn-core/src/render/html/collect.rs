// SPDX-License-Identifier: MIT
//! What pictures need of the connections, kept in bounded memory while a trace goes on:
//! the first of them one by one, and all of them in bins of time.

use serde::{Deserialize, Serialize};

use super::{
    lanes::{Lane, Lanes, Name, Of},
    look::Look,
};
use crate::{
    connection::{Connection, Side},
    ledger::manner::ThreadKind,
    outcome::Outcome,
    process::ProcessKey,
    render::ConnectionLine,
    text::printable,
};

/// Connections that are kept one by one.
pub(super) const MOST_MARKS: usize = 2_000;
/// Bins of time; when there are more, two become one.
pub(super) const MOST_BINS: usize = 240;
/// The shortest bin, nanoseconds.
const SHORTEST_BIN_NS: u64 = 20_000_000;

/// The connections of a trace, as pictures show them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Chart {
    /// By kind of thread; the last may be of all further ones.
    pub lanes: Vec<Lane>,
    /// The first ones, in order of their start.
    pub marks: Vec<MarkOf>,
    /// Connections without a mark of their own.
    pub without_mark: u64,
    /// Connections that are older than the trace: their mark stands where it began.
    #[serde(default)]
    pub before_start: u64,
    /// Nanoseconds of a bin.
    pub bin_ns: u64,
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
    /// Older than the trace: `at_ns` is where the trace began.
    #[serde(default)]
    pub before_start: bool,
    /// No SYN left for it.
    #[serde(default)]
    pub no_syn: bool,
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

/// Collects them.
#[derive(Debug, Default)]
pub(super) struct Collector {
    chart: Chart,
    lanes: Lanes,
}

impl Collector {
    /// Takes the next connection that ended.
    pub(super) fn add(&mut self, line: &ConnectionLine<'_>) {
        let connection = line.connection;
        let at_ns = connection
            .started_ns
            .saturating_sub(line.clock.monotonic_ns);
        let look = Look::of(line.outcome);
        self.widen(at_ns);
        let bin = at_ns / self.chart.bin_ns;
        let filling = self.lanes.of(of(connection), || name(line));
        filling.lane.count(look, bin);
        filling.threads.count(connection);
        if connection.before_start {
            self.chart.before_start += 1;
        } else {
            let lived = connection.established_for_ns();
            lived.into_iter().for_each(|ns| filling.lane.lived.add(ns));
        }
        if self.chart.marks.len() < MOST_MARKS {
            let mark = mark(line, filling.number, look, at_ns);
            self.chart.marks.push(mark);
        } else {
            self.chart.without_mark += 1;
        }
    }

    /// Makes one bin of two until a moment is within the bins.
    fn widen(&mut self, at_ns: u64) {
        self.chart.bin_ns = self.chart.bin_ns.max(SHORTEST_BIN_NS);
        while at_ns / self.chart.bin_ns >= MOST_BINS as u64 {
            self.chart.bin_ns = self.chart.bin_ns.saturating_mul(2);
            self.lanes.halve();
        }
    }

    /// What was collected: busiest lanes first, all others last.
    pub(super) fn finish(&self) -> Chart {
        let mut chart = self.chart.clone();
        let (numbers, lanes): (Vec<_>, Vec<_>) = self.lanes.finish().into_iter().unzip();
        chart.lanes = lanes;
        for mark in &mut chart.marks {
            let kept = numbers.iter().position(|number| *number == mark.lane);
            mark.lane = kept.unwrap_or(numbers.len().saturating_sub(1));
        }
        chart.marks.sort_by_key(|mark| mark.at_ns);
        chart
    }
}

fn of(connection: &Connection) -> Of {
    match (ProcessKey::of(connection), connection.side) {
        (Some(key), _) => {
            let comm = connection.opener.map(|opener| opener.thread.comm);
            Of::Threads(key, ThreadKind::of(comm.unwrap_or_default()))
        }
        (None, Side::Server) => Of::Host(connection.remote.ip().to_string()),
        (None, Side::Client) => Of::Unknown,
    }
}

/// `java (shop) 3712` and `main-SendThread 3734`
fn name(line: &ConnectionLine<'_>) -> Name {
    let connection = line.connection;
    let Some(key) = ProcessKey::of(connection) else {
        let whose = match connection.side {
            Side::Server => connection.remote.ip().to_string(),
            Side::Client => "unknown processes".to_owned(),
        };
        return Name {
            whose,
            thread: None,
        };
    };
    let opener = connection.opener;
    let comm = opener.and_then(|opener| opener.process_comm);
    let comm = comm.or(connection.holder.map(|holder| holder.comm));
    let process = line.process.map_or_else(
        || comm.map_or_else(|| "?".to_owned(), |comm| comm.to_string()),
        |process| printable(process.label().as_bytes()),
    );
    let thread = opener.map(|opener| opener.thread);
    let thread = thread.filter(|thread| thread.tid != key.pid);
    Name {
        whose: format!("{process} {}", key.pid),
        thread: thread.map(|thread| format!("{} {}", thread.comm, thread.tid)),
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
        before_start: connection.before_start,
        no_syn: matches!(
            line.outcome,
            Outcome::NoLocalPort | Outcome::LocalAddressInUse | Outcome::NeverSent
        ),
        outcome: line.label().to_owned(),
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

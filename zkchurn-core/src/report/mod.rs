// SPDX-License-Identifier: MIT
//! The report as plain data: what every renderer and exporter starts from.
//!
//! Times are RFC 3339 text and durations whole nanoseconds, so that the JSON of
//! this structure is the documented format (docs/reference/format.md).

mod answer;
mod became;
mod build;
pub mod family;
pub mod handshakes;
pub(crate) mod in_no_row;
mod leading;
mod openers;
mod reused;
mod suspect;
mod users;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    connection::Side,
    diagnose::Finding,
    elsewhere::Elsewhere,
    filter::Filtered,
    frame::{LossCounts, Missing, Sides, only},
    inspection::{Details, jvm::Jvm, logs::LogSearch},
    ledger::tally::Range,
    outcome::Outcome,
    process::ProcessRow,
    stall::Stall,
    timewait::table::TimeWait,
};
pub use build::{Sources, build};
use handshakes::HandshakeSummary;
pub(crate) use leading::Identity;
pub use leading::{Lead, Leading};
pub use openers::Openers;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What kind of churn it is, worst first.
    pub findings: Vec<Finding>,
    /// What was filtered out; absent without a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<Filtered>,
    /// Ended connections that no finding explains.
    pub not_explained: u64,
    /// Cases that were not diagnosed, in a report on the way: the quieter ones of very
    /// many. Absent at 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub cases_left_out: u64,
    /// The one answer in plain words.
    pub answer: String,
    /// How the trace was made.
    pub trace: TraceSummary,
    /// All connections together.
    pub total: Summary,
    /// Connections of which both ends are on this host and traced, filtered out or not: they
    /// are counted once, as opened. Absent at 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub both_ends_here: u64,
    /// What could not be recorded.
    pub loss: Loss,
    /// The busiest processes and destinations.
    pub flows: Vec<FlowRow>,
    /// How many more there are.
    pub flows_left_out: u64,
    /// Who opened all of them.
    #[serde(skip)]
    pub openers: Openers,
    /// What the bounded ledger does not tell apart; left out where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregated_only: Option<AggregatedOnly>,
    /// The processes that were looked at more closely, the ten busiest first.
    pub suspects: Vec<SuspectRow>,
    /// The TIME_WAIT sockets when they were last listed, and whose they are; `None`
    /// when they were not listed yet.
    pub time_wait: Option<TimeWait>,
    /// What other ports have, looked at where none ended at the traced ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
    /// What this host could not offer.
    pub degraded: Vec<String>,
    /// The one of them that says who is missing of those that the trace was to be about.
    #[serde(skip)]
    pub who_is_missing: Option<String>,
}

/// How a trace was made.
#[derive(Clone, Debug, Serialize)]
pub struct TraceSummary {
    /// The traced host.
    pub host: String,
    /// Release of its kernel.
    pub kernel: String,
    /// The traced ports.
    pub ports: Vec<u16>,
    /// The traced sides.
    pub side: Sides,
    /// The only traced process.
    pub pid: Option<u32>,
    /// The traced processes, where those are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<u32>,
    /// The name by which they were chosen, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_name: Option<String>,
    /// Begin.
    pub from: String,
    /// End.
    pub to: String,
    /// Length in nanoseconds.
    pub length_ns: u64,
}

impl TraceSummary {
    /// As [`only`](crate::frame::only).
    pub fn only(&self) -> Option<String> {
        only(self.pid, &self.pids, self.process_name.as_deref())
    }
}

/// Connections that are in the total and in no flow's row (docs/adr/0013).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AggregatedOnly {
    /// How many processes and peers made room after they had been quiet for long.
    pub flows_evicted: u64,
    /// Connections that those opened.
    pub opened: u64,
    /// Connections of those that ended.
    pub ended: u64,
    /// Connections opened by others while nobody was quiet enough to make room.
    pub opened_over_limit: u64,
    /// Likewise ended.
    pub ended_over_limit: u64,
    /// How many threads made room; their connections are in their flow's row.
    pub threads_evicted: u64,
}

/// What could not be recorded or read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Loss {
    /// As counted by the kernel program.
    #[serde(flatten)]
    pub kernel: LossCounts,
    /// Records that could not be decoded.
    pub undecodable_records: u64,
    /// Records that only a newer zkchurn knows; absent where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown_records: u64,
    /// Connections whose end the kernel program missed, because the kernel skipped it: the
    /// walk of its table found them closed. Absent where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub found_closed: u64,
    /// Handshakes that were captured and had to be evicted before their
    /// connection ended, because too many others came in between.
    pub handshakes_evicted: u64,
    /// What is missing between the segments of a recording.
    #[serde(flatten)]
    pub missing: Missing,
}

/// One process and peer.
#[derive(Clone, Debug, Serialize)]
pub struct FlowRow {
    /// `client`: this host opened the connections. `server`: it accepted them.
    pub side: &'static str,
    /// The opening process.
    pub process: Option<ProcessRow>,
    /// The peer.
    pub destination: String,
    /// Inode of the network namespace, where only that tells the row from another one; absent
    /// elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<u32>,
    /// All connections.
    #[serde(flatten)]
    pub summary: Summary,
    /// Whether there may have been more of this program or remote host, which had to make room
    /// (docs/adr/0013); absent where not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// How many threads opened them; at least, if `threads_uncounted`.
    pub thread_count: u64,
    /// Whether there were more threads than are told apart.
    pub threads_uncounted: bool,
    /// The busiest threads.
    pub threads: Vec<ThreadRow>,
    /// How many more there are.
    pub threads_left_out: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ThreadRow {
    /// Thread id.
    pub tid: u32,
    /// Its name, up to 15 bytes.
    pub comm: String,
    /// Its whole name, where the JVM or its log told it; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its connections.
    #[serde(flatten)]
    pub summary: Summary,
}

/// A process that was looked at more closely.
#[derive(Clone, Debug, Serialize)]
pub struct SuspectRow {
    /// Process id.
    pub pid: u32,
    /// Start of the process, as in [`ProcessRow`].
    pub start_ns: u64,
    /// Name with the application.
    pub label: String,
    /// Command line, where it could be read.
    pub command: Vec<String>,
    /// Nanoseconds from the latest look to the moment of the report; 0 for a look after it.
    pub looked_ago_ns: u64,
    /// Who it is on this host; `None` when it exited before it could
    /// be inspected.
    pub details: Option<Details>,
    pub jvm: Option<Jvm>,
    /// What its connecting threads do, a sentence each.
    pub threads: Vec<ThreadNote>,
    /// What its logs say.
    pub logs: Option<LogSearch>,
    /// Where to look next, a sentence each.
    pub next: Vec<String>,
}

/// What a connecting thread does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadNote {
    /// Thread id.
    pub tid: u32,
    /// What it does.
    pub sentence: String,
}

/// What is reported of some connections.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Connections that began.
    pub opened: u64,
    /// Connections that were established.
    pub established: u64,
    /// Connections that ended, or that one side has closed.
    pub ended: u64,
    /// Of those, how many had a socket still when the trace ended: the other side has not closed,
    /// or it waits for the last packets.
    #[serde(skip_serializing_if = "is_zero")]
    pub half_closed: u64,
    /// Connections that are still open.
    pub open: u64,
    /// Attempts to connect that wait for an answer to their SYN, for the words; before the end of a
    /// trace they are not among `open`.
    #[serde(skip)]
    pub connecting: u64,
    /// Begun connections a second.
    pub per_second: f64,
    /// Time between the starts of successive connections.
    pub gap: Spread,
    pub established_for: Spread,
    /// Time from connect to ESTABLISHED or to the failure.
    pub connecting_for: Spread,
    /// Who closed first.
    pub first_close: FirstCloses,
    /// Closed by the thread that opened.
    pub closed_by_opener: u64,
    /// Closed by another thread.
    pub closed_by_other_thread: u64,
    /// Ended connections by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Why nothing got through on those that broke, for the answer's words.
    #[serde(skip)]
    pub stall: Stall,
    /// Reset while nothing was on its way to the peer, for the answer's words.
    #[serde(skip)]
    pub reset_before_sending: u64,
    /// Payload bytes sent.
    pub payload_out: Range,
    /// Payload bytes received.
    pub payload_in: Range,
    /// Segments sent again.
    pub retransmits: u64,
    /// Closed by another process than the opener's: the socket was inherited or
    /// passed on.
    pub closed_by_other_process: u64,
    /// The latest of those closers.
    pub other_process_closer: Option<Closer>,
    /// Connections that are older than the trace; counted in nothing above.
    pub older: Older,
    /// What was said first, where that was captured.
    pub handshakes: Option<HandshakeSummary>,
    /// Start of the first connection.
    pub first_seen: Option<String>,
    /// Latest event.
    pub last_seen: Option<String>,
}

/// A thread that closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closer {
    /// Its process id.
    pub pid: u32,
    /// Its thread id.
    pub tid: u32,
    /// Its name.
    pub comm: String,
}

/// Connections that were there before the trace began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Older {
    /// How many there were.
    pub seen: u64,
    /// How many are still open.
    pub open: u64,
    pub ended: u64,
    /// As in [`Summary::half_closed`].
    #[serde(skip_serializing_if = "is_zero")]
    pub half_closed: u64,
    /// Of the open ones, those that the peer had closed before the trace began, and that this
    /// side holds (CLOSE_WAIT).
    #[serde(skip_serializing_if = "is_zero")]
    pub half_closed_before: u64,
    /// Of the open ones, those that nobody has answered yet, for the words.
    #[serde(skip)]
    pub connecting: u64,
    /// Each of the ended ones was at least this old, nanoseconds.
    pub at_least_ns: Option<u64>,
    /// The ended ones by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
}

/// How many connections each side closed first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FirstCloses {
    /// This host.
    pub us: u64,
    pub peer: u64,
    /// Neither: the kernel gave up.
    pub kernel: u64,
}

/// Percentiles of durations in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many durations.
    pub count: u64,
    /// The shortest.
    pub min_ns: Option<u64>,
    /// The median.
    pub p50_ns: Option<u64>,
    /// The 99th percentile.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: Option<u64>,
    /// Standard deviation divided by the mean.
    pub coefficient_of_variation: Option<f64>,
}

/// What an interval brought.
#[derive(Clone, Debug, Serialize)]
pub struct IntervalSummary {
    /// End of the interval.
    pub at: String,
    /// Its length in nanoseconds.
    pub length_ns: u64,
    /// Connections that began in it.
    pub opened: u64,
    /// Connections that ended in it, those older than the trace included.
    pub ended: u64,
    /// Connections whose sockets are there now, whenever they began. Those that one side has
    /// closed are among them; at the end of the trace these count as ended.
    pub open: u64,
    /// Further ones of which only a later record tells whether the filter wants them, as where it
    /// asks how a connection ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub open_undecided: u64,
    /// Those that are open and established, for the metrics.
    #[serde(skip)]
    pub established: u64,
    /// Connections that were filtered out in it, and are counted nowhere else; none without a
    /// filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered_out: Option<u64>,
    /// The process and peer with most ended connections.
    pub busiest: Option<Busiest>,
    /// The worst finding on all that was traced so far, of those that are at least likely.
    pub leading: Option<Leading>,
    /// What could not be recorded since tracing began.
    pub loss: Loss,
    /// Sentences about what could not be found out that a report would have now.
    #[serde(skip)]
    pub limitations: u64,
}

/// The busiest flow of an interval.
#[derive(Clone, Debug, Serialize)]
pub struct Busiest {
    pub process: Option<ProcessRow>,
    /// The peer.
    pub destination: String,
    /// Its connections that ended in the interval.
    pub ended: u64,
}

/// serde hands out a reference.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// `client` or `server`.
pub fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

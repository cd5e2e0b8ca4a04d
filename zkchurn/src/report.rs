// SPDX-License-Identifier: MIT
//! The report as plain data: what every renderer and exporter starts from.
//!
//! Times are RFC 3339 text and durations whole nanoseconds, so that the JSON of
//! this structure is the documented format (docs/format.md).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    answer,
    clock::{ClockPair, rfc3339},
    connection::Side,
    frame::{LossCounts, Mark, Sides, TraceStart},
    identify::{ProcessKey, registry::Registry},
    ledger::{
        Family, FamilyKey, Ledger,
        distribution::Distribution,
        tally::{FirstCloseKey, Range, Tally},
    },
    outcome::Outcome,
};

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The one answer in plain words.
    pub answer: String,
    /// How the trace was made.
    pub trace: TraceSummary,
    /// All connections together.
    pub total: Summary,
    /// What could not be recorded.
    pub loss: Loss,
    /// The busiest processes and destinations.
    pub families: Vec<FamilyRow>,
    /// How many more there are.
    pub families_left_out: u64,
    /// What this host could not offer.
    pub degraded: Vec<String>,
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
    /// Begin.
    pub from: String,
    /// End.
    pub to: String,
    /// Length in nanoseconds.
    pub length_ns: u64,
}

/// What could not be recorded or read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Loss {
    /// As counted by the kernel program.
    #[serde(flatten)]
    pub kernel: LossCounts,
    /// Records that could not be decoded.
    pub undecodable_records: u64,
}

/// One process and far end.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyRow {
    /// `client`: this host opened the connections. `server`: it accepted them.
    pub side: &'static str,
    /// The opening process.
    pub process: Option<ProcessRow>,
    /// The far end.
    pub destination: String,
    /// All connections.
    #[serde(flatten)]
    pub summary: Summary,
    /// How many threads opened them; at least, if `threads_uncounted`.
    pub thread_count: u64,
    /// Whether there were more threads than are told apart.
    pub threads_uncounted: bool,
    /// The busiest threads.
    pub threads: Vec<ThreadRow>,
    /// How many more there are.
    pub threads_left_out: u64,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessRow {
    /// Process id.
    pub pid: u32,
    /// Name of its leader.
    pub name: String,
    /// Name with the application, such as `java (tomcat)`.
    pub label: String,
    /// Real user id.
    pub uid: Option<u32>,
    /// Path of the executable, where it could be read.
    pub executable: Option<String>,
    /// Command line, where it could be read.
    pub command: Vec<String>,
}

/// One thread.
#[derive(Clone, Debug, Serialize)]
pub struct ThreadRow {
    /// Thread id.
    pub tid: u32,
    /// Its name, up to 15 bytes.
    pub comm: String,
    /// Its connections.
    #[serde(flatten)]
    pub summary: Summary,
}

/// What is reported of some connections.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Connections that began.
    pub opened: u64,
    /// Connections that were established.
    pub established: u64,
    /// Connections that ended.
    pub ended: u64,
    /// Connections that are still open.
    pub open: u64,
    /// Begun connections a second.
    pub per_second: f64,
    /// Time between the starts of successive connections.
    pub gap: Spread,
    /// Time in ESTABLISHED.
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
    /// Payload bytes sent.
    pub payload_out: Range,
    /// Payload bytes received.
    pub payload_in: Range,
    /// Segments sent again.
    pub retransmits: u64,
    /// Start of the first connection.
    pub first_seen: Option<String>,
    /// Latest event.
    pub last_seen: Option<String>,
}

/// How many connections each side closed first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FirstCloses {
    /// This host.
    pub us: u64,
    /// The peer.
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
    /// Connections that ended in it.
    pub ended: u64,
    /// Connections that are open now.
    pub open: u64,
    /// The process and far end with most ended connections.
    pub busiest: Option<Busiest>,
    /// What could not be recorded since tracing began.
    pub loss: Loss,
}

/// The busiest family of an interval.
#[derive(Clone, Debug, Serialize)]
pub struct Busiest {
    /// The process.
    pub process: Option<ProcessRow>,
    /// The far end.
    pub destination: String,
    /// Its connections that ended in the interval.
    pub ended: u64,
}

/// Builds the report at the moment of `mark`, with at most `top` families and
/// `top` threads of each.
pub fn build(
    start: &TraceStart,
    mark: &Mark,
    ledger: &Ledger,
    registry: &Registry,
    undecodable_records: u64,
    top: usize,
) -> Report {
    let scope = Scope {
        clock: start.clock,
        length_ns: mark.monotonic_ns.saturating_sub(start.clock.monotonic_ns),
    };
    let families = ledger.families();
    let rows: Vec<_> = families
        .iter()
        .take(top)
        .map(|(key, family)| family_row(key, family, registry, &scope, top))
        .collect();
    let mut report = Report {
        answer: String::new(),
        trace: trace_summary(start, mark, &scope),
        total: summary(&ledger.total, &scope),
        loss: Loss {
            kernel: mark.loss,
            undecodable_records,
        },
        families_left_out: (families.len() - rows.len()) as u64,
        families: rows,
        degraded: start.degraded.clone(),
    };
    report.answer = answer::answer(&report);
    report
}

/// What turns a tally's numbers into a row's.
struct Scope {
    clock: ClockPair,
    length_ns: u64,
}

fn trace_summary(start: &TraceStart, mark: &Mark, scope: &Scope) -> TraceSummary {
    TraceSummary {
        host: start.host.clone(),
        kernel: start.kernel.clone(),
        ports: start.ports.clone(),
        side: start.side,
        pid: start.pid,
        from: rfc3339(start.clock.timestamp(start.clock.monotonic_ns)),
        to: rfc3339(start.clock.timestamp(mark.monotonic_ns)),
        length_ns: scope.length_ns,
    }
}

fn family_row(
    key: &FamilyKey,
    family: &Family,
    registry: &Registry,
    scope: &Scope,
    top: usize,
) -> FamilyRow {
    let threads = family.busiest_threads();
    let rows: Vec<_> = threads
        .iter()
        .take(top)
        .map(|(tid, thread)| ThreadRow {
            tid: *tid,
            comm: thread.comm.to_string(),
            summary: summary(&thread.tally, scope),
        })
        .collect();
    FamilyRow {
        side: side_name(key.destination.side()),
        process: key
            .process
            .map(|process| process_row(process, family, registry)),
        destination: key.destination.to_string(),
        summary: summary(&family.tally, scope),
        thread_count: threads.len() as u64,
        threads_uncounted: family.threads_left_out,
        threads_left_out: (threads.len() - rows.len()) as u64,
        threads: rows,
    }
}

/// `client` or `server`.
pub fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// The process of a family: what `/proc` told, else what the kernel captured.
pub fn process_row(key: ProcessKey, family: &Family, registry: &Registry) -> ProcessRow {
    let captured = family.process_comm.map(|comm| comm.to_string());
    match registry.get(key) {
        Some(identity) => ProcessRow {
            pid: key.pid,
            name: identity.name.clone(),
            label: identity.label(),
            uid: family.uid,
            executable: identity.executable.clone(),
            command: identity.command.clone(),
        },
        None => {
            let name = captured.unwrap_or_else(|| "?".to_owned());
            ProcessRow {
                pid: key.pid,
                label: name.clone(),
                name,
                uid: family.uid,
                executable: None,
                command: Vec::new(),
            }
        }
    }
}

fn summary(tally: &Tally, scope: &Scope) -> Summary {
    let moment = |ns: u64| rfc3339(scope.clock.timestamp(ns));
    let seconds = scope.length_ns as f64 / 1e9;
    let opened = tally.opened();
    let closes = |who| tally.first_close.get(&who).copied().unwrap_or(0);
    Summary {
        opened,
        established: tally.established,
        ended: tally.ended,
        open: tally.open(),
        per_second: if seconds > 0.0 {
            opened as f64 / seconds
        } else {
            0.0
        },
        gap: spread(&tally.gap),
        established_for: spread(&tally.established_for),
        connecting_for: spread(&tally.connecting_for),
        first_close: FirstCloses {
            us: closes(FirstCloseKey::Us),
            peer: closes(FirstCloseKey::Peer),
            kernel: closes(FirstCloseKey::Kernel),
        },
        closed_by_opener: tally.closed_by_opener,
        closed_by_other_thread: tally.closed_by_other,
        outcomes: tally.outcomes.clone(),
        payload_out: tally.payload_out,
        payload_in: tally.payload_in,
        retransmits: tally.retransmits,
        first_seen: tally.first_seen_ns.map(moment),
        last_seen: tally.first_seen_ns.map(|_| moment(tally.last_seen_ns)),
    }
}

fn spread(distribution: &Distribution) -> Spread {
    Spread {
        count: distribution.count(),
        min_ns: distribution.min(),
        p50_ns: distribution.percentile(50.0),
        p99_ns: distribution.percentile(99.0),
        max_ns: distribution.max(),
        coefficient_of_variation: distribution.coefficient_of_variation(),
    }
}

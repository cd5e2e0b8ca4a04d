// SPDX-License-Identifier: MIT
//! Building the report from what was aggregated. No clock, no I/O.

use super::{
    AggregatedOnly, Closer, FirstCloses, FlowRow, Loss, Older, Openers, Report, Spread, Summary,
    ThreadRow, TraceSummary, answer, became, handshakes::HandshakeSummary, reused, side_name,
    suspect, users,
};
use crate::{
    clock::{ClockPair, rfc3339},
    diagnose::{Beside, Depth, Finding, Window, diagnose},
    elsewhere::Elsewhere,
    filter::{Filter, Filtered},
    frame::{Mark, Missing, TraceStart},
    ledger::{
        Flow, FlowKey, Ledger,
        apart::Apart,
        distribution::Distribution,
        tally::{FirstCloseKey, Tally},
    },
    registry::Registry,
    timewait::table::TimeWait,
};

/// What a report is built from.
pub struct Sources<'a> {
    /// How the trace was made.
    pub start: &'a TraceStart,
    /// The moment of the report, and the losses at it.
    pub mark: &'a Mark,
    /// The aggregate.
    pub ledger: &'a Ledger,
    /// What was traced beside it, where a filter leaves that out.
    pub beside: Option<Beside<'a>>,
    /// The processes.
    pub registry: &'a Registry,
    /// The TIME_WAIT sockets, if they were listed.
    pub time_wait: Option<&'a TimeWait>,
    /// Records that could not be decoded.
    pub undecodable_records: u64,
    /// Records of a kind that this version does not know.
    pub unknown_records: u64,
    /// What the trace could not do, beyond what was known when it began.
    pub limitations: &'a [String],
    /// The one of them that says who is missing.
    pub who_is_missing: Option<&'a str>,
    /// What is missing between segments.
    pub missing: Missing,
    /// What other ports have, if it was looked at.
    pub elsewhere: Option<&'a Elsewhere>,
    /// Connections whose end was missed, found closed in the table.
    pub found_closed: u64,
    /// Connections of which both ends were seen.
    pub both_ends_here: u64,
    /// Handshakes that were evicted.
    pub handshakes_evicted: u64,
    /// What was filtered out so far, where there is a filter.
    pub filtered: Option<Filtered>,
    /// Which findings are wanted.
    pub filter: Option<&'a Filter>,
    /// Most flows, and threads of each, that are listed.
    pub top: usize,
    /// How many cases are diagnosed.
    pub depth: Depth,
}

pub fn build(sources: &Sources<'_>) -> Report {
    let Sources { start, mark, .. } = sources;
    let scope = Scope::of(sources);
    let flows = sources.ledger.flows();
    let listed = &flows[..flows.len().min(sources.top)];
    let looks = |key: &FlowKey| (key.process, key.destination.anywhere());
    let apart = Apart::of((listed.iter()).map(|(key, _)| (looks(key), key.destination.netns())));
    let rows: Vec<_> = listed
        .iter()
        .map(|(key, flow)| FlowRow {
            netns: apart.netns(&looks(key), key.destination.netns()),
            ..flow_row(key, flow, sources, &scope)
        })
        .collect();
    let diagnosis = diagnose(
        sources.ledger,
        sources.beside.as_ref(),
        sources.registry,
        Window {
            end_ns: mark.monotonic_ns,
            length_ns: scope.length_ns,
            is_of_part: start.part.is_some(),
            is_damaged: sources.missing.damaged_parts > 0,
        },
        sources.depth,
    );
    let explained: u64 = diagnosis
        .findings
        .iter()
        .filter_map(|finding| finding.explains)
        .sum();
    let (findings, findings_filtered_out) = match sources.filter {
        None => (diagnosis.findings, 0),
        Some(filter) => selected(diagnosis.findings, filter),
    };
    let selected = start.pid.iter().chain(&start.pids).copied().collect();
    let processes = flows.iter().filter_map(|(key, _)| key.process);
    let reused = reused::sentences(&selected, processes.clone());
    let became = became::sentences(sources.registry, processes);
    let users = users::sentences(sources.registry, &flows);
    let mut report = Report {
        filtered: sources.filtered.clone().map(|filtered| Filtered {
            findings: findings_filtered_out,
            ..filtered
        }),
        not_explained: sources.ledger.total.ended.saturating_sub(explained),
        findings,
        cases_left_out: diagnosis.cases_left_out,
        who_is_missing: sources.who_is_missing.map(str::to_owned),
        answer: String::new(),
        trace: trace_summary(start, mark, &scope),
        total: summary(&sources.ledger.total, &scope),
        both_ends_here: sources.both_ends_here,
        loss: Loss {
            kernel: mark.loss,
            undecodable_records: sources.undecodable_records,
            unknown_records: sources.unknown_records,
            found_closed: sources.found_closed,
            handshakes_evicted: sources.handshakes_evicted,
            missing: sources.missing,
        },
        flows_left_out: (flows.len() - rows.len()) as u64,
        openers: Openers::of(&flows),
        flows: rows,
        aggregated_only: aggregated_only(sources.ledger),
        suspects: suspect::rows(&flows, sources.registry, mark.monotonic_ns),
        time_wait: sources
            .time_wait
            .map(|table| table.as_of(mark.monotonic_ns)),
        elsewhere: sources.elsewhere.cloned(),
        degraded: [
            &start.degraded[..],
            sources.limitations,
            &reused,
            &became,
            &users,
        ]
        .concat(),
    };
    report.answer = answer::answer(&report);
    report
}

/// The findings that are wanted, and how many are not.
fn selected(mut findings: Vec<Finding>, filter: &Filter) -> (Vec<Finding>, u64) {
    let all = findings.len();
    findings.retain(|finding| filter.wants_finding(finding));
    let filtered_out = (all - findings.len()) as u64;
    (findings, filtered_out)
}

fn aggregated_only(ledger: &Ledger) -> Option<AggregatedOnly> {
    let (evicted, beyond) = (&ledger.evicted, &ledger.beyond);
    let row = AggregatedOnly {
        flows_evicted: evicted.flows,
        opened: evicted.tally.opened(),
        ended: evicted.tally.ended,
        opened_over_limit: beyond.opened(),
        ended_over_limit: beyond.ended,
        threads_evicted: evicted.threads,
    };
    let is_nothing = evicted.flows == 0
        && evicted.threads == 0
        && row.opened_over_limit == 0
        && beyond.older.seen == 0;
    (!is_nothing).then_some(row)
}

/// What turns a tally's numbers into a row's.
pub(super) struct Scope {
    clock: ClockPair,
    length_ns: u64,
}

impl Scope {
    pub(super) fn of(sources: &Sources<'_>) -> Self {
        let clock = sources.start.clock;
        let length_ns = sources.mark.monotonic_ns.saturating_sub(clock.monotonic_ns);
        Self { clock, length_ns }
    }
}

fn trace_summary(start: &TraceStart, mark: &Mark, scope: &Scope) -> TraceSummary {
    TraceSummary {
        host: start.host.clone(),
        kernel: start.kernel.clone(),
        ports: start.ports.clone(),
        side: start.side,
        pid: start.pid,
        pids: start.pids.clone(),
        process_name: start.process_name.clone(),
        from: rfc3339(start.clock.timestamp(start.clock.monotonic_ns)),
        to: rfc3339(start.clock.timestamp(mark.monotonic_ns)),
        length_ns: scope.length_ns,
    }
}

fn flow_row(key: &FlowKey, flow: &Flow, sources: &Sources<'_>, scope: &Scope) -> FlowRow {
    let rows = thread_rows(key, flow, sources, scope);
    FlowRow {
        side: side_name(key.destination.side()),
        process: key.process.map(|process| {
            let registry = sources.registry;
            registry.row(process, flow.process_comm, flow.uid)
        }),
        destination: key.destination.to_string(),
        netns: None,
        summary: summary(&flow.tally, scope),
        at_least: sources.ledger.in_part.has(key, flow),
        thread_count: flow.threads.len() as u64,
        threads_uncounted: flow.threads_left_out,
        threads_left_out: (flow.threads.len() - rows.len()) as u64,
        threads: rows,
    }
}

/// The busiest threads of a flow.
pub(super) fn thread_rows(
    key: &FlowKey,
    flow: &Flow,
    sources: &Sources<'_>,
    scope: &Scope,
) -> Vec<ThreadRow> {
    let threads = flow.busiest_threads().into_iter().take(sources.top);
    let rows = threads.map(|(tid, thread)| ThreadRow {
        tid,
        comm: thread.comm.to_string(),
        name: key.process.and_then(|process| {
            let registry = sources.registry;
            registry.thread_name(process, tid, thread.comm, &[key.destination.port()])
        }),
        summary: summary(&thread.tally, scope),
    });
    rows.collect()
}

pub(super) fn summary(tally: &Tally, scope: &Scope) -> Summary {
    let moment = |ns: u64| rfc3339(scope.clock.timestamp(ns));
    let seconds = scope.length_ns as f64 / 1e9;
    let opened = tally.opened();
    let closes = |who| tally.first_close.get(who);
    Summary {
        opened,
        established: tally.established,
        ended: tally.ended,
        half_closed: tally.half_closed,
        open: tally.open(),
        connecting: tally.connecting,
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
        outcomes: tally.outcomes.iter().collect(),
        stall: tally.stalls.of_all(),
        reset_before_sending: tally.reset_before_sending,
        payload_out: tally.payload_out,
        payload_in: tally.payload_in,
        retransmits: tally.retransmits,
        closed_by_other_process: tally.closed_by_other_process,
        other_process_closer: tally.other_process_closer.map(|closer| Closer {
            pid: closer.tgid,
            tid: closer.tid,
            comm: closer.comm.to_string(),
        }),
        older: Older {
            seen: tally.older.seen,
            open: tally.older.open(),
            ended: tally.older.ended,
            half_closed: tally.older.half_closed,
            half_closed_before: tally.older.held,
            connecting: tally.older.connecting,
            at_least_ns: tally.older.first_end_after_ns,
            outcomes: tally.older.outcomes.iter().collect(),
        },
        handshakes: HandshakeSummary::of(&tally.handshakes),
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

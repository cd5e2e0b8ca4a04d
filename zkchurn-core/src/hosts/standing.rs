// SPDX-License-Identifier: MIT
//! Whether a host churns, by its own report.

use super::{ChurnRow, Standing};
use crate::{
    diagnose::{Confidence, Finding, Severity},
    filter::Filtered,
    report::{FlowRow, Report, Summary},
};

/// What a shorter trace has of a retry every few seconds is too little for most rules.
const SHORTEST_NS: u64 = 10_000_000_000;

pub(super) fn of(report: &Report, is_damaged: bool) -> Standing {
    let churning = || {
        let findings = report.findings.iter();
        findings.filter(|finding| finding.severity > Severity::Harmless)
    };
    // The worst come first, and what is at least likely counts before what may be worse.
    let likely = churning().find(|finding| finding.confidence >= Confidence::Likely);
    let others = (churning().count() as u64).saturating_sub(1);
    match (likely, churning().next()) {
        (Some(finding), _) => Standing::Churns(row(report, finding, others)),
        (None, Some(finding)) => Standing::MayChurn(row(report, finding, others)),
        (None, None) => quiet(report, is_damaged),
    }
}

fn quiet(report: &Report, is_damaged: bool) -> Standing {
    let loss = &report.loss;
    let lost = !loss.kernel.is_none() || loss.undecodable_records > 0 || loss.unknown_records > 0;
    let left_out =
        |of: fn(&Filtered) -> u64| report.filtered.as_ref().is_some_and(|one| of(one) > 0);
    let why = match is_damaged {
        true => "a part of its recording cannot be read",
        false if lost => "connections were lost",
        // What was left out may churn.
        false if left_out(|filtered| filtered.connections) => "connections were filtered out",
        false if left_out(|filtered| filtered.findings) => "findings were filtered out",
        false if report.trace.length_ns < SHORTEST_NS => "its recording is shorter than 10 s",
        false if loss.missing != Default::default() => "a part of its recording is missing",
        false => return Standing::DoesNotChurn,
    };
    Standing::CannotTell { why }
}

fn row(report: &Report, finding: &Finding, other_findings: u64) -> ChurnRow {
    let (first, last) = span(report, finding);
    ChurnRow {
        name: finding.name,
        title: finding.title,
        confidence: finding.confidence,
        severity: finding.severity,
        who: finding.who.words.clone(),
        destinations: finding.destinations.clone(),
        first,
        last,
        other_findings,
    }
}

/// When its first connection began, and what happened last. Of many short-lived processes not
/// all need have a row: then neither is known.
fn span(report: &Report, finding: &Finding) -> (Option<String>, Option<String>) {
    let flows = report.flows.iter().filter(|flow| is_of(flow, finding));
    let rows: Vec<&Summary> = flows.map(|flow| of_thread(flow, finding)).collect();
    let opened: u64 = rows.iter().map(|row| row.opened).sum();
    if opened < finding.connections {
        return (None, None);
    }
    // All have nine digits and one zone, so that their texts are in the order of time.
    let first = rows.iter().filter_map(|row| row.first_seen.clone()).min();
    let last = rows.iter().filter_map(|row| row.last_seen.clone()).max();
    (first, last)
}

fn is_of(flow: &FlowRow, finding: &Finding) -> bool {
    let who = &finding.who;
    let is_theirs = match &flow.process {
        Some(process) if who.processes.is_some() => process.label == who.label,
        Some(process) => who.pid == Some(process.pid),
        None => who.pid.is_none() && who.processes.is_none(),
    };
    is_theirs && finding.destinations.contains(&flow.destination)
}

fn of_thread<'a>(flow: &'a FlowRow, finding: &Finding) -> &'a Summary {
    let tid = finding.who.tid;
    let mut threads = flow.threads.iter();
    let thread = threads.find(|thread| Some(thread.tid) == tid);
    thread.map_or(&flow.summary, |thread| &thread.summary)
}

// SPDX-License-Identifier: MIT
//! From a report to what stands on its page.

use jiff::tz::TimeZone;

use super::{
    collect::Chart,
    findings::{SENTENCE, finding, lead},
    lanes::Lane,
    page::{Count, LogLine, Page, Section, Sockets, Stack},
};
use crate::{
    clock::rfc3339,
    diagnose::Finding,
    frame::TraceStart,
    render::{
        text::{Page as TextPage, suspect},
        words::{
            explained, filtered, loss,
            moment::moment,
            scope,
            summary::{bytes, closed_first, heading, lived, more_rows, optional, outcomes},
            time_wait,
        },
    },
    report::{FlowRow, Report, Summary, SuspectRow},
    text::{clip, count, duration, rate, window},
    timewait::table::TimeWait,
};

/// Findings, and stacks of a process, that are shown.
const FINDINGS: usize = 20;
const STACKS: usize = 3;
/// Owners of TIME_WAIT sockets that have a bar of their own.
const OWNERS: usize = 12;
/// Columns of the text of a process.
const COLUMNS: u16 = 110;

/// The page of a report.
pub(super) fn page(
    report: &Report,
    start: Option<&TraceStart>,
    chart: Chart,
    zone: &TimeZone,
) -> Page {
    let first = report.findings.first();
    let trace = &report.trace;
    let mut scope = vec![scope::traced(report, zone)];
    scope.extend(report.filtered.as_ref().map(filtered::sentence));
    scope.extend(explained::line(report));
    scope.push(loss::line(&report.loss));
    Page {
        title: first.map_or_else(
            || "Nothing is found".to_owned(),
            |first| first.title.to_owned(),
        ),
        confidence: first.map_or_else(String::new, |first| first.confidence.word().to_owned()),
        severity: first.map_or_else(String::new, |first| first.severity.word().to_owned()),
        answer: report.answer.clone(),
        lead: first.map_or_else(Vec::new, |first| {
            lead(report.time_wait.as_ref(), &report.loss.kernel, first)
        }),
        findings: report.findings.iter().take(FINDINGS).map(finding).collect(),
        families: report.flows.iter().flat_map(family).collect(),
        families_notes: notes(report),
        closes: closes(&report.total),
        time_wait: report.time_wait.as_ref().map(sockets),
        rhythm: first
            .filter(|first| chart.lanes.first().is_some_and(|lane| is_of(lane, first)))
            .and_then(|first| first.rhythm.clone()),
        stacks: report.suspects.iter().flat_map(stacks).collect(),
        logs: logs(report),
        processes: report
            .suspects
            .iter()
            .map(|suspect| process(suspect, zone))
            .collect(),
        scope,
        limitations: report.degraded.clone(),
        facts: facts(report, start),
        chart,
        from: moment(&trace.from, zone, true),
        length_ns: trace.length_ns,
        length: window(trace.length_ns),
    }
    .bounded()
}

/// Whether a finding is about what the pictures show.
fn is_of(lane: &Lane, finding: &Finding) -> bool {
    lane.pid.is_some() && lane.pid == finding.who.pid
}

/// One row for all threads, and one for each of the busiest.
fn family(flow: &FlowRow) -> Vec<Vec<String>> {
    let whose = heading(flow);
    let all = match flow.thread_count {
        1 => None,
        0 => Some(row(&whose, "-".to_owned(), &flow.summary)),
        many => Some(row(&whose, format!("all {many} threads"), &flow.summary)),
    };
    let threads = flow.threads.iter().map(|thread| {
        let name = thread.name.as_deref().unwrap_or(&thread.comm);
        row(&whose, format!("{} {name}", thread.tid), &thread.summary)
    });
    all.into_iter().chain(threads).collect()
}

fn row(whose: &str, thread: String, summary: &Summary) -> Vec<String> {
    vec![
        whose.to_owned(),
        thread,
        count(summary.opened),
        rate(summary.per_second),
        optional(summary.gap.p50_ns, duration),
        lived(&summary.established_for),
        closed_first(&summary.first_close),
        format!(
            "{} / {}",
            bytes(&summary.payload_out),
            bytes(&summary.payload_in)
        ),
        outcomes(summary),
    ]
}

/// Names of the columns of [`row`].
pub(super) const FAMILY_COLUMNS: [&str; 9] = [
    "Who and where to",
    "Thread",
    "Count",
    "Rate",
    "Gap p50",
    "Lived p50 / p99 / max",
    "Closed first",
    "Bytes out / in",
    "Outcome",
];

fn notes(report: &Report) -> Vec<String> {
    let left_out = (report.flows_left_out > 0).then(|| {
        let are = if report.flows_left_out == 1 {
            "is"
        } else {
            "are"
        };
        let more = more_rows(report.flows_left_out);
        format!("{more} {are} not in the table (--top shows more)")
    });
    let bounded = report.aggregated_only.as_ref();
    let bounded = bounded.map(loss::aggregated_only).unwrap_or_default();
    left_out.into_iter().chain(bounded).collect()
}

fn closes(total: &Summary) -> Vec<Count> {
    let first = &total.first_close;
    let counts = [
        ("this host closed first", first.us),
        ("the peer closed first", first.peer),
        ("the kernel gave up", first.kernel),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let counts = counts.map(|(label, count)| Count {
        label: label.to_owned(),
        count,
    });
    counts.collect()
}

fn sockets(table: &TimeWait) -> Sockets {
    let shown = table.owners.iter().take(OWNERS);
    let mut owners: Vec<_> = shown
        .map(|owner| Count {
            label: time_wait::whose(&owner.owner, owner.threads),
            count: owner.count,
        })
        .collect();
    let counted = owners.iter().map(|owner| owner.count).sum();
    if let rest @ 1.. = table.total.saturating_sub(counted) {
        owners.push(Count {
            label: "all others".to_owned(),
            count: rest,
        });
    }
    Sockets {
        sentence: time_wait::sentence(table),
        owners,
        rows: table
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.local.clone(),
                    row.remote.clone(),
                    time_wait::owner(&row.owner),
                ]
            })
            .collect(),
        notes: table.notes.clone(),
    }
}

fn stacks(suspect: &SuspectRow) -> Vec<Stack> {
    let threads = suspect.jvm.iter().flat_map(|jvm| &jvm.threads);
    let threads = threads.filter(|thread| !thread.stack.is_empty());
    threads
        .take(STACKS)
        .map(|thread| Stack {
            heading: format!(
                "pid {} {}, thread {} \"{}\"{}",
                suspect.pid,
                suspect.label,
                thread.tid,
                thread.name,
                thread
                    .state
                    .as_ref()
                    .map_or_else(String::new, |state| format!(", {state}")),
            ),
            frames: thread.stack.iter().take(40).cloned().collect(),
            frames_left_out: thread
                .frames_left_out
                .saturating_add(thread.stack.len().saturating_sub(40) as u64),
        })
        .collect()
}

fn logs(report: &Report) -> Vec<LogLine> {
    let length = report.trace.length_ns;
    let lines = report.suspects.iter().flat_map(|suspect| {
        let looked_ns = length.saturating_sub(suspect.looked_ago_ns);
        let findings = suspect.logs.iter().flat_map(|logs| &logs.findings);
        findings.take(6).map(move |line| LogLine {
            at_ns: line
                .logged_ago_ms
                .and_then(|ago| looked_ns.checked_sub(ago.saturating_mul(1_000_000))),
            place: line.place(),
            line: clip(&line.last, SENTENCE),
            meaning: line.meaning.clone(),
            count: line.count,
        })
    });
    lines.collect()
}

/// As the text has it: commands, JVM and logs are no prose.
fn process(row: &SuspectRow, zone: &TimeZone) -> Section {
    let mut text = Vec::new();
    let page = TextPage::new(false, zone, COLUMNS);
    // Writing to memory does not fail.
    let _ = suspect::write(&mut text, row, &page);
    let text = String::from_utf8_lossy(&text);
    Section {
        name: format!("pid {} {}", row.pid, row.label),
        sentences: text.lines().skip(1).map(str::to_owned).collect(),
    }
}

fn facts(report: &Report, start: Option<&TraceStart>) -> Vec<(String, String)> {
    let trace = &report.trace;
    let ports: Vec<_> = trace.ports.iter().map(u16::to_string).collect();
    let mut facts = vec![
        ("host", trace.host.clone()),
        ("kernel", trace.kernel.clone()),
        ("ports", ports.join(",")),
        ("side", trace.side.word().to_owned()),
        ("from", trace.from.clone()),
        ("to", trace.to.clone()),
    ];
    if let Some(start) = start {
        facts.push(("traced with", format!("zkchurn {}", start.zkchurn)));
        facts.push(("command, in part", command(start)));
        facts.extend(start.boot_id.clone().map(|id| ("boot", id)));
        facts.extend(start.run_id.clone().map(|id| ("run", id)));
        let zero = rfc3339(start.clock.timestamp(0));
        facts.push(("clock zero", zero));
    }
    let facts = facts.into_iter();
    facts
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The options that this trace is of, as they would be typed; of others a recording does
/// not tell.
fn command(start: &TraceStart) -> String {
    let ports: Vec<_> = start.ports.iter().map(u16::to_string).collect();
    let mut command = format!(
        "zkchurn --port {} --side {}",
        ports.join(","),
        start.side.word()
    );
    if let Some(pid) = start.pid {
        command.push_str(&format!(" --pid {pid}"));
    }
    if start.handshake {
        command.push_str(" --handshake");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timewait::{owner_row::OwnerRow, table::OwnerTotal};

    #[test]
    fn owners_without_a_bar_are_part_of_the_whole() {
        let mut table = TimeWait::default();
        table.owners = (0..OWNERS as u32 + 3)
            .map(|pid| OwnerTotal {
                owner: OwnerRow::TracedProcesses {
                    process: "nc".to_owned(),
                    processes: 2,
                    such_as: pid,
                },
                threads: 1,
                count: 10,
            })
            .collect();
        table.total = 160;
        let owners = sockets(&table).owners;
        let last = owners.last().unwrap();
        assert_eq!((last.label.as_str(), last.count), ("all others", 40));
        assert_eq!(owners.iter().map(|owner| owner.count).sum::<u64>(), 160);
    }
}

// SPDX-License-Identifier: MIT
//! One family: its figures, and what can be looked at of it.

use std::collections::BTreeMap;

use ratatui_core::style::Style;
use zkchurn_core::{
    outcome::Outcome,
    render::text::parts,
    report::{Older, Summary, SuspectRow, ThreadRow},
    tape::MOST_EACH,
    text,
};

use super::{canvas::Canvas, families, visible};
use crate::view::{
    View,
    page::Entry,
    snapshot::{Family, Snapshot},
    spark,
};

/// Columns of the names of figures.
const NAMES: u16 = 11;

impl View {
    /// The closer look at a family's process.
    pub(in crate::view) fn suspect(&self, family: &Family) -> Option<&SuspectRow> {
        let process = family.row.key.process()?;
        let suspects = &self.shown()?.report.suspects;
        suspects
            .iter()
            .find(|suspect| suspect.pid == process.pid && suspect.start_ns == process.start_ns)
    }
}

/// Who, and where to.
pub(super) fn heading(family: &Family) -> String {
    format!("{} -> {}", families::name(family), family.row.destination)
}

/// Draws it; returns how many rows of the list fit.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    view: &View,
    (shown, family): (&Snapshot, &Family),
    cursor: usize,
    (top, rows): (u16, u16),
) -> usize {
    let mut row = top;
    let bottom = top + rows;
    canvas.line(row, &heading(family), canvas.bold());
    row += 1;
    let entries = view.entries(family);
    let least = (entries.len() as u16 + 1).min(4);
    for (name, words) in figures(family, canvas.columns()) {
        if row + least >= bottom {
            break;
        }
        canvas.put(row, 2, NAMES, name, Style::new());
        canvas.put(row, 2 + NAMES, canvas.columns(), &words, Style::new());
        row += 1;
    }
    if row + least < bottom {
        row += 1;
    }
    let room = usize::from(bottom.saturating_sub(row));
    let cursor = cursor.min(entries.len().saturating_sub(1));
    let first = visible(entries.len(), Some(cursor), room);
    for (at, entry) in entries.iter().enumerate().skip(first).take(room) {
        let words = words(view, shown, family, *entry);
        canvas.put(row, 2, canvas.columns(), &words, Style::new());
        if at == cursor {
            canvas.mark(row, canvas.selected());
        }
        row += 1;
    }
    room
}

fn figures(family: &Family, columns: u16) -> Vec<(&'static str, String)> {
    let row = &family.row;
    let summary = &row.summary;
    let bars = usize::from(columns.saturating_sub(NAMES + 2)).min(40);
    let mut figures = vec![
        ("opened", opened(summary)),
        ("older", older(&summary.older)),
    ];
    // What follows is of those that were opened since, and of none else.
    if summary.opened > 0 || summary.ended > 0 {
        figures.extend([
            ("gaps", spark::bars(&family.gaps, bars)),
            ("", gaps(summary)),
            ("lived", lived(summary)),
            ("closes", parts::closes(&summary.first_close)),
            ("outcome", outcomes(&summary.outcomes)),
            ("bytes", bytes(summary)),
        ]);
    }
    if let Some(sockets) = row.time_wait {
        figures.push(("TIME_WAIT", text::counted(sockets, "socket")));
    }
    figures.retain(|(_, words)| !words.is_empty());
    figures
}

/// Those that were opened while the trace went on.
fn opened(summary: &Summary) -> String {
    let connections = text::counted(summary.opened, "connection");
    if summary.older.seen > 0 && summary.opened == 0 {
        return format!("{connections} since the trace began");
    }
    format!(
        "{connections} ({}), {} ended, {} open",
        text::rate(summary.per_second),
        text::count(summary.ended),
        text::count(summary.open)
    )
}

/// Those that were there when the trace began, which nothing else counts.
fn older(older: &Older) -> String {
    if older.seen == 0 {
        return String::new();
    }
    let ends = match older.outcomes.is_empty() {
        true => String::new(),
        false => format!("; {}", outcomes(&older.outcomes)),
    };
    format!(
        "{} open when the trace began: {} ended, {} open{ends}",
        text::count(older.seen),
        text::count(older.ended),
        text::count(older.open)
    )
}

fn gaps(summary: &Summary) -> String {
    let gap = &summary.gap;
    let (Some(p50), Some(p99)) = (gap.p50_ns, gap.p99_ns) else {
        return String::new();
    };
    let variation = gap.coefficient_of_variation;
    let variation = variation.map_or_else(String::new, |cv| format!(", CV {cv:.2}"));
    format!(
        "p50 {}, p99 {}{variation}",
        text::duration(p50),
        text::duration(p99)
    )
}

fn lived(summary: &Summary) -> String {
    let lived = &summary.established_for;
    match (lived.p50_ns, lived.p99_ns, lived.max_ns) {
        (Some(p50), Some(p99), Some(max)) => format!(
            "p50 {}, p99 {}, longest {}",
            text::duration(p50),
            text::duration(p99),
            text::duration(max)
        ),
        _ => not_lived(summary.ended, summary.older.seen).to_owned(),
    }
}

fn not_lived(ended: u64, older: u64) -> &'static str {
    match (ended, older) {
        (0, 0) => "no end seen",
        (0, _) => "no end seen of those opened since the trace began",
        _ => "no time known: not established, or its end was not seen",
    }
}

/// How many of the connections can be looked at one by one.
fn kept_words(kept: u64, ended: u64, open: u64) -> String {
    match kept {
        0 => "connections".to_owned(),
        kept if kept < ended => format!(
            "connections, the last {kept} (zkchurn keeps at most {MOST_EACH} of a process name and \
             peer)"
        ),
        kept if kept < ended.saturating_add(open) => format!("connections, all {kept} that ended"),
        kept => format!("connections, all {kept}"),
    }
}

fn outcomes(outcomes: &BTreeMap<Outcome, u64>) -> String {
    let mut outcomes: Vec<_> = outcomes.iter().collect();
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let words = outcomes
        .iter()
        .map(|(outcome, count)| format!("{} {}", text::count(**count), outcome.label()));
    words.collect::<Vec<_>>().join("; ")
}

fn bytes(summary: &Summary) -> String {
    let (out, back) = (&summary.payload_out, &summary.payload_in);
    if out.connections == 0 && back.connections == 0 {
        return "unknown".to_owned();
    }
    format!(
        "{} sent, {} received, {}",
        text::range(out.min, out.max),
        text::range(back.min, back.max),
        text::counted(summary.retransmits, "retransmit"),
    )
}

fn words(view: &View, shown: &Snapshot, family: &Family, entry: Entry) -> String {
    match entry {
        Entry::Evidence => {
            let finding = family.row.finding;
            let finding = finding.and_then(|at| shown.report.findings.get(at));
            finding.map_or_else(String::new, |finding| {
                format!("evidence: {}", parts::title(finding))
            })
        }
        Entry::Process => {
            let suspect = view.suspect(family);
            let logs = suspect.is_some_and(|suspect| suspect.logs.is_some());
            let jvm = suspect.is_some_and(|suspect| suspect.jvm.is_some());
            match (jvm, logs) {
                (true, true) => "process, JVM with stacks, log lines".to_owned(),
                (true, false) => "process, JVM with stacks".to_owned(),
                (false, true) => "process, log lines".to_owned(),
                (false, false) => "process".to_owned(),
            }
        }
        Entry::Connections => {
            let kept = view.connections(None).len() as u64;
            let summary = &family.row.summary;
            let ended = summary.ended.saturating_add(summary.older.ended);
            let open = summary.open.saturating_add(summary.older.open);
            kept_words(kept, ended, open)
        }
        Entry::Thread(tid) => {
            let mut threads = family.row.threads.iter();
            let thread = threads.find(|thread| thread.tid == tid);
            thread.map_or_else(String::new, thread_words)
        }
    }
}

fn thread_words(thread: &ThreadRow) -> String {
    let name = thread.name.as_ref().unwrap_or(&thread.comm);
    format!(
        "thread {} \"{}\"  {}, {}, {}",
        thread.tid,
        text::printable(name.as_bytes()),
        text::counted(thread.summary.opened, "connection"),
        text::rate(thread.summary.per_second),
        outcomes(&thread.summary.outcomes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_has_not_ended_and_is_not_called_failed() {
        assert_eq!(not_lived(0, 0), "no end seen");
        assert!(not_lived(0, 1).contains("since the trace began"));
        assert!(not_lived(2, 1).starts_with("no time known"));
        assert_eq!(kept_words(2, 2, 1), "connections, all 2 that ended");
        assert_eq!(kept_words(3, 2, 1), "connections, all 3");
        assert!(kept_words(1, 2, 1).starts_with("connections, the last 1 "));
    }
}

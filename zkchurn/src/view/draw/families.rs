// SPDX-License-Identifier: MIT
//! The table of families.

use ratatui_core::style::Style;
use zkchurn_core::{
    frame::Sides,
    render::text::parts::{self, cell, cell_of_end},
    text,
};

use super::{
    canvas::{Canvas, sign},
    columns::{Column, column, fitted},
    visible,
};
use crate::view::{
    View,
    snapshot::{Family, Snapshot},
    spark,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Process,
    Peer,
    Rate,
    Gaps,
    Median,
    Slowest,
    Closes,
    Outcome,
    TimeWait,
}

const COLUMNS: [Column<What>; 9] = [
    column(What::Process, "PROCESS", (13, 44), 0, false),
    column(What::Peer, "PEER", (14, 45), 2, false),
    column(What::Rate, "RATE", (7, 9), 0, true),
    column(What::Gaps, "GAPS", (8, 40), 4, false),
    column(What::Median, "LIVED", (7, 11), 1, true),
    column(What::Slowest, "p99", (7, 11), 5, true),
    column(What::Closes, "CLOSES", (6, 22), 3, false),
    column(What::Outcome, "OUTCOME", (13, 28), 1, false),
    column(What::TimeWait, "TIME_WAIT", (9, 9), 6, true),
];
/// The mark in front of a row.
const MARK: u16 = 2;

/// Draws the names of the columns and as many rows as fit; returns how many do.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    view: &View,
    shown: &Snapshot,
    top: u16,
    rows: u16,
) -> usize {
    let columns = fitted(&COLUMNS, canvas.columns().saturating_sub(MARK));
    let room = usize::from(rows.saturating_sub(1));
    let families = view.rows();
    heading(canvas, &columns, top);
    if families.is_empty() {
        let words = none_yet(shown);
        canvas.put(top + 1, MARK, canvas.columns(), &words, canvas.quiet());
        return room;
    }
    let selected = view.selected.and_then(|selected| {
        let mut rows = families.iter();
        rows.position(|family| family.row.key == selected)
    });
    let first = visible(families.len(), selected, room);
    let shown_families = families.iter().enumerate().skip(first).take(room);
    for (row, (at, family)) in (top + 1..).zip(shown_families) {
        let who = who(&families, family);
        draw_row(canvas, &columns, shown, (family, &who), row);
        if Some(at) == selected {
            canvas.mark(row, canvas.selected());
        }
    }
    room
}

/// What there is none of: of what is traced, and of what of that is shown.
fn none_yet(shown: &Snapshot) -> String {
    let trace = &shown.report.trace;
    let only = trace.only();
    let only = only.map_or_else(String::new, |only| format!(" of {only}"));
    let traced = match (&shown.report.filtered, trace.side) {
        (Some(_), _) => "that the filter selects",
        (None, Sides::Client) => "to the traced ports",
        (None, Sides::Server) => "accepted at the traced ports",
        (None, Sides::Both) => "to or from the traced ports",
    };
    format!("no connection{only} yet {traced}")
}

fn heading(canvas: &mut Canvas<'_>, columns: &[(Column<What>, u16)], row: u16) {
    let mut at = MARK;
    for (column, width) in columns {
        let name = match column.right {
            true => format!("{:>1$}", column.name, usize::from(*width)),
            false => column.name.to_owned(),
        };
        canvas.put(row, at, *width, &name, canvas.bold());
        at += width + 1;
    }
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    columns: &[(Column<What>, u16)],
    shown: &Snapshot,
    (family, who): (&Family, &str),
    row: u16,
) {
    let finding = family.row.finding;
    if let Some(finding) = finding.and_then(|at| shown.report.findings.get(at)) {
        canvas.put(row, 0, 1, sign(finding), canvas.sign(finding));
    }
    let mut at = MARK;
    for (column, width) in columns {
        let words = words(column.what, (family, who), usize::from(*width));
        let words = match column.right {
            true => format!("{words:>0$}", usize::from(*width)),
            false => words,
        };
        let style = match column.what {
            What::Outcome => main_style(canvas, family),
            _ => Style::new(),
        };
        canvas.put(row, at, *width, &words, style);
        at += width + 1;
    }
}

fn main_style(canvas: &Canvas<'_>, family: &Family) -> Style {
    let outcomes = family.row.summary.outcomes.iter();
    let main = outcomes.max_by_key(|(_, count)| **count);
    main.map_or_else(Style::new, |(outcome, _)| canvas.outcome(*outcome))
}

fn words(what: What, (family, who): (&Family, &str), width: usize) -> String {
    let row = &family.row;
    let summary = &row.summary;
    let duration = |ns: Option<u64>| ns.map_or_else(|| "-".to_owned(), text::duration);
    match what {
        What::Process => cell(who, width),
        What::Peer => cell_of_end(&row.destination, width),
        What::Rate => text::rate(summary.per_second),
        What::Gaps => spark::bars(&family.gaps, width),
        What::Median => duration(summary.established_for.p50_ns),
        What::Slowest => duration(summary.established_for.p99_ns),
        What::Closes => parts::closes(&summary.first_close),
        What::Outcome => parts::main_outcome_in(summary, width),
        What::TimeWait => row.time_wait.map_or_else(|| "-".to_owned(), text::count),
    }
}

/// Its name; of a process that has several rows also by which thread they differ, in the place
/// of what is the same in all of them.
fn who(families: &[&Family], family: &Family) -> String {
    let name = name(family);
    let (Some(pid), Some(thread)) = (family.row.pid, only_thread(family)) else {
        return name;
    };
    let mut others = families.iter().filter(|other| {
        other.row.key != family.row.key && other.row.pid == Some(pid) && other.row.processes == 1
    });
    match others.any(|other| only_thread(other) != Some(thread)) {
        true => format!("{pid} \"{}\"", text::printable(thread.as_bytes())),
        false => name,
    }
}

/// The name of the thread that opened all of its connections.
fn only_thread(family: &Family) -> Option<&str> {
    match family.row.threads.as_slice() {
        [thread] if family.row.thread_count == 1 && family.row.processes == 1 => {
            Some(thread.name.as_ref().unwrap_or(&thread.comm))
        }
        _ => None,
    }
}

/// `3715 java (tomcat)`, or `37 curl` of many processes.
pub(in crate::view) fn name(family: &Family) -> String {
    let row = &family.row;
    let label = text::printable(row.label.as_bytes());
    match (row.processes, row.pid) {
        (2.., _) => format!("{}× {label}", text::count(row.processes)),
        (_, Some(pid)) => format!("{pid} {label}"),
        (_, None) => label,
    }
}

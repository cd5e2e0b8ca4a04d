// SPDX-License-Identifier: MIT
//! The details: all findings with their evidence, the table, the processes, what was
//! lost and what was degraded.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use jiff::tz::TimeZone;

use super::{
    Page,
    findings::{self, Layout},
    style::Style,
    suspect, time_wait,
    wrap::wrapped,
};
use crate::{
    render::words::{
        explained, filtered, handshakes, loss, scope,
        summary::{bytes, closed_first, heading, lived, more_rows, optional, outcomes, seen},
    },
    report::{FlowRow, Older, Report, Summary, in_no_row},
    text,
};

/// Findings that are shown whole: the first say what to do.
const WHOLE: usize = 4;

/// Writes them.
pub(super) fn write(to: &mut impl Write, report: &Report, page: &Page) -> io::Result<()> {
    let Page { style, zone, .. } = page;
    let layout = Layout {
        whole: WHOLE,
        columns: page.columns,
    };
    findings::write(to, &report.findings, style, layout)?;
    if let Some(explained) = explained::line(report) {
        for line in wrapped("", &explained, page.columns) {
            writeln!(to, "{line}")?;
        }
    }
    if !report.flows.is_empty() {
        writeln!(to)?;
        write_table(to, report, style, zone)?;
    }
    for suspect in &report.suspects {
        writeln!(to)?;
        suspect::write(to, suspect, page)?;
    }
    if let Some(table) = &report.time_wait {
        writeln!(to)?;
        time_wait::write(to, table, page)?;
    }
    writeln!(to)?;
    write_scope(to, report, page)
}

/// Writes what was traced, what was lost and what was degraded.
pub(super) fn write_scope(to: &mut impl Write, report: &Report, page: &Page) -> io::Result<()> {
    let Page { style, zone, .. } = page;
    writeln!(to, "{}", scope::traced(report, zone))?;
    if let Some(filtered) = &report.filtered {
        writeln!(to, "{}", filtered::sentence(filtered))?;
    }
    if let Some(in_no_row) = in_no_row::sentence(report) {
        for line in wrapped("", &in_no_row, page.columns) {
            writeln!(to, "{}", style.warn(&line))?;
        }
    }
    let loss = loss::line(&report.loss);
    if report.loss.kernel.is_none()
        && report.loss.undecodable_records == 0
        && report.loss.unknown_records == 0
        && report.loss.found_closed == 0
        && report.loss.kernel.records_not_exported.unwrap_or(0) == 0
    {
        writeln!(to, "{loss}")?;
    } else {
        writeln!(to, "{}", style.warn(&loss))?;
    }
    for sentence in &report.degraded {
        let sentence = text::printable(sentence.as_bytes());
        for line in wrapped("limitation: ", &sentence, page.columns) {
            writeln!(to, "{}", style.warn(&line))?;
        }
    }
    Ok(())
}

const COLUMNS: [(&str, CellAlignment); 10] = [
    ("  THREAD", CellAlignment::Left),
    ("COUNT", CellAlignment::Right),
    ("RATE", CellAlignment::Right),
    ("GAP p50", CellAlignment::Right),
    ("CV", CellAlignment::Right),
    ("LIVED p50 / p99 / max", CellAlignment::Right),
    ("CLOSED FIRST", CellAlignment::Left),
    ("BYTES OUT / IN", CellAlignment::Left),
    ("FIRST - LAST", CellAlignment::Left),
    ("OUTCOME", CellAlignment::Left),
];

/// One table for all flows, so that their columns align, with a heading
/// before the rows of each.
fn write_table(
    to: &mut impl Write,
    report: &Report,
    style: &Style,
    zone: &TimeZone,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(COLUMNS.map(|(name, _)| name));
    let mut headings = Vec::new();
    for flow in &report.flows {
        headings.push((table.row_count(), heading(flow)));
        for row in flow_rows(flow, zone) {
            table.add_row(row);
        }
    }
    for (index, (_, alignment)) in COLUMNS.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(*alignment);
            column.set_padding((0, 2));
        }
    }
    let mut headings = headings.into_iter().peekable();
    // No cell holds a line break, so each row is one line, after the header's.
    for (index, line) in table.lines().enumerate() {
        if let Some((_, heading)) = headings.next_if(|(row, _)| row + 1 == index) {
            writeln!(to, "{}", style.bold(&heading))?;
        }
        writeln!(to, "{}", line.trim_end())?;
    }
    if report.flows_left_out > 0 {
        let more = more_rows(report.flows_left_out);
        writeln!(to, "… {more} (--top shows more)")?;
    }
    let bounded = report.aggregated_only.as_ref();
    for sentence in bounded.map(loss::aggregated_only).unwrap_or_default() {
        writeln!(to, "… {sentence}")?;
    }
    Ok(())
}

/// A row for the only thread, or one for all threads and one for each of the
/// busiest.
fn flow_rows(flow: &FlowRow, zone: &TimeZone) -> Vec<Vec<String>> {
    let mut rows = thread_rows(flow, zone);
    rows.extend(older_row(&flow.summary.older));
    rows.extend(other_closer_row(&flow.summary));
    rows.extend(handshake_row(&flow.summary));
    rows
}

fn thread_rows(flow: &FlowRow, zone: &TimeZone) -> Vec<Vec<String>> {
    if flow.summary.opened == 0 {
        // Only connections that are older than the trace.
        return Vec::new();
    }
    if let ([thread], false) = (flow.threads.as_slice(), flow.threads_left_out > 0) {
        let label = format!("  {} \"{}\"", thread.tid, thread.comm);
        return vec![row(label, &flow.summary, zone)];
    }
    let label = match flow.thread_count {
        0 => "  -".to_owned(),
        count => format!("  all {}", text::counted(count, "thread")),
    };
    let mut rows = vec![row(label, &flow.summary, zone)];
    for thread in &flow.threads {
        let label = format!("    {} \"{}\"", thread.tid, thread.comm);
        rows.push(row(label, &thread.summary, zone));
    }
    if flow.threads_left_out > 0 {
        let more = text::counted(flow.threads_left_out, "more thread");
        rows.push(vec![format!("    … {more}")]);
    }
    rows
}

/// Connections that were there when tracing began: their thread and age cannot
/// be known.
fn older_row(older: &Older) -> Option<Vec<String>> {
    if older.seen == 0 {
        return None;
    }
    let mut ends: Vec<_> = older
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{} {}", text::count(*count), outcome.label()))
        .collect();
    if older.open > older.connecting {
        let open = text::count(older.open - older.connecting);
        ends.push(format!("{open} still open"));
    }
    if older.connecting > 0 {
        let waiting = text::count(older.connecting);
        ends.push(format!("{waiting} without an answer to the SYN"));
    }
    if older.half_closed_before > 0 {
        let held = text::count(older.half_closed_before);
        ends.push(format!("{held} of them half-closed before"));
    }
    let mut row = vec![String::new(); COLUMNS.len()];
    row[0] = "  before start, thread unknown".to_owned();
    row[1] = text::count(older.seen);
    row[5] = older.at_least_ns.map_or_else(
        || "-".to_owned(),
        |age| format!("at least {}", text::duration(age)),
    );
    row[COLUMNS.len() - 1] = ends.join("; ");
    Some(row)
}

/// Connections of which another process closed this side than the one that opened them.
fn other_closer_row(summary: &Summary) -> Option<Vec<String>> {
    let closer = summary.other_process_closer.as_ref()?;
    let mut row = vec![String::new(); COLUMNS.len()];
    row[0] = "  this side closed by another process".to_owned();
    row[1] = text::count(summary.closed_by_other_process);
    row[COLUMNS.len() - 1] = format!(
        "the latest by pid {} thread {} \"{}\"",
        closer.pid, closer.tid, closer.comm
    );
    Some(row)
}

/// What was said first, where that was captured.
fn handshake_row(summary: &Summary) -> Option<Vec<String>> {
    let handshakes = summary.handshakes.as_ref()?;
    let mut row = vec![String::new(); COLUMNS.len()];
    row[0] = "  handshakes".to_owned();
    row[1] = text::count(handshakes.connections);
    row[COLUMNS.len() - 1] = handshakes::of_many(handshakes);
    Some(row)
}

fn row(label: String, summary: &Summary, zone: &TimeZone) -> Vec<String> {
    vec![
        label,
        text::count(summary.opened),
        text::rate(summary.per_second),
        optional(summary.gap.p50_ns, text::duration),
        optional(summary.gap.coefficient_of_variation, |cv| {
            format!("{cv:.2}")
        }),
        lived(&summary.established_for),
        closed_first(&summary.first_close),
        format!(
            "{} / {}",
            bytes(&summary.payload_out),
            bytes(&summary.payload_in)
        ),
        seen(summary, zone),
        outcomes(summary),
    ]
}

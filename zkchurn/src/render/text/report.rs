// SPDX-License-Identifier: MIT
//! The report: the answer, the table, what was lost and what was degraded.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use jiff::{Timestamp, tz::TimeZone};

use super::{loss_line, stream::time_of_day, style::Style};
use crate::{
    report::{FamilyRow, FirstCloses, Report, Spread, Summary},
    text,
};

/// Writes the whole report.
pub fn write(to: &mut impl Write, report: &Report, style: &Style, zone: &TimeZone) -> io::Result<()> {
    writeln!(to, "{}", style.bold(&report.answer))?;
    if !report.families.is_empty() {
        writeln!(to)?;
        write_table(to, report, zone)?;
    }
    writeln!(to)?;
    write_scope(to, report, zone)?;
    let loss = loss_line(&report.loss);
    if report.loss.kernel.is_none() && report.loss.undecodable_records == 0 {
        writeln!(to, "{loss}")?;
    } else {
        writeln!(to, "{}", style.warn(&loss))?;
    }
    for sentence in &report.degraded {
        writeln!(to, "{}", style.warn(&format!("degraded: {sentence}")))?;
    }
    Ok(())
}

fn write_scope(to: &mut impl Write, report: &Report, zone: &TimeZone) -> io::Result<()> {
    let trace = &report.trace;
    let ports: Vec<_> = trace.ports.iter().map(u16::to_string).collect();
    let pid = trace.pid.map_or_else(String::new, |pid| format!(", pid {pid} only"));
    writeln!(
        to,
        "traced: port {} on {} (Linux {}), {} side{pid}, {} to {} ({}), {} in all",
        ports.join(","),
        text::printable(trace.host.as_bytes()),
        text::printable(trace.kernel.as_bytes()),
        format!("{:?}", trace.side).to_lowercase(),
        moment(&trace.from, zone, true),
        moment(&trace.to, zone, false),
        text::window(trace.length_ns),
        text::counted(report.total.opened, "connection"),
    )
}

const COLUMNS: [(&str, CellAlignment); 12] = [
    ("PROCESS / THREAD", CellAlignment::Left),
    ("DESTINATION", CellAlignment::Left),
    ("COUNT", CellAlignment::Right),
    ("RATE", CellAlignment::Right),
    ("GAP p50", CellAlignment::Right),
    ("CV", CellAlignment::Right),
    ("LIVED p50/p99/max", CellAlignment::Right),
    ("CLOSED FIRST", CellAlignment::Left),
    ("OUTCOME", CellAlignment::Left),
    ("OUT", CellAlignment::Right),
    ("IN", CellAlignment::Right),
    ("FIRST - LAST", CellAlignment::Left),
];

fn write_table(to: &mut impl Write, report: &Report, zone: &TimeZone) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(COLUMNS.map(|(name, _)| name));
    for family in &report.families {
        for row in family_rows(family, zone) {
            table.add_row(row);
        }
    }
    for (index, (_, alignment)) in COLUMNS.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(*alignment);
            column.set_padding((0, 2));
        }
    }
    for line in table.lines() {
        writeln!(to, "{}", line.trim_end())?;
    }
    if report.families_left_out > 0 {
        let more = text::counted(report.families_left_out, "more process or destination");
        writeln!(to, "… {more} (--top shows more)")?;
    }
    Ok(())
}

/// A family of one thread is one row; a larger one is a row for the process and
/// one for each of its busiest threads.
fn family_rows(family: &FamilyRow, zone: &TimeZone) -> Vec<Vec<String>> {
    let process = match &family.process {
        Some(process) => format!("{} {}", process.pid, text::printable(process.label.as_bytes())),
        None => "remote host".to_owned(),
    };
    if let ([thread], false) = (family.threads.as_slice(), family.threads_left_out > 0) {
        let label = format!("{process} / {} \"{}\"", thread.tid, thread.comm);
        return vec![row(label, &family.destination, &family.summary, zone)];
    }
    let label = match family.thread_count {
        0 => process,
        count => format!("{process} / {}", text::counted(count, "thread")),
    };
    let mut rows = vec![row(label, &family.destination, &family.summary, zone)];
    for thread in &family.threads {
        let label = format!("    {} \"{}\"", thread.tid, thread.comm);
        rows.push(row(label, "", &thread.summary, zone));
    }
    if family.threads_left_out > 0 {
        let more = text::counted(family.threads_left_out, "more thread");
        rows.push(vec![format!("    … {more}")]);
    }
    rows
}

fn row(label: String, destination: &str, summary: &Summary, zone: &TimeZone) -> Vec<String> {
    vec![
        label,
        destination.to_owned(),
        text::count(summary.opened),
        text::rate(summary.per_second),
        optional(summary.gap.p50_ns, text::duration),
        optional(summary.gap.coefficient_of_variation, |cv| format!("{cv:.2}")),
        lived(&summary.established_for),
        closed_first(&summary.first_close),
        outcomes(summary),
        bytes(summary.payload_out.connections, summary.payload_out.min, summary.payload_out.max),
        bytes(summary.payload_in.connections, summary.payload_in.min, summary.payload_in.max),
        seen(summary, zone),
    ]
}

fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn lived(spread: &Spread) -> String {
    match (spread.p50_ns, spread.p99_ns, spread.max_ns) {
        (Some(p50), Some(p99), Some(max)) => format!(
            "{} / {} / {}",
            text::duration(p50),
            text::duration(p99),
            text::duration(max)
        ),
        _ => "-".to_owned(),
    }
}

fn closed_first(closes: &FirstCloses) -> String {
    let parts: Vec<_> = [("us", closes.us), ("peer", closes.peer), ("kernel", closes.kernel)]
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(who, count)| format!("{who} {}", text::count(*count)))
        .collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

/// The outcomes, most frequent first; a single one without its number.
fn outcomes(summary: &Summary) -> String {
    let mut outcomes: Vec<_> = summary.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut parts: Vec<_> = match outcomes.as_slice() {
        [(outcome, _)] => vec![outcome.label().to_owned()],
        many => many
            .iter()
            .map(|(outcome, count)| format!("{} {}", text::count(**count), outcome.label()))
            .collect(),
    };
    if summary.open > 0 {
        parts.push(format!("{} open", text::count(summary.open)));
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join("; ") }
}

fn bytes(connections: u64, min: u64, max: u64) -> String {
    match (connections, min == max) {
        (0, _) => "-".to_owned(),
        (_, true) => text::count(min),
        (_, false) => format!("{}-{}", text::count(min), text::count(max)),
    }
}

fn seen(summary: &Summary, zone: &TimeZone) -> String {
    match (&summary.first_seen, &summary.last_seen) {
        (Some(first), Some(last)) => {
            format!("{} - {}", moment(first, zone, false), moment(last, zone, false))
        }
        _ => "-".to_owned(),
    }
}

/// An RFC 3339 moment as a local time to the second, with or without the date.
fn moment(rfc3339: &str, zone: &TimeZone, with_date: bool) -> String {
    let Ok(timestamp) = rfc3339.parse::<Timestamp>() else {
        return rfc3339.to_owned();
    };
    if with_date {
        let local = timestamp.to_zoned(zone.clone());
        return local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    }
    let mut time = time_of_day(timestamp, zone);
    time.truncate("HH:MM:SS".len());
    time
}

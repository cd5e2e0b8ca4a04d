// SPDX-License-Identifier: MIT
//! The report on a server's log.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::Style;
use crate::{
    render::words::server_log::{COLUMNS, also, cells, in_words, log, moment, not_told, total},
    serverlog::{finding::Finding, report::Report},
    text,
};

/// Writes the report.
///
/// # Errors
///
/// What the output fails with.
pub fn write(to: &mut dyn Write, report: &Report, colour: bool) -> io::Result<()> {
    let style = Style::new(colour);
    for line in wrapped("", &report.answer) {
        writeln!(to, "{}", style.bold(&line))?;
    }
    if !report.addresses.is_empty() {
        writeln!(to)?;
        write_addresses(to, report, &style)?;
    }
    for finding in &report.findings {
        writeln!(to)?;
        write_finding(to, finding, &style)?;
    }
    if report.findings_left_out > 0 {
        let more = text::counted(report.findings_left_out, "more finding");
        writeln!(to, "\n… {more} (--top shows more)")?;
    }
    writeln!(to)?;
    write_total(to, report, &style)?;
    write_log(to, report, &style)
}

/// How the columns stand.
const ALIGNMENTS: [CellAlignment; COLUMNS.len()] = [
    CellAlignment::Left,
    CellAlignment::Right,
    CellAlignment::Right,
    CellAlignment::Right,
    CellAlignment::Right,
    CellAlignment::Left,
    CellAlignment::Left,
];

fn write_addresses(to: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(COLUMNS);
    for row in &report.addresses {
        table.add_row(cells(row));
    }
    for (index, alignment) in ALIGNMENTS.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(*alignment);
            column.set_padding((0, 2));
        }
    }
    // No cell holds a line break, so each row is one line, after the header's.
    let mut lines = table.lines();
    if let Some(header) = lines.next() {
        writeln!(to, "{}", style.bold(header.trim_end()))?;
    }
    for (line, row) in lines.zip(&report.addresses) {
        writeln!(to, "{}", line.trim_end())?;
        let also = also(&row.counts);
        if !also.is_empty() {
            for line in wrapped("    ", &also) {
                writeln!(to, "{}", style.dim(&line))?;
            }
        }
    }
    if report.addresses_left_out > 0 {
        let more = text::count(report.addresses_left_out);
        writeln!(to, "… {more} more addresses (--top shows more)")?;
    }
    for (words, counts) in [
        ("addresses beyond the table", &report.other_addresses),
        ("lines without an address", &report.without_address),
    ] {
        if !counts.is_empty() {
            writeln!(to, "{words}: {}", in_words(counts, |_| true))?;
        }
    }
    Ok(())
}

fn write_finding(to: &mut dyn Write, finding: &Finding, style: &Style) -> io::Result<()> {
    let confidence = finding.confidence.word();
    for line in wrapped("", &format!("{} ({confidence})", finding.sentence)) {
        writeln!(to, "{}", style.bold(&line))?;
    }
    for (name, words) in [
        ("  means        ", finding.means.as_str()),
        ("  cannot tell  ", finding.cannot_tell),
        ("  next         ", finding.next),
    ] {
        for line in wrapped(name, words) {
            writeln!(to, "{line}")?;
        }
    }
    Ok(())
}

/// Sentences in lines of 100 columns, behind a name.
fn wrapped(name: &str, words: &str) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(100_u16.saturating_sub(name.len() as u16));
    table.add_row([words]);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    let indent = " ".repeat(name.len());
    let lines = table.lines().enumerate();
    lines
        .map(|(number, line)| match number {
            0 => format!("{name}{}", line.trim_end()),
            _ => format!("{indent}{}", line.trim_end()),
        })
        .collect()
}

fn write_total(to: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    for line in wrapped("in all: ", &total(report)) {
        writeln!(to, "{line}")?;
    }
    if let Some(minute) = report.busiest_minute {
        let count = text::counted(minute.ended, "connection");
        writeln!(to, "busiest minute: {count} ended at {}", moment(minute.at))?;
    }
    for sentence in not_told(report) {
        write_warning(to, "not reported by this log: ", &sentence, style)?;
    }
    for note in &report.notes {
        write_warning(to, "incomplete: ", note, style)?;
    }
    Ok(())
}

fn write_warning(to: &mut dyn Write, name: &str, words: &str, style: &Style) -> io::Result<()> {
    for line in wrapped(name, words) {
        writeln!(to, "{}", style.warn(&line))?;
    }
    Ok(())
}

fn write_log(to: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    for line in wrapped("log: ", &log(report)) {
        writeln!(to, "{line}")?;
    }
    for file in &report.log.files {
        if let Some(error) = &file.error {
            let error = text::printable(error.as_bytes());
            let words = format!("{} was read in part: {error}", file.name);
            write_warning(to, "", &words, style)?;
        }
    }
    Ok(())
}

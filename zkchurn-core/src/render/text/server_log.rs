// SPDX-License-Identifier: MIT
//! The report on a server's log.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use super::{
    Page,
    findings::{self, Layout},
    wrap::wrapped,
};
use crate::{
    render::Options,
    render::words::server_log::{
        COLUMNS, also, cells, in_words, log, moment, total, unknown_counts,
    },
    serverlog::report::LogReport,
    text,
};

/// Writes the report.
///
/// # Errors
///
/// What the output fails with.
pub(super) fn write(to: &mut dyn Write, report: &LogReport, options: &Options) -> io::Result<()> {
    let page = &Page::of(options);
    for line in wrapped("", &report.answer, page.columns) {
        writeln!(to, "{}", page.style.bold(&line))?;
    }
    if !report.addresses.is_empty() {
        writeln!(to)?;
        write_addresses(to, report, page)?;
    }
    writeln!(to)?;
    // Few addresses are listed, so each finding is shown whole.
    let layout = Layout {
        whole: usize::MAX,
        columns: page.columns,
    };
    findings::write(to, &report.findings, &page.style, layout)?;
    if report.findings_left_out > 0 {
        let more = text::counted(report.findings_left_out, "more finding");
        writeln!(to, "… {more} (--top shows more)\n")?;
    }
    write_total(to, report, page)?;
    write_log(to, report, page)
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

fn write_addresses(to: &mut dyn Write, report: &LogReport, page: &Page) -> io::Result<()> {
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
        writeln!(to, "{}", page.style.bold(header.trim_end()))?;
    }
    for (line, row) in lines.zip(&report.addresses) {
        writeln!(to, "{}", line.trim_end())?;
        let also = also(&row.counts);
        if !also.is_empty() {
            for line in wrapped("    ", &also, page.columns) {
                writeln!(to, "{}", page.style.dim(&line))?;
            }
        }
    }
    if report.addresses_left_out > 0 {
        let more = text::counted(report.addresses_left_out, "more address");
        writeln!(to, "… {more} (--top shows more)")?;
    }
    for (words, counts) in [
        ("addresses over the limit", &report.other_addresses),
        ("lines without an address", &report.without_address),
    ] {
        if !counts.is_empty() {
            writeln!(to, "{words}: {}", in_words(counts, |_| true))?;
        }
    }
    Ok(())
}

fn write_total(to: &mut dyn Write, report: &LogReport, page: &Page) -> io::Result<()> {
    for line in wrapped("in all: ", &total(report), page.columns) {
        writeln!(to, "{line}")?;
    }
    if let Some(minute) = report.busiest_minute {
        let count = text::counted(minute.ended, "connection");
        writeln!(to, "busiest minute: {count} ended at {}", moment(minute.at))?;
    }
    for sentence in unknown_counts(report) {
        write_warning(to, "not reported by this log: ", &sentence, page)?;
    }
    for note in &report.notes {
        write_warning(to, "incomplete: ", note, page)?;
    }
    Ok(())
}

fn write_warning(to: &mut dyn Write, name: &str, words: &str, page: &Page) -> io::Result<()> {
    for line in wrapped(name, words, page.columns) {
        writeln!(to, "{}", page.style.warn(&line))?;
    }
    Ok(())
}

fn write_log(to: &mut dyn Write, report: &LogReport, page: &Page) -> io::Result<()> {
    for line in wrapped("log: ", &log(report), page.columns) {
        writeln!(to, "{line}")?;
    }
    for file in &report.log.files {
        if let Some(error) = &file.error {
            let error = text::printable(error.as_bytes());
            let words = format!("{} was read only in part: {error}", file.name);
            write_warning(to, "", &words, page)?;
        }
    }
    Ok(())
}

// SPDX-License-Identifier: MIT
//! The report on a server's log.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::Style;
use crate::{
    serverlog::{
        finding::{Confidence, Finding},
        kind::Kind,
        moment::Moment,
        report::{AddressRow, Minute, Report},
    },
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

const COLUMNS: [(&str, CellAlignment); 7] = [
    ("ADDRESS", CellAlignment::Left),
    ("ENDED", CellAlignment::Right),
    ("NO SESSION", CellAlignment::Right),
    ("RATE", CellAlignment::Right),
    ("BUSIEST MINUTE", CellAlignment::Right),
    ("FIRST", CellAlignment::Left),
    ("LAST", CellAlignment::Left),
];

fn write_addresses(to: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(COLUMNS.map(|(name, _)| name));
    for row in &report.addresses {
        table.add_row(cells(row));
    }
    for (index, (_, alignment)) in COLUMNS.iter().enumerate() {
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
        ("lines that tell no address", &report.without_address),
    ] {
        if !counts.is_empty() {
            writeln!(to, "{words}: {}", in_words(counts, |_| true))?;
        }
    }
    Ok(())
}

fn cells(row: &AddressRow) -> [String; 7] {
    let of = |kind: Kind| row.counts.get(kind.name()).copied().unwrap_or(0);
    let without = of(Kind::ClosedWithoutSession) + of(Kind::BrokenWithoutSession);
    [
        row.address.clone(),
        text::count(row.ended),
        text::count(without),
        row.per_second.map_or_else(String::new, text::rate),
        row.busiest_minute.map_or_else(String::new, busiest),
        row.first.map_or_else(String::new, moment),
        row.last.map_or_else(String::new, moment),
    ]
}

fn busiest(minute: Minute) -> String {
    let time = minute.at.date().time();
    format!(
        "{} at {}",
        text::count(minute.ended),
        time.strftime("%H:%M")
    )
}

fn moment(moment: Moment) -> String {
    moment.date().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// What has no column.
fn also(counts: &BTreeMap<&'static str, u64>) -> String {
    in_words(counts, |kind| {
        !matches!(
            kind,
            Kind::ClosedWithoutSession | Kind::BrokenWithoutSession
        )
    })
}

fn in_words(counts: &BTreeMap<&'static str, u64>, shown: impl Fn(Kind) -> bool) -> String {
    let words: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| shown(*kind))
        .filter_map(|kind| {
            let count = counts.get(kind.name())?;
            Some(format!("{} {}", text::count(*count), kind.words()))
        })
        .collect();
    words.join(", ")
}

fn write_finding(to: &mut dyn Write, finding: &Finding, style: &Style) -> io::Result<()> {
    let confidence = match finding.confidence {
        Confidence::Certain => "certain",
        Confidence::Likely => "likely",
        Confidence::Possible => "possible",
    };
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
    let known: BTreeMap<_, _> = report
        .total
        .iter()
        .filter_map(|(name, count)| Some((*name, (*count)?)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let words = match known.is_empty() {
        true => "nothing about clients".to_owned(),
        false => in_words(&known, |_| true),
    };
    for line in wrapped("in all: ", &words) {
        writeln!(to, "{line}")?;
    }
    if let Some(minute) = report.busiest_minute {
        let count = text::counted(minute.ended, "connection");
        writeln!(to, "busiest minute: {count} ended at {}", moment(minute.at))?;
    }
    let mut whys: Vec<_> = report.not_told.iter().map(|untold| untold.why).collect();
    whys.dedup();
    for why in whys {
        let of_this = report.not_told.iter().filter(|untold| untold.why == why);
        let words: Vec<_> = of_this.map(|untold| untold.kind.words()).collect();
        let words = format!("{} ({why})", words.join(", "));
        write_warning(to, "not told by this log: ", &words, style)?;
    }
    for note in &report.notes {
        write_warning(to, "told in part: ", note, style)?;
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
    let log = &report.log;
    let mut line = format!(
        "{} of {}, {} ({} of records, {} below them, {} empty, {} foreign, {} cut)",
        text::counted(log.files.len() as u64, "file"),
        text::counted(log.bytes, "byte"),
        text::counted(log.lines, "line"),
        text::count(log.records),
        text::count(log.continuations),
        text::count(log.blank),
        text::count(log.foreign),
        text::count(log.cut),
    );
    if let (Some(first), Some(last)) = (log.first, log.last) {
        let (first, last) = (moment(first), moment(last));
        line.push_str(&format!(", {first} to {last} of the server's clock"));
    }
    let versions = match log.versions.is_empty() {
        true => "ZooKeeper's version is not in it".to_owned(),
        false => format!("ZooKeeper {}", log.versions.join(", ")),
    };
    for line in wrapped("log: ", &format!("{line}; {versions}")) {
        writeln!(to, "{line}")?;
    }
    for file in &log.files {
        if let Some(error) = &file.error {
            let error = text::printable(error.as_bytes());
            let words = format!("{} was read in part: {error}", file.name);
            write_warning(to, "", &words, style)?;
        }
    }
    Ok(())
}

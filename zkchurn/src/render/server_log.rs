// SPDX-License-Identifier: MIT
//! The report on a server's log, as text and as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use comfy_table::{CellAlignment, Table, presets};

use super::{json, text::Style};
use crate::{
    serverlog::{
        finding::{Confidence, Finding},
        kind::Kind,
        moment::Moment,
        report::{AddressRow, Minute, Report},
    },
    text,
};

/// Writes one JSON object of type `serverlog`.
///
/// # Errors
///
/// What the output fails with; likewise below.
pub fn write_json(to: &mut impl Write, report: &Report) -> io::Result<()> {
    json::write_line(to, "serverlog", report)
}

/// Writes text.
pub fn write_text(to: &mut impl Write, report: &Report, colour: bool) -> io::Result<()> {
    let style = Style::new(colour);
    writeln!(to, "{}", style.bold(&report.answer))?;
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

fn write_addresses(to: &mut impl Write, report: &Report, style: &Style) -> io::Result<()> {
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
            writeln!(to, "    {}", style.dim(&also))?;
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

fn write_finding(to: &mut impl Write, finding: &Finding, style: &Style) -> io::Result<()> {
    let confidence = match finding.confidence {
        Confidence::Certain => "certain",
        Confidence::Likely => "likely",
        Confidence::Possible => "possible",
    };
    writeln!(to, "{} ({confidence})", style.bold(&finding.sentence))?;
    writeln!(to, "  means        {}", finding.means)?;
    writeln!(to, "  cannot tell  {}", finding.cannot_tell)?;
    writeln!(to, "  next         {}", finding.next)
}

fn write_total(to: &mut impl Write, report: &Report, style: &Style) -> io::Result<()> {
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
    writeln!(to, "in all: {words}")?;
    if let Some(minute) = report.busiest_minute {
        let count = text::counted(minute.ended, "connection");
        writeln!(to, "busiest minute: {count} ended at {}", moment(minute.at))?;
    }
    let mut whys: Vec<_> = report.not_told.iter().map(|untold| untold.why).collect();
    whys.dedup();
    for why in whys {
        let of_this = report.not_told.iter().filter(|untold| untold.why == why);
        let words: Vec<_> = of_this.map(|untold| untold.kind.words()).collect();
        let line = format!("not told by this log: {} ({why})", words.join(", "));
        writeln!(to, "{}", style.warn(&line))?;
    }
    for note in &report.notes {
        writeln!(to, "{}", style.warn(note))?;
    }
    Ok(())
}

fn write_log(to: &mut impl Write, report: &Report, style: &Style) -> io::Result<()> {
    let log = &report.log;
    let mut line = format!(
        "log: {} of {}, {} ({} of records, {} below them, {} empty, {} foreign, {} cut)",
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
    writeln!(to, "{line}; {versions}")?;
    for file in &log.files {
        if let Some(error) = &file.error {
            let error = text::printable(error.as_bytes());
            let line = format!("{} was read in part: {error}", file.name);
            writeln!(to, "{}", style.warn(&line))?;
        }
    }
    Ok(())
}

// SPDX-License-Identifier: MIT
//! Markdown for a ticket: the answer, the findings, the table, the evidence, and what was
//! lost. Single connections and intervals are left out; a ticket wants the end.

use std::io::{self, BufWriter, Write};

use jiff::tz::TimeZone;

use super::{
    ConnectionLine, Form, Options, Renderer,
    form::BUFFER,
    form::COLUMNS,
    text::{Page, suspect},
    words::{
        diff, explained, filtered,
        finding::{about, also, also_name, runs_in, title},
        hosts, loss, scope, server_log,
        summary::{bytes, closed_first, heading, lived, more_rows, optional, outcomes},
        time_wait,
    },
};
use crate::{
    diagnose::Finding,
    diff::Diff,
    doctor::{Check, Doctor, State},
    frame::TraceStart,
    hosts::Hosts,
    report::{FlowRow, IntervalSummary, Report, Summary, SuspectRow},
    serverlog,
    text::{clip, count, counted, duration, printable, rate},
    timewait::table::TimeWait,
};

/// For a ticket or a chat.
#[derive(Debug)]
pub(super) struct MarkdownForm;

impl Form for MarkdownForm {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn purpose(&self) -> &'static str {
        "The report alone, to paste into a ticket"
    }

    fn renderer(&self, to: Box<dyn Write>, options: Options) -> Box<dyn Renderer> {
        Box::new(Markdown {
            to: BufWriter::with_capacity(BUFFER, to),
            zone: options.zone,
        })
    }

    fn server_log(
        &self,
        to: &mut dyn Write,
        report: &serverlog::report::LogReport,
        _options: &Options,
    ) -> io::Result<()> {
        write_server_log(to, report)
    }

    fn doctor(&self, to: &mut dyn Write, doctor: &Doctor) -> io::Result<()> {
        write_doctor(to, doctor)
    }

    fn diff(&self, to: &mut dyn Write, diff: &Diff, options: &Options) -> io::Result<()> {
        write_diff(to, diff, &options.zone)
    }

    fn hosts(
        &self,
        to: &mut dyn Write,
        hosts: &Hosts,
        reports: &[Vec<u8>],
        options: &Options,
    ) -> io::Result<()> {
        write_hosts(to, hosts, reports, &options.zone)
    }
}

struct Markdown<W> {
    to: W,
    zone: TimeZone,
}

impl<W: Write> Renderer for Markdown<W> {
    fn start(&mut self, _start: &TraceStart) -> io::Result<()> {
        Ok(())
    }

    fn connection(&mut self, _line: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }

    fn shows_intervals(&self) -> bool {
        false
    }

    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        let to = &mut self.to;
        writeln!(to, "**{}**", inline(&report.answer))?;
        write_findings(to, &report.findings)?;
        if let Some(explained) = explained::line(report) {
            writeln!(to, "\n{explained}")?;
        }
        write_flows(to, report)?;
        for suspect in &report.suspects {
            write_suspect(to, suspect, &self.zone)?;
        }
        if let Some(table) = &report.time_wait {
            write_time_wait(to, table)?;
        }
        write_scope(to, report, &self.zone)
    }

    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        let to = &mut self.to;
        match &report.time_wait {
            Some(table) => write_time_wait(to, table)?,
            None => writeln!(to, "TIME_WAIT: the sockets were not listed")?,
        }
        write_scope(to, report, &self.zone)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Findings that are shown whole, and at all.
const WHOLE: usize = 4;
const SHOWN: usize = 20;
/// Bytes of a sentence that are shown: chat tools break longer lines.
const SENTENCE: usize = 400;

fn write_findings(to: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    for (index, finding) in findings.iter().take(SHOWN).enumerate() {
        let title = title(finding.title, finding.confidence);
        writeln!(to, "\n### {}. {title}\n", index + 1)?;
        writeln!(to, "{}", inline(&about(finding, "→")))?;
        if index < WHOLE {
            writeln!(to)?;
            write_evidence(to, finding)?;
        }
    }
    if let more @ 1.. = findings.len().saturating_sub(SHOWN) {
        writeln!(to, "\n… {}", counted(more as u64, "more finding"))?;
    }
    Ok(())
}

fn write_evidence(to: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let titles = finding.cannot_tell_from.iter();
    let alike: Vec<_> = titles
        .map(|name| format!("\"{}\" instead", name.title()))
        .collect();
    if let Some(places) = runs_in(finding) {
        item(to, "runs in", &places)?;
    }
    item(to, "what", &finding.summary)?;
    for (name, sentences) in [
        ("hosts", finding.who.host_lines().as_slice()),
        ("pids", finding.who.pid_lines().as_slice()),
        ("rhythm", finding.rhythm.as_slice()),
        ("for", &finding.reasons_for),
        ("against", &finding.reasons_against),
        ("could be", &alike),
        (also_name(finding), &also(finding)),
        ("confirm", &finding.would_decide),
        ("next", &finding.next),
    ] {
        for sentence in sentences {
            item(to, name, sentence)?;
        }
    }
    Ok(())
}

const FAMILY_COLUMNS: [&str; 10] = [
    "WHO AND WHERE TO",
    "THREAD",
    "COUNT",
    "RATE",
    "GAP p50",
    "CV",
    "LIVED p50 / p99 / max",
    "CLOSED FIRST",
    "BYTES OUT / IN",
    "OUTCOME",
];

fn write_flows(to: &mut dyn Write, report: &Report) -> io::Result<()> {
    if !report.flows.is_empty() {
        writeln!(to, "\n### Connections\n")?;
        let rows = report.flows.iter().flat_map(flow_rows);
        write_table(to, &FAMILY_COLUMNS, rows)?;
    }
    if report.flows_left_out > 0 {
        let more = more_rows(report.flows_left_out);
        writeln!(to, "\n… {more} (--top shows more)")?;
    }
    let bounded = report.aggregated_only.as_ref();
    for sentence in bounded.map(loss::aggregated_only).unwrap_or_default() {
        writeln!(to, "\n… {sentence}")?;
    }
    Ok(())
}

/// One row for all threads, and one for each of the busiest. The first names the flow.
fn flow_rows(flow: &FlowRow) -> Vec<Vec<String>> {
    let threads = flow.threads.iter().map(|thread| {
        let label = format!("{} {}", thread.tid, code(&thread.comm));
        row(label, &thread.summary)
    });
    let mut rows: Vec<_> = match flow.thread_count {
        1 => threads.collect(),
        many => {
            let whose = match many {
                0 => "-".to_owned(),
                many => format!("all {}", counted(many, "thread")),
            };
            let all = row(whose, &flow.summary);
            std::iter::once(all).chain(threads).collect()
        }
    };
    let older = &flow.summary.older;
    if older.seen > 0 {
        let label = "before start, thread unknown".to_owned();
        rows.push(vec![String::new(), label, count(older.seen)]);
    }
    if let Some(first) = rows.first_mut().and_then(|row| row.first_mut()) {
        *first = inline(&heading(flow));
    }
    rows
}

fn row(label: String, summary: &Summary) -> Vec<String> {
    let (sent, received) = (bytes(&summary.payload_out), bytes(&summary.payload_in));
    vec![
        String::new(),
        label,
        count(summary.opened),
        rate(summary.per_second),
        optional(summary.gap.p50_ns, duration),
        optional(summary.gap.coefficient_of_variation, |cv| {
            format!("{cv:.2}")
        }),
        lived(&summary.established_for),
        closed_first(&summary.first_close),
        format!("{sent} / {received}"),
        outcomes(summary),
    ]
}

/// The closer look as the text has it: commands, stacks and lines of logs are no prose.
fn write_suspect(to: &mut dyn Write, suspect: &SuspectRow, zone: &TimeZone) -> io::Result<()> {
    let mut text = Vec::new();
    let page = Page::new(false, zone, COLUMNS);
    suspect::write(&mut text, suspect, &page)?;
    let heading = format!("pid {} {}", suspect.pid, suspect.label);
    writeln!(to, "\n### {}\n", inline(&heading))?;
    fenced(to, &String::from_utf8_lossy(&text))
}

fn write_time_wait(to: &mut dyn Write, table: &TimeWait) -> io::Result<()> {
    writeln!(to, "\n### TIME\\_WAIT\n")?;
    writeln!(to, "{}", inline(&time_wait::sentence(table)))?;
    if table.groups.len() > 1 {
        writeln!(to)?;
        let rows = table.groups.iter().take(SHOWN).map(|group| {
            vec![
                count(group.count),
                inline(&time_wait::whose(&group.owner, group.threads)),
                group.remote.clone(),
                time_wait::left(group.first_left_ms, group.last_left_ms),
            ]
        });
        write_table(to, &["SOCKETS", "OWNER", "PEER", "GONE IN"], rows)?;
    }
    if !table.rows.is_empty() {
        writeln!(to)?;
    }
    for row in &table.rows {
        let owner = inline(&time_wait::owner(&row.owner));
        writeln!(to, "- {} → {}: {owner}", row.local, row.remote)?;
    }
    for note in &table.notes {
        writeln!(to, "\n{}", inline(note))?;
    }
    Ok(())
}

fn write_scope(to: &mut dyn Write, report: &Report, zone: &TimeZone) -> io::Result<()> {
    writeln!(to, "\n### What was traced, and what was lost\n")?;
    writeln!(to, "- {}", inline(&scope::traced(report, zone)))?;
    if let Some(filtered) = &report.filtered {
        writeln!(to, "- {}", inline(&filtered::sentence(filtered)))?;
    }
    writeln!(to, "- {}", loss::line(&report.loss))?;
    for sentence in &report.degraded {
        item(to, "degraded", sentence)?;
    }
    Ok(())
}

fn write_server_log(to: &mut dyn Write, report: &serverlog::report::LogReport) -> io::Result<()> {
    writeln!(to, "**{}**", inline(&report.answer))?;
    if !report.addresses.is_empty() {
        writeln!(to)?;
        let rows = report
            .addresses
            .iter()
            .map(|row| server_log::cells(row).to_vec());
        write_table(to, &server_log::COLUMNS, rows)?;
    }
    write_findings(to, &report.findings)?;
    writeln!(to)?;
    item(to, "in all", &server_log::total(report))?;
    for sentence in server_log::unknown_counts(report) {
        item(to, "not reported by this log", &sentence)?;
    }
    for note in &report.notes {
        item(to, "incomplete", note)?;
    }
    item(to, "log", &server_log::log(report))
}

fn write_diff(to: &mut dyn Write, compared: &Diff, zone: &TimeZone) -> io::Result<()> {
    writeln!(to, "**{}**", inline(&compared.verdict))?;
    if !compared.families.is_empty() {
        writeln!(to)?;
        let rows = compared.families.iter().take(diff::SHOWN).map(|family| {
            let cells = diff::cells(family);
            cells.iter().map(|cell| inline(cell)).collect()
        });
        write_table(to, &diff::COLUMNS, rows)?;
    }
    for line in diff::left_out(compared) {
        writeln!(to, "\n{}", inline(&line))?;
    }
    writeln!(to)?;
    for change in &compared.findings {
        let name = format!("finding {}", diff::class_of(change));
        item(to, &name, &diff::finding(change))?;
    }
    for note in &compared.notes {
        item(to, "note", note)?;
    }
    item(to, "before", &diff::trace(&compared.before, zone))?;
    item(to, "after", &diff::trace(&compared.after, zone))
}

fn write_hosts(
    to: &mut dyn Write,
    all: &Hosts,
    reports: &[Vec<u8>],
    zone: &TimeZone,
) -> io::Result<()> {
    writeln!(to, "**{}**\n", inline(&hosts::answer(all, zone)))?;
    let rows = all.hosts.iter().map(|row| {
        let cells = hosts::cells(row, zone);
        cells.iter().map(|cell| inline(cell)).collect()
    });
    write_table(to, &hosts::COLUMNS, rows)?;
    writeln!(to)?;
    item(to, "time", &hosts::common(all, zone))?;
    for note in &all.notes {
        item(to, "note", note)?;
    }
    for (row, report) in all.hosts.iter().zip(reports) {
        writeln!(to, "\n## Host {}\n", inline(&row.host))?;
        to.write_all(report)?;
    }
    Ok(())
}

fn write_doctor(to: &mut dyn Write, doctor: &Doctor) -> io::Result<()> {
    let verdict = match doctor.can_trace {
        true => "zkchurn can trace here.",
        false => "zkchurn cannot trace here.",
    };
    writeln!(to, "**{verdict}**\n")?;
    write_table(
        to,
        &["", "CHECK", "FOUND", "FOLLOWS", "FIX"],
        doctor.checks.iter().map(check),
    )?;
    writeln!(to)?;
    let capabilities = doctor.capabilities.iter().map(|row| {
        let held = if row.held { "held" } else { "not held" };
        vec![
            held.to_owned(),
            row.name.to_owned(),
            row.asked_by.to_owned(),
            row.purpose.to_owned(),
        ]
    });
    write_table(to, &["", "CAPABILITY", "FOR", "PURPOSE"], capabilities)
}

fn check(check: &Check) -> Vec<String> {
    let state = match check.state {
        State::Ok => "ok",
        State::Degraded => "degraded",
        State::NotPermitted | State::Unsupported => "MISSING",
        State::Unknown => "unknown",
    };
    let sentence = |words: &Option<String>| inline(words.as_deref().unwrap_or_default());
    vec![
        state.to_owned(),
        check.name.to_owned(),
        inline(&check.found),
        sentence(&check.consequence),
        sentence(&check.fix),
    ]
}

fn item(to: &mut dyn Write, name: &str, sentence: &str) -> io::Result<()> {
    writeln!(to, "- *{name}* {}", inline(&clip(sentence, SENTENCE)))
}

/// Rows may be shorter than the header. Cells are escaped already, but for the bar.
fn write_table(
    to: &mut dyn Write,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> io::Result<()> {
    writeln!(to, "| {} |", columns.join(" | "))?;
    writeln!(to, "|{}", " --- |".repeat(columns.len()))?;
    for mut row in rows {
        row.resize(columns.len(), String::new());
        writeln!(to, "| {} |", row.join(" | "))?;
    }
    Ok(())
}

/// Words of anybody as plain text: one line, no markup, no mark that ends a cell.
fn inline(words: &str) -> String {
    let words = printable(words.as_bytes());
    let mut escaped = String::with_capacity(words.len());
    for character in words.chars() {
        if matches!(
            character,
            '\\' | '`' | '*' | '_' | '|' | '<' | '>' | '[' | ']' | '~' | '#'
        ) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A name as code. A backtick cannot be escaped in there, so it becomes a quote.
fn code(name: &str) -> String {
    let name = printable(name.as_bytes()).replace('`', "'");
    format!("`{}`", name.replace('|', "\\|"))
}

/// A block of lines as they are, in a fence that none of them closes.
fn fenced(to: &mut dyn Write, lines: &str) -> io::Result<()> {
    let longest = lines.split(|mark| mark != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    writeln!(to, "{fence}text\n{}\n{fence}", lines.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_are_neither_markup_nor_cells_nor_lines() {
        assert_eq!(
            inline("a|b `c` *d* [e](f)\n<g>"),
            r"a\|b \`c\` \*d\* \[e\](f)\\u{a}\<g\>"
        );
        assert_eq!(code("pool`1|2\n"), r"`pool'1\|2\u{a}`");
    }

    #[test]
    fn a_sentence_that_quotes_a_long_line_is_cut() {
        let mut line = Vec::new();
        item(&mut line, "for", &"x".repeat(10_000)).unwrap();
        assert!(line.len() < 2 * SENTENCE, "{}", line.len());
    }

    #[test]
    fn no_line_closes_the_fence_around_it() {
        let mut block = Vec::new();
        fenced(&mut block, "a\n````\nb\n").unwrap();
        let block = String::from_utf8(block).unwrap();
        assert_eq!(block, "`````text\na\n````\nb\n`````\n");
    }

    #[test]
    fn every_row_has_all_cells() {
        let mut table = Vec::new();
        write_table(&mut table, &["A", "B"], [vec!["1".to_owned()]]).unwrap();
        let table = String::from_utf8(table).unwrap();
        assert_eq!(table, "| A | B |\n| --- | --- |\n| 1 |  |\n");
    }
}

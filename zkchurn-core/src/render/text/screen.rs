// SPDX-License-Identifier: MIT
//! The first screen: the answer in at most 23 lines, so that it stands on a terminal of
//! 24 lines when the prompt is back.
//!
//! The worst finding whole, a line for each further one, and of losses and limitations
//! what bears on them. All else is below `--details`.

use std::{
    io::{self, Write},
    iter,
};

use super::{Page, cell::clip, style::Style, wrap::wrapped};
use crate::{
    diagnose::{Confidence, Finding},
    render::words::{
        finding::{about, title},
        loss, time_wait,
    },
    report::Report,
    text::{self, printable},
    timewait::owner_row::OwnerRow,
};

/// Lines of a terminal of 24, less the prompt's.
const LINES: usize = 23;
/// Narrower than this nothing can be read.
const NARROWEST: u16 = 40;
/// Longer lines are hard to read.
const READABLE: u16 = 100;
/// Bytes of a sentence that are shown: it may quote a line of a log.
const SENTENCE: usize = 400;
/// Lines of a section at most: the largest with which all of them fit.
const SECTION: [usize; 3] = [4, 3, 2];
/// Limitations that are shown where nothing was found.
const LIMITATIONS: usize = 2;
/// Further findings that have a line each, where there is room.
const FURTHER: usize = 5;

/// Writes it.
pub fn write(to: &mut impl Write, report: &Report, page: &Page) -> io::Result<()> {
    let style = &page.style;
    let columns = page.columns.clamp(NARROWEST, READABLE);
    let Some((first, further)) = report.findings.split_first() else {
        return without_finding(to, report, style, columns);
    };
    let heading = wrapped("", &title(first.title, first.confidence), columns);
    let foot = foot(report, columns);
    let taken = heading.len() + foot.len() + usize::from(!further.is_empty());
    let mut lines = Vec::new();
    for most in SECTION {
        lines = finding(report, first, most, columns);
        if lines.len() + taken <= LINES {
            break;
        }
    }
    let room = LINES.saturating_sub(lines.len() + heading.len() + foot.len());
    lines.extend(further_lines(further, room.max(1), columns));
    for heading in &heading {
        writeln!(to, "{}", style.finding(first, heading))?;
    }
    write_lines(to, &lines)?;
    write_lines(to, &foot)
}

/// Who, where to, what was seen, the proof, and what to do.
fn finding(report: &Report, finding: &Finding, most: usize, columns: u16) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |name: &str, sentences: &[&str]| {
        lines.extend(section(name, sentences, most, columns));
    };
    add("who", &[&finding.who.words]);
    if !finding.destinations.is_empty() {
        add("to", &[&finding.destinations.join(", ")]);
    }
    add("what", &[&finding.summary]);
    add("seen", &[&seen(finding)]);
    if let Some(sockets) = sockets(report, finding) {
        add("", &[&sockets]);
    }
    add("proof", &strings(&finding.reasons_for));
    if finding.confidence != Confidence::Certain {
        add("but", &strings(&finding.reasons_against));
    }
    if let Some(lookalikes) = lookalikes(finding) {
        add("or", &[&lookalikes]);
    }
    add("do", &strings(&finding.next));
    lines
}

fn strings(sentences: &[String]) -> Vec<&str> {
    sentences.iter().map(String::as_str).collect()
}

/// The numbers, and the rhythm.
fn seen(finding: &Finding) -> String {
    let rhythm = finding
        .rhythm
        .as_ref()
        .map(|rhythm| format!("rhythm {rhythm}"));
    let parts = finding.seen.iter().cloned().chain(rhythm);
    parts.collect::<Vec<_>>().join("; ")
}

/// Which of the TIME_WAIT sockets are of these connections.
fn sockets(report: &Report, finding: &Finding) -> Option<String> {
    let table = report.time_wait.as_ref()?;
    let pid = finding.who.pid?;
    let is_theirs =
        |owner: &OwnerRow| matches!(owner, OwnerRow::Traced { pid: of, .. } if *of == pid);
    let owners = table.owners.iter().filter(|one| is_theirs(&one.owner));
    let theirs: u64 = owners.map(|one| one.count).sum();
    (theirs > 0).then(|| {
        format!(
            "{} of {} are this process's",
            text::count(theirs),
            text::counted(table.total, "TIME_WAIT socket")
        )
    })
}

/// What else it may be, and what would decide.
fn lookalikes(finding: &Finding) -> Option<String> {
    let kinds = finding.cannot_tell_from.iter();
    let kinds: Vec<_> = kinds.map(|kind| format!("\"{}\"", kind.title())).collect();
    if kinds.is_empty() {
        return None;
    }
    let mut sentence = format!("it may be {}", kinds.join(" or "));
    if let Some(decides) = finding.would_decide.first() {
        sentence.push_str(&format!("; what decides: {decides}"));
    }
    Some(sentence)
}

/// Sentences behind a name, in at most `most` lines.
fn section(name: &str, sentences: &[&str], most: usize, columns: u16) -> Vec<String> {
    let names = iter::once(name).chain(iter::repeat(""));
    let mut lines: Vec<_> = names
        .zip(sentences)
        .flat_map(|(name, sentence)| {
            let sentence = printable(text::clip(sentence, SENTENCE).as_bytes());
            wrapped(&format!("  {name:<6} "), &sentence, columns)
        })
        .collect();
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = clip(&format!("{last} …"), usize::from(columns));
        }
    }
    lines
}

/// A line each for the other findings, as far as there is room.
fn further_lines(findings: &[Finding], room: usize, columns: u16) -> Vec<String> {
    let shown = match findings.len() <= room.min(FURTHER) {
        true => findings.len(),
        false => room.min(FURTHER).saturating_sub(1),
    };
    let mut lines: Vec<_> = findings
        .iter()
        .take(shown)
        .map(|finding| {
            let about = about(finding, "->");
            clip(
                &format!(
                    "  also   {}: {about}",
                    title(finding.title, finding.confidence)
                ),
                usize::from(columns),
            )
        })
        .collect();
    if let more @ 1.. = findings.len() - shown {
        let more = text::counted(more as u64, "more finding");
        lines.push(format!("  also   {more} (--details)"));
    }
    lines
}

/// What was traced and lost, what limits it, and where there is more.
fn foot(report: &Report, columns: u16) -> Vec<String> {
    let trace = &report.trace;
    let ports: Vec<_> = trace.ports.iter().map(u16::to_string).collect();
    let pid = trace
        .pid
        .map_or_else(String::new, |pid| format!(", pid {pid} only"));
    let traced = format!(
        "Port {}, {} side{pid}, {}: {} in all; {}.",
        ports.join(","),
        trace.side.word(),
        text::window(trace.length_ns),
        text::counted(report.total.opened, "connection"),
        loss::in_short(&report.loss),
    );
    let mut lines = wrapped("", &traced, columns);
    let limitations = match report.degraded.len() as u64 {
        0 => String::new(),
        count => format!(" ({})", text::counted(count, "limitation")),
    };
    let more = format!("More: --details{limitations}, or --format markdown for the ticket.");
    lines.push(clip(&more, usize::from(columns)));
    lines
}

/// Nothing is wrong, or nothing was seen.
fn without_finding(
    to: &mut impl Write,
    report: &Report,
    style: &Style,
    columns: u16,
) -> io::Result<()> {
    for line in wrapped("", &report.answer, columns) {
        writeln!(to, "{}", style.bold(&line))?;
    }
    if let Some(table) = report.time_wait.as_ref().filter(|table| table.total > 0) {
        write_lines(to, &wrapped("", &time_wait::sentence(table), columns))?;
    }
    // They may be why nothing was seen.
    for sentence in report.degraded.iter().take(LIMITATIONS) {
        let sentence = format!("Limitation: {}", printable(sentence.as_bytes()));
        for line in wrapped("", &sentence, columns) {
            writeln!(to, "{}", style.warn(&line))?;
        }
    }
    write_lines(to, &foot(report, columns))
}

fn write_lines(to: &mut impl Write, lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(to, "{line}")?;
    }
    Ok(())
}

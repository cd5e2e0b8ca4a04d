// SPDX-License-Identifier: MIT
//! The findings, worst first, each with its evidence.

use std::io::{self, Write};

use super::{style::Style, wrap::wrapped};
use crate::{
    diagnose::Finding,
    render::words::finding::{about, also, also_name, runs_in, title},
    text::{self, clip, printable},
};

/// How findings are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// So many are shown whole; of the others the title is enough.
    pub whole: usize,
    /// Columns that sentences are wrapped to.
    pub columns: u16,
}

/// Findings that are shown at all.
const SHOWN: usize = 20;
/// Bytes of a reason that are shown: it may quote a line of a log.
const REASON_SHOWN: usize = 400;

/// Writes them, with a blank line after each.
pub(super) fn write(
    to: &mut dyn Write,
    findings: &[Finding],
    style: &Style,
    layout: Layout,
) -> io::Result<()> {
    for (index, finding) in findings.iter().take(SHOWN).enumerate() {
        write_heading(to, index + 1, finding, style, layout.columns)?;
        if index < layout.whole {
            write_evidence(to, finding, layout)?;
            writeln!(to)?;
        }
    }
    if let more @ 1.. = findings.len().saturating_sub(SHOWN) {
        let more = text::counted(more as u64, "more finding");
        writeln!(to, "… {more} (--format json has them)")?;
    }
    if findings.len() > layout.whole {
        writeln!(to)?;
    }
    Ok(())
}

fn write_heading(
    to: &mut dyn Write,
    number: usize,
    finding: &Finding,
    style: &Style,
    columns: u16,
) -> io::Result<()> {
    let title = title(finding.title, finding.confidence);
    let title = format!("{number}. {title}");
    let about = about(finding, "->");
    let length = title.chars().count() + 2 + about.chars().count();
    let title = style.finding(finding, &title);
    if length <= usize::from(columns) {
        return writeln!(to, "{title}: {about}");
    }
    writeln!(to, "{title}:")?;
    for line in wrapped("   ", &about, columns) {
        writeln!(to, "{line}")?;
    }
    Ok(())
}

fn write_evidence(to: &mut dyn Write, finding: &Finding, layout: Layout) -> io::Result<()> {
    let line = |to: &mut dyn Write, name: &str, value: &str| line(to, name, value, layout);
    let lines = |to: &mut dyn Write, name: &str, values: &[String]| lines(to, name, values, layout);
    if let Some(places) = runs_in(finding) {
        line(to, "runs in", &places)?;
    }
    lines(to, "hosts", &finding.who.host_lines())?;
    lines(to, "pids", &finding.who.pid_lines())?;
    line(to, "what", &finding.summary)?;
    if let Some(rhythm) = &finding.rhythm {
        line(to, "rhythm", rhythm)?;
    }
    lines(to, "for", &finding.reasons_for)?;
    lines(to, "against", &finding.reasons_against)?;
    let lookalikes: Vec<_> = finding
        .cannot_tell_from
        .iter()
        .map(|name| format!("\"{}\"", name.title()))
        .collect();
    if !lookalikes.is_empty() {
        let others = format!("{} instead", lookalikes.join(" or "));
        line(to, "could be", &others)?;
    }
    lines(to, also_name(finding), &also(finding))?;
    lines(to, "confirm", &finding.would_decide)?;
    lines(to, "next", &finding.next)
}

/// The name stands before the first line only.
fn lines(to: &mut dyn Write, name: &str, values: &[String], layout: Layout) -> io::Result<()> {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    for (name, value) in names.zip(values) {
        line(to, name, value, layout)?;
    }
    Ok(())
}

fn line(to: &mut dyn Write, name: &str, value: &str, layout: Layout) -> io::Result<()> {
    let value = printable(clip(value, REASON_SHOWN).as_bytes());
    let name = format!("   {name:<8} ");
    for line in wrapped(&name, &value, layout.columns) {
        writeln!(to, "{line}")?;
    }
    Ok(())
}

// SPDX-License-Identifier: MIT
//! The findings, worst first, each with its evidence.

use std::io::{self, Write};

use super::style::Style;
use crate::{
    diagnose::{Confidence, Finding, Severity, rules},
    text::{self, clip, printable},
};

/// Findings that are shown whole; of the others the title is enough.
const WHOLE: usize = 4;
/// Findings that are shown at all.
const SHOWN: usize = 20;
/// Bytes of a reason that are shown: it may quote a line of a log.
const REASON_SHOWN: usize = 400;

/// Writes them, with a blank line after each.
pub fn write(to: &mut impl Write, findings: &[Finding], style: &Style) -> io::Result<()> {
    for (index, finding) in findings.iter().take(SHOWN).enumerate() {
        write_heading(to, index + 1, finding, style)?;
        if index < WHOLE {
            write_evidence(to, finding)?;
            writeln!(to)?;
        }
    }
    if let more @ 1.. = findings.len().saturating_sub(SHOWN) {
        let more = text::counted(more as u64, "more finding");
        writeln!(to, "… {more} (--format json has them)")?;
    }
    if findings.len() > WHOLE {
        writeln!(to)?;
    }
    Ok(())
}

fn write_heading(
    to: &mut impl Write,
    number: usize,
    finding: &Finding,
    style: &Style,
) -> io::Result<()> {
    let title = format!(
        "{number}. {} ({})",
        finding.title,
        finding.confidence.word()
    );
    let title = match (finding.severity, finding.confidence) {
        (Severity::Broken, Confidence::Certain | Confidence::Likely) => style.alarm(&title),
        (Severity::Harmless, _) => style.bold(&title),
        _ => style.warn(&title),
    };
    writeln!(
        to,
        "{title}: {} -> {}, {}",
        finding.who.words,
        finding.destinations.join(", "),
        text::counted(finding.connections, "connection")
    )
}

fn write_evidence(to: &mut impl Write, finding: &Finding) -> io::Result<()> {
    line(to, "what", &finding.summary)?;
    if let Some(rhythm) = &finding.rhythm {
        line(to, "rhythm", rhythm)?;
    }
    lines(to, "for", &finding.reasons_for)?;
    lines(to, "against", &finding.reasons_against)?;
    let twins: Vec<_> = finding
        .cannot_tell_from
        .iter()
        .map(|name| {
            let title = rules::title(*name).unwrap_or(name.id());
            format!("\"{title}\"")
        })
        .collect();
    if !twins.is_empty() {
        line(
            to,
            "or",
            &format!("it cannot be distinguished from {}", twins.join(" and ")),
        )?;
    }
    lines(to, "decides", &finding.would_decide)?;
    lines(to, "next", &finding.next)
}

/// The name stands before the first line only.
fn lines(to: &mut impl Write, name: &str, values: &[String]) -> io::Result<()> {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    for (name, value) in names.zip(values) {
        line(to, name, value)?;
    }
    Ok(())
}

fn line(to: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    let value = printable(clip(value, REASON_SHOWN).as_bytes());
    writeln!(to, "   {name:<8} {value}")
}

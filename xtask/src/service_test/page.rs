// SPDX-License-Identifier: MIT
//! The table in docs/measurements/agent.md.

use std::fmt::Write as _;

use anyhow::Result;

use super::facts::Facts;
use super::usage::Usage;
use crate::marked;

const PAGE: &str = "docs/measurements/agent.md";
const BEGIN: &str = "<!-- cargo xtask service-test --hour --write renews this -->\n";

/// The table as Markdown.
pub(super) fn lines(facts: &Facts) -> Result<String> {
    let of = |name| Usage::of(facts, name);
    let parts = [
        (of("quiet from")?, of("quiet to")?),
        (of("checked from")?, of("checked to")?),
        (of("busy from")?, of("busy to")?),
    ];
    let spans = parts.each_ref().map(|(from, to)| to.since(from));
    let ends = parts.each_ref().map(|(_, to)| to);
    let mut text = "| | goal | quiet, minutes 5 to 20 | a health check a minute, 22 to 40 | \
                    busy, 45 to 58 |\n|---|---|---|---|---|\n"
        .to_owned();
    let mut row = |what: &str, goal: &str, cells: [String; 3]| {
        let _ = writeln!(text, "| {what} | {goal} | {} |", cells.join(" | "));
    };
    row(
        "wake-ups a second, all processes",
        "below 2",
        spans
            .each_ref()
            .map(|span| format!("{:.2}", span.wakeups_per_second)),
    );
    row(
        "processor, of one, at the guest's 0.5 instructions a nanosecond",
        "0.05 % on a real one",
        spans
            .each_ref()
            .map(|span| format!("{:.3} %", span.cpu_percent)),
    );
    row(
        "resident memory of the one that traces, and the most ever",
        "20 MB",
        ends.map(|end| {
            format!(
                "{} and {} MB",
                mb(end.main.resident_kib),
                mb(end.main.peak_kib)
            )
        }),
    );
    row(
        "memory of all processes, shared pages counted once (Pss)",
        "–",
        ends.map(|end| {
            format!(
                "{} MB, {} processes",
                mb(end.shares_kib()),
                end.processes.len()
            )
        }),
    );
    row(
        "memory of the control group at most, with its files",
        "256 MiB (MemoryMax)",
        ends.map(|end| format!("{} MB", mb(end.group_peak / 1024))),
    );
    row(
        "segments on disk",
        "256 MiB",
        ends.map(|end| format!("{} KiB", end.segments / 1024)),
    );
    row(
        "incidents on disk",
        "256 MiB",
        ends.map(|end| format!("{} KiB", end.incidents / 1024)),
    );
    let [.., (_, busy)] = &parts;
    let helpers: Vec<_> = busy
        .processes
        .values()
        .map(|one| format!("{} {} MB", one.name, mb(one.share_kib)))
        .collect();
    let _ = writeln!(
        text,
        "\nIts processes at minute 58, by Pss: {}.",
        helpers.join(", ")
    );
    let _ = writeln!(
        text,
        "{}, kernel {}.",
        facts.get("systemd").lines().next().unwrap_or_default(),
        facts.get("release").trim()
    );
    Ok(text)
}

/// Millions of bytes.
fn mb(kib: u64) -> String {
    let tenths = (kib * 1024 + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Puts it in the place of the last one.
pub(super) fn write(lines: &str) -> Result<()> {
    marked::renew(PAGE, BEGIN, lines)
}

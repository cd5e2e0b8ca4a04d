// SPDX-License-Identifier: MIT
//! What was traced, in words.

use jiff::tz::TimeZone;

use super::moment::span;
use crate::{report::Report, text};

/// Ports, host, side and time of a trace.
pub(crate) fn traced(report: &Report, zone: &TimeZone) -> String {
    let trace = &report.trace;
    let pid = trace
        .only()
        .map_or_else(String::new, |only| format!(", {only} only"));
    format!(
        "traced: {} on {} (Linux {}), {}{pid}, {} ({}), {} in all{}{}",
        text::ports(&trace.ports),
        text::printable(trace.host.as_bytes()),
        text::printable(trace.kernel.as_bytes()),
        trace.side.words(),
        span(&trace.from, &trace.to, zone),
        text::window(trace.length_ns),
        connections(report),
        half_closed(report),
        both_here(report),
    )
}

/// New connections, and those that were open when the trace began.
pub(crate) fn connections(report: &Report) -> String {
    let opened = text::counted(report.total.opened, "connection");
    match report.total.older.seen {
        0 => opened,
        older => format!("{opened} and {} older", text::count(older)),
    }
}

/// Those that one side has closed, and whose sockets were still there: most count as ended.
pub(crate) fn half_closed(report: &Report) -> String {
    let total = &report.total;
    let older = &total.older;
    match total.half_closed + older.half_closed + older.half_closed_before {
        0 => String::new(),
        some => format!(", {} half-closed at the end", text::count(some)),
    }
}

/// Connections of which both ends are on this host.
fn both_here(report: &Report) -> String {
    match report.both_ends_here {
        0 => String::new(),
        both => format!(
            "; {} with both ends on this host, counted once",
            text::count(both)
        ),
    }
}

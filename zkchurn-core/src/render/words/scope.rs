// SPDX-License-Identifier: MIT
//! What was traced, in words.

use jiff::tz::TimeZone;

use super::moment::moment;
use crate::{frame::Sides, report::Report, text};

/// The traced sides.
pub(crate) fn sides(sides: Sides) -> &'static str {
    match sides {
        Sides::Client => "client side",
        Sides::Server => "server side",
        Sides::Both => "both sides",
    }
}

/// Ports, host, side and time of a trace.
pub(crate) fn traced(report: &Report, zone: &TimeZone) -> String {
    let trace = &report.trace;
    let ports: Vec<_> = trace.ports.iter().map(u16::to_string).collect();
    let pid = trace
        .only()
        .map_or_else(String::new, |only| format!(", {only} only"));
    format!(
        "traced: port {} on {} (Linux {}), {}{pid}, {} to {} ({}), {} in all{}",
        ports.join(","),
        text::printable(trace.host.as_bytes()),
        text::printable(trace.kernel.as_bytes()),
        sides(trace.side),
        moment(&trace.from, zone, true),
        moment(&trace.to, zone, false),
        text::window(trace.length_ns),
        text::counted(report.total.opened, "connection"),
        both_here(report),
    )
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

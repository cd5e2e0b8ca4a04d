// SPDX-License-Identifier: MIT
//! What was traced, in words.

use jiff::tz::TimeZone;

use super::moment::moment;
use crate::{report::Report, text};

/// Ports, host, side and time of a trace.
pub fn traced(report: &Report, zone: &TimeZone) -> String {
    let trace = &report.trace;
    let ports: Vec<_> = trace.ports.iter().map(u16::to_string).collect();
    let pid = trace
        .pid
        .map_or_else(String::new, |pid| format!(", pid {pid} only"));
    format!(
        "traced: port {} on {} (Linux {}), {} side{pid}, {} to {} ({}), {} in all",
        ports.join(","),
        text::printable(trace.host.as_bytes()),
        text::printable(trace.kernel.as_bytes()),
        trace.side.word(),
        moment(&trace.from, zone, true),
        moment(&trace.to, zone, false),
        text::window(trace.length_ns),
        text::counted(report.total.opened, "connection"),
    )
}

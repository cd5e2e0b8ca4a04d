// SPDX-License-Identifier: MIT
//! How many of the ended connections each finding explains.

use crate::{
    report::Report,
    text::{count, counted},
};

/// Findings that are named one by one.
const NAMED: usize = 9;

/// A line, where one finding does not explain them all.
pub(crate) fn line(report: &Report) -> Option<String> {
    let explained = report.findings.iter().zip(1..);
    let explained = explained.filter_map(|(finding, number)| {
        let connections = finding.explains.filter(|connections| *connections > 0)?;
        Some((number, connections))
    });
    let explained: Vec<(u64, u64)> = explained.collect();
    if explained.is_empty() || (explained.len() == 1 && report.not_explained == 0) {
        return None;
    }
    let named = explained.iter().take(NAMED);
    let mut parts: Vec<_> = named
        .map(|(number, connections)| format!("{} by {number}", count(*connections)))
        .collect();
    let others = explained.iter().skip(NAMED);
    let others: u64 = others.map(|(_, connections)| connections).sum();
    if others > 0 {
        parts.push(format!("{} by the others", count(others)));
    }
    if report.not_explained > 0 {
        parts.push(format!("{} by none", count(report.not_explained)));
    }
    let ended = counted(report.total.ended, "connection");
    Some(format!("{ended} ended; explained: {}", parts.join(", ")))
}

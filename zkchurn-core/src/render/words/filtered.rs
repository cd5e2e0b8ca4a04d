// SPDX-License-Identifier: MIT
//! What was filtered out, in words.

use crate::{
    filter::Filtered,
    text::{clip, count, counted, printable},
};

/// Bytes of a filter that are shown.
const SHOWN: usize = 200;

/// `Filter process:java: 12 connections filtered out (3 undecided), 1 finding filtered out.`
pub(crate) fn sentence(filtered: &Filtered) -> String {
    let undecided = match filtered.undecided {
        0 => String::new(),
        undecided => format!(
            " ({} undecided: too little is known of them)",
            count(undecided)
        ),
    };
    let findings = match filtered.findings {
        0 => String::new(),
        findings => format!(" and {}", counted(findings, "finding")),
    };
    format!(
        "Filter {}: {}{undecided}{findings} filtered out.",
        printable(clip(&filtered.filter, SHOWN).as_bytes()),
        counted(filtered.connections, "connection"),
    )
}

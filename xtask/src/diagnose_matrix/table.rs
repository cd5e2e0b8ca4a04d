// SPDX-License-Identifier: MIT
//! The confusion table: kind × finding.

use std::fmt::Write as _;

use super::outcome::{Found, Outcome};

/// The table for a terminal.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut lines = format!("{:26} {:>5}  FINDINGS\n", "KIND", "CONN");
    for outcome in outcomes {
        let found = outcome
            .found
            .as_deref()
            .map_or_else(|| "-".to_owned(), shown);
        let _ = writeln!(
            lines,
            "{:26} {:>5}  {found}",
            outcome.kind.name, outcome.connections
        );
    }
    lines
}

/// The table for docs/diagnose-matrix.md.
pub fn document(outcomes: &[Outcome]) -> String {
    text(outcomes)
}

fn shown(found: &[Found]) -> String {
    let one = |one: &Found| format!("{} ({})", one.name, letter(&one.confidence));
    found.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn letter(confidence: &str) -> &str {
    match confidence {
        "certain" => "C",
        "likely" => "L",
        "possible" => "P",
        other => other,
    }
}

// SPDX-License-Identifier: MIT
//! What `zkchurn doctor` found.

use std::io::{self, Write};

use crate::doctor::{AfterLoading, Check, Doctor, State};

/// Writes the checks, the capabilities, and what follows.
///
/// # Errors
///
/// What the output fails with.
pub(super) fn write(to: &mut dyn Write, doctor: &Doctor) -> io::Result<()> {
    for check in &doctor.checks {
        let mark = match check.state {
            State::Ok => "ok      ",
            State::Degraded => "degraded",
            State::NotPermitted | State::Unsupported => "MISSING ",
            State::Unknown => "unknown ",
        };
        writeln!(to, "{mark}  {:<24} {}", check.name, check.found)?;
        if let Some(consequence) = &check.consequence {
            writeln!(to, "{:>10}{:<24} {consequence}", "", "")?;
        }
        if let Some(fix) = &check.fix {
            writeln!(to, "{:>10}{:<24} fix: {fix}", "", "")?;
        }
    }
    writeln!(
        to,
        "\ncapabilities that zkchurn uses, and what for; it drops all others once it traces:"
    )?;
    for row in &doctor.capabilities {
        let mark = if row.held { "held    " } else { "not held" };
        let fate = match row.after_loading {
            AfterLoading::Dropped => "; dropped after loading",
            AfterLoading::Kept => "",
            AfterLoading::Apart => "; effective only while needed",
        };
        let (name, asked_by, purpose) = (row.name, row.asked_by, row.purpose);
        writeln!(to, "{mark}  {name:<24} {asked_by}: {purpose}{fate}")?;
    }
    let degraded = |check: &Check| check.state == State::Degraded;
    let verdict = match doctor.can_trace {
        true if doctor.checks.iter().any(degraded) => {
            "zkchurn can trace here, with the limitations above."
        }
        true => "zkchurn can trace here.",
        false => "zkchurn cannot trace here: fix the items marked MISSING above first.",
    };
    writeln!(to, "\n{verdict}")
}

// SPDX-License-Identifier: MIT
//! `zkchurn doctor`: what this host offers, and what to do about the rest.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    cli::{DoctorArgs, Format},
    exit::{Code, Failure},
    preflight::{
        facts::Facts,
        verdict::{Check, State, judge},
    },
    render::json::SCHEMA,
};

/// Looks at the host and prints what was found.
///
/// # Errors
///
/// The output cannot be written.
pub fn run(args: &DoctorArgs) -> Result<Code, Failure> {
    let checks = judge(&Facts::gather());
    let mut stdout = io::stdout().lock();
    match args.format {
        Format::Text => write_text(&mut stdout, &checks)?,
        Format::Json => write_json(&mut stdout, &checks)?,
    }
    Ok(code(&checks))
}

/// The exit code that a trace would end with before it began.
pub fn code(checks: &[Check]) -> Code {
    let any = |state| checks.iter().any(|check| check.state == state);
    if any(State::Unsupported) {
        Code::Unsupported
    } else if any(State::NotPermitted) {
        Code::NotPermitted
    } else {
        Code::Success
    }
}

fn write_text(to: &mut impl Write, checks: &[Check]) -> io::Result<()> {
    for check in checks {
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
    let verdict = match code(checks) {
        Code::Success if checks.iter().any(|check| check.state == State::Degraded) => {
            "zkchurn can trace here, with what is degraded above."
        }
        Code::Success => "zkchurn can trace here.",
        _ => "zkchurn cannot trace here until what is MISSING above is mended.",
    };
    writeln!(to, "\n{verdict}")
}

fn write_json(to: &mut impl Write, checks: &[Check]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        r#type: &'static str,
        schema: u32,
        can_trace: bool,
        checks: &'a [Check],
    }
    let line = Line {
        r#type: "doctor",
        schema: SCHEMA,
        can_trace: code(checks) == Code::Success,
        checks,
    };
    serde_json::to_writer(&mut *to, &line)?;
    writeln!(to)
}

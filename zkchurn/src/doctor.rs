// SPDX-License-Identifier: MIT
//! `zkchurn doctor`: what this host offers, and what to do about the rest.

use std::io::{self, Write};

use rustix::thread::CapabilitySet;
use serde::Serialize;

use crate::{
    cli::{DoctorArgs, Format},
    exit::{Code, Failure},
    preflight::{
        facts::Facts,
        verdict::{Check, State, judge},
    },
    privilege::needs::{AfterLoading, NEEDS},
    render::json::SCHEMA,
};

/// Looks at the host and prints what was found.
///
/// # Errors
///
/// The output cannot be written.
pub fn run(args: &DoctorArgs) -> Result<Code, Failure> {
    let facts = Facts::gather();
    let checks = judge(&facts);
    let mut stdout = io::stdout().lock();
    match args.format {
        Format::Text => write_text(&mut stdout, &checks, facts.capabilities)?,
        Format::Json => write_json(&mut stdout, &checks, facts.capabilities)?,
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

fn write_text(to: &mut impl Write, checks: &[Check], held: CapabilitySet) -> io::Result<()> {
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
    writeln!(
        to,
        "\ncapabilities, and what for; all others are given up once it traces:"
    )?;
    for row in rows(held) {
        let mark = if row.held { "held    " } else { "not held" };
        let fate = match row.after_loading {
            AfterLoading::Dropped => "; given up after loading",
            AfterLoading::Kept => "",
            AfterLoading::Apart => "; in effect only meanwhile",
        };
        let (name, asked_by, purpose) = (row.name, row.asked_by, row.purpose);
        writeln!(to, "{mark}  {name:<24} {asked_by}: {purpose}{fate}")?;
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

/// One capability, as the doctor tells of it.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    held: bool,
    asked_by: &'static str,
    purpose: &'static str,
    after_loading: AfterLoading,
}

fn rows(held: CapabilitySet) -> impl Iterator<Item = Row> {
    NEEDS.iter().map(move |need| Row {
        name: need.name,
        held: held.contains(need.capability),
        asked_by: need.asked_by.words(),
        purpose: need.purpose,
        after_loading: need.after_loading,
    })
}

fn write_json(to: &mut impl Write, checks: &[Check], held: CapabilitySet) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        r#type: &'static str,
        schema: u32,
        can_trace: bool,
        checks: &'a [Check],
        capabilities: Vec<Row>,
    }
    let line = Line {
        r#type: "doctor",
        schema: SCHEMA,
        can_trace: code(checks) == Code::Success,
        checks,
        capabilities: rows(held).collect(),
    };
    serde_json::to_writer(&mut *to, &line)?;
    writeln!(to)
}

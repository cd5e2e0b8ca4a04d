// SPDX-License-Identifier: MIT
//! Recordings of several hosts in one report.

use std::{
    mem,
    path::{Path, PathBuf},
};

use zkchurn_core::{
    hosts::{self, Host},
    redact::Redactor,
    render::{html, named},
    report::Report,
};

use super::{ReportArgs, head, pipeline, write};
use crate::{
    commands::{
        expect, output,
        replay::{self, Played},
        values,
    },
    exit::{Code, Failure},
    host::long_read::was_stopped,
};

/// A recording that was read to its end.
struct Told {
    file: String,
    boot_id: Option<String>,
    report: Report,
    played: Played,
    /// Its report in each of the wanted forms.
    forms: Vec<Vec<u8>>,
}

/// Reads them one after the other, and writes one report on all.
///
/// # Errors
///
/// A file cannot be read or is no recording, one host is there twice, they have no time in
/// common, or a file cannot be written.
pub(super) fn run(args: &ReportArgs, files: &[PathBuf]) -> Result<Code, Failure> {
    if args.output.iter().any(|to| values::is_recording(to)) {
        let why = "a recording is of one host: give one FILE to cut a part out of it, or other \
                   endings for the report";
        return Err(Failure::sentence(Code::Usage, why));
    }
    if files.len() > hosts::MOST {
        let why = hosts::CannotMerge::TooMany(files.len());
        return Err(Failure::sentence(Code::Usage, why.to_string()));
    }
    let mut redactor = args.redact.redactor();
    let mut told = Vec::new();
    for file in files {
        told.push(read(args, file, &mut redactor)?);
        if was_stopped() && told.len() < files.len() {
            let why = "stopped before all recordings were read: nothing was written";
            return Err(Failure::sentence(Code::Damaged, why));
        }
    }
    merge(args, &mut told)
}

/// What several hosts have has the same other name in all.
fn read(args: &ReportArgs, path: &Path, redactor: &mut Option<Redactor>) -> Result<Told, Failure> {
    refuse_page(path)?;
    let (mut pipeline, memories) = pipeline(args, redactor.take());
    let played = replay::play_path(path, args.window, false, &mut pipeline)?;
    let boot_id = pipeline.start().and_then(|start| start.boot_id.clone());
    let report = pipeline.report().cloned();
    *redactor = pipeline.take_redactor();
    let file = path.display().to_string();
    let Some(report) = report else {
        let why = format!("{file} has nothing to report: leave it out, or make its report alone");
        return Err(Failure::sentence(Code::Damaged, why));
    };
    let forms = memories
        .iter()
        .map(|memory| mem::take(&mut *memory.0.borrow_mut()));
    Ok(Told {
        file,
        boot_id,
        report,
        played,
        forms: forms.collect(),
    })
}

fn refuse_page(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    let (head, _) = head(replay::long_read(replay::open_file(path)?, true), path)?;
    match html::is_page(&head) {
        false => Ok(()),
        true => Err(Failure::sentence(
            Code::Usage,
            format!(
                "{} is a page: a report on several hosts needs their recordings",
                path.display()
            ),
        )),
    }
}

fn merge(args: &ReportArgs, told: &mut [Told]) -> Result<Code, Failure> {
    let all: Vec<_> = told
        .iter()
        .map(|one| Host {
            file: &one.file,
            boot_id: one.boot_id.as_deref(),
            report: &one.report,
            is_damaged: one.played.is_damaged,
        })
        .collect();
    let hosts =
        hosts::merge(&all).map_err(|why| Failure::sentence(Code::Usage, why.to_string()))?;
    for (index, to) in args.output.iter().enumerate() {
        let reports = told.iter_mut().map(|one| mem::take(&mut one.forms[index]));
        let reports: Vec<_> = reports.collect();
        let mut bytes = Vec::new();
        if let Some(form) = values::form_of(to).and_then(named) {
            form.hosts(&mut bytes, &hosts, &reports, &output::options_of_file())?;
        }
        write(to, &bytes)?;
    }
    let findings = told.iter().flat_map(|one| one.report.findings.clone());
    let codes = told.iter().map(|one| one.played.code);
    let code = codes
        .into_iter()
        .find(|code| *code != Code::Success)
        .unwrap_or(Code::Success);
    Ok(expect::check(
        &args.expect,
        &findings.collect::<Vec<_>>(),
        code,
    ))
}

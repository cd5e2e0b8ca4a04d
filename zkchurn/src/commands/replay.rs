// SPDX-License-Identifier: MIT
//! `zkchurn replay`: the pipeline of a live trace on a recording.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use zkchurn_core::{
    filter::Filter,
    pipeline::{Pipeline, View},
    recording::reader::{OpenError, Reader},
    replay::{PlayError, play},
};

use super::{
    output::{self, OutputArgs},
    values,
};
use crate::{
    exit::{Code, Failure},
    host::recording_file::PARTIAL,
    warn::warn,
};

/// Options of a replay.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The recording.
    pub file: PathBuf,

    /// Count and show only these connections, such as
    /// 'process:java peer:10.0.1.0/24 not outcome:refused lived<10ms'.
    ///
    /// Fields, operators and the rest of the grammar: docs/reference/filter.md.
    #[arg(long, value_name = "FILTER", value_parser = values::filter)]
    pub filter: Option<Filter>,

    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Reports on a recording; damage is named on standard error.
///
/// # Errors
///
/// The file cannot be read or is no recording, or the output cannot be written.
pub(crate) fn run(args: &ReplayArgs) -> Result<Code, Failure> {
    let file = File::open(&args.file)
        .with_context(|| format!("{} cannot be read", args.file.display()))
        .map_err(|error| Failure::new(Code::Unreadable, error))?;
    let mut reader = open(file, &args.file)?;
    let view = View {
        top: args.output.top,
        time_wait_rows: false,
    };
    let mut pipeline =
        Pipeline::new(output::renderer(&args.output), view).with_filter(args.filter.clone());
    let ended = play(&mut reader, &mut pipeline).map_err(|error| match error {
        PlayError::Read(error) => {
            let message = format!("{} cannot be read", args.file.display());
            Failure::new(Code::Unreadable, anyhow::Error::new(error).context(message))
        }
        PlayError::Write(error) => error.into(),
    })?;
    Ok(report_damage(
        &reader,
        &args.file,
        pipeline.has_begun(),
        ended,
    ))
}

fn open<R: Read>(from: R, path: &Path) -> Result<Reader<R>, Failure> {
    Reader::new(from).map_err(|error| {
        let code = match error {
            OpenError::Io(_) => Code::Unreadable,
            OpenError::NotARecording | OpenError::Version(_) => Code::Damaged,
        };
        let message = format!("{} cannot be replayed", path.display());
        Failure::new(code, anyhow::Error::new(error).context(message))
    })
}

fn report_damage<R: Read>(reader: &Reader<R>, path: &Path, begun: bool, ended: bool) -> Code {
    let (damages, left_out) = reader.damages();
    for damage in damages {
        warn(format_args!("{} is {damage}", path.display()));
    }
    if left_out > 0 {
        warn(format_args!(
            "{} has {left_out} more damaged places",
            path.display()
        ));
    }
    if let newer @ 1.. = reader.unknown_frames() {
        warn(format_args!(
            "{} contains {newer} frames from a newer zkchurn; they were skipped",
            path.display()
        ));
    }
    if !begun {
        warn(format_args!(
            "{} has no readable start: nothing to report",
            path.display()
        ));
    } else if !ended {
        warn(format_args!(
            "{} has no end: the report covers what is there, with losses as of the last interval{}",
            path.display(),
            why_no_end(path)
        ));
    }
    if damages.is_empty() && begun && ended {
        Code::Success
    } else {
        Code::Damaged
    }
}

/// Reasons that the name tells.
fn why_no_end(path: &Path) -> &'static str {
    match path.to_string_lossy().ends_with(PARTIAL) {
        true => " (it is still being written, or its trace was cut short)",
        false => "",
    }
}

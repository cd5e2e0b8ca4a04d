// SPDX-License-Identifier: MIT
//! `zkchurn replay`: the pipeline of a live trace on a recording.

use std::{
    fs::{File, Metadata},
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use zkchurn_core::{
    filter::{Expectation, Filter},
    pipeline::{Pipeline, View},
    recording::reader::{Damage, OpenError, Place, Reader},
    render::Renderer,
    replay::{PlayError, play, play_until_stopped},
    text::counted,
};

use super::{
    expect,
    output::{self, OutputArgs},
    redact::RedactArgs,
    selection::SelectionArgs,
    source::{self, WindowArgs},
    values,
};
use crate::{
    exit::{Code, Failure},
    host::{
        long_read::{self, LongRead, was_stopped},
        recording_file::PARTIAL,
    },
    warn::warn,
};

/// Options of a replay.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The recording, or a directory of them: an agent's segments are read as one.
    pub file: PathBuf,

    /// Which part of it.
    #[command(flatten)]
    pub window: WindowArgs,

    /// Count and show only these connections, such as
    /// 'process:java peer:10.0.1.0/24 not outcome:refused lived<10ms'.
    ///
    /// Fields, operators and the rest of the grammar: docs/reference/filter.md.
    #[arg(long, value_name = "FILTER", value_parser = values::filter)]
    pub filter: Option<Filter>,

    /// Whose.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Fail with exit code 9 unless a finding is like this, such as
    /// 'finding=refused,confidence>=likely'; may be given several times.
    #[arg(long, value_name = "TERMS", value_parser = values::expectation)]
    pub expect: Vec<Expectation>,

    /// Whether it leaves the house.
    #[command(flatten)]
    pub redact: RedactArgs,

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
    let view = View {
        top: args.output.top,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(output::renderer(&args.output), view)
        .with_filter(args.selection.and(args.filter.as_ref()))
        .redacted(args.redact.redactor());
    // Rows that are printed meanwhile tell how far it is.
    let is_silent = io::stdout().is_terminal();
    let code = play_path(&args.file, args.window, is_silent, &mut pipeline)?.code;
    let findings = pipeline.report().map(|report| report.findings.as_slice());
    Ok(expect::check(
        &args.expect,
        findings.unwrap_or_default(),
        code,
    ))
}

/// What became of a recording that was played.
pub(crate) struct Played {
    pub code: Code,
    /// Whether a part of it could not be read.
    pub is_damaged: bool,
}

/// Plays a recording, or the segments of a directory, to the end, and names damage on
/// standard error. On a terminal it is said how far it is, unless `is_silent`.
///
/// # Errors
///
/// It cannot be read, or the output cannot be written.
pub(crate) fn play_path<O: Renderer>(
    path: &Path,
    window: WindowArgs,
    is_silent: bool,
    pipeline: &mut Pipeline<O>,
) -> Result<Played, Failure> {
    if source::is_joined(path, window) {
        return play_joined(path, window, is_silent, pipeline);
    }
    let mut reader = open(long_read(open_file(path)?, is_silent), path)?;
    play_all(&mut reader, pipeline, path)
}

fn play_joined<O: Renderer>(
    path: &Path,
    window: WindowArgs,
    is_silent: bool,
    pipeline: &mut Pipeline<O>,
) -> Result<Played, Failure> {
    let (bytes, segments) = source::join_bytes(path, window)?;
    let mut reader = open(LongRead::new(bytes, None, is_silent), path)?;
    play(&mut reader, pipeline).map_err(|error| not_played(error, path))?;
    let code = segments.report_damage(pipeline.has_begun());
    if was_stopped() {
        warn_of_stop(path);
    }
    Ok(Played {
        code: if was_stopped() { Code::Damaged } else { code },
        is_damaged: segments.is_damaged() || was_stopped(),
    })
}

/// Plays it to its end, and names damage on standard error.
///
/// # Errors
///
/// The file cannot be read, or the output cannot be written.
pub(crate) fn play_all<R: Read, O: Renderer>(
    reader: &mut Reader<R>,
    pipeline: &mut Pipeline<O>,
    path: &Path,
) -> Result<Played, Failure> {
    let ended = play_until_stopped(reader, pipeline, was_stopped)
        .map_err(|error| not_played(error, path))?;
    Ok(Played {
        code: report_damage(reader, path, pipeline.has_begun(), ended),
        is_damaged: !reader.damages().0.is_empty() || was_stopped(),
    })
}

fn not_played(error: PlayError, path: &Path) -> Failure {
    match error {
        PlayError::Read(error) => {
            let message = format!("{} cannot be read", path.display());
            Failure::new(Code::Unreadable, anyhow::Error::new(error).context(message))
        }
        PlayError::Write(error) => error.into(),
    }
}

/// Opens a recording, or what should be one.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn open_file(path: &Path) -> Result<File, Failure> {
    long_read::open(path)
        .with_context(|| format!("{} cannot be read", path.display()))
        .map_err(|error| Failure::new(Code::Unreadable, error))
}

/// Opens what is read more than once.
///
/// # Errors
///
/// It cannot be read, or only once.
pub(crate) fn open_again(path: &Path) -> Result<File, Failure> {
    let file = open_file(path)?;
    match file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        true => Ok(file),
        false => Err(Failure::sentence(
            Code::Usage,
            format!(
                "{} is no regular file, and can be read once only: save what it has to a file first",
                path.display()
            ),
        )),
    }
}

/// Reads a file that may be long.
pub(crate) fn long_read(file: File, is_silent: bool) -> LongRead<File> {
    let metadata = file.metadata().ok();
    let length = metadata.filter(Metadata::is_file).map(|file| file.len());
    LongRead::of(file, length, is_silent)
}

/// Reads its head.
///
/// # Errors
///
/// It is no recording.
pub(crate) fn open<R: Read>(from: R, path: &Path) -> Result<Reader<R>, Failure> {
    Reader::new(from).map_err(|error| {
        if was_stopped() {
            let path = path.display();
            let why = format!("stopped before there was anything of {path} to report on");
            return Failure::sentence(Code::Damaged, why);
        }
        let code = match error {
            OpenError::Io(_) => Code::Unreadable,
            OpenError::NotARecording | OpenError::NoStart | OpenError::Version(_) => Code::Damaged,
        };
        let message = format!("{} cannot be replayed", path.display());
        Failure::new(code, anyhow::Error::new(error).context(message))
    })
}

/// Says on standard error what was wrong with a recording.
pub(super) fn report_damage<R: Read>(
    reader: &Reader<R>,
    path: &Path,
    begun: bool,
    ended: bool,
) -> Code {
    let (damages, left_out) = reader.damages();
    let is_stopped = was_stopped();
    let is_own = |damage: &&Damage| is_stopped && damage.place == Place::Tail;
    for damage in damages.iter().filter(|damage| !is_own(damage)) {
        warn(format_args!("{} is {damage}", path.display()));
    }
    if left_out > 0 {
        warn(format_args!(
            "{} has {}",
            path.display(),
            counted(left_out, "more damaged place")
        ));
    }
    if let newer @ 1.. = reader.unknown_frames() {
        warn(format_args!(
            "{} contains {} from a newer zkchurn, which {}",
            path.display(),
            counted(newer, "frame"),
            were_skipped(newer)
        ));
    }
    if !begun {
        warn(format_args!(
            "{} has no readable start: nothing to report",
            path.display()
        ));
    } else if is_stopped && !ended {
        warn_of_stop(path);
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

pub(crate) const fn were_skipped(frames: u64) -> &'static str {
    match frames {
        1 => "was skipped",
        _ => "were skipped",
    }
}

fn warn_of_stop(path: &Path) {
    warn(format_args!(
        "stopped: the report covers what was read of {} until then",
        path.display()
    ));
}

/// Reasons that the name tells.
fn why_no_end(path: &Path) -> &'static str {
    match path.to_string_lossy().ends_with(PARTIAL) {
        true => " (it is still being written, or its trace was cut short)",
        false => "",
    }
}

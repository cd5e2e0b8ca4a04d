// SPDX-License-Identifier: MIT
//! `zkchurn replay`: the pipeline of a live trace on a recording.

use std::{fs::File, io::Read, path::Path};

use anyhow::Context;

use crate::{
    cli::ReplayArgs,
    complain::complain,
    exit::{Code, Failure},
    frame::{Frame, Mark},
    output,
    pipeline::{Pipeline, View},
    recording::{
        file::PARTIAL,
        reader::{OpenError, Reader, RecordedFrame},
    },
    render::Renderer,
};

/// Reports on a recording; damage is named on standard error.
///
/// # Errors
///
/// The file cannot be read or is no recording, or the output cannot be written.
pub fn run(args: &ReplayArgs) -> Result<Code, Failure> {
    let file = File::open(&args.file)
        .with_context(|| format!("{} cannot be read", args.file.display()))
        .map_err(|error| Failure::new(Code::Unreadable, error))?;
    let mut reader = open(file, &args.file)?;
    let view = View {
        top: args.output.top,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(output::renderer(&args.output), view);
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

/// Why playing a recording stopped.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The recording cannot be read on.
    #[error("reading the recording: {0}")]
    Read(std::io::Error),
    /// The output cannot be written.
    #[error("writing the report: {0}")]
    Write(#[from] std::io::Error),
}

/// Runs every whole frame through the pipeline; returns whether the recording
/// has its end. Without it the report is made up to the latest event, with the
/// loss as last known.
///
/// # Errors
///
/// Reading or writing fails.
pub fn play<R: Read, O: Renderer>(
    reader: &mut Reader<R>,
    pipeline: &mut Pipeline<O>,
) -> Result<bool, PlayError> {
    let mut last_mark = Mark::default();
    while let Some(frame) = reader.next_frame().map_err(PlayError::Read)? {
        match frame {
            RecordedFrame::Start(start) => pipeline.accept(Frame::Start(&start))?,
            RecordedFrame::Connection(bytes) => pipeline.accept(Frame::Connection(bytes))?,
            RecordedFrame::Handshake(bytes) => pipeline.accept(Frame::Handshake(bytes))?,
            RecordedFrame::Process(process) => pipeline.accept(Frame::Process(&process))?,
            RecordedFrame::Inspection(inspection) => {
                pipeline.accept(Frame::Inspection(&inspection))?;
            }
            RecordedFrame::TimeWait(snapshot) => pipeline.accept(Frame::TimeWait(&snapshot))?,
            RecordedFrame::Interval(mark) => {
                last_mark = mark;
                pipeline.accept(Frame::Interval(&mark))?;
            }
            RecordedFrame::End(mark) => {
                pipeline.accept(Frame::End(&mark))?;
                reader.expect_nothing_more().map_err(PlayError::Read)?;
                return Ok(true);
            }
            RecordedFrame::Unknown => {}
        }
    }
    last_mark.monotonic_ns = last_mark.monotonic_ns.max(pipeline.latest_ns());
    pipeline.accept(Frame::End(&last_mark))?;
    Ok(false)
}

fn report_damage<R: Read>(reader: &Reader<R>, path: &Path, begun: bool, ended: bool) -> Code {
    let (damages, left_out) = reader.damages();
    for damage in damages {
        complain(format_args!("{} is {damage}", path.display()));
    }
    if left_out > 0 {
        complain(format_args!(
            "{} has {left_out} more damaged places",
            path.display()
        ));
    }
    if !begun {
        complain(format_args!(
            "{} has no readable start, so nothing can be reported",
            path.display()
        ));
    } else if !ended {
        complain(format_args!(
            "{} has no end: the report covers what is there, and loss is as of the last interval{}",
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
        true => " (it is still being written, or its trace ended before its time)",
        false => "",
    }
}

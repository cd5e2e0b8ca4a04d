// SPDX-License-Identifier: MIT
//! The pipeline of a live trace on a recording.

use std::io::Read;

use crate::{
    frame::{Frame, Mark},
    pipeline::Pipeline,
    recording::reader::{Reader, RecordedFrame},
    render::Renderer,
};

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

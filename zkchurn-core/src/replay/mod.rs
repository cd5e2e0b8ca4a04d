// SPDX-License-Identifier: MIT
//! The pipeline of a live trace on a recording.

pub mod collector;
pub mod player;

use std::io::Read;

use crate::{
    frame::{Frame, Limitation, Mark},
    pipeline::Pipeline,
    recording::reader::{Place, Reader},
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
    play_until_stopped(reader, pipeline, || false)
}

/// The same for a reading that somebody may have stopped: it is no damage then that the last frame
/// is not whole.
///
/// # Errors
///
/// As [`play`].
pub fn play_until_stopped<R: Read, O: Renderer>(
    reader: &mut Reader<R>,
    pipeline: &mut Pipeline<O>,
    was_stopped: impl Fn() -> bool,
) -> Result<bool, PlayError> {
    let mut last_mark = Mark::default();
    let mut ended = false;
    while !ended {
        let accepted = reader.next_frame(|frame| {
            match frame {
                Frame::Interval(mark) => last_mark = *mark,
                Frame::End(_) => ended = true,
                _ => {}
            }
            pipeline.accept(frame)
        });
        match accepted.map_err(PlayError::Read)? {
            Some(accepted) => accepted?,
            None => break,
        }
    }
    if ended {
        reader.expect_nothing_more().map_err(PlayError::Read)?;
        return Ok(true);
    }
    let tail = reader.damages().0.last();
    if let Some(tail) = tail.filter(|damage| damage.place == Place::Tail && !was_stopped()) {
        let limitation = Limitation::of_damage(tail.in_report());
        pipeline.accept(Frame::Limitation(&limitation))?;
    }
    last_mark.monotonic_ns = last_mark.monotonic_ns.max(pipeline.latest_ns());
    pipeline.accept(Frame::End(&last_mark))?;
    Ok(false)
}

// SPDX-License-Identifier: MIT
//! The bytes of one segment after another. When to begin the next one is decided by whoever
//! writes them: by their size, their age, and the room that there is.

use super::carried::Carried;
use crate::{
    clock::ClockPair,
    frame::{Mark, Part, TraceStart},
    recording::{append_file_header, append_frame, kind},
};

/// A trace as it is cut into segments.
#[derive(Debug, Default)]
pub struct Cutter {
    start: Option<TraceStart>,
    carried: Carried,
    /// Segments that were begun.
    segments: u64,
    mark: Mark,
    frames_lost: u64,
}

impl Cutter {
    /// Whether the trace has begun, so that a segment can be.
    pub fn has_begun(&self) -> bool {
        self.start.is_some()
    }

    /// Which run the segments are of.
    pub fn run_id(&self) -> Option<&str> {
        self.start.as_ref()?.run_id.as_deref()
    }

    /// The number that the next segment will have.
    pub fn next_number(&self) -> u64 {
        self.segments
    }

    /// Takes a frame, and appends to `segment` what the running segment gets for it. The
    /// start of the trace goes into the head of each segment.
    pub fn take(&mut self, kind: u8, payload: &[u8], segment: &mut Vec<u8>) {
        if kind == kind::START {
            self.start = serde_json::from_slice(payload).ok();
            return;
        }
        if matches!(kind, kind::INTERVAL | kind::END)
            && let Ok(mark) = serde_json::from_slice(payload)
        {
            self.mark = mark;
        }
        self.carried.note(kind, payload, segment);
        append_frame(kind, payload, segment);
    }

    /// Takes note that so many records that were taken are not on the disk.
    pub fn lose(&mut self, records: u64) {
        self.frames_lost = self.frames_lost.saturating_add(records);
    }

    /// How many records were lost since the last segment began.
    pub fn lost(&self) -> u64 {
        self.frames_lost
    }

    /// Appends the head of the next segment, which begins at `clock`: what it repeats takes
    /// about `most` bytes at most, besides processes. Once it is written,
    /// [`Self::segment_begun`] says so; until then it may be asked for again.
    ///
    /// # Errors
    ///
    /// The trace has not begun.
    pub fn begin_segment(
        &mut self,
        clock: ClockPair,
        most: usize,
        segment: &mut Vec<u8>,
    ) -> Result<(), NotBegun> {
        let mut start = self.start.clone().ok_or(NotBegun)?;
        let is_first = self.segments == 0;
        if !is_first {
            start.clock = clock;
        }
        start.part = Some(Part {
            segment: self.segments,
            begins_later: !is_first,
            loss: self.mark.loss,
            frames_lost: self.frames_lost,
            open_left_out: match is_first {
                true => 0,
                false => self.carried.open_left_out(most),
            },
        });
        append_file_header(segment);
        // Plain data is never refused.
        let payload = serde_json::to_vec(&start).unwrap_or_default();
        append_frame(kind::START, &payload, segment);
        self.carried.begin_segment(most, segment);
        Ok(())
    }

    /// Takes note that the segment has begun.
    pub fn segment_begun(&mut self) {
        self.segments += 1;
        self.frames_lost = 0;
    }

    /// Appends the end of the running segment, at `now_ns`, so that it is a whole recording.
    /// The trace goes on in the next one.
    pub fn end_segment(&self, now_ns: u64, segment: &mut Vec<u8>) {
        let mark = Mark {
            monotonic_ns: now_ns.max(self.mark.monotonic_ns),
            ..self.mark
        };
        let payload = serde_json::to_vec(&mark).unwrap_or_default();
        append_frame(kind::END, &payload, segment);
    }
}

/// There is no trace yet of which a segment could be.
#[derive(Debug, thiserror::Error)]
#[error("the trace has not begun")]
pub struct NotBegun;

// SPDX-License-Identifier: MIT
//! What came last of a trace, in bounded memory, for whoever wants a recording of it although
//! none is being written. It is kept in segments: dropping the oldest leaves what a reader
//! needs.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::Arc,
};

use super::{
    cutter::Cutter,
    frames::Frames,
    joined::Joined,
    plan::{NoPlan, plan},
    window::Window,
};
use crate::{
    clock::ClockPair,
    frame::{Frame, TraceStart},
    recording::{kind, reader::Reader, writer::Writer},
};

/// Bytes of a segment, after which another one begins.
const SEGMENT: usize = 2 << 20;
/// Segments that are kept: some 30,000 connections.
const MOST_SEGMENTS: usize = 8;
/// What part of a segment may repeat earlier ones.
const CARRIED_PART: usize = 4;

/// The last frames of a trace.
#[derive(Debug)]
pub struct Last {
    /// Frames but records on their way through the writer.
    written: Writer<Vec<u8>>,
    frames: Frames,
    cutter: Cutter,
    /// Whole ones, oldest first.
    segments: VecDeque<Arc<Vec<u8>>>,
    running: Vec<u8>,
    /// Bytes after which another segment begins.
    limit: usize,
    is_all: bool,
}

impl Default for Last {
    fn default() -> Self {
        Self::with_segments_of(SEGMENT)
    }
}

impl Last {
    /// The same for segments of so many bytes.
    pub fn with_segments_of(limit: usize) -> Self {
        Self {
            written: Writer::in_memory(),
            frames: Frames::default(),
            cutter: Cutter::default(),
            segments: VecDeque::new(),
            running: Vec::new(),
            limit,
            is_all: true,
        }
    }

    /// Takes the next frame; `now` is asked where another segment begins with it.
    pub fn take(&mut self, frame: Frame<'_>, now: impl FnOnce() -> ClockPair) {
        if self.running.len() >= self.limit {
            self.begin_next(now());
        }
        if let Frame::Record(bytes) = frame {
            self.cutter.take(kind::RECORD, bytes, &mut self.running);
            return;
        }
        // One that is too long is left out, as it is of a recording.
        if self.written.write(frame).is_err() {
            return;
        }
        self.frames.push(self.written.get_ref());
        self.written.get_mut().clear();
        // Our own writer makes whole frames.
        while let Ok(Some((kind, payload))) = self.frames.next_frame() {
            self.cutter.take(kind, payload, &mut self.running);
        }
        if let Frame::Start(start) = frame {
            self.begin(start.clock);
        }
    }

    fn begin(&mut self, clock: ClockPair) {
        let most = self.limit / CARRIED_PART;
        let begun = self.cutter.begin_segment(clock, most, &mut self.running);
        if begun.is_ok() {
            self.cutter.segment_begun();
        }
    }

    fn begin_next(&mut self, now: ClockPair) {
        self.cutter.end_segment(now.monotonic_ns, &mut self.running);
        let whole = std::mem::replace(&mut self.running, Vec::with_capacity(self.limit));
        if self.segments.len() + 1 >= MOST_SEGMENTS {
            self.segments.pop_front();
            self.is_all = false;
        }
        self.segments.push_back(Arc::new(whole));
        self.begin(now);
    }

    /// What is kept, as of `now_ns` of `CLOCK_MONOTONIC`; it goes on meanwhile. Copies the
    /// running segment only.
    pub fn kept(&self, now_ns: u64) -> Kept {
        let mut running = self.running.clone();
        self.cutter.end_segment(now_ns, &mut running);
        let mut segments: Vec<_> = self.segments.iter().cloned().collect();
        segments.push(Arc::new(running));
        Kept {
            segments,
            is_all: self.is_all,
        }
    }
}

/// What was kept at a moment.
#[derive(Debug)]
pub struct Kept {
    segments: Vec<Arc<Vec<u8>>>,
    /// Whether it is the whole trace until then.
    pub is_all: bool,
}

/// Why there is no recording of it.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error(transparent)]
    Plan(#[from] NoPlan),
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl Kept {
    /// When it begins, nanoseconds of `CLOCK_MONOTONIC`; `None` before the trace has begun.
    pub fn from_ns(&self) -> Option<u64> {
        let start = start_of(self.segments.first()?)?;
        Some(start.clock.monotonic_ns)
    }

    /// The bytes of a recording of it. Takes some time for each segment.
    ///
    /// # Errors
    ///
    /// The trace has not begun.
    pub fn recording(&self) -> Result<Vec<u8>, NotKept> {
        let starts = self.segments.iter().map(|segment| start_of(segment));
        let starts: Vec<_> = starts.collect::<Option<_>>().ok_or(NoPlan::Empty)?;
        let plan = plan(&starts, &Window::default(), |_| 0)?;
        let open = |index: usize| Ok(self.segments[index].as_slice());
        let mut bytes = Vec::new();
        Joined::new(plan, open).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn start_of(segment: &[u8]) -> Option<TraceStart> {
    let mut reader = Reader::new(segment).ok()?;
    let start = reader.next_frame(|frame| match frame {
        Frame::Start(start) => Some(start.clone()),
        _ => None,
    });
    start.ok().flatten().flatten()
}

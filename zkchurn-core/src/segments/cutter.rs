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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::Frame, recording::reader::Reader};

    const CLOCK: ClockPair = ClockPair {
        monotonic_ns: 7,
        realtime_ns: 0,
    };

    fn json<T: serde::Serialize>(of: &T) -> Vec<u8> {
        serde_json::to_vec(of).unwrap()
    }

    /// The start that stands in a segment.
    fn start_of(segment: &[u8]) -> TraceStart {
        let mut reader = Reader::new(segment).unwrap();
        let start = reader.next_frame(|frame| match frame {
            Frame::Start(start) => start.clone(),
            other => panic!("{other:?}"),
        });
        start.unwrap().unwrap()
    }

    #[test]
    fn each_segment_says_what_was_lost_before_it() {
        let mut cutter = Cutter::default();
        assert!(cutter.begin_segment(CLOCK, 1_000, &mut Vec::new()).is_err());
        let mut start = TraceStart::of_port(
            2181,
            ClockPair {
                monotonic_ns: 1,
                ..CLOCK
            },
        );
        start.run_id = Some("run".to_owned());
        cutter.take(kind::START, &json(&start), &mut Vec::new());
        assert!(cutter.has_begun());
        assert_eq!(cutter.run_id(), Some("run"));
        let mut first = Vec::new();
        cutter.begin_segment(CLOCK, 1_000, &mut first).unwrap();
        cutter.segment_begun();
        let part = start_of(&first).part.unwrap();
        assert_eq!(
            (part.segment, part.begins_later, part.frames_lost),
            (0, false, 0)
        );
        assert_eq!(start_of(&first).clock.monotonic_ns, 1);
        cutter.lose(2);
        cutter.lose(3);
        assert_eq!(cutter.lost(), 5);
        let mut mark = Mark {
            monotonic_ns: 50,
            ..Mark::default()
        };
        mark.loss.table_full = 4;
        cutter.take(kind::INTERVAL, &json(&mark), &mut first);
        let mut second = Vec::new();
        cutter.begin_segment(CLOCK, 1_000, &mut second).unwrap();
        let part = start_of(&second).part.unwrap();
        assert_eq!(
            (part.segment, part.begins_later, part.frames_lost),
            (1, true, 5)
        );
        assert_eq!(part.loss, mark.loss);
        assert_eq!(start_of(&second).clock, CLOCK);
        cutter.segment_begun();
        assert_eq!((cutter.lost(), cutter.next_number()), (0, 2));
        for (now_ns, ends_ns) in [(40, 50), (60, 60)] {
            let mut segment = second.clone();
            cutter.end_segment(now_ns, &mut segment);
            let mut reader = Reader::new(segment.as_slice()).unwrap();
            let mut last = None;
            while let Some(mark) = reader
                .next_frame(|frame| match frame {
                    Frame::End(mark) => Some(*mark),
                    _ => None,
                })
                .unwrap()
            {
                last = mark;
            }
            assert_eq!(
                last,
                Some(Mark {
                    monotonic_ns: ends_ns,
                    ..mark
                })
            );
        }
    }
}

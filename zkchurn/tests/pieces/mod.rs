// SPDX-License-Identifier: MIT
//! A recording cut into segments as the flight recorder does it.

use zkchurn_core::{
    clock::ClockPair,
    decode::{self, Record},
    frame::{Mark, TraceStart},
    recording::{kind, reader::Reader, writer::Writer},
    segments::{cutter::Cutter, frames::Frames},
};

/// Room for what a segment repeats.
const MOST_CARRIED: usize = 4 << 20;

/// Cuts behind each frame that `cuts` says so of, told its number.
pub(crate) fn cut(recording: &[u8], mut cuts: impl FnMut(usize) -> bool) -> Vec<Vec<u8>> {
    let mut frames = Frames::default();
    frames.push(&as_written_today(recording));
    let (mut cutter, mut segments) = (Cutter::default(), Vec::new());
    let mut clock = ClockPair {
        monotonic_ns: 0,
        realtime_ns: 0,
    };
    let mut number = 0;
    while let Some((kind, payload)) = frames.next_frame().unwrap() {
        let is_new = segments.is_empty() || cuts(number);
        number += 1;
        if let Some(at_ns) = moment(kind, payload).filter(|at_ns| *at_ns > clock.monotonic_ns) {
            clock.realtime_ns += (at_ns - clock.monotonic_ns).cast_signed();
            clock.monotonic_ns = at_ns;
        }
        let mut bytes = Vec::new();
        cutter.take(kind, payload, &mut bytes);
        if !cutter.has_begun() {
            continue;
        }
        if kind == kind::START {
            let start: TraceStart = serde_json::from_slice(payload).unwrap();
            clock = start.clock;
        }
        if is_new && kind != kind::END {
            if let Some(last) = segments.last_mut() {
                // The frame belongs to the segment before.
                Vec::append(last, &mut bytes);
                cutter.end_segment(clock.monotonic_ns, last);
            }
            let mut head = Vec::new();
            cutter
                .begin_segment(clock, MOST_CARRIED, &mut head)
                .unwrap();
            cutter.segment_begun();
            segments.push(head);
        }
        segments.last_mut().unwrap().extend(bytes);
    }
    segments
}

/// An agent writes no records of version 1.
fn as_written_today(recording: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = (Reader::new(recording).unwrap(), Writer::in_memory());
    while let Some(written) = reader.next_frame(|frame| writer.write(frame)).unwrap() {
        written.unwrap();
    }
    writer.get_ref().clone()
}

/// When a frame was written, as far as it tells.
fn moment(kind: u8, payload: &[u8]) -> Option<u64> {
    match (kind, decode::read(payload)) {
        (kind::RECORD, Ok(Record::Connection(record))) => {
            Some(decode::decode(&record).ok()?.last_moment_ns())
        }
        (kind::INTERVAL, _) => {
            let mark: Mark = serde_json::from_slice(payload).unwrap();
            Some(mark.monotonic_ns)
        }
        _ => None,
    }
}

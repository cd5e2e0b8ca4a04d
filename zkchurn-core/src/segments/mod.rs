// SPDX-License-Identifier: MIT
//! A trace in pieces: what a flight recorder writes, and reading that as one recording
//! (docs/adr/0034).
//!
//! A segment is a recording of its own. Behind its start stands what a reader needs who has
//! nothing before it, carried over from earlier segments: limitations, closer looks,
//! connections that are open, and each process before its first record. Whoever reads the
//! segment before it skips all that.
//!
//! | file | does |
//! |---|---|
//! | `frames` | whole frames out of bytes that come in pieces |
//! | `carried` | what later segments have to repeat |
//! | `cutter` | the bytes of one segment after another |
//! | `plan` | which files there are, in which order, and what is missing |
//! | `joined` | several segments as the bytes of one recording |
//! | `last` | the last segments in memory |
//! | `open` | connections that are open, from one run or gap to the next |
//! | `other_ends` | where both ends are traced, those whose other end was over before a part |
//! | `overlap` | recordings of the same time, of which one is read |
//! | `window` | a part of it by time |

mod ahead;
mod carried;
pub mod cutter;
pub mod frames;
pub mod joined;
pub mod last;
mod open;
mod other_ends;
mod overlap;
pub mod plan;
pub mod window;

use std::io::Read;

use crate::{
    decode::{self, Record},
    frame::Frame,
    recording::reader::Reader,
};

/// When a recording ends, nanoseconds of `CLOCK_MONOTONIC`: by its marks and records, as far
/// as it can be read.
pub fn end_of(recording: impl Read) -> u64 {
    let Ok(mut reader) = Reader::new(recording) else {
        return 0;
    };
    let mut latest_ns = 0;
    while let Ok(Some(at_ns)) = reader.next_of_segment(|frame, is_carried| match frame {
        Frame::Start(start) => start.clock.monotonic_ns,
        Frame::Interval(mark) | Frame::End(mark) => mark.monotonic_ns,
        Frame::Record(bytes) if !is_carried => last_moment_ns(bytes),
        _ => 0,
    }) {
        latest_ns = latest_ns.max(at_ns);
    }
    latest_ns
}

fn last_moment_ns(bytes: &[u8]) -> u64 {
    let Ok(Record::Connection(record)) = decode::read(bytes) else {
        return 0;
    };
    decode::decode(&record).map_or(0, |connection| connection.last_moment_ns())
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;
    use zkchurn_common::record::{ConnectionRecord, FAMILY_INET6, SIDE_OPENED, STAGE_ENDED, known};

    use super::*;
    use crate::{
        clock::ClockPair,
        frame::{Mark, TraceStart},
        recording::{append_frame, kind, writer::Writer},
    };

    /// A connection that ended at a moment.
    fn ended_at(ns: u64) -> ConnectionRecord {
        ConnectionRecord {
            socket: ns,
            stage: STAGE_ENDED,
            side: SIDE_OPENED,
            family: FAMILY_INET6,
            known: known::COOKIE,
            started_ns: 1,
            until_ns: ns,
            ..decode::blank()
        }
    }

    fn mark(monotonic_ns: u64) -> Mark {
        Mark {
            monotonic_ns,
            ..Mark::default()
        }
    }

    #[test]
    fn a_segment_ends_with_the_last_that_is_its_own() {
        let clock = ClockPair {
            monotonic_ns: 10,
            realtime_ns: 0,
        };
        let mut segment = Writer::in_memory();
        let end = |segment: &Writer<Vec<u8>>| end_of(&segment.get_ref()[..]);
        assert_eq!(end(&segment), 0);
        segment
            .write(Frame::Start(&TraceStart::of_port(2181, clock)))
            .unwrap();
        assert_eq!(end(&segment), 10);
        // What is carried over happened in another segment.
        let carried = kind::RECORD | kind::CARRIED;
        append_frame(carried, ended_at(900).as_bytes(), segment.get_mut());
        assert_eq!(end(&segment), 10);
        // Where it was cut short no mark follows on the last record.
        for (ns, latest) in [(50, 50), (40, 50), (60, 60)] {
            segment
                .write(Frame::Record(ended_at(ns).as_bytes()))
                .unwrap();
            assert_eq!(end(&segment), latest);
        }
        segment.write(Frame::Interval(&mark(70))).unwrap();
        assert_eq!(end(&segment), 70);
        segment.write(Frame::End(&mark(80))).unwrap();
        assert_eq!(end(&segment), 80);
    }
}

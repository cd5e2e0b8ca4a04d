// SPDX-License-Identifier: MIT
//! A variation of a recording.

use zerocopy::IntoBytes;
use zkchurn_core::{
    decode::{self, Record},
    frame::{Frame, Mark},
    recording::{reader::Reader, writer::Writer},
};

use crate::{
    change::{Change, losses, nudged},
    dice::Dice,
};

/// Writes a recording anew, changed.
pub(crate) struct Variation {
    writer: Writer<Vec<u8>>,
    change: Change,
    dice: Dice,
    /// Which kind of frame is left out, by its number in [`Self::other`].
    left_out: usize,
}

impl Variation {
    pub(crate) fn of(recording: &[u8], mut dice: Dice) -> Vec<u8> {
        let mut variation = Self {
            writer: Writer::in_memory(),
            change: Change::of(&mut dice),
            left_out: dice.below(12),
            dice,
        };
        let mut reader = Reader::new(recording).unwrap();
        while reader
            .next_frame(|frame| variation.frame(frame))
            .unwrap()
            .is_some()
        {}
        variation.writer.get_ref().clone()
    }

    fn frame(&mut self, frame: Frame<'_>) {
        match frame {
            Frame::Start(start) => {
                self.change.begins_at(start.clock.monotonic_ns);
                self.write(Frame::Start(start));
            }
            Frame::Record(bytes) => self.record(bytes),
            Frame::End(mark) => {
                let mark = self.mark(mark);
                self.write(Frame::End(&mark));
            }
            Frame::Interval(mark) => {
                let mark = self.mark(mark);
                self.write(Frame::Interval(&mark));
            }
            other => self.other(other),
        }
    }

    fn record(&mut self, bytes: &[u8]) {
        match decode::read(bytes) {
            Ok(Record::Connection(record)) => {
                if let Some(record) = self.change.record(record) {
                    self.write(Frame::Record(record.as_bytes()));
                }
            }
            Ok(Record::Handshake(mut record)) => {
                if let Some(at_ns) = self.change.piece(record.socket, record.at_ns) {
                    record.at_ns = at_ns;
                    self.write(Frame::Record(record.as_bytes()));
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn mark(&mut self, mark: &Mark) -> Mark {
        Mark {
            monotonic_ns: self.change.moment(mark.monotonic_ns),
            loss: mark.loss.and(&losses(&mut self.dice)),
            ..*mark
        }
    }

    fn other(&mut self, frame: Frame<'_>) {
        let dice = &mut self.dice;
        match frame {
            Frame::Process(one) if self.left_out != 0 => {
                let other = nudged(one, dice);
                self.write(Frame::Process(&other));
            }
            Frame::Inspection(one) if self.left_out != 1 => {
                let other = nudged(one, dice);
                self.write(Frame::Inspection(&other));
            }
            Frame::TimeWait(one) if self.left_out != 2 => {
                let other = nudged(one, dice);
                self.write(Frame::TimeWait(&other));
            }
            Frame::Limitation(one) if self.left_out != 3 => {
                let other = nudged(one, dice);
                self.write(Frame::Limitation(&other));
            }
            Frame::Elsewhere(one) if self.left_out != 4 => {
                let other = nudged(one, dice);
                self.write(Frame::Elsewhere(&other));
            }
            _ => {}
        }
    }

    fn write(&mut self, frame: Frame<'_>) {
        self.writer.write(frame).unwrap();
    }
}

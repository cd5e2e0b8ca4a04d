// SPDX-License-Identifier: MIT
//! A recording up to a moment, and then a little further: what a time cursor needs.

use std::io::{self, Read};

use super::PlayError;
use crate::{
    decode::{self, Record},
    frame::{Frame, Mark},
    pipeline::Pipeline,
    recording::reader::Reader,
    render::Renderer,
};

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// To the moment that was asked for: what comes next is later.
    Moment,
    /// As far as it was to go at once; there is more before that moment.
    NotYet,
    /// To the end of the recording.
    End,
}

/// A recording that is being played.
pub struct Player<R, O> {
    reader: Reader<R>,
    pipeline: Pipeline<O>,
    /// What was read and is later than the moment that was asked for.
    next: Option<Later>,
    /// The latest mark, as long as the end was not reached; then that of the end.
    mark: Mark,
    /// Where it stands, and where it will stand once `next` is taken.
    now_ns: u64,
    at_end: bool,
    /// Whether the end that was reached is that of the trace.
    is_whole: bool,
}

/// A frame that has a moment of its own.
enum Later {
    Record { bytes: Vec<u8>, at_ns: u64 },
    Interval(Mark),
    End(Mark),
}

impl Later {
    fn at_ns(&self) -> u64 {
        match self {
            Self::Record { at_ns, .. } => *at_ns,
            Self::Interval(mark) | Self::End(mark) => mark.monotonic_ns,
        }
    }
}

impl<R: Read, O: Renderer> Player<R, O> {
    /// At the beginning.
    pub fn new(reader: Reader<R>, pipeline: Pipeline<O>) -> Self {
        Self {
            reader,
            pipeline,
            next: None,
            mark: Mark::default(),
            now_ns: 0,
            at_end: false,
            is_whole: false,
        }
    }

    /// Plays what happened until `until_ns`, at most `most` frames of it.
    ///
    /// # Errors
    ///
    /// Reading fails, or what the renderer writes to does.
    pub fn play(&mut self, until_ns: u64, most: usize) -> Result<Reached, PlayError> {
        for _ in 0..most {
            if self.at_end {
                return Ok(Reached::End);
            }
            let next = match self.next.take() {
                Some(next) => next,
                None => match self.read()? {
                    Step::Later(next) => next,
                    Step::Taken => continue,
                    Step::Nothing => {
                        self.at_end = true;
                        self.mark.monotonic_ns = self.now_ns.max(self.pipeline.latest_ns());
                        continue;
                    }
                },
            };
            if next.at_ns() > until_ns {
                self.next = Some(next);
                return Ok(Reached::Moment);
            }
            self.take(next)?;
        }
        Ok(Reached::NotYet)
    }

    fn read(&mut self) -> Result<Step, PlayError> {
        let Self {
            reader, pipeline, ..
        } = self;
        let read = reader.next_frame(|frame| match frame {
            Frame::Record(bytes) => match moment(bytes) {
                Some(at_ns) => Ok(Step::Later(Later::Record {
                    bytes: bytes.to_vec(),
                    at_ns,
                })),
                None => pipeline.accept(frame).map(|()| Step::Taken),
            },
            Frame::Interval(mark) => Ok(Step::Later(Later::Interval(*mark))),
            Frame::End(mark) => Ok(Step::Later(Later::End(*mark))),
            frame => pipeline.accept(frame).map(|()| Step::Taken),
        });
        let read: Option<io::Result<Step>> = read.map_err(PlayError::Read)?;
        Ok(read.transpose()?.unwrap_or(Step::Nothing))
    }

    fn take(&mut self, next: Later) -> io::Result<()> {
        self.now_ns = self.now_ns.max(next.at_ns());
        match next {
            Later::Record { bytes, .. } => self.pipeline.accept(Frame::Record(&bytes)),
            Later::Interval(mark) => {
                self.mark = mark;
                self.pipeline.accept(Frame::Interval(&mark))
            }
            Later::End(mark) => {
                self.mark = mark;
                self.at_end = true;
                self.is_whole = true;
                self.reader.expect_nothing_more()
            }
        }
    }

    /// The mark of a report at `now_ns`; of the end, once that is reached.
    pub fn mark(&self, now_ns: u64) -> Mark {
        match self.at_end {
            true => self.mark,
            false => Mark {
                monotonic_ns: now_ns.max(self.now_ns),
                ..self.mark
            },
        }
    }

    /// Whether the end was reached.
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Whether that is the end of the trace, and not only of what there is of it.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What was played so far.
    pub fn pipeline(&self) -> &Pipeline<O> {
        &self.pipeline
    }

    /// The recording, with what was wrong with it as far as it was read.
    pub fn reader(&self) -> &Reader<R> {
        &self.reader
    }

    /// Reports through the renderer, as of `now_ns`.
    ///
    /// # Errors
    ///
    /// What the output fails with.
    pub fn report(&mut self, now_ns: u64) -> io::Result<()> {
        let mark = self.mark(now_ns);
        self.pipeline.accept(Frame::End(&mark))
    }
}

/// What became of one frame.
enum Step {
    Later(Later),
    Taken,
    Nothing,
}

/// When what a record tells of happened last.
fn moment(bytes: &[u8]) -> Option<u64> {
    let Ok(Record::Connection(record)) = decode::read(bytes) else {
        return None;
    };
    decode::decode(&record)
        .ok()
        .map(|connection| connection.last_moment_ns())
}

// SPDX-License-Identifier: MIT
//! Reading frames from a recording that may be cut short or damaged: every
//! frame that is whole comes out, and everything else is reported.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Read},
};

use serde::de::DeserializeOwned;
use zerocopy::{Immutable, IntoBytes};

use super::{
    FILE_HEADER, FRAME_HEADER, MAGIC, MAX_PAYLOAD, OLDEST_VERSION, SYNC, VERSION, checksum, kind,
    v1,
};
use crate::{
    frame::{Frame, Limitation},
    text,
};

/// Why a file cannot be read as a recording at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file does not begin as a recording does.
    #[error("this is not a zkchurn recording")]
    NotARecording,
    /// It has no frame that says how it was made.
    #[error("its start is damaged, so that nothing of it can be used")]
    NoStart,
    /// The recording was written by a newer zkchurn.
    #[error(
        "the recording has format version {0}, and this zkchurn reads up to {VERSION}: use a newer zkchurn"
    )]
    Version(u32),
}

/// A stretch of the file that holds no whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// How long it is; after the end of a trace, how much of it was read.
    pub length: u64,
    /// Where in the file it is.
    pub place: Place,
}

/// Where in the file a stretch of damage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before another whole frame.
    Before,
    /// The file ends in it.
    Tail,
    /// After the frame that ends the trace.
    AfterEnd,
}

impl Damage {
    /// What a report says of it, a sentence without its full stop.
    pub fn in_report(&self) -> String {
        let length = text::counted(self.length, "byte");
        let offset = text::count(self.offset);
        match self.place {
            Place::Before => format!(
                "the recording is damaged: {length} from byte {offset} on could not be read, and \
                 what happened then is not in this report: connections that ended then may be counted as open"
            ),
            Place::Tail => format!(
                "the recording is cut short: {length} from byte {offset} on could not be read, and \
                 what happened then and later is not in this report"
            ),
            Place::AfterEnd => format!(
                "the recording is longer than its trace: what follows from byte {offset} on is not in \
                 this report"
            ),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            length,
            place,
        } = self;
        match place {
            Place::Tail => write!(
                formatter,
                "cut short: the last {length} bytes, from byte {offset} on, are not a complete \
                frame"
            ),
            Place::Before => write!(
                formatter,
                "damaged: {length} bytes from byte {offset} on are not a complete frame and were \
                skipped"
            ),
            Place::AfterEnd => write!(
                formatter,
                "longer than its trace: what follows on its end, from byte {offset} on, was \
                 skipped; if that is another recording, replay it by itself"
            ),
        }
    }
}

/// Reads frames in order.
pub struct Reader<R> {
    from: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were consumed.
    consumed: usize,
    /// Offset of `buffer[0]` in the file.
    base: u64,
    at_end: bool,
    damages: Vec<Damage>,
    damages_left_out: u64,
    /// Damage of which nobody has been told.
    unsaid: VecDeque<Limitation>,
    /// Whether a frame was handed on.
    has_begun: bool,
    unknown_frames: u64,
}

const CHUNK: usize = 256 * 1024;
/// Most stretches of damage that are remembered one by one.
const MOST_DAMAGES: usize = 16;

/// What stands at the current position.
enum Found {
    /// A whole frame: its kind and the length of its payload.
    Frame(u8, usize),
    /// Nothing that is a frame.
    Nothing,
    /// The file ends here.
    End,
}

impl<R: Read> Reader<R> {
    /// Checks the header.
    ///
    /// # Errors
    ///
    /// Reading fails, or the file is no recording that this version can read.
    pub fn new(from: R) -> Result<Self, OpenError> {
        let mut reader = Self {
            from,
            buffer: Vec::new(),
            consumed: 0,
            base: 0,
            at_end: false,
            damages: Vec::new(),
            damages_left_out: 0,
            unsaid: VecDeque::new(),
            has_begun: false,
            unknown_frames: 0,
        };
        reader.fill(FILE_HEADER)?;
        let Some(header) = reader.buffer.get(..FILE_HEADER) else {
            return Err(OpenError::NotARecording);
        };
        if header[..8] != MAGIC {
            return Err(OpenError::NotARecording);
        }
        match u32_at(header, 8) {
            OLDEST_VERSION..=VERSION => {}
            other => return Err(OpenError::Version(other)),
        }
        reader.consumed = FILE_HEADER;
        Ok(reader)
    }

    /// Hands the next whole frame to `take` and returns what that returns, or `None` at
    /// the end of the file. Before what follows on damage it hands on a limitation that says so. Kinds and contents that only a newer version knows are skipped.
    ///
    /// # Errors
    ///
    /// Reading fails. Damage is no error here: see [`Self::damages`].
    pub fn next_frame<T>(&mut self, take: impl FnOnce(Frame<'_>) -> T) -> io::Result<Option<T>> {
        self.next_of_segment(|frame, _| take(frame))
    }

    /// The same; `take` is told whether the frame is carried over from an earlier segment.
    ///
    /// # Errors
    ///
    /// As [`Self::next_frame`].
    pub fn next_of_segment<T>(
        &mut self,
        take: impl FnOnce(Frame<'_>, bool) -> T,
    ) -> io::Result<Option<T>> {
        let mut take = Some(take);
        loop {
            // A recording begins with its start, also where something is damaged before that.
            if self.has_begun
                && let Some(limitation) = self.unsaid.pop_front()
            {
                return Ok(take
                    .take()
                    .map(|take| take(Frame::Limitation(&limitation), false)));
            }
            match self.find_frame()? {
                Found::End => return Ok(None),
                Found::Nothing => self.skip_damage()?,
                Found::Frame(kind, length) => {
                    let start = self.consumed + FRAME_HEADER;
                    self.consumed = start + length;
                    let payload = &self.buffer[start..start + length];
                    let is_carried = kind & kind::CARRIED != 0;
                    let taken = parse(kind & !kind::CARRIED, payload, |frame| {
                        take.take().map(|take| take(frame, is_carried))
                    });
                    match taken.flatten() {
                        Some(taken) => {
                            self.has_begun = true;
                            return Ok(Some(taken));
                        }
                        None => self.unknown_frames += 1,
                    }
                }
            }
        }
    }

    /// Notes as damage what follows on the end of a trace: nothing is written there. How
    /// much it is is not found out, as it may have no end.
    ///
    /// # Errors
    ///
    /// Reading fails.
    pub fn expect_nothing_more(&mut self) -> io::Result<()> {
        let offset = self.position();
        if self.available(1)? {
            self.consumed = self.buffer.len();
            self.note(Damage {
                offset,
                length: self.position() - offset,
                place: Place::AfterEnd,
            });
        }
        Ok(())
    }

    /// The stretches without a whole frame so far, and how many more there were.
    pub fn damages(&self) -> (&[Damage], u64) {
        (&self.damages, self.damages_left_out)
    }

    /// How many whole frames so far only a newer version knows.
    pub fn unknown_frames(&self) -> u64 {
        self.unknown_frames
    }

    fn find_frame(&mut self) -> io::Result<Found> {
        if !self.available(FRAME_HEADER)? {
            let nothing_left = self.consumed == self.buffer.len();
            return Ok(if nothing_left {
                Found::End
            } else {
                Found::Nothing
            });
        }
        let header = &self.buffer[self.consumed..self.consumed + FRAME_HEADER];
        let (kind, length, sum) = (header[2], u32_at(header, 4) as usize, u32_at(header, 8));
        if header[..2] != SYNC || header[3] != 0 || length > MAX_PAYLOAD {
            return Ok(Found::Nothing);
        }
        if !self.available(FRAME_HEADER + length)? {
            return Ok(Found::Nothing);
        }
        let start = self.consumed + FRAME_HEADER;
        let payload = &self.buffer[start..start + length];
        Ok(if checksum(kind, payload) == sum {
            Found::Frame(kind, length)
        } else {
            Found::Nothing
        })
    }

    /// Moves on to the next whole frame or to the end, and notes what was skipped.
    fn skip_damage(&mut self) -> io::Result<()> {
        let offset = self.position();
        loop {
            self.consumed += 1;
            self.seek_sync()?;
            match self.find_frame()? {
                Found::Nothing => {}
                found => {
                    self.note(Damage {
                        offset,
                        length: self.position() - offset,
                        place: match found {
                            Found::End => Place::Tail,
                            _ => Place::Before,
                        },
                    });
                    return Ok(());
                }
            }
        }
    }

    /// Moves to the next byte that may begin a frame.
    fn seek_sync(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.buffer[self.consumed..];
            if let Some(distance) = rest.iter().position(|byte| *byte == SYNC[0]) {
                self.consumed += distance;
                return Ok(());
            }
            self.consumed = self.buffer.len();
            if !self.available(1)? {
                return Ok(());
            }
        }
    }

    fn note(&mut self, damage: Damage) {
        if damage.place == Place::Before {
            self.unsaid
                .push_back(Limitation::of_damage(damage.in_report()));
        }
        if self.damages.len() < MOST_DAMAGES {
            self.damages.push(damage);
        } else {
            self.damages_left_out += 1;
        }
    }

    fn position(&self) -> u64 {
        self.base + self.consumed as u64
    }

    /// Whether `length` unconsumed bytes are there, reading more if needed.
    fn available(&mut self, length: usize) -> io::Result<bool> {
        if self.buffer.len() - self.consumed < length {
            self.fill(length)?;
        }
        Ok(self.buffer.len() - self.consumed >= length)
    }

    /// Reads until `length` unconsumed bytes are there or the file ends.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        self.buffer.drain(..self.consumed);
        self.base += self.consumed as u64;
        self.consumed = 0;
        while !self.at_end && self.buffer.len() < length {
            let wanted = CHUNK.max(length) - self.buffer.len();
            let mut limited = self.from.by_ref().take(wanted as u64);
            self.at_end = limited.read_to_end(&mut self.buffer)? < wanted;
        }
        Ok(())
    }
}

/// Hands on the frame, unless it is one that only a newer version knows.
fn parse<T>(kind: u8, payload: &[u8], take: impl FnOnce(Frame<'_>) -> T) -> Option<T> {
    Some(match kind {
        kind::START => take(Frame::Start(&json(payload)?)),
        kind::RECORD => take(Frame::Record(payload)),
        kind::PROCESS => take(Frame::Process(&json(payload)?)),
        kind::INTERVAL => take(Frame::Interval(&json(payload)?)),
        kind::LIMITATION => take(Frame::Limitation(&json(payload)?)),
        kind::ELSEWHERE => take(Frame::Elsewhere(&json(payload)?)),
        kind::TIME_WAIT => take(Frame::TimeWait(&json(payload)?)),
        kind::INSPECTION => take(Frame::Inspection(&json(payload)?)),
        kind::END => take(Frame::End(&json(payload)?)),
        kind::CONNECTION_V1 => take(record(v1::connection(payload).as_ref())),
        kind::HANDSHAKE_V1 => take(record(v1::handshake(payload).as_ref())),
        _ => return None,
    })
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}

/// A record of version 1 as it is today. What is none stays a record, one without any
/// bytes, so that it is counted as one that cannot be read.
fn record<T: IntoBytes + Immutable>(record: Option<&T>) -> Frame<'_> {
    Frame::Record(record.map_or(&[], IntoBytes::as_bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

// SPDX-License-Identifier: MIT
//! Lines that a container engine or the journal split, because they were longer than its
//! buffer. What a client wrote can stand at the beginning of a later piece, so only the first
//! piece of a line is read.

use std::hash::BuildHasher as _;

use foldhash::quality::FixedState;

/// Docker's and containerd's buffer (`daemon/logger/copier.go`, `cri/io/logger.go`).
const ENGINE: usize = 16 * 1024;

/// journald's `LineMax=`.
const JOURNAL: usize = 48 * 1024;

/// A shorter line is no piece, unless it is marked.
pub(super) const SHORTEST: usize = ENGINE - CHARACTER;

/// Bytes that a piece may be short of its buffer, so that no character is cut.
const CHARACTER: usize = 4;

/// Streams that are within a line at once and are told apart.
const MOST_WITHIN: usize = 64;

/// Where lines come from, each with pieces of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// The two that an engine reads.
    Output,
    Error,
    /// A host and tag of the journal or syslog, as a hash.
    Tag(u64),
}

/// What is known of a line that may be a piece of a longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub stream: Stream,
    /// The next line of this stream goes on with it.
    pub goes_on: bool,
}

impl Piece {
    /// A line of the journal or syslog, which mark none: a piece is as long as the buffer.
    /// `source` is what stands before the text and does not change from line to line.
    pub(super) fn of_journal(source: &[u8], text: &[u8]) -> Self {
        let pieces = JOURNAL - CHARACTER..=JOURNAL;
        Self {
            stream: Stream::Tag(FixedState::default().hash_one(source)),
            goes_on: pieces.contains(&text.len()),
        }
    }
}

/// What fields of JSON tell of a piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    is_error: bool,
    goes_on: bool,
    is_last: bool,
}

impl Marks {
    /// Takes a field into account: those of Fluent Bit and Fluentd (`_p`, `logtag`), of
    /// Docker's drivers (`partial_message`, `partial_last`, `CONTAINER_PARTIAL_MESSAGE`), and
    /// of journald (`_LINE_BREAK`).
    pub(super) fn field(&mut self, key: &str, value: &[u8]) {
        match (key, value) {
            ("stream", b"stderr") => self.is_error = true,
            ("_p" | "logtag", b"P")
            | ("partial_message" | "CONTAINER_PARTIAL_MESSAGE", b"true")
            | ("_LINE_BREAK", b"line-max") => self.goes_on = true,
            ("partial_last", b"true") => self.is_last = true,
            _ => {}
        }
    }

    /// Docker's json-file marks none: a whole line ends with a line feed.
    pub(super) fn log(&mut self, text: &[u8]) {
        self.goes_on |= !text.ends_with(b"\n") && text.len() + CHARACTER >= ENGINE;
    }

    pub(super) fn piece(self) -> Piece {
        Piece {
            stream: match self.is_error {
                true => Stream::Error,
                false => Stream::Output,
            },
            goes_on: self.goes_on && !self.is_last,
        }
    }
}

/// Which streams are within a line that was split.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    within: Vec<Stream>,
}

impl Pieces {
    /// Whether this goes on with a line that began before.
    pub(super) fn goes_on(&mut self, piece: Piece) -> bool {
        let within = self.within.iter().position(|one| *one == piece.stream);
        match (within, piece.goes_on) {
            (Some(_), true) => {}
            (Some(at), false) => {
                self.within.swap_remove(at);
            }
            (None, true) if self.within.len() < MOST_WITHIN => self.within.push(piece.stream),
            (None, _) => {}
        }
        within.is_some()
    }
}

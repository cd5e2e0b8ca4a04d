// SPDX-License-Identifier: MIT
//! Whole frames out of a recording's bytes as they are written: in pieces of any size, from
//! our own writer, so that anything that is no frame is an error.

use crate::recording::{FILE_HEADER, FRAME_HEADER, MAX_PAYLOAD, SYNC, checksum};

/// Bytes that have come and are no whole frame yet.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    consumed: usize,
    has_header: bool,
}

/// What comes is no recording.
#[derive(Debug, thiserror::Error)]
#[error("what was to be recorded is not made of frames")]
pub struct NotFrames;

impl Frames {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The kind and payload of the next frame, if it is whole.
    ///
    /// # Errors
    ///
    /// What stands there is no frame. It cannot be read on.
    pub fn next_frame(&mut self) -> Result<Option<(u8, &[u8])>, NotFrames> {
        if !self.has_header {
            if self.buffer.len() < FILE_HEADER {
                return Ok(None);
            }
            self.consumed = FILE_HEADER;
            self.has_header = true;
        }
        let rest = &self.buffer[self.consumed..];
        let Some((header, behind)) = rest.split_at_checked(FRAME_HEADER) else {
            return Ok(None);
        };
        let word = |at| u32::from_le_bytes([0, 1, 2, 3].map(|place: usize| header[at + place]));
        let (kind, length, sum) = (header[2], word(4) as usize, word(8));
        if header[..2] != SYNC || length > MAX_PAYLOAD {
            return Err(NotFrames);
        }
        let Some(payload) = behind.get(..length) else {
            return Ok(None);
        };
        if checksum(kind, payload) != sum {
            return Err(NotFrames);
        }
        self.consumed += FRAME_HEADER + length;
        Ok(Some((kind, payload)))
    }
}

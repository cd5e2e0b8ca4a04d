// SPDX-License-Identifier: MIT
//! Writing frames to a recording.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::{MAX_PAYLOAD, append_file_header, frame_header, kind};
use crate::frame::Frame;

/// Writes a recording; each frame is whole or, if the disk fills up, the last.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
}

impl Writer<Vec<u8>> {
    /// A recording in memory.
    pub fn in_memory() -> Self {
        let mut to = Vec::new();
        append_file_header(&mut to);
        Self { to }
    }
}

impl<W: Write> Writer<W> {
    /// Begins a recording by writing its header.
    ///
    /// # Errors
    ///
    /// What writing to `to` fails with.
    pub fn new(mut to: W) -> io::Result<Self> {
        let mut header = Vec::new();
        append_file_header(&mut header);
        to.write_all(&header)?;
        Ok(Self { to })
    }

    /// What it writes to.
    pub fn get_ref(&self) -> &W {
        &self.to
    }

    /// The same, to take out what was written.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.to
    }

    /// Appends a frame.
    ///
    /// # Errors
    ///
    /// What writing fails with; or the frame is longer than a reader accepts
    /// ([`ErrorKind::InvalidInput`]): then nothing was written, and the recording may go on.
    pub fn write(&mut self, frame: Frame<'_>) -> io::Result<()> {
        match frame {
            Frame::Start(start) => self.write_json(kind::START, start),
            Frame::Record(bytes) => self.write_payload(kind::RECORD, bytes),
            Frame::Process(process) => self.write_json(kind::PROCESS, process),
            Frame::Inspection(inspection) => self.write_json(kind::INSPECTION, inspection),
            Frame::Limitation(limitation) => self.write_json(kind::LIMITATION, limitation),
            Frame::Elsewhere(elsewhere) => self.write_json(kind::ELSEWHERE, elsewhere),
            Frame::TimeWait(snapshot) => self.write_json(kind::TIME_WAIT, snapshot),
            Frame::Interval(mark) => self.write_json(kind::INTERVAL, mark),
            Frame::End(mark) => self.write_json(kind::END, mark),
        }
    }

    fn write_json(&mut self, kind: u8, value: &impl Serialize) -> io::Result<()> {
        let payload = serde_json::to_vec(value)?;
        self.write_payload(kind, &payload)
    }

    fn write_payload(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        if payload.len() > MAX_PAYLOAD {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "a frame of {} bytes, which is over the limit of {MAX_PAYLOAD}",
                    payload.len()
                ),
            ));
        }
        self.to.write_all(&frame_header(kind, payload))?;
        self.to.write_all(payload)
    }

    /// Hands buffered bytes to the system.
    ///
    /// # Errors
    ///
    /// What writing fails with.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

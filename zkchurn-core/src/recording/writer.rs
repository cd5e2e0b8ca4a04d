// SPDX-License-Identifier: MIT
//! Writing frames to a recording.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::{MAGIC, MAX_PAYLOAD, SYNC, VERSION, checksum, kind};
use crate::frame::Frame;

/// Writes a recording; each frame is whole or, if the disk fills up, the last.
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Begins a recording by writing its header.
    ///
    /// # Errors
    ///
    /// What writing to `to` fails with.
    pub fn new(mut to: W) -> io::Result<Self> {
        to.write_all(&MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        to.write_all(&0u32.to_le_bytes())?;
        Ok(Self { to })
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
        let [sync_a, sync_b] = SYNC;
        let [l0, l1, l2, l3] = (payload.len() as u32).to_le_bytes();
        let [s0, s1, s2, s3] = checksum(kind, payload).to_le_bytes();
        let header = [sync_a, sync_b, kind, 0, l0, l1, l2, l3, s0, s1, s2, s3];
        // One call instead of four: this is done for each record.
        self.to.write_all(&header)?;
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

// SPDX-License-Identifier: MIT
//! Recordings: the frames of a trace in a file, so that the same pipeline can
//! run on them later, elsewhere and without privilege.
//!
//! ```text
//! file    magic "ZKCHURN\n"  8 | version u32 | reserved u32 = 0 | frames …
//! frame   sync "ZF" 2 | kind u8 | 0 u8 | length u32 | crc32 u32 | payload
//! ```
//!
//! Numbers are little-endian. The checksum is CRC-32 (IEEE) over kind, the zero
//! byte, length and payload. Kinds: 1 start (JSON), 3 process (JSON), 4 interval
//! (JSON), 5 end (JSON), 6 TIME_WAIT sockets (JSON), 7 inspection of a process
//! (JSON), 9 a record of the kernel program (see `zkchurn_common::wire`), 10 a limitation
//! that showed during the trace (JSON), 11 what other ports have (JSON). 64 more than
//! one of these: the same, carried over from an earlier segment of the same trace, so that this
//! one can be read by itself. In version 1 there were 2 and 8 instead of 9 (see [`v1`]). A reader skips kinds that
//! it does not know.

pub mod reader;
pub mod v1;
pub mod writer;

/// First bytes of a recording.
pub const MAGIC: [u8; 8] = *b"ZKCHURN\n";
/// Version of the format; changed only when old readers would misread.
pub const VERSION: u32 = 2;
/// The oldest version that is read.
pub const OLDEST_VERSION: u32 = 1;
/// First bytes of a frame.
pub const SYNC: [u8; 2] = *b"ZF";
/// Bytes before a frame's payload.
pub const FRAME_HEADER: usize = 12;
/// Bytes before the first frame.
pub const FILE_HEADER: usize = 16;
/// Longest payload that is written, and accepted.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Kinds of frames.
pub mod kind {
    /// [`TraceStart`](crate::frame::TraceStart) as JSON.
    pub const START: u8 = 1;
    /// A connection's record in version 1.
    pub const CONNECTION_V1: u8 = 2;
    /// [`ProcessIdentity`](crate::process::ProcessIdentity) as JSON.
    pub const PROCESS: u8 = 3;
    /// [`Mark`](crate::frame::Mark) as JSON, at the end of an interval.
    pub const INTERVAL: u8 = 4;
    /// [`Mark`](crate::frame::Mark) as JSON, at the end of the trace.
    pub const END: u8 = 5;
    /// [`Snapshot`](crate::timewait::Snapshot) as JSON.
    pub const TIME_WAIT: u8 = 6;
    /// [`Inspection`](crate::inspection::Inspection) as JSON.
    pub const INSPECTION: u8 = 7;
    /// The first bytes of a direction in version 1.
    pub const HANDSHAKE_V1: u8 = 8;
    /// The bytes of a record of the kernel program.
    pub const RECORD: u8 = 9;
    /// [`Limitation`](crate::frame::Limitation) as JSON.
    pub const LIMITATION: u8 = 10;
    /// [`Elsewhere`](crate::elsewhere::Elsewhere) as JSON.
    pub const ELSEWHERE: u8 = 11;
    /// Added to one of these: an earlier segment has it, too.
    pub const CARRIED: u8 = 64;
}

/// Appends a frame's bytes. Its payload is at most [`MAX_PAYLOAD`] long.
pub fn append_frame(kind: u8, payload: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(&frame_header(kind, payload));
    to.extend_from_slice(payload);
}

/// Appends what stands before the first frame.
pub fn append_file_header(to: &mut Vec<u8>) {
    to.extend_from_slice(&MAGIC);
    to.extend_from_slice(&VERSION.to_le_bytes());
    to.extend_from_slice(&0u32.to_le_bytes());
}

fn frame_header(kind: u8, payload: &[u8]) -> [u8; FRAME_HEADER] {
    let [sync_a, sync_b] = SYNC;
    let [l0, l1, l2, l3] = (payload.len() as u32).to_le_bytes();
    let [s0, s1, s2, s3] = checksum(kind, payload).to_le_bytes();
    [sync_a, sync_b, kind, 0, l0, l1, l2, l3, s0, s1, s2, s3]
}

/// CRC-32 of a frame: its header from the kind to the length, then its payload.
pub fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind, 0]);
    hasher.update(&(payload.len() as u32).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests;

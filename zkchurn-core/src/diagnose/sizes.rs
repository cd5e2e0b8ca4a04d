// SPDX-License-Identifier: MIT
//! What the sizes of payload tell, without a byte of it.

use crate::ledger::shape::Shape;

/// A ConnectRequest with its length: 49 bytes, 48 from clients that know no
/// read-only mode (`ConnectRequest`, zookeeper.jute).
pub fn is_connect_request(bytes: u64) -> bool {
    matches!(bytes, 48 | 49)
}

/// A ConnectResponse with its length: 41 bytes, 40 without the read-only flag.
pub fn is_connect_response(bytes: u64) -> bool {
    matches!(bytes, 40 | 41)
}

/// A four-letter word (`FourLetterCommands`), maybe with a line's end.
pub fn is_four_letter_word(bytes: u64) -> bool {
    (4..=6).contains(&bytes)
}

/// A session was asked for and answered, and nothing else was said.
pub fn is_handshake_alone(shape: &Shape) -> bool {
    is_connect_request(shape.client_bytes) && is_connect_response(shape.server_bytes)
}

/// More than a handshake went both ways: work was done.
pub fn is_work(shape: &Shape) -> bool {
    shape.client_bytes > 49 && shape.server_bytes > 41
}

/// `jute.maxbuffer` is 0xfffff by default (`BinaryInputArchive.maxBuffer`); what
/// is over half of it is no ordinary request or answer.
pub const LARGE: u64 = 512 * 1024;

/// The side that refuses a packet for its length reads no further and resets, so
/// the other has sent only what fits into the buffers: a handshake and small
/// requests never leave so much unread.
pub const LARGE_UNREAD: u64 = 32 * 1024;

// SPDX-License-Identifier: MIT
//! The first bytes that each direction of a connection carries, as they cross
//! the ring buffer.
//!
//! ZooKeeper's handshake ends in a password, so the limits here are the limits
//! of what is ever copied out of a packet
//! (`org.apache.zookeeper.proto.ConnectRequest` and `ConnectResponse`):
//!
//! ```text
//! request   len 4 | protocolVersion 4 | lastZxidSeen 8 | timeOut 4 | sessionId 8 | passwd …
//! response  len 4 | protocolVersion 4 | timeOut 4 | sessionId 8 | passwd …
//! ```
//!
//! A [`HandshakeRecord`] holds what one packet adds to the prefix of its
//! direction; ZooKeeper's C client sends the length alone in a first packet. It
//! shares the ring buffer with [`ConnectionRecord`](crate::record::ConnectionRecord)
//! and is told apart by its tag.

use crate::wire::{HEADER_SIZE, RecordHeader, tag};

/// Most bytes that are taken of what the client sends: up to `sessionId`.
pub const REQUEST_LIMIT: usize = 28;
/// Most bytes that are taken of what the server sends: up to `sessionId`.
pub const RESPONSE_LIMIT: usize = 20;

/// Size of [`HandshakeRecord`] in bytes.
pub const HANDSHAKE_RECORD_SIZE: usize = 64;
/// `header.version`. Version 1 was the same without a header; only recordings hold it.
pub const HANDSHAKE_RECORD_VERSION: u16 = 2;

/// `direction`: from the side that opened the connection.
pub const FROM_CLIENT: u8 = 1;
/// `direction`: from the side that accepted it.
pub const FROM_SERVER: u8 = 2;

/// What one packet adds to the first bytes of its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "zerocopy",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout,
        zerocopy::Immutable
    )
)]
#[repr(C)]
pub struct HandshakeRecord {
    /// Tag, version and length.
    pub header: RecordHeader,
    /// Cookie of the socket.
    pub socket: u64,
    /// When the packet passed the hook, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Length of the packet's payload in bytes. Several segments count as one
    /// packet where the network card or the kernel puts them together.
    pub payload: u32,
    /// The first bytes: `length` of them, then zeroes.
    pub bytes: [u8; REQUEST_LIMIT],
    /// How many bytes of `bytes` are the packet's.
    pub length: u8,
    /// How many bytes of this direction came before.
    pub offset: u8,
    /// [`FROM_CLIENT`] or [`FROM_SERVER`].
    pub direction: u8,
    /// Always 0.
    pub reserved: [u8; 5],
}

impl HandshakeRecord {
    /// The header of a record that is whole.
    pub const HEADER: RecordHeader = RecordHeader {
        tag: tag::HANDSHAKE,
        version: HANDSHAKE_RECORD_VERSION,
        length: HANDSHAKE_RECORD_SIZE as u32,
    };
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<HandshakeRecord>() == HANDSHAKE_RECORD_SIZE);
    assert!(align_of::<HandshakeRecord>() == 8);
    assert!(offset_of!(HandshakeRecord, socket) == HEADER_SIZE);
    assert!(offset_of!(HandshakeRecord, bytes) == 28);
    assert!(offset_of!(HandshakeRecord, length) == 56);
    assert!(offset_of!(HandshakeRecord, reserved) + 5 == HANDSHAKE_RECORD_SIZE);
    // The password's length follows.
    assert!(REQUEST_LIMIT == 4 + 4 + 8 + 4 + 8);
    assert!(RESPONSE_LIMIT == 4 + 4 + 4 + 8);
};

// SPDX-License-Identifier: MIT
//! What every record of the ring buffer begins with, and the rule by which
//! records change (docs/adr/0018).
//!
//! ```text
//! record   tag u16 | version u16 | length u32 | fields …
//! ```
//!
//! Numbers are little-endian: the object is built for `bpfel`. The rule:
//!
//! - A new field is appended, or takes reserved bytes, and gets a bit in the
//!   record's `known` set. Version and tag stay. A reader takes of a longer
//!   record what it knows, and of a shorter one what is there; the rest is unknown.
//! - A field that changes its meaning or its place raises the record's version.
//! - Something else altogether gets a tag of its own.
//!
//! A reader counts and skips tags and versions that it does not know.

/// The first bytes of every record.
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
pub struct RecordHeader {
    /// What the record is about: [`tag`].
    pub tag: u16,
    /// Version of that tag's layout.
    pub version: u16,
    /// Length of the whole record in bytes, this header included.
    pub length: u32,
}

/// Size of [`RecordHeader`] in bytes.
pub const HEADER_SIZE: usize = 8;

/// What records are about. A number is never used again.
pub mod tag {
    /// [`ConnectionRecord`](crate::record::ConnectionRecord)
    pub const CONNECTION: u16 = 1;
    /// [`HandshakeRecord`](crate::handshake::HandshakeRecord)
    pub const HANDSHAKE: u16 = 2;
}

const _: () = {
    assert!(size_of::<RecordHeader>() == HEADER_SIZE);
    assert!(core::mem::offset_of!(RecordHeader, version) == 2);
    assert!(core::mem::offset_of!(RecordHeader, length) == 4);
    // Records are read and written as they are in memory.
    assert!(cfg!(target_endian = "little"));
};

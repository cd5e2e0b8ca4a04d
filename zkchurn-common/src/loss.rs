// SPDX-License-Identifier: MIT
//! Counters of what the kernel program saw and could not record.
//!
//! They are slots of one per-CPU array, so counting needs no atomic operation
//! and no lock; the reader adds the CPUs up.

/// A slot of the per-CPU array `LOSS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Loss {
    /// A connection began and the table of tracked sockets had no room for it.
    TableFull = 0,
    /// A connection ended and the ring buffer had no room for its record.
    EndedRecordDropped = 1,
    /// A connection began and the ring buffer had no room to say so, where it would
    /// have been said. Its end is still recorded.
    EstablishedRecordDropped = 2,
    /// A socket on a traced port closed that is not in the table: it is older
    /// than the tracer, or its insertion failed and is counted above.
    UnmatchedClose = 3,
    /// The first bytes of a direction were seen, and the ring buffer or the
    /// table of handshakes had no room for them.
    HandshakeRecordDropped = 4,
    /// A client's first bytes came in the very packet that completed the
    /// connection, so that the hook saw them under the cookie of the listening
    /// socket and not under the connection's.
    HandshakeBeforeAccept = 5,
}

impl Loss {
    /// Number of slots.
    pub const COUNT: u32 = 6;
}

// SPDX-License-Identifier: MIT
//! What is kept of a connection while its handshake is captured.

/// How much of a connection's handshake was captured.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Progress {
    /// What left the socket.
    pub sent: Direction,
    /// What came in.
    pub received: Direction,
    /// Which side opened the connection.
    pub side: u32,
}

/// The captured prefix of one direction.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Direction {
    /// Bytes captured so far.
    pub captured: u32,
    /// Sequence number of the byte after those.
    pub next: u32,
}

impl Progress {
    /// Nothing captured yet of a socket of `side`
    /// ([`ConnectionRecord`](zkchurn_common::record::ConnectionRecord)).
    #[inline(always)]
    pub(crate) fn new(side: u8) -> Self {
        let nothing = Direction {
            captured: 0,
            next: 0,
        };
        Self {
            sent: nothing,
            received: nothing,
            side: side as u32,
        }
    }
}

// SPDX-License-Identifier: MIT
//! From a record to what one packet added to its direction. Its bytes are hostile until
//! they have passed here.

use zkchurn_common::handshake::{
    FROM_CLIENT, FROM_SERVER, HandshakeRecord, REQUEST_LIMIT, RESPONSE_LIMIT,
};

use super::Direction;

/// What one packet added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Cookie of the socket.
    pub socket: u64,
    /// When the packet passed, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Who sent it.
    pub direction: Direction,
    /// The packet's payload in bytes.
    pub payload: u32,
    /// How many bytes of the direction came before.
    pub offset: usize,
    bytes: [u8; REQUEST_LIMIT],
    length: usize,
}

/// Why a record is none of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    /// The direction is neither of the two.
    #[error("direction {0} of a handshake is unknown")]
    Direction(u8),
    /// There are no bytes, or more than may be captured.
    #[error("{length} bytes of a handshake from byte {offset} on cannot be")]
    Bounds {
        /// Bytes that came before.
        offset: u8,
        /// Bytes of the packet.
        length: u8,
    },
}

impl Piece {
    /// Interprets one record.
    ///
    /// # Errors
    ///
    /// An unknown direction, or bytes beyond the limits.
    pub fn of(record: &HandshakeRecord) -> Result<Self, PieceError> {
        let (direction, limit) = match record.direction {
            FROM_CLIENT => (Direction::Client, REQUEST_LIMIT),
            FROM_SERVER => (Direction::Server, RESPONSE_LIMIT),
            other => return Err(PieceError::Direction(other)),
        };
        let (offset, length) = (usize::from(record.offset), usize::from(record.length));
        if length == 0 || offset + length > limit {
            return Err(PieceError::Bounds {
                offset: record.offset,
                length: record.length,
            });
        }
        Ok(Self {
            socket: record.socket,
            at_ns: record.at_ns,
            direction,
            payload: record.payload,
            offset,
            bytes: record.bytes,
            length,
        })
    }

    /// The bytes, at least one.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use zerocopy::FromBytes;
    use zkchurn_common::handshake::HANDSHAKE_RECORD_SIZE;

    use super::*;

    /// A record of `bytes`, which are what a packet of `payload` bytes adds.
    pub(crate) fn record(
        socket: u64,
        direction: u8,
        offset: u8,
        bytes: &[u8],
        payload: u32,
    ) -> HandshakeRecord {
        let mut first = [0; REQUEST_LIMIT];
        first[..bytes.len()].copy_from_slice(bytes);
        HandshakeRecord {
            header: HandshakeRecord::HEADER,
            socket,
            at_ns: 1_000,
            payload,
            bytes: first,
            length: bytes.len() as u8,
            offset,
            direction,
            reserved: [0; 5],
        }
    }

    #[test]
    fn more_than_may_be_captured_is_refused() {
        assert!(Piece::of(&record(1, FROM_CLIENT, 0, &[7; 28], 49)).is_ok());
        assert!(Piece::of(&record(1, FROM_CLIENT, 4, &[7; 24], 45)).is_ok());
        assert!(Piece::of(&record(1, FROM_SERVER, 0, &[7; 20], 41)).is_ok());
        for beyond in [
            record(1, FROM_CLIENT, 4, &[7; 25], 49),
            record(1, FROM_SERVER, 0, &[7; 21], 41),
            record(1, FROM_SERVER, 255, &[7; 20], 41),
            record(1, FROM_CLIENT, 0, &[], 0),
        ] {
            let error = Piece::of(&beyond).unwrap_err();
            assert!(matches!(error, PieceError::Bounds { .. }), "{error}");
        }
        assert_eq!(
            Piece::of(&record(1, 3, 0, &[7; 20], 41)),
            Err(PieceError::Direction(3))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in prop::collection::vec(any::<u8>(), HANDSHAKE_RECORD_SIZE)
        ) {
            let record = HandshakeRecord::read_from_bytes(&bytes).unwrap();
            if let Ok(piece) = Piece::of(&record) {
                prop_assert!(!piece.bytes().is_empty());
            }
        }
    }
}

// SPDX-License-Identifier: MIT
//! From the bytes of a record to what one packet added to its direction. Bytes
//! are hostile until they have passed here.

use bytes::{Buf, BufMut};
use zkchurn_common::handshake::{
    FROM_CLIENT, FROM_SERVER, HANDSHAKE_RECORD_SIZE, HandshakeRecord, REQUEST_LIMIT, RESPONSE_LIMIT,
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

/// Why bytes are not a record of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    /// The bytes do not have the size of a record.
    #[error("a record of a handshake has {HANDSHAKE_RECORD_SIZE} bytes, not {0}")]
    Size(usize),
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
    /// Decodes one record.
    ///
    /// # Errors
    ///
    /// Another length, an unknown direction, or bytes beyond the limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, PieceError> {
        let record = read(bytes)?;
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

fn read(mut bytes: &[u8]) -> Result<HandshakeRecord, PieceError> {
    if bytes.len() != HANDSHAKE_RECORD_SIZE {
        return Err(PieceError::Size(bytes.len()));
    }
    let from = &mut bytes;
    Ok(HandshakeRecord {
        socket: from.get_u64_le(),
        at_ns: from.get_u64_le(),
        payload: from.get_u32_le(),
        bytes: array(from),
        length: from.get_u8(),
        offset: from.get_u8(),
        direction: from.get_u8(),
        reserved: array(from),
    })
}

/// Writes a record in the form that [`Piece::decode`] reads.
pub fn write(record: &HandshakeRecord, to: &mut impl BufMut) {
    to.put_u64_le(record.socket);
    to.put_u64_le(record.at_ns);
    to.put_u32_le(record.payload);
    to.put_slice(&record.bytes);
    to.put_u8(record.length);
    to.put_u8(record.offset);
    to.put_u8(record.direction);
    to.put_slice(&record.reserved);
}

fn array<const N: usize>(from: &mut &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    from.copy_to_slice(&mut bytes);
    bytes
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record of `bytes`, which are what a packet of `payload` bytes adds.
    pub fn record(socket: u64, direction: u8, offset: u8, bytes: &[u8], payload: u32) -> Vec<u8> {
        let mut first = [0; REQUEST_LIMIT];
        first[..bytes.len()].copy_from_slice(bytes);
        let record = HandshakeRecord {
            socket,
            at_ns: 1_000,
            payload,
            bytes: first,
            length: bytes.len() as u8,
            offset,
            direction,
            reserved: [0; 5],
        };
        let mut written = Vec::new();
        write(&record, &mut written);
        written
    }

    #[test]
    fn more_than_may_be_captured_is_refused() {
        assert!(Piece::decode(&record(1, FROM_CLIENT, 0, &[7; 28], 49)).is_ok());
        assert!(Piece::decode(&record(1, FROM_CLIENT, 4, &[7; 24], 45)).is_ok());
        assert!(Piece::decode(&record(1, FROM_SERVER, 0, &[7; 20], 41)).is_ok());
        for beyond in [
            record(1, FROM_CLIENT, 4, &[7; 25], 49),
            record(1, FROM_SERVER, 0, &[7; 21], 41),
            record(1, FROM_SERVER, 255, &[7; 20], 41),
            record(1, FROM_CLIENT, 0, &[], 0),
        ] {
            let error = Piece::decode(&beyond).unwrap_err();
            assert!(matches!(error, PieceError::Bounds { .. }), "{error}");
        }
        assert_eq!(
            Piece::decode(&record(1, 3, 0, &[7; 20], 41)),
            Err(PieceError::Direction(3))
        );
        assert_eq!(Piece::decode(&[0; 55]), Err(PieceError::Size(55)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 56)) {
            if let Ok(piece) = Piece::decode(&bytes) {
                prop_assert!(!piece.bytes().is_empty());
            }
        }
    }
}

// SPDX-License-Identifier: MIT
//! The first bytes of one direction, put together from the packets that brought
//! them. ZooKeeper's C client writes the length and the rest of its request in
//! two calls (zookeeper.c, `prime_connection`).

use zkchurn_common::handshake::REQUEST_LIMIT;

use super::{Direction, First, message::Message, piece::Piece};

/// The first bytes of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prefix {
    bytes: [u8; REQUEST_LIMIT],
    length: usize,
    at_ns: u64,
    first_packet: u32,
}

impl Prefix {
    /// Adds what a packet brought. What does not follow on what is there is
    /// left out: something between was lost.
    pub fn add(&mut self, piece: &Piece) {
        let end = self.length + piece.bytes().len();
        if piece.offset != self.length || end > REQUEST_LIMIT {
            return;
        }
        if self.length == 0 {
            self.at_ns = piece.at_ns;
            self.first_packet = piece.payload;
        }
        self.bytes[self.length..end].copy_from_slice(piece.bytes());
        self.length = end;
    }

    /// The message, if there was any byte.
    pub fn first(&self, direction: Direction) -> Option<First> {
        (self.length > 0).then(|| First {
            message: Message::of(direction, &self.bytes[..self.length]),
            at_ns: self.at_ns,
            first_packet: self.first_packet,
        })
    }
}

// SPDX-License-Identifier: MIT
//! The handshakes of connections that have not ended yet, by cookie, in bounded
//! memory.

use std::collections::VecDeque;

use super::{Direction, Handshake, piece::Piece, prefix::Prefix};
use crate::hash::HashMap;

/// Most connections whose handshakes are kept for their end.
pub const MOST_PENDING: usize = 65_536;

/// So many sockets that are gone may stand in the order before it is looked through, so
/// that few connections at a time do not make for many looks.
const ORDER_SPARE: usize = 1024;

/// Handshakes that wait for the end of their connection.
#[derive(Debug, Default)]
pub struct Pending {
    /// Boxed for the same reason as in the ledger (docs/adr/0013).
    by_socket: HashMap<u64, Box<Entry>>,
    /// Sockets in the order of their first bytes, with the number that tells an
    /// entry from an earlier one of the same socket.
    order: VecDeque<(u64, u64)>,
    entries: u64,
    evicted: u64,
}

#[derive(Debug, Default)]
struct Entry {
    number: u64,
    client: Prefix,
    server: Prefix,
}

impl Pending {
    /// Takes what a packet brought.
    pub fn add(&mut self, piece: &Piece) {
        if !self.by_socket.contains_key(&piece.socket) {
            self.make_room();
            self.entries += 1;
            self.order.push_back((piece.socket, self.entries));
        }
        let number = self.entries;
        let entry = self.by_socket.entry(piece.socket).or_insert_with(|| {
            Box::new(Entry {
                number,
                ..Entry::default()
            })
        });
        match piece.direction {
            Direction::Client => entry.client.add(piece),
            Direction::Server => entry.server.add(piece),
        }
    }

    /// The handshake of a connection that has ended, which is evicted here.
    pub fn take(&mut self, socket: u64) -> Option<Handshake> {
        let entry = self.by_socket.remove(&socket)?;
        let handshake = Handshake {
            request: entry.client.first(Direction::Client),
            response: entry.server.first(Direction::Server),
        };
        (handshake != Handshake::default()).then_some(handshake)
    }

    /// How many handshakes had to be evicted before their connection ended.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Forgets the oldest if there are too many, and takes those that are gone
    /// out of the order now and then.
    fn make_room(&mut self) {
        while self.by_socket.len() >= MOST_PENDING {
            let Some((socket, number)) = self.order.pop_front() else {
                return;
            };
            if self.is_current(socket, number) {
                self.by_socket.remove(&socket);
                self.evicted += 1;
            }
        }
        if self.order.len() >= 2 * self.by_socket.len() + ORDER_SPARE {
            let by_socket = &self.by_socket;
            self.order.retain(|(socket, number)| {
                by_socket
                    .get(socket)
                    .is_some_and(|entry| entry.number == *number)
            });
        }
    }

    fn is_current(&self, socket: u64, number: u64) -> bool {
        self.by_socket
            .get(&socket)
            .is_some_and(|entry| entry.number == number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zkchurn_common::handshake::{FROM_CLIENT, FROM_SERVER};

    use super::*;
    use crate::handshake::{message::Message, piece::tests::record, session::SessionId};

    const REQUEST: [u8; 28] =
        *b"\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\x75\x30\0\0\0\0\0\0\x01\x0f";

    fn piece(socket: u64, direction: u8, offset: u8, bytes: &[u8]) -> Piece {
        Piece::of(&record(socket, direction, offset, bytes, 49)).unwrap()
    }

    #[test]
    fn a_request_in_two_packets_is_put_together() {
        let mut pending = Pending::default();
        pending.add(&piece(7, FROM_CLIENT, 0, &REQUEST[..4]));
        pending.add(&piece(7, FROM_CLIENT, 4, &REQUEST[4..]));
        let handshake = pending.take(7).unwrap();
        assert_eq!(handshake.presented(), Some(SessionId(0x10f)));
        assert!(handshake.is_unanswered());
        assert_eq!(pending.take(7), None);
    }

    #[test]
    fn what_follows_on_something_lost_is_left_out() {
        let mut pending = Pending::default();
        pending.add(&piece(7, FROM_CLIENT, 4, &REQUEST[4..]));
        pending.add(&piece(7, FROM_SERVER, 0, b"imok"));
        let handshake = pending.take(7).unwrap();
        assert_eq!(handshake.request, None);
        assert_eq!(handshake.response.unwrap().message, Message::Other);
        pending.add(&piece(8, FROM_CLIENT, 4, &REQUEST[4..]));
        assert_eq!(pending.take(8), None);
    }

    #[test]
    fn the_oldest_are_forgotten_and_counted() {
        let mut pending = Pending::default();
        for socket in 0..MOST_PENDING as u64 + 3 {
            pending.add(&piece(socket, FROM_CLIENT, 0, &REQUEST));
        }
        assert_eq!(pending.evicted(), 3);
        assert_eq!(pending.take(2), None);
        assert!(pending.take(3).is_some());
        // Ended ones make room, and leave nothing behind.
        for socket in 0..5 * MOST_PENDING as u64 {
            pending.add(&piece(1_000_000 + socket, FROM_CLIENT, 0, &REQUEST));
            assert!(pending.take(1_000_000 + socket).is_some());
        }
        assert!(pending.order.len() <= 2 * MOST_PENDING + ORDER_SPARE);
    }

    #[test]
    fn what_is_gone_is_not_kept_in_the_order() {
        let mut pending = Pending::default();
        pending.add(&piece(1, FROM_CLIENT, 0, &REQUEST));
        for socket in 2..10 * ORDER_SPARE as u64 {
            pending.add(&piece(socket, FROM_CLIENT, 0, &REQUEST));
            assert!(pending.take(socket).is_some());
            assert!(pending.order.len() <= 2 + ORDER_SPARE);
        }
        assert!(pending.take(1).is_some());
    }

    proptest! {
        #[test]
        fn any_order_of_pieces_is_taken(
            pieces in prop::collection::vec((0..4u64, any::<bool>(), 0..28u8, 1..20usize), 0..60)
        ) {
            let mut pending = Pending::default();
            for (socket, from_client, offset, length) in pieces {
                let direction = if from_client { FROM_CLIENT } else { FROM_SERVER };
                let bytes = &REQUEST[..length];
                if let Ok(piece) = Piece::of(&record(socket, direction, offset, bytes, 49)) {
                    pending.add(&piece);
                }
            }
            for socket in 0..4 {
                let _ = pending.take(socket);
            }
            prop_assert!(pending.by_socket.is_empty());
        }
    }
}

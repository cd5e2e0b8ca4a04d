// SPDX-License-Identifier: MIT
//! The first bytes of both directions, from the records of the ring buffer to
//! what was said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_common::handshake::HANDSHAKE_RECORD_SIZE;
use zkchurn_core::{
    decode::{Record, read},
    handshake::{Direction, join::Pending, message::Message, piece::Piece},
    recording::v1,
};

fuzz_target!(|input: &[u8]| {
    for direction in [Direction::Client, Direction::Server] {
        let _ = format!("{:?}", Message::of(direction, input));
    }
    let mut pending = Pending::default();
    let mut sockets = Vec::new();
    // As recordings of version 1 hold them, and as they are now.
    let old = input.chunks(v1::HANDSHAKE_SIZE).filter_map(v1::handshake);
    let new = input.chunks(HANDSHAKE_RECORD_SIZE).map(read);
    let new = new.filter_map(|read| match read {
        Ok(Record::Handshake(record)) => Some(record),
        _ => None,
    });
    for record in old.chain(new) {
        if let Ok(piece) = Piece::of(&record) {
            assert!(!piece.bytes().is_empty());
            pending.add(&piece);
            sockets.push(piece.socket);
        }
    }
    for socket in sockets {
        if let Some(handshake) = pending.take(socket) {
            let _ = (handshake.session(), handshake.is_unanswered());
        }
        assert!(pending.take(socket).is_none(), "it was forgotten");
    }
});

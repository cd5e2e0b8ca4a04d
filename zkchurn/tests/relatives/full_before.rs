// SPDX-License-Identifier: MIT
//! Servers that were full for hours when the trace began: all that is open there is older.
//!
//! Of 7, seen in 13 ways, none was taken for something else at first sight.

use zkchurn_common::record::known;

use super::{
    causes::{LIMIT, PER_REQUEST, REFUSED, Relative, is, kind},
    scene::{Piece, Scene},
};

impl Scene {
    /// Each connection that is older than the trace and stays open is so many times there.
    fn filled_before(mut self, times: u64) -> Self {
        let is_older = |piece: &&Piece| match piece {
            Piece::Connection(record) => record.known & known::BEFORE_START != 0,
            _ => false,
        };
        let older: Vec<_> = self.pieces.iter().filter(is_older).cloned().collect();
        for number in 1..times {
            self.pieces.extend(older.iter().cloned().map(|mut piece| {
                if let Piece::Connection(record) = &mut piece {
                    record.socket ^= number << 40;
                }
                piece
            }));
        }
        self.pieces.sort_by_key(Piece::at_ns);
        self
    }

    /// Only what is older than the trace.
    fn older(self) -> Self {
        self.only(|record| record.known & known::BEFORE_START != 0)
    }
}

/// The limit of the recording is 1.
fn reached() -> Scene {
    kind("limit_reached").at_port(2181).filled_before(60)
}

/// The limit of the recording is 5.
fn shared() -> Scene {
    kind("limit_shared").at_port(2181).filled_before(12)
}

pub(crate) const FULL_BEFORE: &[Relative] = &[
    Relative {
        about: "a client that comes when a leak has filled the limit for hours",
        make: reached,
        causes: &[is(LIMIT, "java")],
        may: &[],
    },
    Relative {
        about: "clients of several programs that share a limit which was full before",
        make: shared,
        causes: &[is(LIMIT, "")],
        may: &[],
    },
    Relative {
        about: "the same in bursts, over sockets for both families",
        make: || reached().over_both_families().in_bursts(4),
        causes: &[is(LIMIT, "")],
        may: &[],
    },
    Relative {
        about: "a limit that was full before, met by a Java client with its digest",
        make: || {
            shared()
                .of_program("java")
                .by_threads_named("main-SendThread(zk1:2181)")
                .sending(104)
                .without_first_bytes()
        },
        causes: &[is(LIMIT, "")],
        may: &[],
    },
    Relative {
        about: "a server that refused connections in the trace, and has lost what is older",
        make: || reached().beside(kind("refused_java").at_port(2181), 1),
        causes: &[is(REFUSED, "java")],
        may: &[],
    },
    Relative {
        about: "a proxy that takes some while it turns others away, with many older ones",
        make: || {
            kind("balancer_resets")
                .at_port(2181)
                .beside(reached().older(), 1)
                .beside(kind("per_request_java").at_port(2181), 2)
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a limit that was full before, and another server that refuses",
        make: || reached().beside(kind("refused_java"), 1),
        causes: &[is(LIMIT, "java"), is(REFUSED, "java")],
        may: &[],
    },
];

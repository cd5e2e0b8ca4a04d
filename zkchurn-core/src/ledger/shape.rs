// SPDX-License-Identifier: MIT
//! How connections went, seen from ZooKeeper's client whichever side was traced:
//! who ended them, who had spoken, and how many bytes.
//!
//! The sizes tell a great deal without a byte of payload: 49 bytes are a
//! ConnectRequest and 41 a ConnectResponse (`ClientCnxn.SendThread.primeConnection`,
//! `ZooKeeperServer.finishSessionInit`; 48 and 40 before 3.4).

use serde::Serialize;

use super::{counts::Counts, sizes};
use crate::{
    connection::{Connection, Side},
    outcome::Outcome,
};

/// Exact sizes that are told apart; of further ones only what sizes tell ([`sizes::class`])
/// is known.
const MOST_SHAPES: usize = 32;
/// Classes that are told apart. Connections that behaved alike have few; of those beyond only
/// how they ended and who had spoken is known.
const MOST_CLASSES: usize = 64;

/// Who ended a connection, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// ECONNREFUSED.
    Refused,
    /// ETIMEDOUT before ESTABLISHED.
    TimedOut,
    /// EHOSTUNREACH and its like before ESTABLISHED.
    Unreachable,
    /// The client closed before ESTABLISHED.
    GivenUp,
    /// No SYN was sent: no free local port.
    NoLocalPort,
    /// No SYN was sent: the bound address was in use.
    LocalAddressInUse,
    /// No SYN was sent before the client closed.
    NeverSent,
    /// Another failure before ESTABLISHED.
    ConnectFailed,
    /// The client sent the first FIN.
    ClosedByClient,
    /// The server sent the first FIN.
    ClosedByServer,
    /// The client sent a RST.
    ResetByClient,
    /// The server sent a RST, maybe after its FIN.
    ResetByServer,
    /// Aborted from outside of the program that holds it, connecting or established.
    Aborted,
    /// Nobody answered any more.
    Broken,
    /// Not told by this kernel.
    Unknown,
}

impl Ending {
    pub(super) fn of(outcome: Outcome, side: Side) -> Self {
        let us_and_peer = match side {
            Side::Client => (Self::ClosedByClient, Self::ClosedByServer),
            Side::Server => (Self::ClosedByServer, Self::ClosedByClient),
        };
        let resets = match side {
            Side::Client => (Self::ResetByClient, Self::ResetByServer),
            Side::Server => (Self::ResetByServer, Self::ResetByClient),
        };
        match outcome {
            Outcome::Refused => Self::Refused,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Unreachable => Self::Unreachable,
            Outcome::GivenUp => Self::GivenUp,
            Outcome::NoLocalPort => Self::NoLocalPort,
            Outcome::LocalAddressInUse => Self::LocalAddressInUse,
            Outcome::NeverSent => Self::NeverSent,
            Outcome::ConnectFailed => Self::ConnectFailed,
            Outcome::ResetByUs => resets.0,
            Outcome::ResetByPeer => resets.1,
            Outcome::Aborted => Self::Aborted,
            Outcome::Broken => Self::Broken,
            Outcome::ClosedByUsBeforeAnyByte
            | Outcome::ClosedByUsWithoutAnswer
            | Outcome::AnsweredThenClosedByUs
            | Outcome::ClosedByUs => us_and_peer.0,
            Outcome::ClosedByPeerBeforeAnyByte
            | Outcome::ClosedByPeerWithoutAnswer
            | Outcome::AnsweredThenClosedByPeer
            | Outcome::ClosedByPeer => us_and_peer.1,
            Outcome::StillOpen | Outcome::Unknown => Self::Unknown,
        }
    }

    /// Whether ESTABLISHED was never reached.
    pub const fn is_failed_connect(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::TimedOut
                | Self::Unreachable
                | Self::GivenUp
                | Self::NoLocalPort
                | Self::LocalAddressInUse
                | Self::NeverSent
                | Self::ConnectFailed
        )
    }
}

/// Who had sent payload when a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    Nobody,
    /// Only the client.
    Client,
    /// Only the server.
    Server,
    Both,
    /// Not told by this kernel.
    Unknown,
}

impl Spoken {
    fn of(client: Option<u64>, server: Option<u64>) -> Self {
        match (client, server) {
            (Some(0), Some(0)) => Self::Nobody,
            (Some(_), Some(0)) => Self::Client,
            (Some(0), Some(_)) => Self::Server,
            (Some(_), Some(_)) => Self::Both,
            _ => Self::Unknown,
        }
    }
}

/// Payload bytes of the client and of the server, whichever side was traced.
pub(super) fn client_and_server_bytes(connection: &Connection) -> (Option<u64>, Option<u64>) {
    let traffic = &connection.traffic;
    match connection.side {
        Side::Client => (traffic.payload_out, traffic.payload_in),
        Side::Server => (traffic.payload_in, traffic.payload_out),
    }
}

/// One way in which connections went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Shape {
    /// Who ended it.
    pub ending: Ending,
    /// Payload bytes of the client.
    pub client_bytes: u64,
    /// Payload bytes of the server.
    pub server_bytes: u64,
}

impl Shape {
    /// What stands for all shapes of which no size tells anything else.
    fn class(self) -> Self {
        Self {
            ending: self.ending,
            client_bytes: sizes::class(self.client_bytes),
            server_bytes: sizes::class(self.server_bytes),
        }
    }
}

/// Counts of ended connections by how they went.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    ways: Counts<(Ending, Spoken)>,
    exact: Counts<Shape>,
    /// Those whose sizes are not in `exact`, by the least of each class.
    by_class: Counts<Shape>,
    ended: u64,
}

impl Shapes {
    /// Takes an ended connection into account.
    pub fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        let (client, server) = client_and_server_bytes(connection);
        let ending = Ending::of(outcome, connection.side);
        self.ways.add((ending, Spoken::of(client, server)), 1);
        self.ended += 1;
        if let (Some(client_bytes), Some(server_bytes)) = (client, server) {
            let shape = Shape {
                ending,
                client_bytes,
                server_bytes,
            };
            self.add_exact(shape, 1);
        }
    }

    fn add_exact(&mut self, shape: Shape, count: u64) {
        if self.exact.len() < MOST_SHAPES || self.exact.get(shape) > 0 {
            self.exact.add(shape, count);
        } else {
            self.add_class(shape.class(), count);
        }
    }

    fn add_class(&mut self, class: Shape, count: u64) {
        if self.by_class.len() < MOST_CLASSES || self.by_class.get(class) > 0 {
            self.by_class.add(class, count);
        }
    }

    /// Adds the counts of other connections.
    pub fn absorb(&mut self, other: &Self) {
        self.ways.absorb(&other.ways);
        for (shape, count) in other.exact.iter() {
            self.add_exact(shape, count);
        }
        for (class, count) in other.by_class.iter() {
            self.add_class(class, count);
        }
        self.ended += other.ended;
    }

    /// Ended connections.
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// Connections that ended so, whoever had spoken.
    pub fn ending(&self, ending: Ending) -> u64 {
        self.count(|way, _| way == ending)
    }

    /// Connections by who ended them and who had spoken.
    pub fn count(&self, matches: impl Fn(Ending, Spoken) -> bool) -> u64 {
        let ways = self.ways.iter();
        ways.filter(|((ending, spoken), _)| matches(*ending, *spoken))
            .map(|(_, count)| count)
            .sum()
    }

    /// Connections by what their sizes tell: of many different ones `matches` sees the least
    /// of their class.
    pub fn count_by_size(&self, matches: impl Fn(&Shape) -> bool) -> u64 {
        let all = self.exact.iter().chain(self.by_class.iter());
        all.filter(|(shape, _)| matches(shape))
            .map(|(_, count)| count)
            .sum()
    }

    /// The fewest and the most bytes of these, the client's and the server's; none where not
    /// all exact sizes were told apart.
    pub fn bytes(&self, matches: impl Fn(&Shape) -> bool) -> Option<[(u64, u64); 2]> {
        if !self.by_class.is_empty() {
            return None;
        }
        let shapes = self.exact.iter().map(|(shape, _)| shape);
        let bytes = shapes
            .filter(matches)
            .map(|shape| [shape.client_bytes, shape.server_bytes].map(|bytes| (bytes, bytes)));
        bytes.reduce(|all, one| {
            [0, 1].map(|way| (all[way].0.min(one[way].0), all[way].1.max(one[way].1)))
        })
    }

    /// The most frequent exact size of these.
    pub fn find_exact(&self, matches: impl Fn(&Shape) -> bool) -> Option<Shape> {
        let exact = self.exact.iter().filter(|(shape, _)| matches(shape));
        exact
            .max_by_key(|(_, count)| *count)
            .map(|(shape, _)| shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_connection::{ended, server_side};

    #[test]
    fn the_same_connection_is_the_same_from_both_sides() {
        let mut from_client = Shapes::default();
        let mut from_server = Shapes::default();
        let seen_by_client = ended(1, 49, 0, Outcome::ClosedByPeerWithoutAnswer);
        from_client.observe(&seen_by_client, Outcome::ClosedByPeerWithoutAnswer);
        let seen_by_server = server_side(ended(1, 0, 49, Outcome::AnsweredThenClosedByUs));
        from_server.observe(&seen_by_server, Outcome::AnsweredThenClosedByUs);
        for shapes in [from_client, from_server] {
            assert_eq!(shapes.ending(Ending::ClosedByServer), 1);
            assert_eq!(shapes.count(|_, spoken| spoken == Spoken::Client), 1);
            assert_eq!(shapes.count_by_size(|shape| shape.client_bytes == 49), 1);
        }
    }

    #[test]
    fn whatever_a_peer_sends_takes_little_memory() {
        let mut shapes = Shapes::default();
        for turn in 0..40_000 {
            let outcome = Outcome::AnsweredThenClosedByPeer;
            let (out, back) = (1 << (turn % 21), 1 << (turn / 21 % 21));
            shapes.observe(&ended(turn, out + turn % 5, back, outcome), outcome);
        }
        assert_eq!(shapes.ended(), 40_000);
        assert!(shapes.by_class.len() <= MOST_CLASSES && shapes.exact.len() <= MOST_SHAPES);
    }

    #[test]
    fn beyond_the_bound_a_size_still_tells_what_it_is() {
        let mut shapes = Shapes::default();
        for turn in 0..100 {
            let outcome = Outcome::AnsweredThenClosedByPeer;
            shapes.observe(&ended(turn, 62 + turn, 81 + turn, outcome), outcome);
        }
        shapes.observe(
            &ended(100, 49, 0, Outcome::ClosedByPeerWithoutAnswer),
            Outcome::ClosedByPeerWithoutAnswer,
        );
        assert_eq!(shapes.ended(), 101);
        assert_eq!(shapes.exact.len(), MOST_SHAPES);
        assert_eq!(shapes.count_by_size(sizes::is_work), 100);
        let mut twice = shapes.clone();
        twice.absorb(&shapes);
        let unanswered = |shape: &Shape| {
            sizes::is_connect_request(shape.client_bytes) && shape.server_bytes == 0
        };
        assert_eq!(twice.count_by_size(unanswered), 2);
        assert_eq!(twice.count_by_size(sizes::is_work), 200);
        assert_eq!(twice.bytes(|_| true), None, "not all are known");
    }
}

// SPDX-License-Identifier: MIT
//! Whether connections spoke ZooKeeper's client protocol, as far as that shows: by
//! the first bytes where they were read (`--handshake`), else by the payload sizes
//! that a session of ZooKeeper's can have.
//!
//! Most connections show neither: silent ones, unanswered ones (a ZooKeeper server
//! closes without a word on what is not its protocol), TLS, and the many sizes that
//! fit every protocol.

use super::{
    shape::{Ending, client_and_server_bytes},
    sizes,
};
use crate::{
    connection::{Connection, Side, Stage},
    handshake::{Handshake, message::Message},
    outcome::Outcome,
};

/// Ended connections that show what is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Those that spoke ZooKeeper.
    pub zookeeper: u64,
    /// Of those, how many by the server's answer: a request alone says what the client is.
    pub zookeeper_answers: u64,
    /// Those that cannot have.
    pub another: u64,
    /// Of those, how many by their first bytes.
    pub another_read: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    ZooKeeper,
    AnotherRead,
    AnotherBySize,
}

impl Signs {
    /// Takes a connection's record into account.
    pub fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        match sign(connection, outcome) {
            None => {}
            Some(Sign::ZooKeeper) => {
                self.zookeeper += 1;
                let (_, answer) = client_and_server_bytes(connection);
                self.zookeeper_answers += u64::from(answer.is_some_and(|bytes| bytes > 0));
            }
            Some(Sign::AnotherBySize) => self.another += 1,
            Some(Sign::AnotherRead) => {
                self.another += 1;
                self.another_read += 1;
            }
        }
    }

    /// Adds the counts of other connections.
    pub fn absorb(&mut self, other: &Self) {
        self.zookeeper += other.zookeeper;
        self.zookeeper_answers += other.zookeeper_answers;
        self.another += other.another;
        self.another_read += other.another_read;
    }
}

fn sign(connection: &Connection, outcome: Outcome) -> Option<Sign> {
    if matches!(connection.stage, Stage::Established | Stage::SeenOpen) {
        // More is to come of it.
        return None;
    }
    let traffic = &connection.traffic;
    let (client, server) = match connection.side {
        Side::Client => (traffic.payload_out, traffic.payload_in),
        Side::Server => (traffic.payload_in, traffic.payload_out),
    };
    if let Some(handshake) = &connection.handshake {
        return by_first_bytes(handshake, client, server);
    }
    // What an open connection has carried may end within a message.
    if connection.stage == Stage::Open {
        return None;
    }
    by_sizes(client?, server?, Ending::of(outcome, connection.side))
}

fn by_first_bytes(handshake: &Handshake, client: Option<u64>, server: Option<u64>) -> Option<Sign> {
    use Message::{ConnectRequest, ConnectResponse, ErrorReply, FourLetterWord, Http, Other};
    let request = handshake.request.map(|first| first.message);
    let response = handshake.response.map(|first| first.message);
    let is_answered = response.is_some() || server.is_some_and(|bytes| bytes > 0);
    match (request, response) {
        (_, Some(ConnectResponse { .. }))
        | (Some(ConnectRequest { .. }), None | Some(ErrorReply { .. }))
        | (Some(FourLetterWord { .. }), None | Some(Other)) => Some(Sign::ZooKeeper),
        (Some(ConnectRequest { .. } | Http | Other), Some(Http | Other)) => Some(Sign::AnotherRead),
        (Some(Http | Other), None) if is_answered => Some(Sign::AnotherRead),
        // A ZooKeeper server never speaks first.
        (None, Some(Http | Other)) if client == Some(0) => Some(Sign::AnotherRead),
        _ => None,
    }
}

/// What the payload of both directions shows, where all of it is known.
fn by_sizes(client: u64, server: u64, ending: Ending) -> Option<Sign> {
    let by_server = matches!(ending, Ending::ClosedByServer | Ending::ResetByServer);
    match (client, server) {
        (_, 0) => sizes::is_connect_request(client).then_some(Sign::ZooKeeper),
        // A TLS alert (RFC 8446, 6): what is inside is not known.
        (48.., 7) => None,
        // The server answers a four-letter word and closes; "imok" is four bytes.
        (4..=6, _) => (server == 4 || by_server).then_some(Sign::ZooKeeper),
        (7..=8, _) => None,
        // An error in place of a session.
        _ if sizes::is_error_reply(client, server) => None,
        _ if !sizes::can_be_of_client(client) || !sizes::can_be_of_server(server) => {
            Some(Sign::AnotherBySize)
        }
        _ => sizes::is_session(client, server).then_some(Sign::ZooKeeper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        handshake::Direction,
        ledger::{
            handshakes::tests::{asked, first},
            test_connection::{ended, server_side},
        },
    };

    const US: Outcome = Outcome::AnsweredThenClosedByUs;
    const PEER: Outcome = Outcome::AnsweredThenClosedByPeer;

    fn seen(client: u64, server: u64, outcome: Outcome) -> Signs {
        let mut signs = Signs::default();
        signs.observe(&ended(1, client, server, outcome), outcome);
        signs
    }

    #[test]
    fn sizes_of_a_session() {
        for (client, server, outcome) in [
            (49, 0, Outcome::ClosedByPeerWithoutAnswer),
            (49, 41, PEER),
            (48, 40, PEER),
            (127_025, 41, Outcome::ResetByPeer),
            // Pings, and the close.
            (61, 61, US),
            (85, 81, US),
            (4, 4, US),
            (5, 253, PEER),
        ] {
            let signs = seen(client, server, outcome);
            assert_eq!(
                (signs.zookeeper, signs.another),
                (1, 0),
                "{client} {server}"
            );
        }
    }

    #[test]
    fn sizes_that_no_session_has() {
        for (what, client, server, outcome) in [
            ("redis, PING", 14, 7, US),
            ("redis, SET", 120, 5, US),
            ("a server that speaks first", 0, 300, PEER),
            ("pg_isready", 58, 25, US),
            ("HTTP, 204", 140, 58, US),
            ("memcached", 30, 2_000, US),
        ] {
            let signs = seen(client, server, outcome);
            assert_eq!((signs.zookeeper, signs.another), (0, 1), "{what}");
        }
    }

    #[test]
    fn sizes_that_tell_nothing() {
        for (what, client, server, outcome) in [
            ("silent", 0, 0, Outcome::ClosedByUsBeforeAnyByte),
            (
                "a stranger at a ZooKeeper server",
                79,
                0,
                Outcome::ClosedByPeerWithoutAnswer,
            ),
            ("HTTP, or a request in a session", 79, 5_000, US),
            ("postgres, or requests in a session", 230, 540, US),
            ("a TLS alert", 283, 7, PEER),
            ("redis, PING by hand", 6, 7, US),
        ] {
            let signs = seen(client, server, outcome);
            assert_eq!(signs, Signs::default(), "{what}");
        }
    }

    #[test]
    fn the_first_bytes_say_it_whatever_the_size() {
        let read = |request: &[u8], response: &[u8]| {
            let mut connection = ended(1, 49, 41, US);
            let of = |direction, bytes: &[u8]| match bytes {
                [] => None,
                bytes => first(Message::of(direction, bytes)),
            };
            connection.handshake = Some(Handshake {
                request: of(Direction::Client, request),
                response: of(Direction::Server, response),
            });
            let mut signs = Signs::default();
            signs.observe(&connection, US);
            (signs.zookeeper, signs.another_read)
        };
        assert_eq!(read(b"GET / HTTP/1.1", b"HTTP/1.1 200 OK"), (0, 1));
        assert_eq!(read(b"GET / HTTP/1.1", b""), (0, 1), "answered by its size");
        assert_eq!(read(b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"), (0, 1));
        assert_eq!(read(b"ruok", b"imok"), (1, 0));
        assert_eq!(
            read(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], b"\x16\x03\x03"),
            (0, 0)
        );
    }

    #[test]
    fn a_client_of_zookeeper_at_another_server_speaks_to_another_protocol() {
        let mut connection = ended(1, 49, 30, PEER);
        let mut handshake = asked(0, None);
        connection.handshake = Some(handshake);
        let mut signs = Signs::default();
        handshake.response = first(Message::of(Direction::Server, b"-ERR unbalanced"));
        connection.handshake = Some(handshake);
        signs.observe(&connection, PEER);
        assert_eq!((signs.zookeeper, signs.another_read), (0, 1));
    }

    #[test]
    fn both_sides_see_the_same() {
        let mut signs = Signs::default();
        signs.observe(&server_side(ended(1, 41, 49, US)), US);
        assert_eq!((signs.zookeeper, signs.another), (1, 0));
    }
}

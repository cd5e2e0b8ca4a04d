// SPDX-License-Identifier: MIT
//! ZooKeeper's handshake: what the first bytes of each direction say.
//!
//! | module | holds |
//! |---|---|
//! | [`piece`] | from the bytes of a record to what one packet added |
//! | [`prefix`] | the first bytes of one direction, put together |
//! | [`message`] | what such a prefix is |
//! | [`session`] | ids of sessions and transactions, as ZooKeeper writes them |
//! | [`word`] | the four-letter words |
//! | [`join`] | from sockets to handshakes, in bounded memory |

pub mod join;
pub mod message;
pub mod piece;
pub mod prefix;
pub mod session;
pub mod word;

use message::Message;

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The side that opened the connection.
    Client,
    /// The side that accepted it.
    Server,
}

/// The first message of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    pub message: Message,
    /// When its first packet passed, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Payload of the first packet in bytes.
    pub first_packet: u32,
}

/// What both sides of a connection said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Handshake {
    /// The client's first message.
    pub request: Option<First>,
    /// The server's first message.
    pub response: Option<First>,
}

impl Handshake {
    /// The session that the connection is about: the one that the client
    /// presented, else the one that it was given.
    pub fn session(&self) -> Option<session::SessionId> {
        self.presented().or_else(|| self.granted())
    }

    /// The session that the client asked to go on with.
    pub fn presented(&self) -> Option<session::SessionId> {
        match self.request?.message {
            Message::ConnectRequest { session, .. } => session.if_any(),
            _ => None,
        }
    }

    /// The session that the server granted, new or old.
    pub fn granted(&self) -> Option<session::SessionId> {
        match self.response?.message {
            message @ Message::ConnectResponse { session, .. } if !message.is_expired() => {
                session.if_any()
            }
            _ => None,
        }
    }

    /// Whether the client asked for a session and got no answer to that.
    pub fn is_unanswered(&self) -> bool {
        let asked = self
            .request
            .is_some_and(|first| matches!(first.message, Message::ConnectRequest { .. }));
        asked && self.response.is_none()
    }

    /// Whether the server answered, but not what a request for a session is answered with. A
    /// four-letter word, TLS and HTTP have answers of their own.
    pub fn is_answer_unexpected(&self) -> bool {
        let asked = matches!(
            self.request.map(|first| first.message),
            Some(Message::ConnectRequest { .. })
        );
        let is_odd = |first: First| {
            !matches!(
                first.message,
                Message::ConnectResponse { .. } | Message::Incomplete
            )
        };
        asked && self.response.is_some_and(is_odd)
    }
}

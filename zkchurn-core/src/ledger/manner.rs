// SPDX-License-Identifier: MIT
//! How one connection behaved, coarse enough that connections of one cause are alike and
//! fine enough that those of two causes are not: by which kind of thread, who ended it
//! after what had been said, how long it lived, and what its first bytes were.
//!
//! FIN and RST are one way where a race decides between them: a server that closes with
//! unread bytes sends a RST. How many there were of each is in the group's
//! [`super::shape::Shapes`].

use super::{
    shape::{Ending, client_and_server_bytes},
    sizes,
};
use crate::{
    connection::{Comm, Connection, Stage},
    handshake::{Handshake, message::Message},
    outcome::Outcome,
};

/// How a connection behaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manner {
    pub thread: ThreadKind,
    pub way: Way,
    pub said: Said,
    pub lived: Scale,
    /// Whether this side closed long after the peer had.
    pub late: bool,
}

impl Manner {
    /// Of a connection that ended or is listed as open.
    pub fn of(connection: &Connection, outcome: Outcome) -> Self {
        let opener = connection.opener.map(|opener| opener.thread.comm);
        let way = Way::of(connection, outcome);
        let lived = match way {
            Way::Open => Scale::default(),
            _ => Scale::of(connection),
        };
        Self {
            thread: ThreadKind::of(opener.unwrap_or_default()),
            way,
            said: Said::of(connection.handshake.as_ref()),
            lived,
            late: is_late(connection),
        }
    }

    /// Whether it is the same but for living ten times as long.
    pub fn is_next_length_of(&self, other: &Self) -> bool {
        self.of_any_length() == other.of_any_length() && self.lived.0 == other.lived.0 + 1
    }

    /// The same, however long it lived.
    pub fn of_any_length(self) -> Self {
        Self {
            lived: Scale::default(),
            ..self
        }
    }
}

/// A thread's name with `#` for its numbers and without one at its end, so that the
/// threads of a pool are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ThreadKind([u8; 16]);

impl ThreadKind {
    /// The kind of a thread with this name.
    pub(crate) fn of(comm: Comm) -> Self {
        let mut kind = [0; 16];
        let mut length = 0;
        let mut in_number = false;
        for byte in comm.as_bytes() {
            let is_digit = byte.is_ascii_digit();
            if !(is_digit && in_number) {
                kind[length] = if is_digit { b'#' } else { *byte };
                length += 1;
            }
            in_number = is_digit;
        }
        // Linux keeps 15 bytes: the number may be cut off.
        if in_number {
            kind[length - 1] = 0;
        }
        Self(kind)
    }
}

/// Who ended a connection, after what had been said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// ECONNREFUSED.
    Refused,
    /// No answer to the SYN, until the kernel or the client gave up.
    NoAnswer,
    /// EHOSTUNREACH and its like.
    Unreachable,
    /// No SYN was sent: no free local port, or the bound address was in use.
    NoLocalAddress,
    /// No SYN was sent before the client closed.
    NeverSent,
    /// Another failure before ESTABLISHED.
    ConnectFailed,
    /// The client closed and nobody had spoken.
    SilentlyClosed,
    /// The client reset it and nobody had spoken.
    SilentlyReset,
    /// The server ended it and nobody had spoken.
    NeverSpoke,
    /// A ConnectRequest's size, no answer, ended by the server.
    RequestRefused,
    /// Only the client spoke, and it or the kernel ended the connection.
    Unanswered,
    /// The client sent four to six bytes, and the server something.
    Word,
    /// The client sent four to six bytes, and the server nothing.
    WordUnanswered,
    /// Bytes of another size than a request's, no answer, ended by the server.
    Foreign,
    /// The sizes of a ConnectRequest and its answer, and no more.
    HandshakeAlone,
    /// The answer to the ConnectRequest and one reply without a result, to more than the end
    /// of a session: the first request was refused.
    FirstRequestRefused,
    /// Much of a large message.
    Large,
    /// Both spoke.
    Work,
    /// Only the server spoke.
    ServerAlone,
    /// Nobody answered any more.
    Broken,
    /// Aborted from outside of the program.
    Aborted,
    /// The peer has closed, and this side holds its socket open.
    HeldOpen,
    /// The peer had only just closed when the trace ended: whether this side holds its socket is
    /// not known, nor are bytes.
    HalfClosed,
    /// It is still open.
    Open,
    /// Bytes or the end are not reported by this kernel.
    Unknown,
}

/// Whether the peer closed so long ago that whoever means to has closed as well.
pub(super) fn is_held_open(connection: &Connection) -> bool {
    let held_for = connection.held_in_close_wait_for_ns();
    held_for.is_some_and(|nanoseconds| nanoseconds >= HELD_NS)
}

/// A handshake and small requests never leave so much unread or sent (compare
/// `diagnose::sizes`).
const LARGE: u64 = 32 * 1024;

/// A program that closes in its turn has done so by then.
const HELD_NS: u64 = 1_000_000_000;

/// Whether a connection is over, and its socket stayed in CLOSE_WAIT for long before.
pub(super) fn is_late(connection: &Connection) -> bool {
    let waited = connection.in_close_wait();
    waited.is_some_and(|(from, until)| until.saturating_sub(from) >= HELD_NS)
}

impl Way {
    /// Whether the client ended it and nobody had spoken.
    pub const fn is_silent(self) -> bool {
        matches!(self, Self::SilentlyClosed | Self::SilentlyReset)
    }

    /// Whether it was established. A test holds it against [`Ending::is_failed_connect`].
    pub const fn is_through(self) -> bool {
        !matches!(
            self,
            Self::Refused
                | Self::NoAnswer
                | Self::Unreachable
                | Self::NoLocalAddress
                | Self::NeverSent
                | Self::ConnectFailed
                | Self::Aborted
                | Self::Unknown
        )
    }

    /// Whether the server ended it before anybody was answered.
    pub const fn is_turned_away(self) -> bool {
        matches!(
            self,
            Self::NeverSpoke | Self::RequestRefused | Self::Foreign
        )
    }

    /// Whether somebody had spoken.
    pub const fn has_spoken(self) -> bool {
        matches!(
            self,
            Self::RequestRefused
                | Self::Unanswered
                | Self::Word
                | Self::WordUnanswered
                | Self::Foreign
                | Self::HandshakeAlone
                | Self::FirstRequestRefused
                | Self::Large
                | Self::Work
                | Self::ServerAlone
        )
    }

    /// Whether it has the sizes of a session, or of another protocol's that was answered.
    pub const fn has_session(self) -> bool {
        matches!(
            self,
            Self::HandshakeAlone | Self::FirstRequestRefused | Self::Large | Self::Work
        )
    }

    fn of(connection: &Connection, outcome: Outcome) -> Self {
        if connection.stage == Stage::Open {
            return Self::Open;
        }
        if is_held_open(connection) {
            return Self::HeldOpen;
        }
        let ending = Ending::of(outcome, connection.side);
        match ending {
            Ending::Refused => Self::Refused,
            Ending::TimedOut | Ending::GivenUp => Self::NoAnswer,
            Ending::Unreachable => Self::Unreachable,
            Ending::NoLocalPort | Ending::LocalAddressInUse => Self::NoLocalAddress,
            Ending::NeverSent => Self::NeverSent,
            Ending::ConnectFailed => Self::ConnectFailed,
            Ending::Aborted => Self::Aborted,
            Ending::Broken => Self::Broken,
            Ending::Unknown => Self::Unknown,
            Ending::ClosedByClient
            | Ending::ResetByClient
            | Ending::ClosedByServer
            | Ending::ResetByServer => match client_and_server_bytes(connection) {
                (Some(client), Some(server)) => Self::by_bytes(ending, client, server),
                _ if connection.held_in_close_wait_for_ns().is_some() => Self::HalfClosed,
                _ => Self::Unknown,
            },
        }
    }

    fn by_bytes(ending: Ending, client: u64, server: u64) -> Self {
        let by_server = matches!(ending, Ending::ClosedByServer | Ending::ResetByServer);
        match (client, server) {
            (0, 0) if by_server => Self::NeverSpoke,
            (0, 0) if ending == Ending::ResetByClient => Self::SilentlyReset,
            (0, 0) => Self::SilentlyClosed,
            (0, _) => Self::ServerAlone,
            (4..=6, 0) => Self::WordUnanswered,
            (4..=6, _) => Self::Word,
            (LARGE.., _) | (_, LARGE..) => Self::Large,
            (48 | 49, 0) if by_server => Self::RequestRefused,
            (_, 0) if by_server => Self::Foreign,
            (_, 0) => Self::Unanswered,
            (48 | 49, 40 | 41) => Self::HandshakeAlone,
            (client, server) if sizes::is_first_request_refused(client, server) => {
                Self::FirstRequestRefused
            }
            _ => Self::Work,
        }
    }
}

/// What the first bytes were, where they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// Without `--handshake`, or the packet was missed.
    #[default]
    NotCaptured,
    /// A new session, granted.
    NewSession,
    /// A session that there was already, granted.
    Renewal,
    /// A session that has expired.
    Expired,
    /// A session was asked for and there was no answer, or another one.
    NoSession,
    Word,
    Tls,
    Http,
    Other,
}

impl Said {
    fn of(handshake: Option<&Handshake>) -> Self {
        let Some(handshake) = handshake else {
            return Self::NotCaptured;
        };
        let answer = handshake.response.map(|first| first.message);
        match handshake.request.map(|first| first.message) {
            Some(Message::ConnectRequest { session, .. }) => match answer {
                Some(answer @ Message::ConnectResponse { .. }) if answer.is_expired() => {
                    Self::Expired
                }
                Some(Message::ConnectResponse { .. }) if session.if_any().is_some() => {
                    Self::Renewal
                }
                Some(Message::ConnectResponse { .. }) => Self::NewSession,
                _ => Self::NoSession,
            },
            Some(Message::FourLetterWord { .. }) => Self::Word,
            Some(Message::TlsClientHello) => Self::Tls,
            Some(Message::Http) => Self::Http,
            Some(_) => Self::Other,
            None => Self::NotCaptured,
        }
    }
}

/// How long a connection lived, or took to fail, to a factor of ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale(u8);

/// Up to here all are alike: what a program does at once.
const AT_ONCE_NS: u64 = 1_000_000;

impl Scale {
    fn of(connection: &Connection) -> Self {
        let lived = connection
            .established_for_ns()
            .or_else(|| connection.connecting_for_ns());
        let mut step = 0;
        let mut until = AT_ONCE_NS;
        while step < 6 && lived.unwrap_or_default() >= until {
            step += 1;
            until *= 10;
        }
        Self(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::Side,
        ledger::test_connection::{ended, server_side},
    };

    fn way(out: u64, back: u64, outcome: Outcome) -> Way {
        Manner::of(&ended(1, out, back, outcome), outcome).way
    }

    #[test]
    fn the_race_between_fin_and_rst_makes_no_second_way() {
        for outcome in [Outcome::ClosedByPeerWithoutAnswer, Outcome::ResetByPeer] {
            assert_eq!(way(49, 0, outcome), Way::RequestRefused);
            assert_eq!(way(300, 0, outcome), Way::Foreign);
        }
        for outcome in [
            Outcome::AnsweredThenClosedByPeer,
            Outcome::AnsweredThenClosedByUs,
        ] {
            assert_eq!(way(49, 41, outcome), Way::HandshakeAlone);
            assert_eq!(way(88, 149, outcome), Way::Work);
        }
    }

    #[test]
    fn both_sides_see_the_same_way() {
        let seen_here = ended(1, 0, 49, Outcome::AnsweredThenClosedByUs);
        let manner = Manner::of(&server_side(seen_here), Outcome::AnsweredThenClosedByUs);
        assert_eq!(manner.way, Way::RequestRefused);
        assert_eq!(
            way(0, 0, Outcome::ClosedByUsBeforeAnyByte),
            Way::SilentlyClosed
        );
        assert_eq!(
            way(0, 0, Outcome::ClosedByPeerBeforeAnyByte),
            Way::NeverSpoke
        );
        assert_eq!(way(0, 0, Outcome::Refused), Way::Refused);
    }

    /// What failed before it was established is so by its way and by its ending.
    #[test]
    fn a_connect_that_failed_got_through_in_no_way() {
        for outcome in Outcome::ALL {
            let ending = Ending::of(outcome, Side::Client);
            let is_told = !matches!(ending, Ending::Aborted | Ending::Unknown);
            let is_through = way(49, 41, outcome).is_through();
            assert_eq!(
                is_through,
                is_told && !ending.is_failed_connect(),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn threads_of_a_pool_are_one_kind() {
        let kind = |name: &str| {
            let mut comm = [0; 16];
            comm[..name.len()].copy_from_slice(name.as_bytes());
            ThreadKind::of(Comm::new(comm))
        };
        assert_eq!(
            kind("pool-1-thread-9"),
            kind("pool-12-thread-"),
            "cut at 15"
        );
        assert_eq!(kind("pool-1-thread-1"), kind("pool-2-thread-3"));
        assert_ne!(kind("main-SendThread"), kind("Catalina-utilit"));
    }
}

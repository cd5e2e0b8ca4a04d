// SPDX-License-Identifier: MIT
//! How a connection ended, derived from its error, its first closer, the direction of
//! the RST and the payload bytes alone.

use serde::Serialize;

use crate::{
    connection::{Connection, FirstClose, Side, Stage},
    ending::Reset,
    errno,
    stall::Stall,
};

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still connecting or established.
    StillOpen,
    /// The SYN was answered by a RST, or rejected by a firewall (ECONNREFUSED).
    Refused,
    /// No answer to the SYN got through before the kernel gave up (ETIMEDOUT).
    TimedOut,
    /// No route, no neighbour, or rejected on the way ([`errno::Kind::Unreachable`]).
    Unreachable,
    /// The caller closed the socket before an answer came.
    GivenUp,
    /// No SYN was sent: no local port was free (EADDRNOTAVAIL).
    NoLocalPort,
    /// No SYN was sent: the local address that the program had bound has such a
    /// connection already (EADDRNOTAVAIL).
    LocalAddressInUse,
    /// No SYN was sent: the caller closed the socket before its first write, which
    /// sends it with TCP_FASTOPEN_CONNECT.
    NeverSent,
    /// Connecting failed for another reason, or the kernel does not tell which.
    ConnectFailed,
    /// The peer sent a RST, or something in its name.
    ResetByPeer,
    /// This side sent a RST: SO_LINGER 0, or unread data at close.
    ResetByUs,
    /// Aborted by something other than the program that holds it (SOCK_DESTROY, `ss -K`),
    /// while connecting or established.
    Aborted,
    /// The established connection broke: retransmissions or keepalive unanswered.
    Broken,
    /// This side closed before any payload byte in either direction.
    ClosedByUsBeforeAnyByte,
    /// The peer closed before any payload byte in either direction.
    ClosedByPeerBeforeAnyByte,
    /// The client sent, received nothing, and this side closed.
    ClosedByUsWithoutAnswer,
    /// The client sent, received nothing, and the peer closed.
    ClosedByPeerWithoutAnswer,
    /// The server sent payload, then this side closed.
    AnsweredThenClosedByUs,
    /// The server sent payload, then the peer closed.
    AnsweredThenClosedByPeer,
    /// This side closed; the bytes are not known.
    ClosedByUs,
    /// The peer closed; the bytes are not known.
    ClosedByPeer,
    /// The connection ended in a way that this kernel does not tell.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::StillOpen,
        Self::Refused,
        Self::TimedOut,
        Self::Unreachable,
        Self::GivenUp,
        Self::NoLocalPort,
        Self::LocalAddressInUse,
        Self::NeverSent,
        Self::ConnectFailed,
        Self::ResetByPeer,
        Self::ResetByUs,
        Self::Aborted,
        Self::Broken,
        Self::ClosedByUsBeforeAnyByte,
        Self::ClosedByPeerBeforeAnyByte,
        Self::ClosedByUsWithoutAnswer,
        Self::ClosedByPeerWithoutAnswer,
        Self::AnsweredThenClosedByUs,
        Self::AnsweredThenClosedByPeer,
        Self::ClosedByUs,
        Self::ClosedByPeer,
        Self::Unknown,
    ];

    /// Its name in JSON and in filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StillOpen => "still_open",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::GivenUp => "given_up",
            Self::NoLocalPort => "no_local_port",
            Self::LocalAddressInUse => "local_address_in_use",
            Self::NeverSent => "never_sent",
            Self::ConnectFailed => "connect_failed",
            Self::ResetByPeer => "reset_by_peer",
            Self::ResetByUs => "reset_by_us",
            Self::Aborted => "aborted",
            Self::Broken => "broken",
            Self::ClosedByUsBeforeAnyByte => "closed_by_us_before_any_byte",
            Self::ClosedByPeerBeforeAnyByte => "closed_by_peer_before_any_byte",
            Self::ClosedByUsWithoutAnswer => "closed_by_us_without_answer",
            Self::ClosedByPeerWithoutAnswer => "closed_by_peer_without_answer",
            Self::AnsweredThenClosedByUs => "answered_then_closed_by_us",
            Self::AnsweredThenClosedByPeer => "answered_then_closed_by_peer",
            Self::ClosedByUs => "closed_by_us",
            Self::ClosedByPeer => "closed_by_peer",
            Self::Unknown => "unknown",
        }
    }

    /// Derives the outcome of one connection.
    pub fn of(connection: &Connection) -> Self {
        if matches!(
            connection.stage,
            Stage::Established | Stage::SeenOpen | Stage::Open
        ) {
            Self::StillOpen
        } else if connection.stage == Stage::FoundClosed && !connection.was_established() {
            // Its establishment may have been missed as well.
            Self::Unknown
        } else if connection.was_established() {
            Self::after_established(connection)
        } else {
            Self::of_failed_connect(connection)
        }
    }

    fn of_failed_connect(connection: &Connection) -> Self {
        match connection.error {
            None => Self::ConnectFailed,
            Some(0) => Self::without_error(connection),
            Some(error) => Self::of_errno(error),
        }
    }

    fn of_errno(error: u32) -> Self {
        match errno::kind(error) {
            errno::Kind::Refused => Self::Refused,
            errno::Kind::TimedOut => Self::TimedOut,
            errno::Kind::Unreachable => Self::Unreachable,
            errno::Kind::Other if error == errno::ECONNABORTED => Self::Aborted,
            errno::Kind::Other => Self::ConnectFailed,
        }
    }

    /// A connect that did not end by a packet or a timer.
    fn without_error(connection: &Connection) -> Self {
        // ICMP answered while the caller held the socket's lock.
        if let Some(soft) = connection.soft_error
            && errno::kind(soft) != errno::Kind::Other
        {
            return Self::of_errno(soft);
        }
        let Some(ending) = connection.ending else {
            return Self::GivenUp;
        };
        if !ending.is_by_thread(connection.state_left) {
            // The error is gone: the program took it with SO_ERROR.
            return Self::ConnectFailed;
        }
        match connection.traffic.segments_out {
            Some(0) if ending.is_closed() => Self::NeverSent,
            // The port that was bound, the record has from the start.
            Some(0) if connection.local.port() != 0 => Self::LocalAddressInUse,
            Some(0) if !ending.had_local_port() => Self::NoLocalPort,
            Some(0) => Self::ConnectFailed,
            _ => Self::GivenUp,
        }
    }

    fn after_established(connection: &Connection) -> Self {
        let first = connection.first_close();
        // A RST after a FIN answers what came too late, or what nobody will read.
        match (connection.reset(), first) {
            (Some(Reset::Sent), Some(FirstClose::Us)) if connection.sent_fin() => {}
            (Some(Reset::Received), Some(FirstClose::Us))
            | (Some(Reset::Sent), Some(FirstClose::Peer))
            | (None, _) => {}
            (Some(Reset::Received), _) => return Self::ResetByPeer,
            (Some(Reset::Sent), _) if connection.error == Some(errno::ECONNABORTED) => {
                return Self::Aborted;
            }
            (Some(Reset::Sent), _) => return Self::ResetByUs,
        }
        match first {
            Some(FirstClose::Us) => Self::closed_by_us(connection),
            Some(FirstClose::Peer) => Self::closed_by_peer(connection),
            Some(FirstClose::Kernel) => Self::Broken,
            None => Self::Unknown,
        }
    }

    fn closed_by_us(connection: &Connection) -> Self {
        match asked_and_answered(connection) {
            (Some(0), Some(0)) => Self::ClosedByUsBeforeAnyByte,
            (Some(_), Some(0)) => Self::ClosedByUsWithoutAnswer,
            (_, Some(_)) => Self::AnsweredThenClosedByUs,
            _ => Self::ClosedByUs,
        }
    }

    fn closed_by_peer(connection: &Connection) -> Self {
        match asked_and_answered(connection) {
            (Some(0), Some(0)) => Self::ClosedByPeerBeforeAnyByte,
            (Some(_), Some(0)) => Self::ClosedByPeerWithoutAnswer,
            (_, Some(_)) => Self::AnsweredThenClosedByPeer,
            _ => Self::ClosedByPeer,
        }
    }

    /// One sentence that says what happened.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::StillOpen => "The connection was still open when the trace ended.",
            Self::Refused => {
                "The connection was refused: nothing listens there, or a firewall rejects it."
            }
            Self::TimedOut => "No answer to the SYN got through before the kernel gave up.",
            Self::Unreachable => {
                "The kernel or the network reported that the server cannot be reached: no route, no \
                 answer to ARP, or a firewall rejects."
            }
            Self::GivenUp => "The program closed the socket while it was still connecting.",
            Self::NoLocalPort => "No SYN was sent: no local port was free for the connection.",
            Self::LocalAddressInUse => {
                "No SYN was sent: the local address and port that the program chose were in use."
            }
            Self::NeverSent => {
                "No SYN was sent: the program closed the socket before it wrote (TCP_FASTOPEN_CONNECT)."
            }
            Self::ConnectFailed => {
                "Connecting failed for a reason that only the error tells, if the kernel reports one."
            }
            Self::ResetByPeer => "A RST came from the peer, or from a firewall in its name.",
            Self::ResetByUs => {
                "This side sent a RST, as with SO_LINGER 0 or a close with unread data."
            }
            Self::Aborted => {
                "The connection was aborted from outside of its program, as by `ss -K` or a network agent."
            }
            Self::Broken => Stall::Unclear.sentence(),
            Self::ClosedByUsBeforeAnyByte => {
                "This side closed before any byte was sent or received."
            }
            Self::ClosedByPeerBeforeAnyByte => {
                "The peer closed before any byte was sent or received."
            }
            Self::ClosedByUsWithoutAnswer => {
                "The client sent, got no answer, and this side closed."
            }
            Self::ClosedByPeerWithoutAnswer => {
                "The client sent, got no answer, and the peer closed."
            }
            Self::AnsweredThenClosedByUs => "The server sent data, then this side closed.",
            Self::AnsweredThenClosedByPeer => "The server sent data, then the peer closed.",
            Self::ClosedByUs => "This side closed; byte counts unknown.",
            Self::ClosedByPeer => {
                "The peer shut down its sending, and maybe closed; byte counts unknown."
            }
            Self::Unknown => "How the connection ended is unknown: the kernel did not report it.",
        }
    }

    /// The same, with what the connection itself tells.
    pub fn sentence_on(self, connection: &Connection) -> &'static str {
        match self {
            Self::Broken => Stall::of(&connection.traffic).sentence(),
            other => other.sentence(),
        }
    }

    /// At most 15 characters, for a narrow column: who ended it, and how far it got.
    pub const fn short(self) -> &'static str {
        match self {
            Self::StillOpen => "open",
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::GivenUp => "given up",
            Self::NoLocalPort => "no local port",
            Self::LocalAddressInUse => "address in use",
            Self::NeverSent => "never sent",
            Self::ConnectFailed => "connect failed",
            Self::ResetByPeer => "reset by peer",
            Self::ResetByUs => "reset by us",
            Self::Aborted => "aborted",
            Self::Broken => "broken",
            Self::ClosedByUsBeforeAnyByte => "us, 0 bytes",
            Self::ClosedByPeerBeforeAnyByte => "peer, 0 bytes",
            Self::ClosedByUsWithoutAnswer => "us, no answer",
            Self::ClosedByPeerWithoutAnswer => "peer, no answer",
            Self::AnsweredThenClosedByUs => "us, answered",
            Self::AnsweredThenClosedByPeer => "peer, answered",
            Self::ClosedByUs => "us",
            Self::ClosedByPeer => "peer",
            Self::Unknown => "unknown",
        }
    }

    /// A few words for a column or a list.
    pub const fn label(self) -> &'static str {
        match self {
            Self::StillOpen => "still open",
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::GivenUp => "given up by caller",
            Self::NoLocalPort => "no local port",
            Self::LocalAddressInUse => "local address in use",
            Self::NeverSent => "closed before any SYN",
            Self::ConnectFailed => "connect failed",
            Self::ResetByPeer => "reset by peer",
            Self::ResetByUs => "reset by us",
            Self::Aborted => "aborted from outside",
            Self::Broken => "broken",
            Self::ClosedByUsBeforeAnyByte => "closed by us before any byte",
            Self::ClosedByPeerBeforeAnyByte => "closed by peer before any byte",
            Self::ClosedByUsWithoutAnswer => "closed by us without answer",
            Self::ClosedByPeerWithoutAnswer => "closed by peer without answer",
            Self::AnsweredThenClosedByUs => "answered, closed by us",
            Self::AnsweredThenClosedByPeer => "answered, closed by peer",
            Self::ClosedByUs => "closed by us",
            Self::ClosedByPeer => "closed by peer",
            Self::Unknown => "unknown",
        }
    }

    /// The same in a sentence, in which client and server are told apart: `side` is this
    /// host's.
    pub fn by_role(self, side: Side) -> String {
        let (us, peer) = match side {
            Side::Client => ("the client", "the server"),
            Side::Server => ("the server", "the client"),
        };
        match self {
            Self::GivenUp => "given up by the program while connecting".to_owned(),
            // A RST bears the peer's address whoever sends it.
            Self::ResetByPeer => format!("reset by {peer} or in its name"),
            Self::ResetByUs => format!("reset by {us}"),
            Self::ClosedByUsBeforeAnyByte => format!("closed by {us} before any byte"),
            Self::ClosedByPeerBeforeAnyByte => format!("closed by {peer} before any byte"),
            Self::ClosedByUsWithoutAnswer => format!("closed by {us} without an answer"),
            Self::ClosedByPeerWithoutAnswer => format!("closed by {peer} without an answer"),
            Self::AnsweredThenClosedByUs => format!("answered and closed by {us}"),
            Self::AnsweredThenClosedByPeer => format!("answered and closed by {peer}"),
            Self::ClosedByUs => format!("closed by {us}"),
            // Of open ones it is known no more than that.
            Self::ClosedByPeer => format!("closed by {peer} (at least for sending)"),
            other => other.label().to_owned(),
        }
    }

    /// The same of one that is reset by nobody who can be named, because nothing was on its way to
    /// the peer.
    pub fn by_role_in_name(self, side: Side) -> String {
        match (self, side) {
            (Self::ResetByPeer, Side::Client) => "reset in the server's name".to_owned(),
            (Self::ResetByPeer, Side::Server) => "reset in the client's name".to_owned(),
            (other, _) => other.by_role(side),
        }
    }

    /// Whether it is this side that ended an established connection.
    pub const fn is_by_us(self) -> bool {
        matches!(
            self,
            Self::ResetByUs
                | Self::ClosedByUsBeforeAnyByte
                | Self::ClosedByUsWithoutAnswer
                | Self::AnsweredThenClosedByUs
                | Self::ClosedByUs
        )
    }

    /// Whether the connection never did any work: what an operator looks for.
    pub const fn is_failure(self) -> bool {
        !matches!(
            self,
            Self::StillOpen
                | Self::AnsweredThenClosedByUs
                | Self::AnsweredThenClosedByPeer
                | Self::ClosedByUs
                | Self::ClosedByPeer
                | Self::Unknown
        )
    }
}

/// Payload bytes of the client and of the server, whichever side this host is.
fn asked_and_answered(connection: &Connection) -> (Option<u64>, Option<u64>) {
    let traffic = &connection.traffic;
    match connection.side {
        Side::Client => (traffic.payload_out, traffic.payload_in),
        Side::Server => (traffic.payload_in, traffic.payload_out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 49 bytes of a client's that the server did not answer, and two bytes that it did.
    #[test]
    fn the_servers_side_calls_an_answer_what_it_sent() {
        use crate::ledger::test_connection::{ended, server_side};
        let cases = [
            (0, 49, Outcome::ClosedByUsWithoutAnswer),
            (41, 49, Outcome::AnsweredThenClosedByUs),
            (0, 0, Outcome::ClosedByUsBeforeAnyByte),
        ];
        for (out, back, expected) in cases {
            let connection = server_side(ended(1_000, out, back, Outcome::ClosedByUs));
            assert_eq!(Outcome::of(&connection), expected, "{out} out, {back} in");
        }
    }

    /// SOCK_DESTROY of a socket that is connecting, established, and closed already.
    #[test]
    fn an_abort_from_outside_is_no_reset_by_the_program() {
        use crate::ledger::test_connection::ended;
        let aborted = ended(1_000, 49, 0, Outcome::Aborted);
        assert_eq!(Outcome::of(&aborted), Outcome::Aborted);
        let mut connecting = ended(1_000, 0, 0, Outcome::Refused);
        connecting.error = Some(errno::ECONNABORTED);
        assert_eq!(Outcome::of(&connecting), Outcome::Aborted);
        let mut closed = ended(1_000, 49, 41, Outcome::AnsweredThenClosedByUs);
        closed.error = Some(errno::ECONNABORTED);
        assert_eq!(Outcome::of(&closed), Outcome::AnsweredThenClosedByUs);
        assert_eq!(closed.reset(), Some(Reset::Sent));
    }

    #[test]
    fn a_filter_knows_the_names_that_json_has() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index, "{outcome:?} is not in order");
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.name()));
        }
        assert_eq!(Outcome::ALL.len(), Outcome::Unknown as usize + 1);
    }

    /// A firewall or a queue of this host may have dropped what a peer sent, or may have answered in
    /// its name: neither "it sent nothing" nor "it sent this" is known.
    #[test]
    fn no_sentence_claims_what_this_host_cannot_know_of_the_peer() {
        let stalls = [Stall::Silent, Stall::NothingOut, Stall::Unclear];
        let errors = (0..200).filter_map(errno::meaning);
        let said = Outcome::ALL
            .map(Outcome::sentence)
            .into_iter()
            .chain(stalls.map(Stall::sentence))
            .chain(stalls.map(Stall::words))
            .chain(errors);
        for sentence in said {
            for claim in ["answer came", "never answered", "answering", "peer sent"] {
                assert!(!sentence.contains(claim), "{sentence}");
            }
        }
    }
}

// SPDX-License-Identifier: MIT
//! What a server's log reports of a connection or a session.

use serde::Serialize;

use crate::text;

use crate::handshake::message::Foreign;

/// What a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Kind {
    /// The server accepted a connection.
    Accepted,
    /// A client asked for a new session.
    SessionAsked,
    /// A client asked to go on with a session that it had.
    RenewalAsked,
    /// A session was given to a client, or given back to it.
    Established,
    /// A session ran out.
    Expired,
    /// Authentication by SASL failed; the server may keep the connection.
    AuthenticationFailed,
    /// The connection ended before it had a session, for no reason that the
    /// log tells: the client closed it.
    ClosedWithoutSession,
    /// The connection broke, and no session is told of it: a reset, or an error
    /// that has no kind of its own.
    BrokenWithoutSession,
    /// The connection of a session ended; this is how any session ends.
    EndedWithSession,
    /// Refused: the address, or all together, had too many connections.
    LimitReached,
    /// Refused: the client had seen more than this server has.
    ZxidAhead,
    /// Refused: the server was read-only and the client did not agree to that,
    /// or the session cannot be taken there.
    ReadOnlyRefused,
    /// Refused: the session that the client wanted back had expired.
    RenewalRefused,
    /// Refused: the password did not belong to the session.
    WrongPassword,
    /// Refused: the server was not serving, for want of a quorum or while it
    /// started or stopped.
    NotServing,
    /// Refused: the server's connection throttle.
    Throttled,
    /// A four-letter word was answered.
    FourLetterWord,
    /// The first four bytes were the beginning of a TLS record.
    Tls,
    /// The first four bytes were the beginning of an HTTP request.
    Http,
    /// The first four bytes were no length of a message.
    BadLength,
    /// A TLS handshake failed at a port that expects TLS.
    TlsHandshakeFailed,
    /// A client asked for a session in the protocol of 3.3 and before, as Go's and C's
    /// clients do; for a new one or for its old one.
    OldClient,
    /// The server closed a session because it had not authenticated.
    AuthenticationRequired,
    /// The server had no file descriptor left to accept a connection with.
    OutOfDescriptors,
    /// Another server of the ensemble connected to the election port.
    ElectionConnection,
    /// A connection with another server of the ensemble broke.
    ElectionBroken,
    /// Another server of the ensemble could not be reached at its election port.
    ElectionUnreachable,
    /// What a client gave to `addauth` was not accepted for the scheme that it named.
    CredentialRefused,
    /// The server has no provider of the scheme that a client named to `addauth`.
    SchemeUnknown,
}

/// How many kinds there are.
pub const KINDS: usize = 29;

impl Kind {
    /// All, in the order of their numbers.
    pub const ALL: [Self; KINDS] = [
        Self::Accepted,
        Self::SessionAsked,
        Self::RenewalAsked,
        Self::Established,
        Self::Expired,
        Self::AuthenticationFailed,
        Self::ClosedWithoutSession,
        Self::BrokenWithoutSession,
        Self::EndedWithSession,
        Self::LimitReached,
        Self::ZxidAhead,
        Self::ReadOnlyRefused,
        Self::RenewalRefused,
        Self::WrongPassword,
        Self::NotServing,
        Self::Throttled,
        Self::FourLetterWord,
        Self::Tls,
        Self::Http,
        Self::BadLength,
        Self::TlsHandshakeFailed,
        Self::OldClient,
        Self::AuthenticationRequired,
        Self::OutOfDescriptors,
        Self::ElectionConnection,
        Self::ElectionBroken,
        Self::ElectionUnreachable,
        Self::CredentialRefused,
        Self::SchemeUnknown,
    ];

    /// Whether a connection ended with it. No connection ends twice.
    pub fn is_end(self) -> bool {
        !matches!(
            self,
            Self::Accepted
                | Self::SessionAsked
                | Self::RenewalAsked
                | Self::Established
                | Self::Expired
                | Self::AuthenticationFailed
                | Self::OldClient
                | Self::AuthenticationRequired
                | Self::OutOfDescriptors
                | Self::ElectionConnection
                | Self::ElectionBroken
                | Self::ElectionUnreachable
                | Self::CredentialRefused
                | Self::SchemeUnknown
        )
    }

    /// Whether a connection ended with it that did no work.
    pub fn is_failure(self) -> bool {
        self.is_end() && !matches!(self, Self::EndedWithSession | Self::FourLetterWord)
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::SessionAsked => "session_asked",
            Self::RenewalAsked => "renewal_asked",
            Self::Established => "established",
            Self::Expired => "expired",
            Self::AuthenticationFailed => "authentication_failed",
            Self::ClosedWithoutSession => "closed_without_session",
            Self::BrokenWithoutSession => "broken_without_session",
            Self::EndedWithSession => "ended_with_session",
            Self::LimitReached => "limit_reached",
            Self::ZxidAhead => "zxid_ahead",
            Self::ReadOnlyRefused => "read_only_refused",
            Self::RenewalRefused => "renewal_refused",
            Self::WrongPassword => "wrong_password",
            Self::NotServing => "not_serving",
            Self::Throttled => "throttled",
            Self::FourLetterWord => "four_letter_word",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::BadLength => "bad_length",
            Self::TlsHandshakeFailed => "tls_handshake_failed",
            Self::OldClient => "old_client",
            Self::AuthenticationRequired => "authentication_required",
            Self::OutOfDescriptors => "out_of_descriptors",
            Self::ElectionConnection => "election_connection",
            Self::ElectionBroken => "election_broken",
            Self::ElectionUnreachable => "election_unreachable",
            Self::CredentialRefused => "credential_refused",
            Self::SchemeUnknown => "scheme_unknown",
        }
    }

    /// A count of the kind, in a few words.
    pub fn counted(self, count: u64) -> String {
        let words = match (self, count) {
            (Self::SessionAsked, 1) => "new session request",
            (Self::RenewalAsked, 1) => "session renewal request",
            (Self::Established, 1) => "session established or renewed",
            (Self::Expired, 1) => "session expired",
            (Self::AuthenticationFailed, 1) => "failed authentication",
            (Self::CredentialRefused, 1) => "credential of addauth refused",
            (Self::FourLetterWord, 1) => "four-letter word",
            (Self::Http, 1) => "HTTP request",
            (Self::TlsHandshakeFailed, 1) => "failed TLS handshake",
            (kind, _) => kind.words(),
        };
        format!("{} {words}", text::count(count))
    }

    /// The kind in a few words, as after a count of several.
    pub fn words(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::SessionAsked => "new session requests",
            Self::RenewalAsked => "session renewal requests",
            Self::Established => "sessions established or renewed",
            Self::Expired => "sessions expired",
            Self::AuthenticationFailed => "failed authentications",
            Self::ClosedWithoutSession => "closed without a session",
            Self::BrokenWithoutSession => "broken without a session",
            Self::EndedWithSession => "closed with a session",
            Self::LimitReached => "over the connection limit",
            Self::ZxidAhead => "ahead of the server's zxid",
            Self::ReadOnlyRefused => "refused by a read-only server",
            Self::RenewalRefused => "for an expired session",
            Self::WrongPassword => "with a wrong session password",
            Self::NotServing => "while the server was not serving",
            Self::Throttled => "throttled",
            Self::FourLetterWord => "four-letter words",
            Self::Tls => "TLS to a plaintext port",
            Self::Http => "HTTP requests",
            Self::BadLength => "with an impossible length",
            Self::TlsHandshakeFailed => "failed TLS handshakes",
            Self::OldClient => "asked in the old protocol",
            Self::AuthenticationRequired => "closed for not authenticating",
            Self::OutOfDescriptors => "not accepted: no file descriptor left",
            Self::ElectionConnection => "at the election port",
            Self::ElectionBroken => "election connections broken",
            Self::ElectionUnreachable => "failed connects to its election port",
            Self::CredentialRefused => "credentials of addauth refused",
            Self::SchemeUnknown => "with a scheme of addauth that the server lacks",
        }
    }
}

/// What the length that the server read says about the client.
pub fn of_length(length: i32) -> Kind {
    match Foreign::of_length(length.cast_unsigned()) {
        Some(Foreign::Tls) => Kind::Tls,
        Some(Foreign::Http) => Kind::Http,
        None => Kind::BadLength,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_kinds_are_their_places() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
    }

    /// The lengths are those of a real server's log.
    #[test]
    fn other_protocols_are_known_by_the_length() {
        assert_eq!(of_length(1_195_725_856), Kind::Http);
        assert_eq!(of_length(1_347_375_956), Kind::Http);
        assert_eq!(of_length(369_295_616), Kind::Tls);
        assert_eq!(of_length(369_295_618), Kind::Tls);
        assert_eq!(of_length(352_518_400), Kind::Tls);
        assert_eq!(of_length(-66_052), Kind::BadLength);
        assert_eq!(of_length(1_397_966_893), Kind::BadLength);
    }
}

// SPDX-License-Identifier: MIT
//! The kinds of churn: one name each, whether a trace or a server's log tells it.

use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of churn. Its name in JSON is its id, the same in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Churn {
    /// Connections that their own client closes before it says anything.
    ClientFailsBeforeItSpeaks,
    /// Somebody looks whether the port is open.
    TcpHealthProbe,
    /// Nothing listens: ECONNREFUSED.
    Refused,
    /// No answer to the SYN.
    Blackhole,
    /// No route, or no neighbour.
    Unreachable,
    /// No local port for the client's end: EADDRNOTAVAIL.
    NoLocalPort,
    /// More connections than `maxClientCnxns` allows.
    ConnectionLimit,
    /// The server has no quorum, or starts or stops.
    NotServed,
    /// A client asks again and again for a session that is gone.
    SessionExpiredLoop,
    /// Two clients use the same session.
    OneSessionTwoClients,
    /// A client is made for each request.
    ClientPerRequest,
    /// Somebody asks four-letter words.
    FourLetterWordMonitor,
    /// Four-letter words that nobody answers.
    FourLetterWordUnanswered,
    /// Bytes that are no ZooKeeper.
    WrongProtocol,
    /// TLS at a port that speaks none.
    TlsAtPlaintextPort,
    /// HTTP at a port that speaks none.
    HttpAtPlaintextPort,
    /// No answer of the server gets through in time.
    ReadTimeouts,
    /// Handles that nobody closes.
    HandleLeak,
    /// A message over `jute.maxbuffer`.
    OversizedPacket,
    /// An address that no longer serves.
    StaleAddress,
    /// Connections in CLOSE_WAIT that nobody closes.
    HeldInCloseWait,
    /// A client that connects and says nothing until the server closes.
    ClientNeverSpeaks,
    /// Something between, or the server, cuts connections after a fixed time.
    IdleTimeout,
    /// The server dies or is restarted again and again, and ends all connections each time.
    ServerRestarts,
    /// A proxy, sidecar or load balancer accepts, and has no server behind it.
    ProxyWithoutServer,
    /// Plaintext at a port that speaks TLS.
    PlaintextAtTlsPort,
    /// The port speaks another protocol.
    NotZooKeeper,
    /// What no rule explains.
    UnexplainedChurn,
    /// Closed without a session: all that a server's log tells of a client that fails
    /// before it speaks, or of a health check.
    ClosesWithoutSession,
    /// The client has seen a newer zxid than the server has.
    ZxidAhead,
    /// A wrong password for a session.
    WrongPassword,
    /// Turned away by the connection throttle.
    Throttled,
    /// Refused by a server in read-only mode.
    ReadOnlyRefused,
    /// A length that is none: another protocol, or a message over `jute.maxbuffer`.
    ImpossibleLength,
    /// TLS at a port that speaks it, but the handshake fails.
    TlsHandshakeFailed,
    /// Many connections that had a session and ended: all that a server's log tells of a
    /// client that reconnects, or of one for each request.
    SessionsComeAndGo,
    /// Clients fail to authenticate, or are closed because they did not.
    AuthenticationRefused,
    /// The server has no file descriptor left to accept a connection with.
    ServerOutOfDescriptors,
    /// The servers of the ensemble lose the connections to each other.
    EnsembleChurn,
}

impl Churn {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::ClientFailsBeforeItSpeaks,
        Self::TcpHealthProbe,
        Self::Refused,
        Self::Blackhole,
        Self::Unreachable,
        Self::NoLocalPort,
        Self::ConnectionLimit,
        Self::NotServed,
        Self::SessionExpiredLoop,
        Self::OneSessionTwoClients,
        Self::ClientPerRequest,
        Self::FourLetterWordMonitor,
        Self::FourLetterWordUnanswered,
        Self::WrongProtocol,
        Self::TlsAtPlaintextPort,
        Self::HttpAtPlaintextPort,
        Self::ReadTimeouts,
        Self::HandleLeak,
        Self::OversizedPacket,
        Self::StaleAddress,
        Self::HeldInCloseWait,
        Self::ClientNeverSpeaks,
        Self::IdleTimeout,
        Self::ServerRestarts,
        Self::ProxyWithoutServer,
        Self::PlaintextAtTlsPort,
        Self::NotZooKeeper,
        Self::UnexplainedChurn,
        Self::ClosesWithoutSession,
        Self::ZxidAhead,
        Self::WrongPassword,
        Self::Throttled,
        Self::ReadOnlyRefused,
        Self::ImpossibleLength,
        Self::TlsHandshakeFailed,
        Self::SessionsComeAndGo,
        Self::AuthenticationRefused,
        Self::ServerOutOfDescriptors,
        Self::EnsembleChurn,
    ];

    pub const fn id(self) -> &'static str {
        match self {
            Self::ClientFailsBeforeItSpeaks => "client_fails_before_it_speaks",
            Self::TcpHealthProbe => "tcp_health_probe",
            Self::Refused => "refused",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::NoLocalPort => "no_local_port",
            Self::ConnectionLimit => "connection_limit",
            Self::NotServed => "not_served",
            Self::SessionExpiredLoop => "session_expired_loop",
            Self::OneSessionTwoClients => "one_session_two_clients",
            Self::ClientPerRequest => "client_per_request",
            Self::FourLetterWordMonitor => "four_letter_word_monitor",
            Self::FourLetterWordUnanswered => "four_letter_word_unanswered",
            Self::WrongProtocol => "wrong_protocol",
            Self::TlsAtPlaintextPort => "tls_at_plaintext_port",
            Self::HttpAtPlaintextPort => "http_at_plaintext_port",
            Self::ReadTimeouts => "read_timeouts",
            Self::HandleLeak => "handle_leak",
            Self::OversizedPacket => "oversized_packet",
            Self::StaleAddress => "stale_address",
            Self::HeldInCloseWait => "held_in_close_wait",
            Self::ClientNeverSpeaks => "client_never_speaks",
            Self::IdleTimeout => "idle_timeout",
            Self::ServerRestarts => "server_restarts",
            Self::ProxyWithoutServer => "proxy_without_server",
            Self::PlaintextAtTlsPort => "plaintext_at_tls_port",
            Self::NotZooKeeper => "not_zookeeper",
            Self::UnexplainedChurn => "unexplained_churn",
            Self::ClosesWithoutSession => "closes_without_session",
            Self::ZxidAhead => "zxid_ahead",
            Self::WrongPassword => "wrong_password",
            Self::Throttled => "throttled",
            Self::ReadOnlyRefused => "read_only_refused",
            Self::ImpossibleLength => "impossible_length",
            Self::TlsHandshakeFailed => "tls_handshake_failed",
            Self::SessionsComeAndGo => "sessions_come_and_go",
            Self::AuthenticationRefused => "authentication_refused",
            Self::ServerOutOfDescriptors => "server_out_of_descriptors",
            Self::EnsembleChurn => "ensemble_churn",
        }
    }
}

impl Churn {
    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClientFailsBeforeItSpeaks => "The client fails before it speaks",
            Self::TcpHealthProbe => "A probe checks whether the port is open",
            Self::Refused => "The connection is refused",
            Self::Blackhole => "No answer to the SYN gets through",
            Self::Unreachable => "The server cannot be reached",
            Self::NoLocalPort => "No local port is free",
            Self::ConnectionLimit => "The server's connection limit is reached",
            Self::NotServed => "The server closes without answering the session request",
            Self::SessionExpiredLoop => "The server answers that sessions have expired",
            Self::OneSessionTwoClients => "Two clients use the same session",
            Self::ClientPerRequest => "A new client for each request",
            Self::FourLetterWordMonitor => "A monitor sends four-letter words",
            Self::FourLetterWordUnanswered => "Four-letter words get no answer",
            Self::WrongProtocol => "The traffic is not ZooKeeper",
            Self::TlsAtPlaintextPort => "TLS to a port that does not speak it",
            Self::HttpAtPlaintextPort => "HTTP to ZooKeeper's client port",
            Self::ReadTimeouts => "Connections are given up: no answer gets through",
            Self::HandleLeak => "Clients are opened and never closed",
            Self::OversizedPacket => "A packet is too large",
            Self::StaleAddress => "One address fails while others work",
            Self::HeldInCloseWait => "Connections stay open on which the other side sends no more",
            Self::ClientNeverSpeaks => "The client connects and never speaks",
            Self::IdleTimeout => "Something cuts connections after a fixed time",
            Self::ServerRestarts => "The server dies or restarts again and again",
            Self::ProxyWithoutServer => "A proxy accepts, with no server behind it",
            Self::PlaintextAtTlsPort => "Plaintext to a port that speaks TLS",
            Self::NotZooKeeper => "The port does not speak ZooKeeper",
            Self::UnexplainedChurn => "Connections come and go for an unknown reason",
            Self::ClosesWithoutSession => "Connections close without a session",
            Self::ZxidAhead => "The client is ahead of the server",
            Self::WrongPassword => "A wrong session password",
            Self::Throttled => "The connection throttle turns clients away",
            Self::ReadOnlyRefused => "A read-only server refuses clients",
            Self::ImpossibleLength => "A message has an impossible length",
            Self::TlsHandshakeFailed => "The TLS handshake fails",
            Self::SessionsComeAndGo => "Sessions come and go",
            Self::AuthenticationRefused => "Clients fail to authenticate",
            Self::ServerOutOfDescriptors => "The server has no file descriptors left",
            Self::EnsembleChurn => "The servers of the ensemble lose each other",
        }
    }
}

impl fmt::Display for Churn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

impl Serialize for Churn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

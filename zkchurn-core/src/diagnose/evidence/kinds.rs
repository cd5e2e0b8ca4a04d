// SPDX-License-Identifier: MIT
//! Which kinds of churn a line of a log speaks for.

use crate::{
    diagnose::churn::Churn,
    inspection::{LogSignature, logs::LogFinding},
};

/// What all kinds of churn lead to: such a line speaks for none of them.
pub(super) const SYMPTOMS: [LogSignature; 5] = [
    LogSignature::C_CLIENT_ERROR,
    LogSignature::CLASS_NOT_FOUND,
    LogSignature::CLIENT_RECONNECTS,
    LogSignature::CONNECTION_DROPPED,
    LogSignature::CONNECTION_LOST,
];

/// The kinds of churn that a line of this signature speaks for; none where it only tells
/// what all of them lead to.
pub(super) fn speaks_for(signature: LogSignature) -> &'static [Churn] {
    use LogSignature as Line;
    match signature {
        Line::WEB_APPLICATION_STOPPED
        | Line::ZOOKEEPER_CLASS_MISSING
        | Line::CLIENT_THREAD_LEFT_RUNNING
        | Line::JAR_REPLACED
        | Line::OUT_OF_MEMORY
        | Line::STACK_OVERFLOW
        | Line::INCOMPATIBLE_CLASS
        | Line::CLASS_MISSING
        | Line::CLASS_INITIALIZATION_FAILED
        | Line::CLIENT_LOOP_DIED => &[Churn::ClientFailsBeforeItSpeaks, Churn::ClientNeverSpeaks],
        Line::OUT_OF_THREADS | Line::OUT_OF_FILE_DESCRIPTORS => &[
            Churn::ClientFailsBeforeItSpeaks,
            Churn::ClientNeverSpeaks,
            Churn::ClientPerRequest,
            Churn::HandleLeak,
        ],
        Line::PACKET_TOO_LARGE => &[
            Churn::OversizedPacket,
            Churn::WrongProtocol,
            Churn::HttpAtPlaintextPort,
            Churn::TlsAtPlaintextPort,
        ],
        Line::AUTHENTICATION_FAILED | Line::KERBEROS_LOGIN_FAILED | Line::SASL_NOT_CONFIGURED => {
            &[Churn::AuthenticationRefused]
        }
        Line::TLS_MEETS_PLAINTEXT => &[
            Churn::TlsAtPlaintextPort,
            Churn::WrongProtocol,
            Churn::PlaintextAtTlsPort,
        ],
        Line::TLS_HANDSHAKE_FAILED => &[
            Churn::TlsHandshakeFailed,
            Churn::TlsAtPlaintextPort,
            Churn::WrongProtocol,
        ],
        Line::NAME_NOT_RESOLVED => &[Churn::StaleAddress],
        Line::OUT_OF_LOCAL_PORTS => &[Churn::NoLocalPort],
        Line::NO_ROUTE => &[Churn::Unreachable],
        Line::CLIENT_STARVED | Line::JVM_PAUSED => {
            &[Churn::ReadTimeouts, Churn::SessionExpiredLoop]
        }
        Line::SESSION_TIMED_OUT => &[Churn::ReadTimeouts, Churn::Blackhole],
        Line::CONNECT_TIMED_OUT | Line::CURATOR_TIMED_OUT => {
            &[Churn::Blackhole, Churn::ReadTimeouts, Churn::NotServed]
        }
        Line::TOO_MANY_CONNECTIONS => &[Churn::ConnectionLimit],
        Line::SERVER_BEHIND_CLIENT | Line::SERVER_NOT_SERVING => &[Churn::NotServed],
        Line::SESSION_MOVED => &[Churn::OneSessionTwoClients],
        Line::SESSION_EXPIRED | Line::SESSION_PASSWORD_WRONG => &[Churn::SessionExpiredLoop],
        Line::CONNECTION_REFUSED => &[Churn::Refused],
        Line::SERVER_CLOSED_CONNECTION => &[
            Churn::NotServed,
            Churn::ConnectionLimit,
            Churn::ClientNeverSpeaks,
        ],
        Line::CONNECTION_RESET => &[Churn::ConnectionLimit],
        Line::CLIENT_CLOSED_CONNECTION => {
            &[Churn::ClientFailsBeforeItSpeaks, Churn::TcpHealthProbe]
        }
        Line::NEW_CLIENT => &[Churn::ClientPerRequest, Churn::HandleLeak],
        // A fault of its own, which no rule knows by its shape.
        Line::PROTOCOL_OUT_OF_STEP => &[Churn::UnexplainedChurn],
        // A test holds the two lists against each other.
        _ => &[],
    }
}

/// Whether a line speaks for a kind of churn.
pub(in crate::diagnose) fn is_for(line: &LogFinding, name: Churn) -> bool {
    let mut all = LogSignature::ALL.iter();
    let signature = all.find(|one| one.id() == line.signature);
    signature.is_some_and(|one| speaks_for(*one).contains(&name))
}

/// Whether such a line cannot stand beside a finding that it does not speak for: its
/// client does not work, or its server refuses it.
pub(super) fn rules_out_others(signature: LogSignature) -> bool {
    use LogSignature as Line;
    const DECISIVE: [LogSignature; 8] = [
        Line::WEB_APPLICATION_STOPPED,
        Line::ZOOKEEPER_CLASS_MISSING,
        Line::JAR_REPLACED,
        Line::CLASS_MISSING,
        Line::PACKET_TOO_LARGE,
        Line::AUTHENTICATION_FAILED,
        Line::TLS_HANDSHAKE_FAILED,
        Line::TLS_MEETS_PLAINTEXT,
    ];
    DECISIVE.contains(&signature)
}

// SPDX-License-Identifier: MIT
//! A client begins TLS (RFC 8446, 4.1.2) at ZooKeeper's plaintext port: the server
//! takes the record's header for a length, finds it too large and closes.

use super::{Rule, wrong_protocol};
use crate::diagnose::{
    case::Case,
    churn::Churn,
    finding::{Confidence, Severity, Verdict},
    protocol::Scope,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::TlsAtPlaintextPort,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let mut verdict = wrong_protocol::read_off_the_wire(
        case,
        |handshakes| handshakes.tls,
        "TLS",
        "a ClientHello was seen on the wire",
        "compare the client's `zookeeper.client.secure` with the port: TLS needs the server's \
         secureClientPort",
    )?;
    if case.peers_answer_tls {
        return Some(
            verdict
                .at_most(Confidence::Possible)
                .but("others that begin with TLS are answered there: the port speaks it")
                .cannot_tell_from(&[Churn::TlsHandshakeFailed])
                .decided_by("the server's log: SSLContextException, or \"Len error\""),
        );
    }
    if case.peers_serve {
        return Some(verdict);
    }
    // Seen live: Netty closes what it cannot make a TLS channel for.
    verdict = verdict.at_most(Confidence::Likely);
    Some(
        verdict
            .but(case.nobody_was_served(
                "a port that speaks TLS and cannot read its own key or trust store closes in the \
                 same way",
            ))
            .cannot_tell_from(&[Churn::TlsHandshakeFailed])
            .decided_by("the server's log: SSLContextException, or \"Len error\""),
    )
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use super::wrong_protocol::{begun_with, found_in};
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        ledger::test_connection::by,
        outcome::Outcome,
    };

    #[test]
    fn the_first_bytes_say_so() {
        let finding = only(found_in(b"\x16\x03\x01\x01\x2a\x01\x00\x01\x26\x03\x03"));
        let told = (finding.name, finding.confidence);
        assert_eq!(told, (Churn::TlsAtPlaintextPort, Confidence::Likely));
    }

    fn of_app(connections: Vec<Connection>) -> Vec<Connection> {
        let each = connections.into_iter();
        each.map(|one| by(one, 42, 43, "app")).collect()
    }

    /// Another client has a session by TLS there, or one in plaintext.
    #[test]
    fn a_port_that_answers_others_by_tls_speaks_it() {
        let hello = b"\x16\x03\x01\x01\x2a\x01\x00\x01\x26\x03\x03";
        let confidence = |is_tls: bool| {
            let mut connections = of_app(begun_with(hello));
            let work = every(1_000, 2, (900, 4_000, Outcome::AnsweredThenClosedByUs));
            let first = connections[0].handshake.filter(|_| is_tls);
            connections.extend(work.into_iter().map(|connection| {
                let mut connection = by(connection, 7, 8, "python3");
                connection.handshake = first;
                connection
            }));
            let findings = diagnosed(&connections).into_iter();
            let mut tls = findings.filter(|one| one.name == Churn::TlsAtPlaintextPort);
            tls.next().expect("it is one").confidence
        };
        assert_eq!(confidence(false), Confidence::Certain);
        assert_eq!(confidence(true), Confidence::Possible);
    }

    /// A port that answers some of them: those did not end without one.
    #[test]
    fn what_was_answered_is_not_told_as_closed_without_an_answer() {
        let hello = b"\x16\x03\x01\x01\x2a\x01\x00\x01\x26\x03\x03";
        let mut connections = of_app(begun_with(hello));
        let answered = every(1_000, 2, (300, 80, Outcome::AnsweredThenClosedByPeer));
        let first = connections[0].handshake;
        connections.extend(of_app(answered).into_iter().map(|mut connection| {
            connection.handshake = first;
            connection
        }));
        let finding = only(diagnosed(&connections));
        assert_ne!(finding.confidence, Confidence::Certain);
        let sentence = &finding.summary;
        assert!(
            sentence.contains("8 connections began with TLS, and the server closed 6 without"),
            "{sentence}"
        );
    }
}

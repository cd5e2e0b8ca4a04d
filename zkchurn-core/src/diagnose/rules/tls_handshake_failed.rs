// SPDX-License-Identifier: MIT
//! TLS at a port that speaks it, but the handshake fails: a certificate that has expired
//! or is not trusted, or no version in common. The server answers with a kilobyte or two,
//! and one side closes; by sizes that looks like a session with some work.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::shape::Spoken,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::TlsHandshakeFailed,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

const FEWEST: u64 = 3;
/// A ClientHello has more: its random and its list of ciphers alone (RFC 8446, 4.1.2).
const CLIENT_HELLO: u64 = 100;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    if answered < FEWEST || !case.most(answered) || case.client_bytes().min < CLIENT_HELLO {
        return None;
    }
    let tls = case.handshakes().map(|handshakes| handshakes.tls);
    let is_tls = tls.map(|tls| tls * 2 > answered);
    let said = case.logged(&[LogSignature::TLS_HANDSHAKE_FAILED]);
    let is_of_client = said.is_some_and(|line| line.is_of_client());
    let is_often = said.is_some_and(|line| line.is_repeated(case));
    let confidence = match (is_tls, is_of_client && is_often) {
        (Some(false), _) => return None,
        (Some(true), true) => Confidence::Certain,
        (None, true) => Confidence::Likely,
        (Some(true), false) => Confidence::Possible,
        (None, false) if is_of_client => Confidence::Possible,
        (None, false) => return None,
    };
    let mut verdict = Verdict::new(
        confidence,
        match confidence {
            Confidence::Possible if tls.is_some() => {
                "Connections begin with TLS, are answered and end: the handshake may have failed, \
                 or a session was closed soon."
            }
            Confidence::Possible => {
                "Connections are answered and end: a TLS handshake may have failed, or a session \
                 was closed soon."
            }
            _ => "The TLS handshake fails: no session comes about, and the client tries again.",
        },
    );
    if let Some(tls) = tls {
        verdict = verdict
            .because(format!(
                "{} began with TLS, seen on the wire",
                text::counted(tls, "connection")
            ))
            .number("tls", tls);
    }
    if let Some(line) = said {
        verdict = verdict.because(line.quoted());
    }
    if confidence == Confidence::Possible {
        verdict = verdict
            .cannot_tell_from(&[Churn::ClientPerRequest])
            .decided_by("the server's log: a handshake that fails is written there")
            .decided_by(case.log_that_decides());
    }
    Some(verdict.next(
        "`openssl s_client -connect HOST:PORT -CAfile FILE` shows the server's certificate and \
         whether it is trusted; compare it with the client's trust store and the host's name",
    ))
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::test_case::{
            diagnosed, diagnosed_beside_log, every, names_and_alternatives, new_thread_each,
        },
        handshake::{Direction, Handshake, message::Message},
        ledger::handshakes::tests::first,
        outcome::Outcome,
    };

    #[test]
    fn tls_that_is_answered_and_ends_may_have_failed() {
        let mut connections = every(1_000, 6, (524, 1_480, Outcome::AnsweredThenClosedByUs));
        for connection in &mut connections {
            connection.handshake = Some(Handshake {
                request: first(Message::of(Direction::Client, &[0x16, 3, 1, 2, 0, 1])),
                response: None,
            });
        }
        let findings = diagnosed(&connections);
        let names: Vec<_> = names_and_alternatives(&findings);
        assert!(
            names
                .iter()
                .any(|(name, _)| *name == Churn::TlsHandshakeFailed),
            "{names:?}"
        );
        assert!(
            names
                .iter()
                .all(|(name, _)| *name != Churn::ClientPerRequest),
            "{names:?}"
        );
    }

    #[test]
    fn what_was_not_read_is_not_said_to_begin_with_tls() {
        let connections = every(1_000, 12, (524, 1_480, Outcome::AnsweredThenClosedByUs));
        let connections = new_thread_each(connections);
        let line = "kazoo.client: Connection dropped: CERTIFICATE_VERIFY_FAILED";
        let lines = [("tls-handshake-failed", None, line, 1)];
        let findings = format!("{:?}", diagnosed_beside_log(&connections, &lines));
        assert!(
            findings.contains("a TLS handshake may have failed"),
            "{findings}"
        );
        assert!(!findings.contains("begin with TLS"), "{findings}");
    }
}

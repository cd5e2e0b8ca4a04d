// SPDX-License-Identifier: MIT
//! A client begins TLS (RFC 8446, 4.1.2) at ZooKeeper's plaintext port: the server
//! takes the record's header for a length, finds it too large and closes.

use super::{Rule, wrong_protocol};
use crate::{
    diagnose::{
        case::Case,
        finding::{Confidence, Severity, Verdict},
    },
    text,
};

/// See the module.
pub const RULE: Rule = Rule {
    name: "tls_at_plaintext_port",
    title: "TLS at a port that speaks none",
    severity: Severity::Broken,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let foreign = wrong_protocol::foreign(case)?;
    let tls = case.handshakes()?.tls;
    if tls * 2 <= foreign {
        return None;
    }
    Some(
        Verdict::new(
            Confidence::Certain,
            format!(
                "{} began with TLS and the server closed without an answer.",
                text::counted(tls, "connection")
            ),
        )
        .because("a ClientHello was read off the wire")
        .number("tls", tls)
        .next("compare the client's `zookeeper.client.secure` with the port: TLS wants the server's secureClientPort"),
    )
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        handshake::{Direction, Handshake, message::Message},
        ledger::handshakes::tests::first,
        outcome::Outcome,
    };

    #[test]
    fn the_first_bytes_say_so() {
        let bytes: &[u8] = b"\x16\x03\x01\x01\x2a\x01\x00\x01\x26\x03\x03";
        let mut connections = every(1_000, 6, (300, 0, Outcome::ResetByPeer));
        for connection in &mut connections {
            connection.handshake = Some(Handshake {
                request: first(Message::of(Direction::Client, bytes)),
                response: None,
            });
        }
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            ("tls_at_plaintext_port", Confidence::Certain)
        );
    }
}

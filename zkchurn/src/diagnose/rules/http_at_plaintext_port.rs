// SPDX-License-Identifier: MIT
//! Somebody speaks HTTP to ZooKeeper's client port: the server takes `GET ` for a
//! length of 1195725856, finds it too large and closes.

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
    name: "http_at_plaintext_port",
    title: "HTTP at ZooKeeper's client port",
    severity: Severity::Broken,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let foreign = wrong_protocol::foreign(case)?;
    let http = case.handshakes()?.http;
    if http * 2 <= foreign {
        return None;
    }
    Some(
        Verdict::new(
            Confidence::Certain,
            format!(
                "{} began with HTTP and the server closed without an answer.",
                text::counted(http, "connection")
            ),
        )
        .because("a request of HTTP was read off the wire")
        .number("http", http)
        .next("find what scrapes or checks this port; metrics are at port 7000 (metricsProvider.httpPort), the admin server at 8080"),
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
        let bytes: &[u8] = b"GET / HTTP/1.1";
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
            ("http_at_plaintext_port", Confidence::Certain)
        );
    }
}

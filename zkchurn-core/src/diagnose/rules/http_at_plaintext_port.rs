// SPDX-License-Identifier: MIT
//! Somebody speaks HTTP to ZooKeeper's client port: the server takes `GET ` for a
//! length of 1195725856, finds it too large and closes.

use super::{Rule, wrong_protocol};
use crate::diagnose::{
    case::Case,
    churn::Churn,
    finding::{Confidence, Severity, Verdict},
    protocol::Scope,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::HttpAtPlaintextPort,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let verdict = wrong_protocol::read_off_the_wire(
        case,
        |handshakes| handshakes.http,
        "HTTP",
        "an HTTP request was seen on the wire",
        "find what scrapes or checks this port: metrics are on port 7000 (metricsProvider.httpPort), the admin server is on 8080",
    )?;
    Some(match case.peers_serve {
        true => verdict,
        // A proxy without a server behind it closes as well.
        false => verdict
            .at_most(Confidence::Likely)
            .but(case.nobody_was_served("it need not be a ZooKeeper server"))
            .cannot_tell_from(&[Churn::ProxyWithoutServer])
            .decided_by(
                "what listens there, and the server's log: \"Len error 1195725856\" is `GET `",
            ),
    })
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use super::wrong_protocol::begun_with;
    use crate::{
        diagnose::{
            Confidence, Finding,
            test_case::{diagnosed, every, living, only},
        },
        ledger::test_connection::{by, server_side},
        outcome::Outcome,
    };

    #[test]
    fn the_first_bytes_say_so_where_somebody_else_is_served() {
        let mut connections = begun_with(b"GET / HTTP/1.1");
        let finding = only(diagnosed(&connections));
        let told = (finding.name, finding.confidence);
        assert_eq!(told, (Churn::HttpAtPlaintextPort, Confidence::Likely));
        assert_eq!(finding.cannot_tell_from, [Churn::ProxyWithoutServer]);
        let served = every(1_000, 1, (79, 149, Outcome::AnsweredThenClosedByUs));
        connections.extend(served.into_iter().map(|one| by(one, 7, 8, "app")));
        let finding = only(diagnosed(&connections));
        let told = (finding.name, finding.confidence);
        assert_eq!(told, (Churn::HttpAtPlaintextPort, Confidence::Certain));
    }

    /// From one address: requests of HTTP, and sessions of which some were brief.
    #[test]
    fn a_session_is_not_counted_among_requests_of_http() {
        let request = begun_with(b"GET / HTTP/1.1")[0].handshake;
        let mut connections = every(1_000, 15, (0, 34, Outcome::ResetByUs));
        for one in &mut connections {
            one.handshake = request;
        }
        let session = (87, 161, Outcome::AnsweredThenClosedByUs);
        let mut sessions = living(200, every(1_100, 9, session));
        sessions.extend(every(3_000, 2, session));
        for (one, number) in sessions.iter_mut().zip(1..) {
            one.socket += number << 48;
        }
        connections.extend(sessions);
        let connections: Vec<_> = connections.into_iter().map(server_side).collect();
        let of = |one: Churn, findings: &[Finding]| -> u64 {
            let of_it = findings.iter().filter(|finding| finding.name == one);
            of_it.map(|finding| finding.connections).sum()
        };
        let findings = diagnosed(&connections);
        assert_eq!(of(Churn::HttpAtPlaintextPort, &findings), 15);
        assert_eq!(of(Churn::ClientPerRequest, &findings), 11, "{findings:?}");
    }
}

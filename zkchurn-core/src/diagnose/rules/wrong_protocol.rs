// SPDX-License-Identifier: MIT
//! The traffic is not ZooKeeper: the server takes the first four bytes for a
//! length, finds it too large (`NIOServerCnxn.readLength`, "Len error") and closes.

use super::Rule;
use crate::{
    diagnose::{
        case::{Case, ClientThread, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::{
        handshakes::Handshakes,
        shape::{Ending, Shape, Spoken},
        sizes,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::WrongProtocol,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

const FEWEST: u64 = 2;
/// Java's own have more: its random, its ciphers and its groups (RFC 8446, 4.1.2).
const SMALLEST_CLIENT_HELLO: u64 = 180;

/// Programs that speak HTTP or TLS and are no ZooKeeper clients.
const STRANGERS: [(&str, &str); 5] = [
    ("curl", "HTTP"),
    ("wget", "HTTP"),
    ("prometheus", "HTTP"),
    ("openssl", "TLS"),
    ("nmap", "a port scan"),
];

fn is_foreign(shape: &Shape) -> bool {
    matches!(shape.ending, Ending::ClosedByServer | Ending::ResetByServer)
        && shape.server_bytes == 0
        && (7..sizes::LARGE).contains(&shape.client_bytes)
        && !sizes::is_connect_request(shape.client_bytes)
}

/// Connections that the server ended without an answer to what has not the size
/// of a ConnectRequest, if they are most.
pub(super) fn foreign(case: &Case<'_>) -> Option<u64> {
    let foreign = case.shapes().count_by_size(is_foreign);
    (foreign >= FEWEST && case.most(foreign)).then_some(foreign)
}

/// The verdict where most of these connections began with a protocol that was
/// seen on the wire: `count` of them with `protocol`, because of which `reason` is given.
pub(super) fn read_off_the_wire(
    case: &Case<'_>,
    count: fn(&Handshakes) -> u64,
    protocol: &str,
    reason: &str,
    next: &str,
) -> Option<Verdict> {
    let foreign = foreign(case)?;
    let count = count(case.handshakes()?);
    if count * 2 <= foreign {
        return None;
    }
    let connections = text::counted(count, "connection");
    // Others of them may have had an answer.
    let closed = match count <= foreign {
        true => "the server closed without an answer".to_owned(),
        false => format!(
            "the server closed {} without an answer",
            text::count(foreign)
        ),
    };
    let verdict = Verdict::new(
        Confidence::Certain,
        format!("{connections} began with {protocol}, and {closed}."),
    );
    let verdict = verdict.because(reason).number("foreign", foreign);
    let verdict = verdict.number("read", count).next(next);
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    Some(match answered.min(count.saturating_sub(foreign)) {
        0 => verdict,
        answered => verdict.at_most(Confidence::Likely).but(format!(
            "{} of this kind {} answered: what listens there may speak {protocol}",
            text::counted(answered, "connection"),
            if answered == 1 { "was" } else { "were" }
        )),
    })
}

/// Findings in six connections that begin with these bytes.
#[cfg(test)]
pub(super) fn found_in(bytes: &[u8]) -> Vec<crate::diagnose::Finding> {
    crate::diagnose::test_case::diagnosed(&begun_with(bytes))
}

/// Six connections that begin with these bytes and get a RST.
#[cfg(test)]
pub(super) fn begun_with(bytes: &[u8]) -> Vec<crate::connection::Connection> {
    use crate::{
        diagnose::test_case::every,
        handshake::{Direction, Handshake, message::Message},
        ledger::handshakes::tests::first,
        outcome::Outcome,
    };
    let mut connections = every(1_000, 6, (300, 0, Outcome::ResetByPeer));
    for connection in &mut connections {
        connection.handshake = Some(Handshake {
            request: first(Message::of(Direction::Client, bytes)),
            response: None,
        });
    }
    connections
}

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let foreign = foreign(case)?;
    if let Some(handshakes) = case.handshakes()
        && (handshakes.tls + handshakes.http) * 2 > foreign
    {
        // They have rules of their own.
        return None;
    }
    let sent = case.client_bytes();
    let exact = case.shapes().bytes(is_foreign);
    let (least, most) = exact.map_or((sent.min, sent.max), |[sent, _]| sent);
    if case.client_thread != ClientThread::NotSeen && case.can_be_request(sent.min) {
        // One of ZooKeeper's own clients, which sends more right behind its request.
        return None;
    }
    let may_be_request = case.runtime == Runtime::Jvm
        && case.handshakes().is_none()
        && sizes::is_request_with_more(sent.min)
        && sent.max < SMALLEST_CLIENT_HELLO;
    let program = case.label().split(' ').next().unwrap_or_default();
    let known = STRANGERS.iter().find(|(name, _)| *name == program);
    let confidence = match (known, foreign) {
        (None, _) if may_be_request => Confidence::Possible,
        (Some(_), _) | (None, 3..) => Confidence::Likely,
        _ => Confidence::Possible,
    };
    let mut verdict = Verdict::new(
        confidence,
        format!(
            "The server closed {} without an answer to bytes that are not a ZooKeeper request: \
             usually TLS or HTTP to a port that speaks neither.",
            text::counted(foreign, "connection")
        ),
    )
    .because(format!(
        "the client sent {} bytes; a ConnectRequest has 48 or 49",
        text::range(least, most)
    ))
    .number("foreign", foreign)
    .cannot_tell_from(&[Churn::TlsAtPlaintextPort, Churn::HttpAtPlaintextPort])
    .decided_by("--handshake, which reads the first bytes")
    .decided_by(
        "the server's log: \"Len error 1195725856\" is \"GET \" (HTTP), a length of 369295616 \
         or a little more begins with 0x16 (TLS)",
    )
    .next("compare the client's settings (zookeeper.client.secure) with the server's secureClientPort");
    if may_be_request {
        verdict = verdict
            .but(
                "ZooKeeper's Java client sends its digest and its watches right behind the \
                 ConnectRequest, which together may have this size",
            )
            .cannot_tell_from(&[Churn::NotServed]);
    }
    if let Some((name, protocol)) = known {
        verdict = verdict.because(format!("the program is {name}, which speaks {protocol}"));
    }
    if let Some(line) = case.logged(&[
        LogSignature::TLS_MEETS_PLAINTEXT,
        LogSignature::TLS_HANDSHAKE_FAILED,
    ]) {
        verdict = verdict.because(line.quoted());
    }
    Some(verdict)
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        ledger::test_connection::by,
        outcome::Outcome,
    };

    const GET: (u64, u64, Outcome) = (79, 0, Outcome::ClosedByPeerWithoutAnswer);

    #[test]
    fn curl_is_known_by_its_name() {
        let connections: Vec<_> = every(1_000, 7, GET)
            .into_iter()
            .zip(500..)
            .map(|(one, pid)| by(one, pid, pid, "curl"))
            .collect();
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::WrongProtocol, Confidence::Likely)
        );
        assert!(finding.reasons_for[1].contains("HTTP"));
        assert_eq!(finding.cannot_tell_from.len(), 2);
    }

    #[test]
    fn two_by_a_stranger_are_only_possible() {
        let finding = only(diagnosed(&every(1_000, 2, GET)));
        assert_eq!(finding.confidence, Confidence::Possible);
    }
}

// SPDX-License-Identifier: MIT
//! The server reads the ConnectRequest and closes without an answer: it does not
//! serve (no quorum, still starting), or the client has seen a newer zxid than
//! it has (`ZooKeeperServer.processConnectRequest`).

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        evidence::LogLine,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::{
        handshakes::Handshakes,
        shape::{Ending, Shape},
        sizes,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::NotServed,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

const FEWEST: u64 = 2;
/// At the limit, so many do not all end without a RST.
const MANY: u64 = 5;
/// Of fewer, the share that ended with a RST tells little.
const MANY_UNANSWERED: u64 = 8;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let unanswered = case
        .shapes()
        .count_by_size(|shape| case.can_be_request(shape.client_bytes) && shape.server_bytes == 0);
    let closed = case.shapes().count_by_size(|shape| {
        shape.ending == Ending::ClosedByServer
            && case.can_be_request(shape.client_bytes)
            && shape.server_bytes == 0
    });
    let resets = unanswered.saturating_sub(closed);
    // The connection limit, then.
    let limit = case.logged(&[LogSignature::TOO_MANY_CONNECTIONS]);
    if limit.is_some_and(|line| line.is_of_client() && line.is_repeated(case)) {
        return None;
    }
    if closed < FEWEST || closed * 2 < case.ended() || resets * 2 >= unanswered {
        return None;
    }
    let few = unanswered < MANY_UNANSWERED && resets * 5 >= unanswered;
    // Where an address has its share of connections open, a busy client meets fewer RSTs at the
    // limit: it has not sent its request yet when the server closes.
    let may_be_limit = resets > 0 && case.held_then.is_some_and(|held| held.all > 0);
    let mut verdict = Verdict::new(
        match few || may_be_limit || resets * 5 >= unanswered * 2 {
            true => Confidence::Possible,
            false => Confidence::Likely,
        },
        summary(case, closed),
    )
    .because(what_was_sent(case))
    .number("unanswered", closed)
    .number("resets", resets);
    verdict = match resets {
        0 => verdict.because("it closed without a RST, so it had read the request"),
        some => verdict.but(format!(
            "{} of {} ended with a RST, as when the server's connection limit is reached",
            text::count(some),
            text::count(unanswered)
        )),
    };
    let verdict = match case.handshakes() {
        Some(handshakes) => weigh_requests(verdict, handshakes),
        None => verdict,
    };
    Some(weigh_log(verdict, case, resets))
}

/// The fewest and the most bytes of the requests that were not answered.
fn sent(case: &Case<'_>) -> (u64, u64) {
    let is_unanswered = |shape: &Shape| {
        shape.ending == Ending::ClosedByServer
            && case.can_be_request(shape.client_bytes)
            && shape.server_bytes == 0
    };
    let all = case.client_bytes();
    let exact = case.shapes().bytes(is_unanswered);
    exact.map_or((all.min, all.max), |[sent, _]| sent)
}

fn what_was_sent(case: &Case<'_>) -> String {
    let (least, most) = sent(case);
    match sizes::is_connect_request(most) {
        true => {
            "the client sent 48 or 49 bytes, got none back, and the server closed first".to_owned()
        }
        false => format!(
            "the client sent {} bytes, got none back, and the server closed first: a \
             ConnectRequest has 48 or 49, and a Java client sends its digest and its watches \
             right behind it",
            text::range(least, most)
        ),
    }
}

fn summary(case: &Case<'_>, closed: u64) -> String {
    let requests = text::counted(closed, "request");
    let requests = match sizes::is_connect_request(sent(case).1) {
        true => format!("{requests} the size of a ConnectRequest"),
        false => requests,
    };
    match case.peers_serve || knows_the_ensemble(case) {
        true => format!(
            "The server read {requests} and closed without an answer: it is not serving, or it \
             refuses this client."
        ),
        false => format!(
            "What listens there read {requests} and closed without an answer: a server that is \
             not serving or refuses this client, a proxy with no server behind it, or a port \
             that speaks TLS."
        ),
    }
}

/// What the client had seen before rules out one of the reasons.
fn weigh_requests(verdict: Verdict, handshakes: &Handshakes) -> Verdict {
    let verdict = verdict.because(format!(
        "{} seen on the wire",
        text::counted(handshakes.unanswered, "unanswered ConnectRequest")
    ));
    match handshakes.last_zxid {
        Some(seen) if seen.max.0 == 0 => verdict.because(
            "the client has seen no transaction yet, so it is not refused for being ahead of the \
             server",
        ),
        Some(seen) => verdict.because(format!(
            "the client has seen zxid {}: a server that is behind it refuses the client",
            seen.max
        )),
        None => verdict,
    }
}

/// A client that has seen a transaction was served by that ensemble once, so it is a
/// ZooKeeper server, or there was one behind what listens there.
fn knows_the_ensemble(case: &Case<'_>) -> bool {
    let seen = case
        .handshakes()
        .and_then(|handshakes| handshakes.last_zxid);
    seen.is_some_and(|seen| seen.max.0 > 0)
}

/// Only a log can distinguish the reasons.
fn weigh_log(verdict: Verdict, case: &Case<'_>, resets: u64) -> Verdict {
    let reasons = [
        (
            LogSignature::SERVER_NOT_SERVING,
            "the server is not serving: it has no quorum, or is still starting",
        ),
        (
            LogSignature::SERVER_BEHIND_CLIENT,
            "the client has seen a newer zxid than the server has",
        ),
        (
            LogSignature::TOO_MANY_CONNECTIONS,
            "the server's connection limit is reached",
        ),
    ];
    for (signature, reason) in reasons {
        if let Some(line) = case.logged(&[signature]).filter(LogLine::is_of_client) {
            return verdict.because(format!("{reason}: \"{}\"", line.text()));
        }
    }
    let verdict = match (case.peers_serve, knows_the_ensemble(case)) {
        (true, _) => verdict
            .cannot_tell_from(&[Churn::ProxyWithoutServer])
            .decided_by(
                "what listens there: a proxy, one of whose servers is gone, serves some and \
                 closes on others",
            ),
        (false, true) => verdict
            .cannot_tell_from(&[Churn::ProxyWithoutServer])
            .decided_by("what listens there: a proxy that lost its server closes in the same way"),
        (false, false) => verdict
            .at_most(Confidence::Possible)
            .but(case.nobody_was_served("it need not be a ZooKeeper server"))
            .cannot_tell_from(&[Churn::ProxyWithoutServer, Churn::PlaintextAtTlsPort])
            .decided_by(
                "what listens there: a proxy without a server closes in the same way, and so \
                 does a port that speaks TLS (`openssl s_client -connect HOST:PORT` shows a \
                 certificate)",
            ),
    };
    let verdict = verdict.decided_by(
        "the server's log: \"ZooKeeperServer not running\" means no quorum or still starting, \
         \"has seen zxid\" means the server has lost data that this client had seen, \"Too many \
         connections\" means the connection limit",
    );
    // Who is turned away at the limit is not read, so that some end with a RST.
    let verdict = match resets {
        0 if case.ended() >= MANY => verdict,
        _ => verdict.cannot_tell_from(&[Churn::ConnectionLimit]),
    };
    verdict
        .next(
format!(
            "on the server: `echo srvr | nc localhost {}` shows its mode, or that it is not serving",
            case.port()
        ))
        .next(
            "if the server has lost data, restart the clients that had seen it; \
             `zkchurn serverlog FILE` on the server counts both",
        )
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence,
            test_case::{back_off, diagnosed, names_and_alternatives, only},
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{by, ended, established, server_side},
        },
        outcome::Outcome,
    };

    #[test]
    fn a_request_without_an_answer() {
        let unanswered = back_off(9, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
        let finding = only(diagnosed(&unanswered));
        // Nobody was served: a proxy, or a port that speaks TLS, looks the same.
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::NotServed, Confidence::Possible)
        );
        // At the limit some of nine would have ended with a RST.
        let alike = [Churn::ProxyWithoutServer, Churn::PlaintextAtTlsPort];
        assert_eq!(finding.cannot_tell_from, alike);
        assert!(finding.would_decide[1].contains("has seen zxid"));
    }

    fn with_resets(resets: usize) -> Vec<Connection> {
        let mut unanswered = back_off(12, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
        let reset = back_off(12, (49, 0, Outcome::ResetByPeer));
        unanswered.splice(..resets, reset.into_iter().take(resets));
        unanswered
    }

    #[test]
    fn a_few_resets_are_the_clients_next_bytes() {
        let finding = only(diagnosed(&with_resets(3)));
        assert_eq!(finding.name, Churn::NotServed);
        assert!(finding.cannot_tell_from.contains(&Churn::ConnectionLimit));
    }

    /// On a busy host most clients that the limit turns away have not sent anything yet.
    #[test]
    fn a_few_resets_beside_connections_that_are_held_may_be_the_limit() {
        let serves = |held: u32| {
            let mut connections = with_resets(3);
            let answered = ended(900, 79, 149, Outcome::AnsweredThenClosedByUs);
            connections.push(by(answered, 7, 7, "python3"));
            connections.extend((0..held).map(|number| {
                let open = established(ended(u64::from(number), 0, 0, Outcome::StillOpen));
                by(open, 100 + number, 100 + number, "app")
            }));
            only(diagnosed(&connections))
        };
        assert_eq!(serves(0).confidence, Confidence::Likely);
        let finding = serves(5);
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::NotServed, Confidence::Possible)
        );
        assert!(finding.cannot_tell_from.contains(&Churn::ConnectionLimit));
    }

    #[test]
    fn many_resets_leave_it_open() {
        let findings = diagnosed(&with_resets(5));
        assert_eq!(
            names_and_alternatives(&findings),
            [
                (Churn::ConnectionLimit, Confidence::Possible),
                (Churn::NotServed, Confidence::Possible),
            ]
        );
    }

    #[test]
    fn a_client_that_has_seen_nothing_is_not_ahead() {
        let mut unanswered = back_off(9, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
        for connection in &mut unanswered {
            connection.handshake = Some(asked(0, None));
        }
        let finding = only(diagnosed(&unanswered));
        assert_eq!(finding.confidence, Confidence::Possible);
        let rules_out = |why: &String| why.contains("is not refused for being ahead");
        assert!(finding.reasons_for.iter().any(rules_out));
        for connection in &mut unanswered {
            connection.handshake = Some(asked(0x1f, None));
        }
        let finding = only(diagnosed(&unanswered));
        // It was served by this ensemble once.
        assert_eq!(finding.confidence, Confidence::Likely);
        assert!(
            finding
                .reasons_for
                .iter()
                .any(|why| why.contains("zxid 0x1f"))
        );
    }

    #[test]
    fn the_server_itself_sees_the_same() {
        let seen: Vec<_> = back_off(9, (0, 49, Outcome::AnsweredThenClosedByUs))
            .into_iter()
            .map(server_side)
            .collect();
        let finding = only(diagnosed(&seen));
        assert_eq!(finding.name, Churn::NotServed);
        assert_eq!(finding.who.kind, "remote_host");
    }

    #[test]
    fn what_is_served_in_another_network_namespace_says_nothing_of_this_one() {
        let confidence = |netns: u32| {
            let mut connections = back_off(9, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
            let mut answered = by(
                ended(900, 79, 149, Outcome::AnsweredThenClosedByUs),
                7,
                7,
                "python3",
            );
            answered.netns = Some(netns);
            connections.push(answered);
            for one in &mut connections {
                one.remote.set_ip("127.0.0.1".parse().unwrap());
            }
            only(diagnosed(&connections)).confidence
        };
        assert_eq!(confidence(1), Confidence::Likely);
        assert_eq!(confidence(2), Confidence::Possible);
    }

    /// Two pods, each with a server at the same port, and a client beside it.
    #[test]
    fn servers_of_two_network_namespaces_are_told_apart_and_named() {
        let of = |namespaces: [u32; 2]| {
            let unanswered = back_off(9, (0, 49, Outcome::AnsweredThenClosedByUs));
            let answered = back_off(9, (79, 149, Outcome::AnsweredThenClosedByPeer));
            let both = [unanswered, answered].into_iter().zip(namespaces);
            let both = both.flat_map(|(connections, netns)| {
                connections.into_iter().map(move |one| {
                    let mut one = server_side(one);
                    one.remote.set_ip("127.0.0.1".parse().unwrap());
                    one.netns = Some(netns);
                    one
                })
            });
            let findings = diagnosed(&both.collect::<Vec<_>>());
            let mut findings = findings.into_iter();
            findings
                .find(|one| one.name == Churn::NotServed)
                .map(|one| one.who)
        };
        let who = of([1, 2]).unwrap();
        assert_eq!(who.words, "remote host 127.0.0.1 (in network namespace 1)");
        assert_eq!(who.label, "127.0.0.1");
        let words = of([1, 1]).map(|who| who.words);
        assert!(words.is_none_or(|words| words == "remote host 127.0.0.1"));
    }

    #[test]
    fn bytes_of_those_that_were_answered_are_not_among_those_that_were_not() {
        let mut connections = back_off(12, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
        let answered = back_off(12, (5_000, 9_000, Outcome::AnsweredThenClosedByPeer));
        connections.splice(..2, answered.into_iter().take(2));
        let finding = only(diagnosed(&connections));
        let why = finding.reasons_for.join("; ");
        assert!(
            why.contains("the client sent 48 or 49 bytes, got none back"),
            "{why}"
        );
    }
}

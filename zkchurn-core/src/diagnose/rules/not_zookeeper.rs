// SPDX-License-Identifier: MIT
//! What is spoken at the traced port is not ZooKeeper: somebody traces the wrong port, or
//! a client of ZooKeeper's connects to it. The rules that know ZooKeeper keep quiet then
//! (docs/adr/0017), and this one says why.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::{self, Protocol, Scope},
    },
    ledger::shape::Spoken,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::NotZooKeeper,
    severity: Severity::Wasteful,
    scope: Scope::AnyProtocol,
    judge,
};

const FEWEST: u64 = 3;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let Protocol::Another(signs) = case.protocol else {
        return None;
    };
    if case.tally.opened() < FEWEST {
        return None;
    }
    let confidence = match signs.another_read {
        0 => Confidence::Likely,
        _ => Confidence::Certain,
    };
    let verdict = Verdict::new(
        confidence,
        format!(
            "A protocol other than ZooKeeper's is spoken at {}: zkchurn counts and times these \
             connections, but cannot say why they end.",
            text::ports(&protocol::ports(case))
        ),
    )
    .number("zookeeper_connections", signs.zookeeper)
    .number("other_connections", signs.another);
    let mut verdict = match protocol::asks_for_session(case) {
        true => verdict
            .because(match is_answered_too_late(case) {
                true => {
                    "the client asks for a ZooKeeper session, and the server answers something \
                     else, after the client has given up"
                }
                false => {
                    "the client asks for a ZooKeeper session, and the server answers something \
                     else"
                }
            })
            .next("compare the client's connect string with the port that ZooKeeper listens on"),
        false => verdict
            .next("is the port right (--port)? zkchurn explains ZooKeeper's connections only"),
    };
    verdict.reasons_for.extend(protocol::reasons(case, &signs));
    Some(match confidence {
        Confidence::Certain => verdict,
        _ => verdict.decided_by("--handshake reads the first bytes"),
    })
}

/// Whether most of those that were answered had been closed by then: nothing of the answer was
/// received.
fn is_answered_too_late(case: &Case<'_>) -> bool {
    let unanswered = (case.shapes()).count(|_, spoken| spoken == Spoken::Client);
    case.most(unanswered)
}

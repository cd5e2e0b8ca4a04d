// SPDX-License-Identifier: MIT
//! A server without a quorum, in read-only mode, answers the session request with an error
//! (`ReadOnlyRequestProcessor`, NOTREADONLY): only with local sessions it has one to give.
//!
//! Needs: a ConnectRequest that is answered by 20 bytes, most of the time. The error itself
//! is known only where the first bytes were read; without them no more than "likely".

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::sizes,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ReadOnlyRefused,
    severity: Severity::Broken,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 3;
/// `KeeperException.Code.NOTREADONLY`.
const NOT_READ_ONLY: i32 = -119;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let refused = case
        .shapes()
        .count_by_size(|shape| sizes::is_error_reply(shape.client_bytes, shape.server_bytes));
    if refused < FEWEST || !case.most(refused) {
        return None;
    }
    let errors = case.handshakes().map(|handshakes| handshakes.error_replies);
    let is_read = |error: i32| {
        let errors = errors.flatten();
        errors.is_some_and(|errors| errors.min == error && errors.max == error)
    };
    let confidence = match (errors, is_read(NOT_READ_ONLY)) {
        (_, true) => Confidence::Certain,
        (None, _) => Confidence::Likely,
        // Other errors in place of a session.
        (Some(_), false) => return None,
    };
    let verdict = Verdict::new(
        confidence,
        format!(
            "The server answered {} with an error in place of a session: it has no quorum and is \
             in read-only mode, in which it gives none.",
            text::counted(refused, "session request")
        ),
    )
    .because(match confidence {
        Confidence::Certain => "the error NOTREADONLY (-119) was read off the wire",
        _ => "48 or 49 bytes out and 20 in are a ConnectRequest and a reply with an error",
    })
    .number("refused", refused);
    let verdict = match confidence {
        Confidence::Certain => verdict,
        _ => verdict.decided_by("--handshake, which reads the error"),
    };
    Some(
        verdict
            .next(format!(
                "bring the ensemble's quorum back: `echo srvr | nc HOST {}` shows the mode of \
                 each server",
                case.port()
            ))
            .next("clients that may read from such a server need localSessionsEnabled=true on it"),
    )
}

#[cfg(test)]
mod tests {
    use super::{Churn, NOT_READ_ONLY};
    use crate::{
        diagnose::{
            Confidence,
            test_case::{back_off, diagnosed, only},
        },
        ledger::handshakes::tests::refused_with,
        outcome::Outcome,
    };

    #[test]
    fn an_error_of_twenty_bytes_in_place_of_a_session() {
        let mut refused = back_off(9, (49, 20, Outcome::AnsweredThenClosedByUs));
        let finding = only(diagnosed(&refused));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ReadOnlyRefused, Confidence::Likely)
        );
        for connection in &mut refused {
            connection.handshake = Some(refused_with(NOT_READ_ONLY));
        }
        let finding = only(diagnosed(&refused));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ReadOnlyRefused, Confidence::Certain)
        );
        for connection in &mut refused {
            connection.handshake = Some(refused_with(-1));
        }
        assert_eq!(only(diagnosed(&refused)).name, Churn::UnexplainedChurn);
    }

    #[test]
    fn a_server_is_asked_at_its_own_port() {
        let mut refused = back_off(9, (49, 20, Outcome::AnsweredThenClosedByUs));
        for connection in &mut refused {
            connection.remote.set_port(2191);
        }
        let next = only(diagnosed(&refused)).next.join("; ");
        assert!(next.contains("nc HOST 2191`"), "{next}");
    }
}

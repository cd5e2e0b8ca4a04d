// SPDX-License-Identifier: MIT
//! The server insists on SASL and refuses the client's first request
//! (`ZooKeeperServer.processPacket`, error -124), or the client's own log says that it
//! cannot authenticate.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::{shape::Spoken, sizes},
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::AuthenticationRefused,
    severity: Severity::Broken,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 3;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let refused = case.shapes().count_exact(sizes::is_refused_by_server);
    let by_shape = refused >= FEWEST && case.most(refused);
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    let said = case.logged(&[
        LogSignature::AUTHENTICATION_FAILED,
        LogSignature::KERBEROS_LOGIN_FAILED,
    ]);
    let said = said.filter(|line| {
        line.is_of_client() && case.most(answered) && (by_shape || !line.tells_of_no_refusal(case))
    });
    let confidence = match (&said, by_shape) {
        (None, false) => return None,
        (Some(_), true) => Confidence::Certain,
        (Some(line), false) if !line.is_repeated(case) => Confidence::Possible,
        _ => Confidence::Likely,
    };
    let mut verdict = Verdict::new(
        confidence,
        match &said {
            Some(_) => {
                "The client fails to authenticate (SASL): its sessions end at once, and it tries \
                 again."
            }
            None => {
                "The server answers the session request and then refuses the first request: it \
                 insists that clients authenticate (SASL), and this one does not."
            }
        },
    )
    .number("refused", refused);
    if by_shape {
        verdict = verdict.because(format!(
            "{} got the session, then one reply without a result to more than a session needs, \
             and the server closed",
            text::counted(refused, "connection")
        ));
    }
    if let Some(line) = said {
        verdict = verdict.because(line.quoted());
    } else {
        verdict = verdict
            .decided_by("the server's log: \"requires client SASL authentication\"")
            .perhaps_next(case.search_log_for(
                "AuthFailed or error -124",
                &[LogSignature::AUTHENTICATION_FAILED],
            ));
    }
    if let Some(line) = case.logged(&[LogSignature::SASL_NOT_CONFIGURED]) {
        verdict = verdict.because(line.quoted());
    }
    Some(
        verdict
            .next(
                "compare the client's JAAS section (java.security.auth.login.config) or SASL \
                 settings, its user, password or keytab and its clock with the server's",
            )
            .next("`zkchurn serverlog FILE` on the server's log counts the refusals by client"),
    )
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, names_and_alternatives, only},
        },
        outcome::Outcome,
    };

    #[test]
    fn one_bare_reply_and_the_server_closes() {
        let refused = every(1_000, 6, (91, 61, Outcome::AnsweredThenClosedByPeer));
        let finding = only(diagnosed(&refused));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::AuthenticationRefused, Confidence::Likely)
        );
    }

    #[test]
    fn a_session_that_is_closed_in_good_order_is_not_refused() {
        for (sent, received) in [(61, 61), (79, 149), (73, 81)] {
            let closed = every(
                1_000,
                6,
                (sent, received, Outcome::AnsweredThenClosedByPeer),
            );
            let names = names_and_alternatives(&diagnosed(&closed));
            assert!(
                names
                    .iter()
                    .all(|(name, _)| *name != Churn::AuthenticationRefused),
                "{names:?}"
            );
        }
    }
}

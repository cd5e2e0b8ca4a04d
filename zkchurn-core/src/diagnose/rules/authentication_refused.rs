// SPDX-License-Identifier: MIT
//! The server insists on SASL and refuses the client's first request
//! (`ZooKeeperServer.processPacket`, error -124), or the client's own log says that it
//! cannot authenticate.

use super::Rule;
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        evidence::LogLine,
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
/// A server that refuses the first request closes with the refusal, and a client has its
/// first request ready as it connects: measured 4 to 60 ms (median) in three languages.
const AT_ONCE_NS: u64 = 200_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let refused = case.first_requests_refused();
    let by_shape = refused >= FEWEST && case.most(refused);
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    let said = case.logged(&[
        LogSignature::AUTHENTICATION_FAILED,
        LogSignature::KERBEROS_LOGIN_FAILED,
    ]);
    let said = said.filter(|line| {
        line.is_of_client() && case.most(answered) && (by_shape || !line.tells_of_no_refusal(case))
    });
    // That the client goes on without SASL is no refusal by itself.
    let is_refusal_said = said.is_some_and(|line| !line.tells_of_no_refusal(case));
    // A client that sets its watches again after each reconnect, and is cut after that, has
    // the same sizes.
    let lived = case.tally.established_for.percentile(50.0);
    let is_slow = lived.is_some_and(|lived| lived >= AT_ONCE_NS);
    let comes_back = case.is_one_thread() && case.runtime == Runtime::Jvm;
    let may_be_cut = by_shape && !is_refusal_said && (is_slow || comes_back);
    let confidence = match (&said, by_shape) {
        (None, false) => return None,
        (_, true) if may_be_cut => Confidence::Possible,
        (Some(_), true) if is_refusal_said => Confidence::Certain,
        (Some(line), false) if !line.is_repeated(case) => Confidence::Possible,
        _ => Confidence::Likely,
    };
    let clocks_differ = said.is_some_and(tells_of_the_clock);
    let mut verdict = Verdict::new(
        confidence,
        match &said {
            Some(_) if clocks_differ => {
                "The client fails to authenticate (SASL) because its host's clock differs from \
                 the Kerberos server's by more than Kerberos allows."
            }
            Some(_) if is_refusal_said => {
                "The client fails to authenticate (SASL): its sessions end at once, and it tries \
                 again."
            }
            _ if may_be_cut => {
                "The server answers the session request and one more, and then the connection \
                 ends: it may insist that clients authenticate (SASL), or something cuts it."
            }
            _ => {
                "The server answers the session request and then refuses the first request: it \
                 insists that clients authenticate (SASL), and this one does not."
            }
        },
    )
    .number("refused", refused);
    if by_shape {
        let by_server = case.shapes().count_by_size(sizes::is_refused_by_server);
        verdict = verdict.because(format!(
            "{} got the session, then one reply without a result to more than a session needs, \
             and the server closed",
            text::counted(by_server, "connection")
        ));
    }
    if let Some(line) = said {
        verdict = verdict.because(line.quoted());
    }
    if !is_refusal_said {
        verdict = verdict
            .decided_by("the server's log: \"requires client SASL authentication\"")
            .perhaps_next(case.search_log_for(
                "AuthFailed or error -124",
                &[LogSignature::AUTHENTICATION_FAILED],
            ));
    }
    if may_be_cut {
        verdict = verdict.but(match comes_back {
            true => {
                "the same thread comes back, but a Java client of 3.6 or later gives up when it is refused"
            }
            false => "they lived for longer than a server takes to refuse",
        });
    }
    if let Some(line) = case.logged(&[LogSignature::SASL_NOT_CONFIGURED]) {
        verdict = verdict.because(line.quoted());
    }
    Some(advice(verdict, clocks_differ))
}

/// KRB_AP_ERR_SKEW (RFC 4120, 7.5.9), as Java and MIT's library say it.
fn tells_of_the_clock(line: LogLine<'_>) -> bool {
    line.text()
        .to_ascii_lowercase()
        .contains("clock skew too great")
}

fn advice(verdict: Verdict, clocks_differ: bool) -> Verdict {
    let verdict = match clocks_differ {
        true => verdict.next(
            "set the clock: `timedatectl` or `chronyc tracking` on this host, on the KDC and on \
             the ZooKeeper servers; Kerberos allows 5 minutes (`clockskew` in krb5.conf)",
        ),
        false => verdict.next(
            "compare the client's JAAS section (java.security.auth.login.config) or SASL \
             settings, its user, password or keytab and its clock with the server's",
        ),
    };
    verdict.next("`zkchurn serverlog FILE` on the server's log counts the refusals by client")
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{
                Kind, diagnosed, diagnosed_beside_log, every, living, names_and_alternatives,
                new_thread_each, only,
            },
        },
        outcome::Outcome,
    };

    const REFUSED: Kind = (91, 61, Outcome::AnsweredThenClosedByPeer);

    #[test]
    fn one_bare_reply_and_the_server_closes() {
        let refused = new_thread_each(every(1_000, 6, REFUSED));
        let finding = only(diagnosed(&refused));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::AuthenticationRefused, Confidence::Likely)
        );
    }

    /// The client has the refusal, and closes at the same moment as the server.
    #[test]
    fn who_of_both_closes_first_makes_no_difference() {
        let refused = every(1_000, 10, REFUSED);
        let by_us = every(1_000, 10, (91, 61, Outcome::AnsweredThenClosedByUs));
        let mixed = |by_client: usize| {
            let mut mixed = refused.clone();
            mixed.splice(0..by_client, by_us[..by_client].to_vec());
            only(diagnosed(&new_thread_each(mixed)))
        };
        for by_client in [1, 4, 6] {
            let finding = mixed(by_client);
            assert_eq!(
                (finding.name, finding.confidence),
                (Churn::AuthenticationRefused, Confidence::Likely),
                "{by_client}"
            );
        }
    }

    #[test]
    fn a_client_that_is_cut_after_it_has_set_its_watches_again_has_the_same_sizes() {
        let by_one_thread = every(1_000, 6, REFUSED);
        let later = living(400, new_thread_each(every(1_000, 6, REFUSED)));
        for connections in [by_one_thread, later] {
            let findings = diagnosed(&connections);
            assert!(
                findings
                    .iter()
                    .all(|one| one.confidence == Confidence::Possible),
                "{findings:?}"
            );
        }
    }

    /// No KDC was at hand: the lines are those of Java's and of MIT's library.
    #[test]
    fn a_clock_that_differs_is_the_cause_and_is_to_be_set() {
        const LOGIN: &str = "WARN [main-SendThread(zk1:2181)] ClientCnxn - SASL configuration \
            failed: javax.security.auth.login.LoginException: Clock skew too great (37) Will \
            continue connection to Zookeeper server without SASL authentication";
        const TOKEN: &str = "ERROR [main-SendThread(zk1:2181)] ZooKeeperSaslClient - An error: \
            (javax.security.sasl.SaslException: GSS initiate failed [Caused by GSSException: No \
            valid credentials provided (Mechanism level: Clock skew too great (37))]) occurred \
            when evaluating Zookeeper Quorum Member's  received SASL token. Zookeeper Client will \
            go to AUTH_FAILED state.";
        let refused = new_thread_each(every(1_000, 6, REFUSED));
        for (signature, line) in [
            ("kerberos-login-failed", LOGIN),
            ("authentication-failed", TOKEN),
        ] {
            let findings = diagnosed_beside_log(&refused, &[(signature, None, line, 6)]);
            let finding = &findings[0];
            assert_eq!(
                (finding.name, finding.confidence),
                (Churn::AuthenticationRefused, Confidence::Certain)
            );
            assert!(finding.summary.contains("clock differs"), "{finding:?}");
            assert!(finding.next[0].starts_with("set the clock"), "{finding:?}");
        }
        let other = "ERROR [main-SendThread(zk1:2181)] ClientCnxn - SASL authentication with \
            Zookeeper Quorum member failed";
        let findings = diagnosed_beside_log(&refused, &[("authentication-failed", None, other, 6)]);
        assert!(!findings[0].summary.contains("clock"), "{findings:?}");
    }

    /// Curator writes so also of a client that has no JAAS section and goes on without SASL.
    #[test]
    fn a_word_for_a_client_without_a_section_is_no_proof_of_a_refusal() {
        let curator = (
            "authentication-failed",
            None,
            "ERROR [main-EventThread] org.apache.curator.ConnectionState - Authentication failed",
            6,
        );
        let no_section = (
            "sasl-not-configured",
            None,
            "WARN [main-SendThread(zk1:2181)] org.apache.zookeeper.ClientCnxn - SASL configuration \
             failed. Will continue connection to Zookeeper server without SASL authentication",
            6,
        );
        let refused = new_thread_each(every(1_000, 6, REFUSED));
        let surest = |lines: &[_]| {
            let findings = diagnosed_beside_log(&refused, lines);
            assert_eq!(findings[0].name, Churn::AuthenticationRefused);
            findings[0].confidence
        };
        assert_eq!(surest(&[curator]), Confidence::Certain);
        assert_eq!(surest(&[curator, no_section]), Confidence::Likely);
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

// SPDX-License-Identifier: MIT
//! Every connection is cut from outside after the same time: a load balancer, proxy or
//! NAT that forgets what is idle, with a shorter time limit than the client's pings.

use super::Rule;
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::{
        distribution::Distribution,
        shape::{Ending, Spoken},
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::IdleTimeout,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

const FEWEST: u64 = 3;
/// No time limit for idle connections is shorter.
const SHORTEST_NS: u64 = 1_000_000_000;
/// Timers of a busy host are late by some milliseconds.
const LATE_NS: u64 = 50_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let lived = constant_life(&case.tally.established_for)?;
    let cut = cut_from_outside(case);
    if cut < FEWEST || !case.most(cut) {
        return None;
    }
    let resets = case.shapes().ending(Ending::ResetByServer);
    // A client that ends in good order asks the server to close, which then closes first.
    let comes_back = case.is_one_thread() && case.runtime == Runtime::Jvm;
    let resumes = case
        .handshakes()
        .is_some_and(|handshakes| handshakes.reconnects * 2 > handshakes.connections);
    let was_once = was_once(case, lived);
    let is_restarted = case.turned_away_beside >= cut;
    let goes_on = comes_back || resumes || resets * 2 > cut;
    let confidence = match goes_on && !was_once && !is_restarted {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let lived_for = text::duration(lived);
    let mut verdict = Verdict::new(
        confidence,
        match was_once {
            true => format!(
                "All connections began together and ended together, once, from outside, after \
                 {lived_for}: what is restarted ends them so (the server, or something between), \
                 and so does an idle timeout."
            ),
            false => format!(
                "Connections end from outside after the same time, {lived_for}, although the \
                 client goes on: {} an idle timeout on the way (load balancer, proxy, firewall or \
                 NAT).",
                match confidence {
                    Confidence::Possible => "perhaps",
                    _ => "most often",
                }
            ),
        },
    )
    .because(format!(
        "{} of {} were ended by the other side, nine in ten of them within {} of each other's age",
        text::count(cut),
        text::counted(case.ended(), "connection"),
        text::duration(tolerance(lived))
    ))
    .number("cut", cut)
    .number("resets", resets);
    if comes_back {
        verdict = verdict
            .because("the same thread of the JVM comes back each time: one client that reconnects");
    }
    if resumes {
        verdict =
            verdict.because("most asked for their old session again: one client that reconnects");
    }
    if resets * 2 > cut {
        verdict = verdict.because(
            "most ended with a RST: a NAT or firewall that has forgotten a connection answers so",
        );
    }
    if was_once {
        verdict = verdict
            .but("no client was cut twice, which an idle timeout would have done")
            .next(
                "find out whether the server, or a proxy or firewall on the way, was restarted \
                 when they ended",
            );
    }
    if is_restarted {
        verdict = verdict.but(format!(
            "the same server refused {} meanwhile, or closed them without an answer: one that is \
             restarted cuts them so, too",
            text::counted(case.turned_away_beside, "connection")
        ));
    }
    if !goes_on {
        verdict = verdict
            .but("a program that closes its own sessions after a fixed time looks the same")
            .cannot_tell_from(&[Churn::ClientPerRequest]);
        if case.handshakes().is_none() {
            verdict = verdict.decided_by("--handshake, which tells a new session from a reconnect");
        }
    }
    Some(
        verdict
            .decided_by("a trace on the server: whether the server closed, or something between")
            .next(format!(
                "look for a timeout of {lived_for} on the way: `timeout client` and `timeout server` \
                 (HAProxy), the load balancer's idle timeout, the firewall's connection tracking"
            ))
            .next(
                "set it above the session timeout, or lower the session timeout: the client pings \
                 after a third of it",
            ),
    )
}

/// Whether all of them began within a short time and ended so: no client came twice.
fn was_once(case: &Case<'_>, lived_ns: u64) -> bool {
    // A client that has lost its connection waits that long before it comes again.
    const BACK_OFF_NS: u64 = 2_000_000_000;
    let apart = case.span_ns.map(|span| span.saturating_sub(lived_ns));
    apart.is_some_and(|apart| apart <= BACK_OFF_NS.max(lived_ns / 5))
}

/// Connections on which both had spoken and that the other side ended.
fn cut_from_outside(case: &Case<'_>) -> u64 {
    case.shapes().count(|ending, spoken| {
        matches!(ending, Ending::ClosedByServer | Ending::ResetByServer) && spoken == Spoken::Both
    })
}

fn tolerance(lived_ns: u64) -> u64 {
    (lived_ns / 20).max(LATE_NS)
}

/// Their age, where nine in ten had the same.
pub(super) fn constant_life(lived: &Distribution) -> Option<u64> {
    let (early, middle, late) = (
        lived.percentile(10.0)?,
        lived.percentile(50.0)?,
        lived.percentile(90.0)?,
    );
    let is_constant = late - early <= tolerance(middle);
    (lived.count() >= FEWEST && middle >= SHORTEST_NS && is_constant).then_some(middle)
}

/// Whether an idle timeout may be what ends them.
pub(super) fn may_be(case: &Case<'_>) -> bool {
    constant_life(&case.tally.established_for).is_some() && case.most(cut_from_outside(case))
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, living, names_and_alternatives},
        },
        ledger::test_connection::by,
        outcome::Outcome,
    };

    #[test]
    fn one_thread_of_a_jvm_that_is_cut_after_the_same_time() {
        let cut = living(
            3_000,
            every(4_500, 6, (73, 81, Outcome::AnsweredThenClosedByPeer)),
        );
        let cut: Vec<_> = cut.into_iter().map(|one| by(one, 7, 8, "java")).collect();
        let findings = diagnosed(&cut);
        assert_eq!(
            (findings[0].name, findings[0].confidence),
            (Churn::IdleTimeout, Confidence::Likely)
        );
    }

    /// Likewise reset, which tells that the client goes on.
    fn reset(period_ms: u64) -> Vec<Connection> {
        let reset = living(3_000, every(period_ms, 6, (73, 81, Outcome::ResetByPeer)));
        reset.into_iter().map(|one| by(one, 7, 8, "java")).collect()
    }

    fn confidence(connections: &[Connection]) -> Option<Confidence> {
        let findings = names_and_alternatives(&diagnosed(connections));
        let mut found = findings.iter();
        let found = found.find(|(name, _)| *name == Churn::IdleTimeout);
        found.map(|(_, confidence)| *confidence)
    }

    #[test]
    fn what_ends_together_once_may_be_a_restart() {
        assert_eq!(confidence(&reset(4_500)), Some(Confidence::Likely));
        assert_eq!(confidence(&reset(10)), Some(Confidence::Possible));
        let finding = diagnosed(&reset(10)).remove(0);
        assert!(finding.next[0].contains("restarted"), "{:?}", finding.next);
    }

    #[test]
    fn a_server_that_refuses_meanwhile_may_be_restarted_each_time() {
        let mut connections = reset(4_500);
        let refused = every(4_500, 6, (0, 0, Outcome::Refused));
        connections.extend(refused.into_iter().map(|one| by(one, 7, 8, "java")));
        assert_eq!(confidence(&connections), Some(Confidence::Possible));
    }

    #[test]
    fn others_may_close_their_own_sessions() {
        let cut = living(
            3_000,
            every(4_500, 6, (100, 121, Outcome::AnsweredThenClosedByPeer)),
        );
        let cut: Vec<_> = cut
            .into_iter()
            .map(|one| by(one, 7, 8, "python3"))
            .collect();
        let findings = diagnosed(&cut);
        let names = names_and_alternatives(&findings);
        assert!(
            names.contains(&(Churn::IdleTimeout, Confidence::Possible)),
            "{names:?}"
        );
        assert!(
            names
                .iter()
                .all(|(_, confidence)| *confidence == Confidence::Possible)
        );
    }

    #[test]
    fn what_the_client_ends_is_not_cut() {
        let closed = living(
            3_000,
            every(4_500, 6, (100, 121, Outcome::AnsweredThenClosedByUs)),
        );
        let names = names_and_alternatives(&diagnosed(&closed));
        assert!(
            names.iter().all(|(name, _)| *name != Churn::IdleTimeout),
            "{names:?}"
        );
    }
}

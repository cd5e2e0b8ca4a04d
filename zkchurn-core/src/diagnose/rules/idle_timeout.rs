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
    let confidence = match comes_back || resumes || resets * 2 > cut {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let lived_for = text::duration(lived);
    let mut verdict = Verdict::new(
        confidence,
        format!(
            "Connections end from outside after the same time, {lived_for}, although the \
             client goes on: {} an idle timeout on the way (load balancer, proxy, firewall or \
             NAT).",
            match confidence {
                Confidence::Possible => "perhaps",
                _ => "most often",
            }
        ),
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
    if confidence == Confidence::Possible {
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

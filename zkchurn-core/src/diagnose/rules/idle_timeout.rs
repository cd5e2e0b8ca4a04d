// SPDX-License-Identifier: MIT
//! Every connection is cut from outside after the same time: a load balancer, proxy or
//! NAT that forgets what is idle, with a shorter time limit than the client's pings.

use super::{Rule, server_restarts};
use crate::{
    connection::Side,
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        held_back,
        protocol::Scope,
        who::Who,
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
    let has_come_back = began_within(case).is_some_and(|within| within >= lived);
    let comes_back = has_come_back && case.runtime == Runtime::Jvm && is_one_thread_each(case);
    let resumes = case
        .handshakes()
        .is_some_and(|handshakes| handshakes.reconnects * 2 > handshakes.connections);
    let was_once = was_once(case, lived);
    let is_turned_away = case.turned_away_beside >= cut;
    let falls = server_restarts::confidence(case).is_some();
    let is_restarted = is_turned_away || falls;
    // A RST of the server's own host tells nothing of the client.
    let is_reset = resets * 2 > cut && case.side == Side::Client;
    // A server that hangs and is killed: nobody has forgotten a connection that waits.
    let is_waiting = held_back::may_have_hung(case);
    let is_answer = is_reset && !is_waiting;
    let goes_on = comes_back || resumes || is_answer;
    let is_taken = case.taken.is_told();
    let is_other = was_once || is_restarted || is_taken || is_waiting;
    let confidence = match goes_on && !is_other {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let lived_for = text::duration(lived);
    let mut verdict = Verdict::new(
        confidence,
        match was_once {
            true => format!(
                "Connections began together and ended together, once, after {lived_for}: what is \
                 restarted ends them so ({}), and so does an idle timeout.",
                match case.side {
                    Side::Client => "the server, or something between",
                    Side::Server => "the server, or a proxy here",
                }
            ),
            false if case.side == Side::Server => format!(
                "The server here ends connections itself after the same time, {lived_for}: \
                 perhaps a timeout of the server or of a proxy at this port, and nothing on the \
                 way."
            ),
            false => format!(
                "Connections are ended by the other side after the same time, {lived_for}{}: {} \
                 an idle timeout on the way (load balancer, proxy, firewall or NAT).",
                match goes_on {
                    true => ", although the client goes on",
                    false => "",
                },
                match confidence {
                    Confidence::Possible => "perhaps",
                    _ => "most often",
                }
            ),
        },
    )
    .because(format!(
        "{} of {} were ended by {}, and eight in ten ages are within {} of each other",
        text::count(cut),
        text::counted(case.ended(), "connection"),
        match case.side {
            Side::Client => "the other side",
            Side::Server => "the server here",
        },
        text::duration(tolerance(lived))
    ))
    .number("cut", cut)
    .number("resets", resets);
    if comes_back {
        verdict = verdict.because(match case.is_one_thread() {
            true => "the same thread of the JVM comes back: one client that reconnects",
            false => "one thread of each JVM comes back: a client in each that reconnects",
        });
    }
    if resumes {
        verdict =
            verdict.because("most asked for their old session again, as a client that reconnects");
    }
    if is_answer {
        verdict = verdict.because(
            "most ended with a RST: a NAT or firewall that has forgotten a connection answers so",
        );
    }
    if is_taken {
        verdict = verdict
            .but(
                "most ended as another client connected, and no timeout waits for that: it may \
                 have taken their session",
            )
            .cannot_tell_from(&[Churn::OneSessionTwoClients]);
    }
    if was_once {
        verdict = verdict
            .but("no client was cut twice, which an idle timeout would have done")
            .next(match case.side {
                Side::Client => {
                    "find out whether the server, or a proxy or firewall on the way, was restarted \
                     when they ended"
                }
                Side::Server => "find out whether what listens here was restarted when they ended",
            });
    }
    if falls {
        verdict = verdict
            .but("the server ended other connections at the same moments, whatever their age")
            .cannot_tell_from(&[Churn::ServerRestarts]);
    }
    if is_turned_away {
        verdict = verdict.but(format!(
            "the same server refused {} meanwhile, or closed them without an answer: one that is \
             restarted cuts them so, too",
            text::counted(case.turned_away_beside, "connection")
        ));
    }
    // Who ends a session in order gets no RST.
    if !goes_on && !is_reset {
        verdict = verdict
            .but("a program that closes its own sessions after a fixed time looks the same")
            .cannot_tell_from(&[Churn::ClientPerRequest]);
        if case.handshakes().is_none() {
            verdict = verdict.decided_by("--handshake, which tells a new session from a reconnect");
        }
    }
    Some(advised(verdict, case.side, &lived_for))
}

/// Whether one thread opened them, or one of each of several processes, again and again.
fn is_one_thread_each(case: &Case<'_>) -> bool {
    match case.who {
        Who::Programs { processes, .. } => {
            case.threads == processes && !case.is_new_one_each_time() && !case.has_few_of_each()
        }
        _ => case.is_one_thread(),
    }
}

/// What closes a socket of this host first runs here: nothing on the way does.
fn advised(verdict: Verdict, side: Side, lived_for: &str) -> Verdict {
    let verdict = match side {
        Side::Client => verdict
            .decided_by("a trace on the server: whether the server closed, or something between")
            .next(format!(
                "look for a timeout of {lived_for} on the way: `timeout client` and `timeout \
                 server` (HAProxy), the load balancer's idle timeout, the firewall's connection \
                 tracking"
            )),
        Side::Server => verdict
            .decided_by(
                "the log of what listens here: whether sessions expire, or clients ask to close \
                 them",
            )
            .next(format!(
                "look for a timeout of {lived_for} here: the session timeout (minSessionTimeout \
                 and maxSessionTimeout in zoo.cfg), or that of a proxy that listens at this port"
            )),
    };
    verdict.next(
        "set it above the session timeout, or lower the session timeout: the client pings after a \
         third of it",
    )
}

/// Whether all of them began within a short time and ended so: no client came twice.
fn was_once(case: &Case<'_>, lived_ns: u64) -> bool {
    // A client that has lost its connection waits that long before it comes again.
    const BACK_OFF_NS: u64 = 2_000_000_000;
    let apart = case.span_ns.map(|span| span.saturating_sub(lived_ns));
    apart.is_some_and(|apart| apart <= BACK_OFF_NS.max(lived_ns / 5))
}

/// From the first start to the latest, nanoseconds. Where that is less than one lives for, none began
/// after another had ended.
fn began_within(case: &Case<'_>) -> Option<u64> {
    let until_now = case.span_ns?.saturating_add(case.ended_ago_ns?);
    Some(until_now.saturating_sub(case.idle_ns?))
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

/// Their age, where eight in ten had the same: all but the youngest and the oldest tenth.
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
            test_case::{diagnosed, diagnosed_in, every, living, names_and_alternatives},
        },
        ledger::test_connection::{MS, by, server_side},
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

    /// One thread opened ten within milliseconds, and the client closed its ends late.
    #[test]
    fn who_has_not_come_back_is_not_said_to_have() {
        let said = |period_ms| {
            let done = (73, 81, Outcome::AnsweredThenClosedByPeer);
            let cut = living(3_000, every(period_ms, 10, done)).into_iter();
            let cut = cut.map(|one| {
                let mut one = by(one, 7, 8, "java");
                one.ended_ns = one.ended_ns.map(|at| at + 4_000 * MS);
                one
            });
            let cut: Vec<_> = cut.collect();
            let finding = diagnosed_in(&cut, 60_000_000_000).remove(0);
            assert_eq!(finding.name, Churn::IdleTimeout);
            let why = finding.reasons_for.join("; ");
            (finding.confidence, why.contains("comes back"))
        };
        assert_eq!(said(10), (Confidence::Possible, false));
        assert_eq!(said(4_500), (Confidence::Likely, true));
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

    fn words(connections: &[Connection]) -> String {
        let findings = diagnosed(connections);
        let mut found = findings.iter();
        let finding = found.find(|one| one.name == Churn::IdleTimeout).unwrap();
        format!(
            "{}; {}; {}; {}",
            finding.summary,
            finding.reasons_for.join("; "),
            finding.reasons_against.join("; "),
            finding.would_decide.join("; ")
        )
    }

    /// A hundred at once that are cut after a minute, and a hundred again.
    #[test]
    fn who_was_cut_twice_is_known_also_where_the_latest_starts_only_are_kept() {
        let batch = |from: u64| (0..100).map(move |one| from + one);
        let starts = batch(1_000).chain(batch(65_000));
        let kind = (73, 81, Outcome::ResetByPeer);
        let reset: Vec<_> = starts
            .map(|start| {
                let mut one = every(1, 1, kind)[0];
                let later = |time: u64| time + (start - 1_000) * MS;
                one.socket = start;
                one.started_ns = later(one.started_ns);
                one.established_ns = one.established_ns.map(later);
                one.left_established_ns = one.left_established_ns.map(later);
                one.local_close_ns = one.local_close_ns.map(later);
                one.ended_ns = one.ended_ns.map(later);
                one
            })
            .collect();
        let said = words(&living(60_000, reset));
        assert!(!said.contains("ended together"), "{said}");
        assert!(!said.contains("no client was cut twice"), "{said}");
    }

    #[test]
    fn on_the_server_the_server_is_no_other_side() {
        let cut = living(
            3_000,
            every(4_500, 6, (73, 81, Outcome::AnsweredThenClosedByUs)),
        );
        let said = words(&cut.into_iter().map(server_side).collect::<Vec<_>>());
        assert!(
            said.contains("6 of 6 connections were ended by the server here"),
            "{said}"
        );
        for untrue in [
            "the other side",
            "a trace on the server",
            "the client goes on",
            "an idle timeout on the way",
            "load balancer",
        ] {
            assert!(!said.contains(untrue), "{untrue}: {said}");
        }
    }

    #[test]
    fn it_is_not_said_of_everybody_that_the_client_goes_on() {
        let cut = |program| {
            let cut = every(4_500, 6, (100, 121, Outcome::AnsweredThenClosedByPeer));
            let cut = living(3_000, cut).into_iter();
            words(&cut.map(|one| by(one, 7, 8, program)).collect::<Vec<_>>())
        };
        assert!(cut("java").contains("although the client goes on"));
        assert!(!cut("python3").contains("although the client goes on"));
    }

    #[test]
    fn of_ten_ages_two_may_differ() {
        let mut cut = reset(4_500);
        cut.extend(reset(4_700).into_iter().take(5));
        let younger = living(1_500, every(4_500, 1, (73, 81, Outcome::ResetByPeer)));
        cut[0] = by(younger[0], 7, 8, "java");
        cut[1] = living(7_000, vec![cut[1]])[0];
        let said = words(&cut);
        assert!(
            said.contains("eight in ten ages are within 150 ms"),
            "{said}"
        );
    }
}

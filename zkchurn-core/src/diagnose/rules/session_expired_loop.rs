// SPDX-License-Identifier: MIT
//! The server answers that the session is gone and closes
//! (`ZooKeeperServer.finishSessionInit` with a timeout of 0); the application
//! makes a new handle, which goes the same way.

use super::{Rule, server_restarts};
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
        who::Who,
    },
    inspection::LogSignature,
    ledger::{handshakes::Handshakes, shape::Ending, sizes},
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::SessionExpiredLoop,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

/// Such an answer takes milliseconds; on a busy server some more.
const AT_ONCE_NS: u64 = 300_000_000;
/// What lived for longer than this may have been cut on the way.
const CUT_NS: u64 = 200_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    match case.handshakes() {
        Some(handshakes) => by_answers(case, handshakes),
        None => by_sizes(case),
    }
}

/// The server said it.
fn by_answers(case: &Case<'_>, handshakes: &Handshakes) -> Option<Verdict> {
    let expired = handshakes.expired;
    if expired == 0 || expired * 3 < handshakes.connections {
        return None;
    }
    let mut verdict = Verdict::new(
        Confidence::Certain,
        format!(
            "The server answered {} of {} with \"session expired\".",
            text::count(expired),
            text::counted(handshakes.connections, "request")
        ),
    )
    .because("a ConnectResponse with session 0 or timeout 0 was seen on the wire");
    if handshakes.reconnects >= expired && case.is_new_one_each_time() {
        verdict = verdict.because(
            "new threads or processes present an old session: the application stores and reuses it",
        );
    }
    if expired == 1 {
        verdict = verdict.but("it happened only once: one expiry is not a loop");
    }
    Some(advice(case, verdict))
}

/// Whether several processes came back, each by the one thread that it has: what is told of one
/// such process holds for them together.
fn is_one_thread_of_each(case: &Case<'_>) -> bool {
    match case.who {
        Who::Programs { processes, .. } => {
            !case.are_runs && case.threads <= processes && case.tally.opened() * 2 >= processes * 3
        }
        _ => false,
    }
}

fn advice(case: &Case<'_>, verdict: Verdict) -> Verdict {
    verdict
        .perhaps_next(case.search_log_for(
            "\"has expired\" or SessionExpiredException",
            &[LogSignature::SESSION_EXPIRED],
        ))
        .next(
            "after an expiry the application must create a new handle, without a session \
             id; find out what keeps the client from sending pings, such as GC pauses",
        )
}

/// Nothing but the handshake was said, and the server closed.
fn by_sizes(case: &Case<'_>) -> Option<Verdict> {
    let alone = case.shapes().count_by_size(sizes::is_handshake_alone);
    let ended = |ending| {
        case.shapes()
            .count_by_size(|shape| sizes::is_handshake_alone(shape) && shape.ending == ending)
    };
    let closed = ended(Ending::ClosedByServer);
    // A server resets only where it has not read something; a firewall always does.
    let by_server = match closed {
        0 => 0,
        closed => closed + ended(Ending::ResetByServer),
    };
    if !case.most(alone) {
        return None;
    }
    let logged = case.logged(&[LogSignature::SESSION_EXPIRED]);
    let by_client = ended(Ending::ClosedByClient) + ended(Ending::ResetByClient);
    // Whoever opens a session and drops it, be it once: a client that reads such an answer is
    // seldom the first to close, and mostly logs it.
    if logged.is_none() && closed == 0 && case.most(by_client) {
        return None;
    }
    let is_by_client = by_client * 2 > alone;
    // After an expiry the Java client's thread ends; one that comes again lost its
    // connection in another way.
    // Go and other runtimes let any of their threads serve the same client.
    let comes_again = alone > 1
        && (case.is_one_thread()
            || is_one_thread_of_each(case)
            || case.runtime == Runtime::Jvm && case.threads * 2 <= alone
            || case.runtime == Runtime::Other && !case.is_new_one_each_time());
    // One such line may be of another handle of the same process.
    let is_said = logged.is_some_and(|line| line.is_of_client() && line.count() * 2 >= alone);
    // After such an answer the server closes at once.
    let lived = case.tally.established_for.percentile(50.0);
    let is_at_once = lived.is_none_or(|lived| lived < AT_ONCE_NS);
    let falls = server_restarts::confidence(case).is_some();
    let is_by_server = by_server * 2 >= alone && is_at_once && !comes_again && !falls;
    // Where they do not go as after such an answer, the lines must be of each of them.
    let is_of_each = logged.is_some_and(|line| line.is_of_client() && line.is_for_each(case));
    let confidence = match (is_said, alone, is_by_server) {
        _ if is_said && (is_by_server || is_of_each) => Confidence::Certain,
        (true, ..) | (false, 3.., true) => Confidence::Likely,
        _ => Confidence::Possible,
    };
    let mut verdict = Verdict::new(
        confidence,
        format!(
            "{} asked for a session, got an answer and ended with no other traffic: \
             {} that the session has expired.",
            text::counted(alone, "connection"),
            match confidence {
                Confidence::Possible => "the answer may be",
                _ => "the server answered",
            }
        ),
    )
    .because(
        "48 or 49 bytes out and 40 or 41 in are a ConnectRequest and its answer, and nothing else",
    )
    .number("handshake_alone", alone)
    .number("closed_by_server", closed);
    verdict = advice(case, verdict);
    if closed > 0 {
        verdict = verdict.because(format!(
            "the server closed first {}, as it does after such an answer",
            text::counted(closed, "time")
        ));
    }
    // Programs that held a connection when the trace began, and came back once.
    if alone > 1 && case.has_few_of_each() && case.older >= alone {
        verdict = verdict.but(
            "these programs had connections before, and each was told so once, as after an outage: \
             one expiry is not a loop",
        );
    } else if case.is_started_for_each() && alone > 1 {
        verdict = verdict.but(
            "each process had a connection or two: it had no session that could expire, unless it \
             is started with the id of an old one",
        );
    } else if case.is_new_one_each_time() && alone > 1 && !is_by_client {
        verdict = verdict.because(
            "new threads or processes open them: the application creates a new handle each time",
        );
    }
    if is_by_client && alone > 1 {
        verdict = verdict.but(format!(
            "the client closed first {} of {}, but after such an answer the server does",
            text::count(by_client),
            text::counted(alone, "time")
        ));
    }
    if comes_again {
        verdict = verdict
            .but(match case.is_one_thread() {
                true => "the same thread comes back, but the Java client's thread ends with its session",
                false => "the same threads come back: one client that was told so would ask for a new session",
            });
    }
    if falls {
        verdict = verdict.but(
            "connections of others to that server ended at the same moments, as where it dies or is \
             restarted",
        );
    }
    if !is_at_once {
        verdict = verdict.but(format!(
            "they lived for {} (median), but after such an answer the server closes at once",
            text::duration(lived.unwrap_or_default())
        ));
    }
    if let Some(line) = logged {
        verdict = verdict.because(line.quoted());
    }
    if alone == 1 {
        verdict = verdict.but("it happened only once: one expiry is not a loop");
    }
    if confidence != Confidence::Certain {
        // What cuts connections on the way does so whatever their session is.
        let is_cut = closed > 0 && lived > Some(CUT_NS);
        let alike: &[Churn] = match (is_cut, falls) {
            (true, _) => &[Churn::IdleTimeout, Churn::ServerRestarts],
            (false, true) => &[Churn::ServerRestarts],
            (false, false) => &[],
        };
        verdict = verdict
            .cannot_tell_from(&[Churn::OneSessionTwoClients])
            .cannot_tell_from(alike)
            .decided_by("--handshake, which reads the answer and the session id");
    }
    Some(verdict)
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence, Finding,
            test_case::{
                diagnosed, diagnosed_beside_log, diagnosed_with, every, gone, living,
                new_thread_each, only,
            },
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{MS, by, ended, established, name},
        },
        outcome::Outcome,
    };

    const EXPIRED: (u64, u64, Outcome) = (49, 41, Outcome::AnsweredThenClosedByPeer);

    /// A server that dies again and again, and one that is slow or cuts all once.
    #[test]
    fn what_comes_back_from_its_thread_or_is_answered_late_may_be_cut() {
        let found = |threads: u32, lived_ms| {
            let each = living(lived_ms, every(500, 30, EXPIRED))
                .into_iter()
                .zip(0_u32..);
            let all = each.map(|(one, step)| {
                let mut one = by(one, 7, 100 + step % threads, "main-SendThread");
                one.opener.as_mut().unwrap().process_comm = Some(name("java"));
                one
            });
            let findings = diagnosed(&all.collect::<Vec<_>>());
            let is_it = |one: &&Finding| one.name == Churn::SessionExpiredLoop;
            findings.iter().find(is_it).cloned()
        };
        let of_its_own = found(30, 2).expect("a new thread each");
        assert_eq!(of_its_own.confidence, Confidence::Likely);
        let again = found(5, 2).expect("possible still");
        assert_eq!(again.confidence, Confidence::Possible);
        let late = found(30, 500).expect("possible still");
        assert_eq!(late.confidence, Confidence::Possible);
        assert!(late.cannot_tell_from.contains(&Churn::ServerRestarts));
    }

    /// Something cuts the clients of several processes at any moment, soon in most cases.
    #[test]
    fn what_comes_back_in_each_of_several_processes_has_not_expired() {
        let all = (0..12).map(|step| {
            let one = ended(
                5_000 + step * 610,
                49,
                41,
                Outcome::AnsweredThenClosedByPeer,
            );
            let mut one = living(200 + step * 37 % 500, vec![one])[0];
            let pid = 100 + step as u32 % 5;
            one = by(one, pid, pid + 50, "main-SendThread");
            let opener = one.opener.as_mut().unwrap();
            opener.process_comm = Some(name("java"));
            opener.process_start_ns = Some((500 + u64::from(pid)) * MS);
            one
        });
        let findings = diagnosed(&all.collect::<Vec<_>>());
        assert!(
            findings
                .iter()
                .all(|one| one.confidence == Confidence::Possible),
            "{findings:?}"
        );
    }

    #[test]
    fn a_new_handle_each_time_that_is_turned_down() {
        let finding = only(diagnosed(&new_thread_each(every(1_500, 14, EXPIRED))));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::SessionExpiredLoop, Confidence::Likely)
        );
        assert_eq!(finding.who.kind, "process");
        assert!(
            finding
                .reasons_for
                .iter()
                .any(|why| why.contains("new handle"))
        );
    }

    #[test]
    fn the_answer_itself_is_certain_and_its_absence_rules_it_out() {
        let mut connections = new_thread_each(every(1_500, 6, EXPIRED));
        for connection in &mut connections {
            connection.handshake = Some(asked(0x10, Some((0, 0))));
        }
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::SessionExpiredLoop, Confidence::Certain)
        );
        for connection in &mut connections {
            connection.handshake = Some(asked(0, Some((0x20, 4_000))));
        }
        let findings = diagnosed(&connections);
        assert!(
            findings
                .iter()
                .all(|finding| finding.name != Churn::SessionExpiredLoop),
            "{findings:?}"
        );
    }

    /// One thread of Node serves all handles: its log knows what the sizes leave open.
    #[test]
    fn the_log_of_a_program_of_one_thread_decides() {
        let expired = (48, 40, Outcome::AnsweredThenClosedByPeer);
        let of_node = every(1_000, 12, expired).into_iter();
        let of_node: Vec<_> = of_node.map(|one| by(one, 7, 7, "node")).collect();
        let confidence = |findings: Vec<_>| {
            let finding: Finding = only(findings);
            assert_eq!(finding.name, Churn::SessionExpiredLoop);
            finding.confidence
        };
        assert_eq!(confidence(diagnosed(&of_node)), Confidence::Possible);
        let line = "could not read /config: Exception: SESSION_EXPIRED[-112]";
        let lines = [("session-expired", None, line, 12)];
        let findings = diagnosed_beside_log(&of_node, &lines);
        assert_eq!(confidence(findings), Confidence::Certain);
    }

    /// A handle of the same process expired, and another client came and went meanwhile.
    #[test]
    fn a_line_is_no_proof_where_they_did_not_go_as_after_such_an_answer() {
        let line = "KeeperErrorCode = Session expired for /config";
        let finding = |connections: &[_]| {
            let findings = diagnosed_beside_log(connections, &[("session-expired", None, line, 1)]);
            only(findings)
        };
        let by_us = every(1, 1, (49, 41, Outcome::AnsweredThenClosedByUs));
        assert_eq!(finding(&by_us).confidence, Confidence::Likely);
        let later = living(30_000, every(31_000, 2, EXPIRED));
        assert_ne!(finding(&later).confidence, Confidence::Certain);
        assert_eq!(
            finding(&every(1, 1, EXPIRED)).confidence,
            Confidence::Certain
        );
    }

    /// A firewall resets in the server's name.
    #[test]
    fn a_reset_is_not_how_a_server_closes_after_such_an_answer() {
        let reset = (49, 41, Outcome::ResetByPeer);
        let finding = |connections: Vec<_>| {
            let findings = diagnosed(&new_thread_each(connections));
            let findings = findings.into_iter();
            let mut of_it = findings.filter(|one| one.name == Churn::SessionExpiredLoop);
            of_it.next().expect("it is one")
        };
        let by_firewall = finding(every(1_500, 14, reset));
        assert_eq!(by_firewall.confidence, Confidence::Possible);
        let said = |finding: &Finding| {
            let mut why = finding.reasons_for.iter();
            why.find(|why| why.contains("closed first")).cloned()
        };
        assert_eq!(said(&by_firewall), None);
        let mut both = every(1_500, 14, EXPIRED);
        both.extend(every(1_500, 16, reset).into_iter().skip(14));
        let both = finding(both);
        assert_eq!(both.confidence, Confidence::Likely);
        let words = said(&both).unwrap();
        assert!(words.contains("closed first 14 times"), "{words}");
    }

    /// They are old, and each came back once after an outage.
    #[test]
    fn services_that_came_back_once_are_no_loop() {
        let mut connections = Vec::new();
        for pid in 100..106 {
            let [mut before, mut again] = [0, 1].map(|step| {
                let at_ms = 100_000 + u64::from(pid) * 10 + step * 500;
                let one = ended(at_ms, 49, 41, Outcome::AnsweredThenClosedByPeer);
                by(one, pid, pid, "service")
            });
            before.before_start = true;
            again.opener.as_mut().unwrap().process_start_ns = Some(MS);
            before.opener = again.opener;
            connections.extend([established(before), before, again]);
        }
        let finding = only(diagnosed(&connections));
        let against = finding.reasons_against.concat();
        assert!(against.contains("had connections before"), "{finding:?}");
    }

    /// A check that asks for a session and closes its socket, by each of its runs or by one
    /// thread.
    #[test]
    fn who_closes_first_each_time_was_hardly_told_so() {
        let dropped = every(1_000, 7, (49, 41, Outcome::AnsweredThenClosedByUs));
        let of_runs = dropped.iter().zip(100..).map(|(one, pid)| {
            let mut one = by(*one, pid, pid, "check_zk.py");
            one.opener.as_mut().unwrap().process_start_ns = Some(one.started_ns - MS);
            one
        });
        let reset = every(1_000, 7, (49, 41, Outcome::ResetByUs));
        let by_a_thread = [dropped.clone(), reset].map(|all| {
            let of_python = all.into_iter().map(|one| by(one, 7, 7, "python3"));
            of_python.collect::<Vec<_>>()
        });
        for connections in [&of_runs.collect(), &by_a_thread[0], &by_a_thread[1]] {
            let finding = only(diagnosed_with(connections, &gone(connections)));
            let story = (finding.name, finding.confidence);
            assert_eq!(story, (Churn::ClientPerRequest, Confidence::Likely));
            assert!(finding.alternatives.is_empty(), "{finding:?}");
            let why = finding.reasons_for.join("; ");
            assert!(why.contains("the client closed first"), "{why}");
            // The sizes are the same, and a client may be quick; a run had no session.
            let may_have = finding.cannot_tell_from == [Churn::SessionExpiredLoop];
            assert_eq!(may_have, finding.who.kind != "programs", "{finding:?}");
        }
        let held = living(2_000, by_a_thread[0].clone());
        let held = only(diagnosed(&held)).cannot_tell_from;
        assert!(!held.contains(&Churn::SessionExpiredLoop), "{held:?}");
        let of_a_jvm = only(diagnosed(&dropped));
        assert_eq!(of_a_jvm.name, Churn::ClientPerRequest);
    }

    #[test]
    fn that_the_client_closed_first_speaks_against_it() {
        let mut connections = every(1_000, 12, (49, 41, Outcome::AnsweredThenClosedByUs));
        connections.splice(..3, every(1_000, 3, EXPIRED));
        let finding = only(diagnosed(&new_thread_each(connections.clone())));
        assert_eq!(finding.name, Churn::ClientPerRequest);
        assert_eq!(finding.alternatives[0].name, Churn::SessionExpiredLoop);
        let line = "KeeperErrorCode = Session expired for /config";
        let lines = [("session-expired", None, line, 1)];
        let findings = diagnosed_beside_log(&connections, &lines);
        let all = format!("{findings:?}");
        assert!(all.contains("closed first 9 of 12 times"), "{all}");
        assert!(!all.contains("creates a new handle each time"), "{all}");
    }

    #[test]
    fn a_process_that_is_started_for_it_had_no_session() {
        let runs = every(1_000, 7, EXPIRED).into_iter().zip(100..);
        let runs = runs.map(|(one, pid)| {
            let mut one = by(one, pid, pid, "check_zk.py");
            one.opener.as_mut().unwrap().process_start_ns = Some(one.started_ns - MS);
            one
        });
        let finding = only(diagnosed(&runs.collect::<Vec<_>>()));
        assert_eq!(finding.name, Churn::SessionExpiredLoop);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("no session that could expire"),
            "{against}"
        );
    }

    #[test]
    fn once_is_only_possible() {
        let finding = only(diagnosed(&every(1, 1, EXPIRED)));
        assert_eq!(finding.confidence, Confidence::Possible);
        assert_eq!(finding.reasons_against.len(), 1);
    }

    /// Any check asks for a session and closes.
    #[test]
    fn a_session_that_the_client_closes_once_or_twice_is_no_churn() {
        for count in [1, 2] {
            let closed = every(1_000, count, (49, 41, Outcome::AnsweredThenClosedByUs));
            assert_eq!(diagnosed(&new_thread_each(closed)), []);
        }
    }
}

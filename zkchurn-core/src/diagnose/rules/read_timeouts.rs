// SPDX-License-Identifier: MIT
//! The client waits for an answer that does not come, gives the connection up and
//! reconnects: after two thirds of the session's timeout in the Java client
//! (`ClientCnxn.SendThread`, `readTimeout`).

use super::{Rule, client_per_request};
use crate::{
    diagnose::{
        case::{Case, ClientThread, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::shape::{Ending, Shape, Spoken},
    stall::{Stall, Stalls},
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ReadTimeouts,
    severity: Severity::Broken,
    scope: Scope::ZooKeeperBySize,
    judge,
};

/// Two thirds of the shortest session that a server grants by default, two ticks
/// of 2 s, less what a timer may be early.
const SHORTEST_NS: u64 = 900_000_000;

const PAUSES: &str = "check the server for pauses (GC, slow disk: max latency in `mntr`, fsync \
                      warnings in its log), then the network, and what a firewall drops, here too";
/// It is no network that loses packets.
fn nothing_out(case: &Case<'_>) -> String {
    format!(
        "find out why the peer does not read: it is stopped, stuck, slow or gone (a Recv-Q in {} \
         on its host that stays full shows it); where it is empty, find out what of this host lets \
         nothing out ({}; {})",
        case.at_server("ss -tn"),
        case.network.firewall(),
        case.network.command("tc -s qdisc")
    )
}

/// Why the kernel dropped those that broke.
fn stalled(mut verdict: Verdict, case: &Case<'_>) -> Verdict {
    let Stalls {
        silent,
        nothing_out,
        unclear,
    } = case.tally.stalls;
    for (count, why) in [
        (silent, "because no answer of the peer got through any more"),
        (
            nothing_out,
            "because data waited here, while all that was sent had been acknowledged: the peer's \
             window was full, or this host let nothing out",
        ),
        (
            unclear,
            "because no answer of the peer got through any more, or data waited here",
        ),
    ] {
        if count > 0 {
            verdict = verdict.because(format!(
                "the kernel dropped {} {why}",
                text::counted(count, "connection")
            ));
        }
    }
    verdict
}

/// Whether nothing but the length and the thread is like a client that waits in vain: a program
/// that is no JVM, whose one thread may serve any number of clients, had its answers, had nothing
/// to send again, and closed in good order.
fn ends_in_order(case: &Case<'_>) -> bool {
    let closed = case
        .shapes()
        .count(|ending, spoken| ending == Ending::ClosedByClient && spoken == Spoken::Both);
    let unanswered = case.shapes().count_by_size(is_without_last_answer);
    case.runtime == Runtime::Other
        && case.client_thread == ClientThread::NotSeen
        && closed == case.ended()
        && case.tally.sent_again == 0
        && unanswered * 2 < closed
        && case.handshakes().is_none_or(|one| one.reconnects == 0)
        && case.logged(&[LogSignature::SESSION_TIMED_OUT]).is_none()
        && client_per_request::judge(case).is_some()
}

/// A session of pings (12 bytes, and 20 of the answer), the last of which had no answer. Of many
/// different sizes some are not seen.
fn is_without_last_answer(shape: &Shape) -> bool {
    let pings = |bytes: u64, first: [u64; 2], each: u64| {
        let rest = first.into_iter().filter_map(|one| bytes.checked_sub(one));
        rest.filter(|rest| rest % each == 0)
            .map(|rest| rest / each)
            .max()
    };
    let sent = pings(shape.client_bytes, [48, 49], 12);
    let answered = pings(shape.server_bytes, [40, 41], 20);
    matches!((sent, answered), (Some(sent), Some(answered)) if answered < sent)
}

/// Whether whoever lost a connection opened another one: a thread of a client's does, and a new
/// client has a new thread. Threads that may serve any client do so as well, so of several of
/// these most must have ended without their last answer.
fn come_back(case: &Case<'_>) -> bool {
    let is_waiting = || {
        case.most(case.shapes().count_by_size(|shape| {
            is_without_last_answer(shape) && shape.ending != Ending::ClosedByServer
        }))
    };
    let of_clients = || case.client_thread != ClientThread::NotSeen || is_waiting();
    let threads = case.threads;
    case.is_one_thread()
        || (threads > 0 && case.tally.opened() >= threads.saturating_mul(2) && of_clients())
}

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let lived = case.tally.established_for.percentile(50.0)?;
    let broken = case.shapes().ending(Ending::Broken);
    let never_answered = case.shapes().count_by_size(|shape| {
        shape.ending == Ending::ClosedByClient
            && case.can_be_request(shape.client_bytes)
            && shape.server_bytes == 0
    });
    let given_up = case.shapes().count(|ending, spoken| {
        matches!(ending, Ending::ClosedByClient | Ending::ResetByClient) && spoken == Spoken::Both
    });
    let all = broken + never_answered + given_up;
    if lived < SHORTEST_NS || !case.most(all) {
        return None;
    }
    if let Some(handshakes) = case.handshakes()
        && handshakes.new_handles * 2 > handshakes.connections
        && never_answered == 0
    {
        // New handles: clients that ended in good order.
        return None;
    }
    // A client that ends in good order lives as long as it likes, and now and then a segment of
    // it is sent twice.
    let is_repeated = case.tally.opened() >= 2;
    let is_lossy = is_repeated && case.tally.sent_again >= given_up;
    // One of many without an answer tells nothing of the others.
    let is_silent = (broken + never_answered).saturating_mul(4) >= all;
    let reconnects = is_repeated && come_back(case) && !ends_in_order(case);
    if !(is_silent || is_lossy || reconnects) {
        return None;
    }
    let confidence = match is_silent || is_lossy {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let lived = text::duration(lived);
    let mut verdict = Verdict::new(
        confidence,
        match confidence {
            Confidence::Possible => format!(
                "Connections were given up after {lived} (median), as by a client that waits for \
                 an answer in vain."
            ),
            _ if broken == all && case.tally.stalls.of_all() == Stall::NothingOut => {
                format!(
                    "Connections broke after {lived} (median): data waited here and was never sent."
                )
            }
            _ if given_up + broken == 0 => {
                format!("Connections were given up after {lived} (median): no answer got through.")
            }
            _ => format!(
                "Connections were given up after {lived} (median): no answer got through, or \
                 no more of them."
            ),
        },
    )
    .number("never_answered", never_answered)
    .number("given_up_after_answers", given_up)
    .number("broken", broken)
    .number("retransmits", case.tally.retransmits)
    .decided_by(
        "the client's log: \"Client session timed out, have not heard from server in N ms\"",
    )
    .next(match case.tally.stalls.nothing_out * 2 > all {
        true => nothing_out(case),
        false => PAUSES.to_owned(),
    });
    if never_answered > 0 {
        verdict = verdict.because(format!(
            "{} sent a ConnectRequest, got no reply, and closed",
            text::counted(never_answered, "connection")
        ));
    }
    verdict = stalled(verdict, case);
    verdict = match case.tally.retransmits {
        0 if never_answered > 0 => verdict.because(
            "the data were acknowledged, so packets pass both ways, but no answer of the server \
             process got through",
        ),
        segments if segments > 0 && (is_silent || is_lossy) => verdict.because(format!(
            "segments were retransmitted {}: packets are lost, or dropped by a firewall, maybe \
             this host's, or the other host does not answer",
            text::counted(segments, "time")
        )),
        _ => verdict,
    };
    if confidence == Confidence::Possible {
        verdict = verdict
            .but(match case.tally.retransmits {
                0 => "the server had answered before and no segment was sent again: a pause of the client's own process looks the same",
                _ => "the server had answered before and few segments were sent again: a pause of the client's own process looks the same",
            })
            .cannot_tell_from(&[Churn::ClientPerRequest]);
    }
    if let Some(handshakes) = case.handshakes()
        && handshakes.reconnects > 0
    {
        verdict = verdict.because(format!(
            "{} resumed an old session (seen on the wire), as a client that reconnects does",
            text::counted(handshakes.reconnects, "connection")
        ));
    }
    let stood_still = case.logged(&[LogSignature::JVM_PAUSED, LogSignature::CLIENT_STARVED]);
    if let Some(line) = case.logged(&[LogSignature::SESSION_TIMED_OUT]) {
        // A client that stood still itself writes the same, whatever came meanwhile.
        if line.is_of_client() && line.is_repeated(case) && stood_still.is_none() {
            verdict.confidence = Confidence::Certain;
        }
        verdict = verdict.because(line.quoted());
    }
    Some(match stood_still {
        Some(line) => verdict.but(line.quoted()).next(
            "find out why the client's process stood still: garbage collection, no CPU, a \
             suspended virtual machine",
        ),
        None => verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{
                diagnosed, diagnosed_beside_log, every, living, names_and_alternatives,
                new_thread_each, only,
            },
        },
        ledger::test_connection::by,
        outcome::Outcome,
    };

    #[test]
    fn a_stopped_server_accepts_and_says_nothing() {
        let waits = every(7_000, 4, (49, 0, Outcome::ClosedByUsWithoutAnswer));
        let finding = only(diagnosed(&living(5_000, waits)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ReadTimeouts, Confidence::Likely)
        );
        assert_eq!(finding.numbers["never_answered"], 4);
        assert!(
            finding
                .reasons_for
                .iter()
                .any(|why| why.contains("acknowledged"))
        );
    }

    /// TCP_USER_TIMEOUT, with a peer that does not read and answers each probe of its window.
    #[test]
    fn a_peer_that_takes_no_more_data_is_not_called_silent() {
        let found = |unsent, retransmits| {
            let mut broken = every(7_000, 4, (4_096, 0, Outcome::Broken));
            for connection in &mut broken {
                connection.traffic.unsent = Some(unsent);
                connection.traffic.retransmits = Some(retransmits);
            }
            let finding = only(diagnosed(&living(1_700, broken)));
            assert_eq!(finding.name, Churn::ReadTimeouts);
            (finding.reasons_for.join(" "), finding.next.join(" "))
        };
        let (why, next) = found(2_803_712, 0);
        assert!(why.contains("this host let nothing out"), "{why}");
        assert!(!why.contains("no answer of the peer"), "{why}");
        assert!(
            !next.contains("network") && next.contains("tc -s qdisc"),
            "{next}"
        );
        let (why, _) = found(400, 3);
        assert!(why.contains("any more, or data waited here"), "{why}");
        let (why, next) = found(0, 3);
        assert!(!why.contains("waited here"), "{why}");
        assert!(next.contains("network"), "{next}");
    }

    #[test]
    fn one_without_an_answer_makes_no_timeouts_of_the_others() {
        let likely = |unanswered: usize| {
            let mut all = every(2_000, 9, (101, 81, Outcome::AnsweredThenClosedByUs));
            let silent = every(2_000, 9, (101, 0, Outcome::ClosedByUsWithoutAnswer));
            for (place, one) in silent.into_iter().enumerate().take(unanswered) {
                all[place] = one;
            }
            let findings = diagnosed(&living(1_200, all));
            let likely = findings.into_iter().filter(|one| {
                one.name == Churn::ReadTimeouts && one.confidence == Confidence::Likely
            });
            likely.filter_map(|one| one.explains).sum::<u64>()
        };
        assert!(likely(1) <= 1);
        assert!(likely(6) >= 6);
    }

    /// A server that answers slowly, to the handle of one thread: it opens another
    /// connection each time.
    #[test]
    fn one_thread_that_gives_up_and_reconnects_may_have_timed_out() {
        let gives_up = every(7_000, 4, (88, 149, Outcome::AnsweredThenClosedByUs));
        let findings = diagnosed(&living(5_000, gives_up));
        let found = names_and_alternatives(&findings);
        assert!(
            found.contains(&(Churn::ReadTimeouts, Confidence::Possible)),
            "{found:?}"
        );
    }

    /// Several clients of one program, whose server answers the handshake and no ping.
    #[test]
    fn several_threads_that_give_up_and_reconnect_may_have_timed_out() {
        let found = |threads: u32, program: &str, received| {
            let kind = (61, received, Outcome::AnsweredThenClosedByUs);
            let all = living(2_670, every(1_100, 12, kind)).into_iter().zip(0..);
            let all = all.map(|(one, turn)| by(one, 7, 8 + turn % threads, program));
            names_and_alternatives(&diagnosed(&all.collect::<Vec<_>>()))
        };
        let timed_out = (Churn::ReadTimeouts, Confidence::Possible);
        for program in ["main-SendThread", "python3"] {
            assert!(found(3, program, 41).contains(&timed_out), "{program}");
        }
        // A client each, and workers that had all of their answers.
        assert!(!found(12, "main-SendThread", 41).contains(&timed_out));
        assert!(!found(3, "python3", 61).contains(&timed_out));
    }

    /// A worker in Python that is done with a session after some seconds.
    #[test]
    fn sessions_of_seconds_that_end_in_good_order_are_no_timeouts() {
        let found = |sent, received, comm| {
            let all = living(
                2_400,
                every(2_410, 4, (sent, received, Outcome::AnsweredThenClosedByUs)),
            );
            let all = all.into_iter().map(|one| by(one, 7, 8, comm));
            let finding = only(diagnosed(&all.collect::<Vec<_>>()));
            (finding.name, finding.confidence)
        };
        let each_its_own = (Churn::ClientPerRequest, Confidence::Possible);
        // Nine pings and their answers; the last of them without one.
        assert_eq!(found(157, 221, "python3"), each_its_own);
        assert_eq!(found(300, 700, "python3"), each_its_own);
        let timed_out = (Churn::ReadTimeouts, Confidence::Possible);
        assert_eq!(found(157, 201, "python3"), timed_out);
        assert_eq!(found(157, 221, "main-SendThread"), timed_out);
    }

    /// A tail loss probe, say, of a client that its program closes as it ends.
    #[test]
    fn a_segment_that_was_sent_twice_is_no_timeout() {
        let all_lossy = |count, segments, bytes, first| {
            let mut work = every(7_000, count, (61, 41, Outcome::AnsweredThenClosedByUs));
            for connection in work.iter_mut().take(first) {
                connection.traffic.retransmits = Some(segments);
                connection.traffic.bytes_retransmitted = Some(bytes);
            }
            diagnosed(&living(920, work))
        };
        let lossy = |count, segments| all_lossy(count, segments, 12, 1);
        for (connections, segments) in [(1, 1), (1, 9)] {
            let found = names_and_alternatives(&lossy(connections, segments));
            let is_timeout = |(name, _): &(Churn, Confidence)| *name == Churn::ReadTimeouts;
            assert!(!found.iter().any(is_timeout), "{found:?}");
        }
        let found = names_and_alternatives(&lossy(5, 1));
        assert!(
            !found.contains(&(Churn::ReadTimeouts, Confidence::Likely)),
            "{found:?}"
        );
        let few = lossy(5, 1);
        let timeout = few.iter().find(|one| one.name == Churn::ReadTimeouts);
        let reasons = timeout.map_or(String::new(), |one| one.reasons_for.join(" "));
        assert!(!reasons.contains("retransmitted"), "{reasons}");
        let is_likely = |findings: Vec<_>| {
            names_and_alternatives(&findings).contains(&(Churn::ReadTimeouts, Confidence::Likely))
        };
        assert!(is_likely(all_lossy(5, 4, 12, 5)));
        // One dead path does not make four.
        assert!(!is_likely(lossy(5, 20)));
        // A SYN was sent again, twice, and answered; or the last segment once.
        assert!(!is_likely(all_lossy(5, 2, 0, 5)));
        assert!(!is_likely(all_lossy(5, 1, 12, 5)));
    }

    /// What a client writes that has heard nothing for too long, because nothing came, or
    /// because it did not run.
    #[test]
    fn a_client_that_stood_still_is_no_proof_that_no_answer_came() {
        let timed_out = (
            "session-timed-out",
            None,
            "WARN [main-SendThread(zk1:2181)] org.apache.zookeeper.ClientCnxn - Client session \
             timed out, have not heard from server in 5001ms",
            4,
        );
        let paused = (
            "jvm-paused",
            None,
            "WARN [JvmPauseMonitor] org.apache.zookeeper.server.util.JvmPauseMonitor - Detected \
             pause in JVM or host machine (eg GC): pause of approximately 5005 ms",
            4,
        );
        let found = |lines: &[_]| {
            let gives_up = every(7_000, 4, (88, 149, Outcome::AnsweredThenClosedByUs));
            let findings = diagnosed_beside_log(&living(5_000, gives_up), lines);
            let mut findings = findings.into_iter();
            let timeout = findings.find(|one| one.name == Churn::ReadTimeouts);
            timeout.expect("it is one")
        };
        assert_eq!(found(&[timed_out]).confidence, Confidence::Certain);
        let both = found(&[timed_out, paused]);
        assert_eq!(both.confidence, Confidence::Possible);
        let against = both.reasons_against.join(" ");
        assert!(
            against.contains("the program stood still (/client.log:1)"),
            "{against}"
        );
        let why = both.reasons_for.join(" ");
        assert!(!why.contains("Detected pause"), "{why}");
    }

    #[test]
    fn clients_that_live_long_and_end_in_order_are_no_timeouts() {
        let work = every(7_000, 4, (88, 149, Outcome::AnsweredThenClosedByUs));
        let findings = diagnosed(&living(5_000, new_thread_each(work)));
        assert!(
            findings
                .iter()
                .all(|finding| finding.name != Churn::ReadTimeouts)
        );
    }
}

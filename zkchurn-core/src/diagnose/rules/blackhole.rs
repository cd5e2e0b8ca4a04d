// SPDX-License-Identifier: MIT
//! No SYN-ACK gets through to this host: until the kernel gives up, or the client does.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::shape::Ending,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::Blackhole,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

/// Of attempts that have not ended.
pub(super) const OF_WAITING: Rule = Rule {
    judge: judge_waiting,
    ..RULE
};

/// In less a SYN's answer may still be on its way round the world, and what fails sooner
/// does so on this host.
const NO_WAITING_NS: u64 = 100_000_000;
/// The kernel sends a SYN again after a second (`TCP_TIMEOUT_INIT`).
const SYN_SENT_AGAIN_NS: u64 = 1_000_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let timed_out = case.shapes().ending(Ending::TimedOut);
    let given_up = case.shapes().ending(Ending::GivenUp);
    let waited = case.tally.connecting_for.percentile(50.0)?;
    if !case.most(timed_out + given_up) || waited < NO_WAITING_NS {
        return None;
    }
    let patient = waited >= SYN_SENT_AGAIN_NS;
    // Those that were established may have sent other segments again.
    let is_of_syns = case.tally.ended_established == 0;
    let sent_again = case.tally.retransmits > 0 && (is_of_syns || timed_out > 0);
    let confidence = match (timed_out > 0 || patient, sent_again) {
        (true, true) => Confidence::Certain,
        (true, false) => Confidence::Likely,
        // Given up within a second: a slow network does that, too.
        (false, _) => Confidence::Possible,
    };
    let waited = text::duration(waited);
    let without = timed_out + given_up;
    let summary = match without == case.ended() {
        true => {
            format!("No SYN-ACK got through to this host: attempts ended after {waited} (median).")
        }
        // Others were answered, or failed in another way.
        false => format!(
            "No SYN-ACK got through to this host for {} of {}: they ended after {waited} (median).",
            text::count(without),
            text::counted(case.ended(), "connection")
        ),
    };
    let mut verdict = where_to_look(Verdict::new(confidence, summary), case)
        .number("timed_out", timed_out)
        .number("given_up", given_up)
        .number("syn_retransmits", case.tally.retransmits);
    if timed_out > 0 {
        verdict = verdict.because(format!(
            "the kernel gave up {} (ETIMEDOUT)",
            text::counted(timed_out, "time")
        ));
    }
    if given_up > 0 {
        verdict = verdict.because(format!(
            "the program gave up {} before any SYN-ACK got through",
            text::counted(given_up, "time")
        ));
    }
    if case.tally.retransmits > 0 {
        verdict = verdict.because(format!(
            "{} were retransmitted {}",
            match is_of_syns {
                true => "SYNs",
                false => "segments, SYNs among them or not,",
            },
            text::counted(case.tally.retransmits, "time")
        ));
    }
    if case.waiting.attempts > 0 {
        verdict = verdict
            .because(format!(
                "{} for one still",
                text::waits(case.waiting.attempts)
            ))
            .number("waiting", case.waiting.attempts);
    }
    if !patient && timed_out == 0 {
        verdict = verdict
            .but(match case.tally.retransmits {
                0 => "the program gave up before the first SYN retransmit",
                _ => "most attempts were given up before the first SYN retransmit",
            })
            .decided_by("a longer connect timeout in the client, and another trace");
    }
    Some(verdict)
}

/// What drops SYNs, or their answers.
fn where_to_look(verdict: Verdict, case: &Case<'_>) -> Verdict {
    verdict
    .next(format!(
        "check that this is still {}'s address: resolve the name in the connect string",
        case.protocol.service()
    ))
    .next(
        "on the server: if no SYN arrives (`tcpdump 'tcp[tcpflags] & tcp-syn != 0'`), a firewall \
         (on the way, or here) or a route drops them; if they arrive and `nstat -az TcpExtListenOverflows` grows, \
         its accept queue is full",
    )
    .next(format!(
        "on this host: if {} shows the server's SYN-ACK arriving, a firewall here drops it ({}); \
         {} counts what else is dropped",
        case.network.command("tcpdump"),
        case.network.firewall(),
        case.network.command("nstat -az")
    ))
}

/// Attempts that have waited for so long that the SYN was sent again twice. Whether one is ever
/// answered is not known yet; that none was meanwhile is.
fn judge_waiting(case: &Case<'_>) -> Option<Verdict> {
    /// What has waited since before the trace may have begun just then.
    const LONG_NS: u64 = 3 * SYN_SENT_AGAIN_NS;
    /// So many have not all ended without a record of that.
    const MANY: u64 = 4;
    let waiting = case.waiting;
    if waiting.long == 0 || case.window_ns < LONG_NS {
        return None;
    }
    let summary = format!(
        "No SYN-ACK gets through to this host: {} for one.",
        text::waits(waiting.attempts)
    );
    let are_there = waiting.listed > 0 || waiting.attempts >= MANY;
    let confidence = match are_there && case.got_through() == 0 {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let verdict = Verdict::new(confidence, summary)
        .because(format!(
            "{} for more than 3 s, in which a SYN that nobody answers is sent three times",
            text::waits(waiting.long)
        ))
        .number("waiting", waiting.attempts);
    let verdict = match case.got_through() {
        0 => verdict,
        // Their ends may have been lost, too.
        _ if waiting.got_through_since => verdict.but(
            "one that began later got through to the same address: only some are dropped, as by an \
             accept queue that is full at times",
        ),
        some => verdict.but(format!(
            "{} to the same address got through during the trace: it may have begun later, or only \
             some are dropped",
            text::counted(some, "connection")
        )),
    };
    Some(where_to_look(verdict, case))
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::{Connection, Holder, Stage, Told},
        diagnose::{
            Confidence,
            test_case::{diagnosed, diagnosed_in, every, new_thread_each, only},
        },
        ledger::test_connection::{MS, by, ended, name},
        outcome::Outcome,
    };

    /// One each second, of a thread of its own, whose SYN has no answer yet: of a walk of the table,
    /// or as the trace ends.
    fn waiting(count: u64, stage: Stage) -> Vec<Connection> {
        let mut waiting = new_thread_each(every(1_000, count, (0, 0, Outcome::GivenUp)));
        for one in &mut waiting {
            (one.stage, one.told) = (stage, Some(Told::Nothing));
            (one.ended_ns, one.error) = (None, None);
        }
        waiting
    }

    /// Most give up after minutes, and a trace is shorter.
    #[test]
    fn attempts_that_nobody_answers_are_told_before_they_end() {
        for stage in [Stage::SeenOpen, Stage::Open] {
            let finding = only(diagnosed_in(&waiting(84, stage), 85_000_000_000));
            assert_eq!(
                (finding.name, finding.confidence, finding.connections),
                (Churn::Blackhole, Confidence::Likely, 84)
            );
            assert!(
                finding
                    .summary
                    .contains("84 attempts to connect wait for one"),
                "{finding:?}"
            );
            // Those of the last three seconds may be answered yet.
            let why = finding.reasons_for.join("\n");
            assert!(
                why.contains("82 attempts to connect wait for more than 3 s"),
                "{why}"
            );
            assert_eq!(finding.explains, Some(0));
            // A SYN may be lost once.
            assert!(diagnosed_in(&waiting(3, stage), 3_500_000_000).is_empty());
        }
    }

    /// Of one that is older than the trace it is not known which thread connects.
    #[test]
    fn attempts_from_before_the_trace_are_told_too() {
        let mut older = waiting(6, Stage::Established);
        for one in &mut older {
            (one.before_start, one.opener) = (true, None);
            one.holder = Some(Holder {
                tgid: 70,
                uid: 0,
                comm: name("java"),
                process_start_ns: 900,
            });
        }
        let finding = only(diagnosed_in(&older, 5_000_000_000));
        assert_eq!(
            (finding.name, finding.connections),
            (Churn::Blackhole, 6),
            "{finding:?}"
        );
        assert!(diagnosed_in(&older, 2_000_000_000).is_empty());
        // One by one they are answered, or end.
        let mut all = older.clone();
        all.extend(older[..3].iter().map(|one| Connection {
            stage: Stage::SeenOpen,
            told: Some(Told::Connecting),
            established_ns: Some(one.started_ns),
            ..*one
        }));
        all.extend(older[3..5].iter().map(|one| Connection {
            stage: Stage::Ended,
            told: Some(Told::Connecting),
            ended_ns: Some(one.started_ns),
            error: Some(0),
            ..*one
        }));
        let findings = diagnosed_in(&all, 60_000_000_000);
        let hole = findings.iter().find(|one| one.connections == 1);
        assert_eq!(
            hole.map(|one| one.name),
            Some(Churn::Blackhole),
            "{findings:?}"
        );
    }

    #[test]
    fn what_later_ones_got_through_is_no_likely_black_hole() {
        let found = |later_ms: u64| {
            let mut all = waiting(6, Stage::SeenOpen);
            let mut later = ended(later_ms, 49, 41, Outcome::AnsweredThenClosedByUs);
            later.told = Some(Told::Nothing);
            all.push(later);
            let findings = diagnosed_in(&all, 30_000_000_000);
            let mut findings = findings.into_iter();
            findings
                .find(|one| one.name == Churn::Blackhole)
                .map(|one| one.confidence)
        };
        assert_eq!(found(500), Some(Confidence::Possible));
        assert_eq!(found(20_000), Some(Confidence::Possible));
    }

    #[test]
    fn attempts_that_wait_are_said_beside_those_that_ended() {
        let mut all = given_up(7_000, 2);
        all.extend(waiting(40, Stage::Open).into_iter().map(|mut one| {
            one.socket += 1 << 32;
            one
        }));
        let finding = only(diagnosed_in(&all, 45_000_000_000));
        assert_eq!(finding.confidence, Confidence::Certain);
        let why = finding.reasons_for.join("\n");
        assert!(
            why.contains("40 attempts to connect wait for one still"),
            "{why}"
        );
    }

    /// Processes with an attempt each, as of a program that is started again and again.
    #[test]
    fn attempts_of_many_processes_of_one_name_are_one_finding() {
        let mut all = waiting(6, Stage::Open);
        for (one, pid) in all.iter_mut().zip(100..) {
            *one = by(*one, pid, pid, "java");
        }
        let finding = only(diagnosed_in(&all, 20_000_000_000));
        assert_eq!((finding.connections, finding.who.processes), (6, Some(6)));
    }

    fn given_up(after_ms: u64, retransmits: u32) -> Vec<Connection> {
        let mut connections = every(7_100, 5, (0, 0, Outcome::GivenUp));
        for connection in &mut connections {
            connection.ended_ns = Some(connection.started_ns + after_ms * MS);
            connection.traffic.retransmits = Some(retransmits);
        }
        connections
    }

    #[test]
    fn seven_seconds_without_an_answer() {
        let finding = only(diagnosed(&given_up(7_100, 2)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::Blackhole, Confidence::Certain)
        );
        assert_eq!(finding.numbers["syn_retransmits"], 10);
        // A firewall here may drop the server's answer.
        let words = format!("{} {:?}", finding.summary, finding.reasons_for);
        assert!(!words.contains("server"), "{words}");
        assert!(
            finding
                .next
                .iter()
                .any(|next| next.contains("a firewall here"))
        );
    }

    #[test]
    fn what_was_established_was_answered() {
        let mut connections = given_up(7_100, 2);
        let closed = Outcome::ClosedByUsBeforeAnyByte;
        connections.extend(every(7_100, 1, (0, 0, closed)));
        let findings = diagnosed(&connections);
        let blackhole = findings.iter().find(|one| one.name == Churn::Blackhole);
        let finding = blackhole.unwrap();
        let summary = &finding.summary;
        let expected = match finding.connections {
            5 => "No SYN-ACK got through to this host: ",
            _ => "No SYN-ACK got through to this host for 5 of 6 connections: ",
        };
        assert!(summary.starts_with(expected), "{summary}");
    }

    /// Others of the same thread were established, and sent data again.
    #[test]
    fn segments_of_others_are_no_syns() {
        let mut connections = given_up(1_500, 0);
        let mut lossy = every(7_100, 2, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        for connection in &mut lossy {
            connection.traffic.retransmits = Some(4);
        }
        connections.extend(lossy);
        let findings = diagnosed(&connections);
        let blackhole = findings.iter().find(|one| one.name == Churn::Blackhole);
        let finding = blackhole.unwrap();
        assert_eq!(finding.confidence, Confidence::Likely);
        let why = finding.reasons_for.join("; ");
        assert!(!why.contains("SYNs were retransmitted"), "{why}");
    }

    #[test]
    fn who_does_not_wait_at_all_learns_nothing_of_the_server() {
        let finding = only(diagnosed(&given_up(1, 0)));
        assert_eq!(finding.name, Churn::UnexplainedChurn);
    }

    #[test]
    fn an_impatient_client_proves_nothing() {
        let finding = only(diagnosed(&given_up(200, 0)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::Blackhole, Confidence::Possible)
        );
        assert_eq!(finding.reasons_against.len(), 1);
    }

    #[test]
    fn some_that_waited_for_a_retransmit_are_not_denied() {
        let mut connections = given_up(900, 0);
        connections[0].ended_ns = Some(connections[0].started_ns + 950 * MS);
        connections[0].traffic.retransmits = Some(1);
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.name, Churn::Blackhole);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.starts_with("most attempts were given up"),
            "{against}"
        );
    }
}

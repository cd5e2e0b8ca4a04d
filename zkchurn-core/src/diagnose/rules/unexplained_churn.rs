// SPDX-License-Identifier: MIT
//! Connections come and go, and no rule knows why: the report says so.

use super::Rule;
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        evidence,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::shape::{Ending, Spoken},
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::UnexplainedChurn,
    severity: Severity::Wasteful,
    scope: Scope::AnyProtocol,
    judge,
};

const FEWEST: u64 = 3;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    if case.ended() < FEWEST {
        return None;
    }
    if let Some(verdict) = aborted_from_outside(case) {
        return Some(verdict);
    }
    let unknown = case
        .shapes()
        .count(|ending, spoken| !ending.is_failed_connect() && spoken == Spoken::Unknown);
    let verdict = Verdict::new(
        Confidence::Possible,
        format!(
            "{} ended in a way that matches no known cause.",
            text::counted(case.ended(), "connection")
        ),
    )
    .number("bytes_unknown", unknown);
    let is_unread = case.handshakes().is_none();
    let dump = match case.runtime {
        Runtime::Jvm => case.thread_dump(),
        _ => None,
    };
    Some(
        if case.most(unknown) && case.tally.half_closed * 2 >= unknown {
            not_over(verdict, case)
        } else if case.most(unknown) {
            verdict
            .but(
                "byte counts are unknown of most, so most causes look alike: the kernel does not \
                 report them, or their ends were missed",
            )
            .decided_by(
                "another trace, on a kernel with BTF (`zkchurn doctor` shows what is missing)",
            )
        } else {
            let verdict = match evidence::named_cause(case) {
                Some(line) => verdict.because(line.quoted()),
                None => verdict,
            };
            verdict
            .because("no known cause fits their outcomes and sizes, which are listed by process and peer")
            .perhaps_decided_by(
                is_unread.then_some("--handshake, which reads requests and answers"),
            )
            .perhaps_decided_by(dump)
            .decided_by("the server's log from the time of the trace (`zkchurn serverlog FILE`)")
            .next(case.read_log())
        },
    )
}

/// One side has closed, and the other one has not answered that: what they carried is known once
/// they are over.
fn not_over(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let port = case.port();
    verdict
        .but(format!(
            "{} not over yet: one side has closed, and the other one has not, or its answer does not \
             get through; what they carried is known once they are",
            match case.tally.half_closed {
                1 => "1 is".to_owned(),
                count => format!("{} are", text::count(count)),
            }
        ))
        .decided_by("a trace that goes on until they are over: the kernel gives up after minutes")
        .next(format!(
            "`ss -tno state fin-wait-1 state fin-wait-2 state closing state last-ack '( dport = :{port} \
             or sport = :{port} )'`: in FIN-WAIT-1, CLOSING and LAST-ACK the close is sent again and \
             again (the timer counts), so nothing gets through, or the other host is gone"
        ))
}

/// Where neither client nor server ended most of them, as the kernel tells. What did so is not
/// in the sockets, and what was said on them before does not matter.
pub(super) fn aborted_from_outside(case: &Case<'_>) -> Option<Verdict> {
    let aborted = case.shapes().ending(Ending::Aborted);
    if aborted < FEWEST || !case.most(aborted) {
        return None;
    }
    let of = text::counted(case.ended(), "connection");
    let verdict = Verdict::new(
        Confidence::Possible,
        format!(
            "{} of {of} were aborted from outside of the program; by what is unknown.",
            text::count(aborted)
        ),
    )
    .because(
        "their sockets ended with ECONNABORTED, which SOCK_DESTROY leaves: `ss -K`, or an agent \
         on this host, such as one that removes backends from a Service",
    )
    .number("aborted", aborted)
    .decided_by(
        "`bpftrace -e 'kprobe:tcp_abort { printf(\"%d %s\\n\", pid, comm); }'`, which names it",
    )
    .next("look for what ends connections on this host: a network agent, a script with `ss -K`");
    Some(verdict)
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::{Connection, Stage},
        diagnose::{
            Churn, Confidence,
            test_case::{diagnosed, every, living, new_thread_each, only},
        },
        ledger::test_connection::{by, server_side},
        outcome::Outcome,
    };

    #[test]
    fn what_no_rule_knows_is_said() {
        let odd = every(700, 6, (61, 41, Outcome::AnsweredThenClosedByUs));
        let finding = only(diagnosed(&odd));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::UnexplainedChurn, Confidence::Possible)
        );
        assert!(diagnosed(&odd[..2]).is_empty());
    }

    #[test]
    fn that_something_aborts_them_is_said_and_not_that_the_program_resets() {
        let aborted = every(700, 6, (0, 0, Outcome::Aborted));
        let finding = only(diagnosed(&aborted));
        assert_eq!(
            finding.summary,
            "6 of 6 connections were aborted from outside of the program; by what is unknown."
        );
        assert!(finding.reasons_for[0].contains("ECONNABORTED"));
    }

    /// A session that worked, one that did nothing, one that was not answered; by one thread,
    /// by new ones, or from remote hosts.
    #[test]
    fn what_was_aborted_from_outside_is_that_whatever_was_carried() {
        for (out, back) in [(0, 0), (49, 0), (49, 41), (88, 149), (300, 2_000), (4, 4)] {
            let of_jvm = every(1_500, 6, (out, back, Outcome::Aborted));
            let of_jvm = living(895, of_jvm);
            let of_python = of_jvm.iter().map(|one| by(*one, 7, 7, "python3"));
            let remote = of_jvm.iter().copied().map(server_side);
            for connections in [
                of_jvm.clone(),
                new_thread_each(of_jvm.clone()),
                of_python.collect(),
                remote.collect(),
            ] {
                let finding = only(diagnosed(&connections));
                let words = &finding.summary;
                assert!(words.contains("6 of 6 connections were aborted"), "{words}");
                assert!(finding.alternatives.is_empty(), "{finding:?}");
            }
        }
    }

    #[test]
    fn a_few_that_were_aborted_are_not_the_story() {
        let mut connections = every(1_500, 12, (88, 149, Outcome::AnsweredThenClosedByUs));
        connections.splice(..3, every(1_500, 3, (88, 149, Outcome::Aborted)));
        let findings = diagnosed(&new_thread_each(connections));
        assert_eq!(findings[0].name, Churn::ClientPerRequest);
    }

    #[test]
    fn without_byte_counts_that_is_why() {
        let mut connections = every(700, 6, (0, 0, Outcome::ClosedByUs));
        for connection in &mut connections {
            connection.traffic.payload_out = None;
            connection.traffic.payload_in = None;
        }
        let finding = only(diagnosed(&connections));
        assert!(finding.reasons_against[0].contains("does not report"));
        // Closed here, and the other side has not answered.
        for connection in &mut connections {
            connection.stage = Stage::Closing;
            connection.seen_open_ns = Some(9_000_000_000);
        }
        let finding = only(diagnosed(&connections));
        assert!(finding.reasons_against[0].starts_with("6 are not over yet"));
        // Beside others of the same process.
        let refused = every(700, 6, (0, 0, Outcome::Refused)).into_iter();
        let refused = refused.map(|one| Connection {
            socket: one.socket + 1_000,
            ..one
        });
        let findings = diagnosed(&refused.chain(connections).collect::<Vec<_>>());
        let told = findings
            .iter()
            .find(|one| one.name == Churn::UnexplainedChurn);
        let against = &told.expect("there is one").reasons_against[0];
        assert!(against.starts_with("6 are not over yet"), "{against}");
    }
}

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
    let aborted = case.shapes().ending(Ending::Aborted);
    if case.most(aborted) {
        return Some(aborted_from_outside(case, aborted));
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
    Some(if case.most(unknown) {
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
    })
}

/// What aborted them is not in the sockets.
fn aborted_from_outside(case: &Case<'_>, aborted: u64) -> Verdict {
    let of = text::counted(case.ended(), "connection");
    Verdict::new(
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
    .next("look for what ends connections on this host: a network agent, a script with `ss -K`")
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnose::{
            Churn, Confidence,
            test_case::{diagnosed, every, only},
        },
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

    #[test]
    fn without_byte_counts_that_is_why() {
        let mut connections = every(700, 6, (0, 0, Outcome::ClosedByUs));
        for connection in &mut connections {
            connection.traffic.payload_out = None;
            connection.traffic.payload_in = None;
        }
        let finding = only(diagnosed(&connections));
        assert!(finding.reasons_against[0].contains("does not report"));
    }
}

// SPDX-License-Identifier: MIT
//! The other side has closed, and the program does not: its thread has died or waits for
//! something else, and the socket stays in CLOSE_WAIT until the process ends.
//!
//! Needs: the state at the end of the trace, at least a second after the FIN. A program
//! that was as slow to close within the trace is not one of these.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::HeldInCloseWait,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    if case.held == 0 || !case.most(case.held) {
        return None;
    }
    let port = crate::diagnose::protocol::ports_in_words(case);
    Some(
        Verdict::new(
            Confidence::Certain,
            format!(
                "The other side has closed {}, and the program still holds the sockets: it does \
                 not notice, and it does not close.",
                text::counted(case.held, "connection")
            ),
        )
        .because(
            "at the end of the trace they were in CLOSE_WAIT, a second or more after the other \
             side's FIN",
        )
        .number("held", case.held)
        .next(format!(
            "`ss -tnp state close-wait '( dport = :{port} or sport = :{port} )'` shows them; each \
             takes a file descriptor until the process ends"
        ))
        .next(
            "find the thread that should read from them: it has died (look for an exception in \
             the program's log) or waits for something else (a thread dump shows where)",
        ),
    )
}

#[cfg(test)]
mod tests {
    use zkchurn_common::state;

    use super::Churn;
    use crate::{
        connection::{Connection, Stage},
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        ledger::test_connection::MS,
        outcome::Outcome,
    };

    fn held_for(milliseconds: u64) -> Vec<Connection> {
        let mut connections = every(1_000, 3, (49, 41, Outcome::AnsweredThenClosedByPeer));
        for connection in &mut connections {
            connection.stage = Stage::Closing;
            connection.states_seen = state::bit(state::ESTABLISHED) | state::bit(state::CLOSE_WAIT);
            connection.closer = None;
            connection.local_close_ns = None;
            connection.ended_ns = None;
            let left = connection.left_established_ns.unwrap();
            connection.seen_open_ns = Some(left + milliseconds * MS);
        }
        connections
    }

    #[test]
    fn a_second_after_the_other_sides_fin() {
        let finding = only(diagnosed(&held_for(1_500)));
        assert_eq!(
            (finding.name, finding.confidence, finding.numbers["held"]),
            (Churn::HeldInCloseWait, Confidence::Certain, 3)
        );
    }

    #[test]
    fn not_what_was_closing_as_the_trace_ended() {
        let findings = diagnosed(&held_for(2));
        assert!(
            findings
                .iter()
                .all(|one| one.name != Churn::HeldInCloseWait)
        );
    }
}

// SPDX-License-Identifier: MIT
//! A ZooKeeper client connects, fails inside itself, closes before it has sent a
//! byte, and tries again for ever: the incident that zkchurn was made for.

use super::Rule;
use crate::diagnose::{
    case::{Case, ClientThread, Runtime},
    churn::Churn,
    failing,
    finding::{Confidence, Severity, Verdict},
    lookalikes::Lookalikes,
    protocol::Scope,
    runs::HOW_THEY_END,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ClientFailsBeforeItSpeaks,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let lookalikes = Lookalikes::of(case)?;
    if lookalikes.is_probe() {
        return None;
    }
    let confidence = match (lookalikes.client_says_so, lookalikes.is_client()) {
        (true, _) => Confidence::Certain,
        (false, true) => Confidence::Likely,
        (false, false) => Confidence::Possible,
    };
    let mut verdict = Verdict::new(
        confidence,
        match confidence {
            Confidence::Possible if has_both(case) => {
                "Connections are closed by the client before it sends a byte, in two rhythms at \
                 once: that of a port check, and that of a ZooKeeper client that fails inside \
                 itself."
                    .to_owned()
            }
            Confidence::Possible => {
                "Connections are closed by the client before it sends a byte: a ZooKeeper client \
                 that fails inside itself does this, and so does a port check."
                    .to_owned()
            }
            _ => format!(
                "The client connects and closes before it sends a byte: {}",
                failing::cause(case)
            ),
        },
    )
    .number("silent", lookalikes.silent)
    .number("reset", lookalikes.reset);
    verdict.reasons_for.extend(lookalikes.for_client());
    if !has_both(case) {
        verdict.reasons_against.extend(lookalikes.for_probe());
    }
    // Of a JVM's own check that keeps no even beat nothing else tells.
    if confidence == Confidence::Likely && case.client_thread == ClientThread::NotSeen {
        verdict = undecided(verdict, case);
    }
    if confidence == Confidence::Possible {
        if lookalikes.may_be_crash {
            verdict = verdict.decided_by(HOW_THEY_END);
        }
        verdict = undecided(verdict, case);
    }
    Some(failing::mended(case, verdict))
}

/// Whether the rhythms of both are there.
fn has_both(case: &Case<'_>) -> bool {
    let two = case.two_rhythms.as_ref();
    two.is_some_and(|two| two.has_java_back_off())
}

/// Names what would distinguish it from a probe.
fn undecided(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let verdict = verdict.cannot_tell_from(&[Churn::TcpHealthProbe]);
    let verdict = match case.runtime {
        Runtime::Jvm => verdict
            .perhaps_decided_by(case.thread_dump())
            .decided_by(case.log_that_decides()),
        _ if case.is_remote_host() => verdict.decided_by(format!(
            "{}, which names the process and thread",
            case.trace_there()
        )),
        _ => verdict
            .decided_by("what program it is and what it is configured to do")
            .decided_by(case.log_that_decides()),
    };
    if case.rhythm.is_well_founded() {
        return verdict;
    }
    verdict.decided_by(
        "a longer trace: a probe keeps a fixed interval, the Java client pauses for a \
         random 1.1 to 2.1 s",
    )
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{back_off, diagnosed, every, names_and_alternatives, only},
        },
        ledger::test_connection::{by, name, server_side},
        outcome::Outcome,
    };

    const SILENT: (u64, u64, Outcome) = (0, 0, Outcome::ClosedByUsBeforeAnyByte);

    #[test]
    fn the_incident_is_likely_without_a_word_from_the_program() {
        let finding = only(diagnosed(&back_off(15, SILENT)));
        assert_eq!(finding.name, Churn::ClientFailsBeforeItSpeaks);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert_eq!(finding.who.tid, Some(43));
        assert!(finding.reasons_against.is_empty());
        assert_eq!(finding.numbers["silent"], 15);
    }

    /// A JVM's own check that keeps no even beat fails as little as one by another thread.
    #[test]
    fn where_no_thread_of_a_client_is_seen_it_may_be_a_check() {
        let alike = |thread| {
            let all = back_off(15, SILENT).into_iter();
            let all: Vec<_> = all
                .map(|one| {
                    let mut one = by(one, 7, 7, thread);
                    one.opener.as_mut().unwrap().process_comm = Some(name("java"));
                    one
                })
                .collect();
            let finding = only(diagnosed(&all));
            assert_eq!(finding.name, Churn::ClientFailsBeforeItSpeaks);
            (finding.confidence, finding.cannot_tell_from)
        };
        let probe = vec![Churn::TcpHealthProbe];
        assert_eq!(alike("java"), (Confidence::Likely, probe));
        let client = alike("main-SendThread");
        assert_eq!(client, (Confidence::Likely, Vec::new()));
    }

    /// One of fifteen attempts is another thread's.
    #[test]
    fn nearly_every_attempt_is_not_called_every() {
        let mut connections = back_off(15, SILENT);
        let all = only(diagnosed(&connections));
        let says = |finding: &crate::diagnose::Finding, words: &str| {
            finding.reasons_for.iter().any(|why| why == words)
        };
        assert!(says(&all, "the same thread makes every attempt"));
        if let Some(opener) = &mut connections[7].opener {
            opener.thread.tid = 99;
        }
        let nearly = only(diagnosed(&connections));
        assert_eq!(nearly.who.tid, Some(43));
        assert!(says(&nearly, "the same thread makes nearly every attempt"));
    }

    #[test]
    fn a_jvm_that_keeps_a_beat_may_be_either() {
        let connections: Vec<_> = every(1000, 15, SILENT)
            .into_iter()
            .map(|one| by(one, 42, 43, "java"))
            .collect();
        let findings = diagnosed(&connections);
        assert_eq!(
            names_and_alternatives(&findings),
            [
                (Churn::ClientFailsBeforeItSpeaks, Confidence::Possible),
                (Churn::TcpHealthProbe, Confidence::Possible),
            ]
        );
        for finding in findings {
            assert_eq!(finding.cannot_tell_from.len(), 1);
            assert!(!finding.would_decide.is_empty());
        }
    }

    #[test]
    fn seen_from_the_server_the_rhythm_alone_decides_nothing() {
        let closed_by_client = (0, 0, Outcome::ClosedByPeerBeforeAnyByte);
        let connections: Vec<_> = back_off(15, closed_by_client)
            .into_iter()
            .map(server_side)
            .collect();
        let findings = diagnosed(&connections);
        assert_eq!(
            names_and_alternatives(&findings),
            [
                (Churn::ClientFailsBeforeItSpeaks, Confidence::Possible),
                (Churn::TcpHealthProbe, Confidence::Possible),
            ]
        );
    }

    #[test]
    fn two_are_no_churn() {
        assert!(diagnosed(&back_off(2, SILENT)).is_empty());
    }
}

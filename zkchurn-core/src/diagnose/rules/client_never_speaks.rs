// SPDX-License-Identifier: MIT
//! A client connects and never sends a byte; after a while the server closes. Where the
//! Java client's Netty transport cannot load a class, its thread dies with the socket
//! open, and the server closes a connection that has asked for no session after 10 s,
//! rounded up to its next check (`NIOServerCnxnFactory`,
//! `zookeeper.nio.sessionlessCnxnTimeout`).

use super::Rule;
use crate::{
    diagnose::{
        case::{Case, ClientThread, Runtime},
        churn::Churn,
        evidence::{self, LogLine},
        failing,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::shape::{Ending, Spoken},
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ClientNeverSpeaks,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

/// Each takes 10 s and more.
const FEWEST: u64 = 2;
/// A server that turns a client away does so sooner.
const PATIENT_NS: u64 = 1_000_000_000;
/// `sessionlessCnxnTimeout`, and as much again until the server looks.
const SESSIONLESS_NS: std::ops::RangeInclusive<u64> = 9_500_000_000..=20_500_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let silent = case.shapes().count(|ending, spoken| {
        matches!(ending, Ending::ClosedByServer | Ending::ResetByServer) && spoken == Spoken::Nobody
    });
    let lived = case.tally.established_for.percentile(50.0)?;
    if silent < FEWEST || !case.most(silent) || lived < PATIENT_NS {
        return None;
    }
    let logged = failing::line(case);
    let is_client = case.client_thread != ClientThread::NotSeen || case.runtime == Runtime::Jvm;
    // What was written before the trace, or beside a thread of another kind, may be of another
    // client of the process.
    let is_theirs = |line: &LogLine<'_>| {
        let is_shown = line.is_of_this_client(case);
        let is_against = evidence::thread_of_another_kind(case).is_some();
        line.is_of_client() && (is_shown || !(is_against || line.is_earlier()))
    };
    let confidence = match (&logged, is_client) {
        (Some(line), true) if is_theirs(line) => Confidence::Certain,
        (_, true) => Confidence::Likely,
        (_, false) => Confidence::Possible,
    };
    let lived_for = text::duration(lived);
    let mut verdict = Verdict::new(
        confidence,
        match confidence {
            Confidence::Possible => format!(
                "Connections are opened and nothing is sent; the server closes them after \
                 {lived_for} (median). A client that fails inside itself does this, and so does \
                 a program that only holds the port open."
            ),
            _ => format!(
                "The client connects and never sends a byte, and the server closes after \
                 {lived_for} (median): {}",
                failing::cause(case)
            ),
        },
    )
    .number("silent", silent);
    if SESSIONLESS_NS.contains(&lived) {
        verdict = verdict.because(
            "ZooKeeper closes a connection that has asked for no session after 10 to 20 s",
        );
    }
    match case.client_thread {
        ClientThread::ByStack => {
            verdict = verdict
                .because("a thread dump shows the connecting thread in ZooKeeper's ClientCnxn");
        }
        ClientThread::ByName => {
            verdict = verdict.because(
                "the thread is named like the connection thread of ZooKeeper's Java client",
            );
        }
        ClientThread::NotSeen => {}
    }
    if let Some(line) = logged {
        verdict = verdict.because(line.quoted());
    }
    if confidence == Confidence::Likely && case.client_thread == ClientThread::NotSeen {
        verdict = verdict
            .but(
                "no thread of ZooKeeper's client was seen: a program that keeps sockets open which it \
                 does not use looks the same",
            )
            .perhaps_decided_by(case.thread_dump());
    }
    if confidence == Confidence::Possible {
        verdict = verdict
            .decided_by("what program it is and what it is configured to do")
            .decided_by(case.log_that_decides());
    }
    Some(failing::mended(case, verdict))
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{
                diagnosed, diagnosed_beside_earlier_log, diagnosed_beside_log, every, living,
                names_and_alternatives, only,
            },
        },
        ledger::test_connection::{by, name},
        outcome::Outcome,
    };

    const SILENT: (u64, u64, Outcome) = (0, 0, Outcome::ClosedByPeerBeforeAnyByte);

    #[test]
    fn a_jvm_that_waits_until_the_server_closes() {
        let silent = living(18_400, every(20_000, 3, SILENT));
        let silent: Vec<_> = silent
            .into_iter()
            .map(|one| by(one, 7, 8, "java"))
            .collect();
        let finding = only(diagnosed(&silent));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ClientNeverSpeaks, Confidence::Likely)
        );
        assert!(finding.reasons_for[0].contains("10 to 20 s"));
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("sockets open which it does not use"),
            "{against}"
        );
    }

    /// A web application was stopped, an hour ago or just now: by which client is not in the line.
    #[test]
    fn a_line_proves_what_its_own_client_does_and_not_another_thread() {
        let line = (
            "web-application-stopped",
            None,
            "INFO: Illegal access: this web application instance has been stopped already. Could \
             not load [org.apache.zookeeper.proto.SetWatches].",
            1,
        );
        let confidence = |thread: &str, is_earlier: bool| {
            let silent = living(18_400, every(20_000, 3, SILENT)).into_iter();
            let silent: Vec<_> = silent
                .map(|one| {
                    let mut one = by(one, 7, 8, thread);
                    one.opener.as_mut().unwrap().process_comm = Some(name("java"));
                    one
                })
                .collect();
            let finding = only(match is_earlier {
                true => diagnosed_beside_earlier_log(&silent, &[line]),
                false => diagnosed_beside_log(&silent, &[line]),
            });
            assert_eq!(finding.name, Churn::ClientNeverSpeaks);
            finding.confidence
        };
        assert_eq!(confidence("main-SendThread", true), Confidence::Certain);
        assert_eq!(confidence("nioEventLoopGro", false), Confidence::Certain);
        assert_eq!(confidence("nioEventLoopGro", true), Confidence::Likely);
        assert_eq!(confidence("pool-watch", false), Confidence::Likely);
    }

    #[test]
    fn what_the_server_closes_at_once_is_another_story() {
        let findings = diagnosed(&every(2_000, 6, SILENT));
        assert!(
            names_and_alternatives(&findings)
                .iter()
                .all(|(name, _)| *name != Churn::ClientNeverSpeaks),
            "{findings:?}"
        );
    }
}

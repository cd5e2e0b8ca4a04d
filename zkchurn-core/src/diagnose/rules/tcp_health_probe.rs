// SPDX-License-Identifier: MIT
//! Somebody connects and closes without a byte, to see whether the port is open:
//! a load balancer's check, `nc -z`, a monitor.

use super::Rule;
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        failing,
        finding::{Confidence, Severity, Verdict},
        lookalikes::{Lookalikes, tool_for_checks},
        protocol::{Protocol, Scope},
        proxies::is_proxy,
        runs::HOW_THEY_END,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::TcpHealthProbe,
    severity: Severity::Harmless,
    scope: Scope::AnyProtocol,
    judge,
};

/// A check closes at once; one that waits for a greeting does for 1 or 2 s.
const HELD_NS: u64 = 3_000_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let lookalikes = Lookalikes::of(case)?;
    if lookalikes.is_client() {
        return None;
    }
    let lived = case.tally.established_for.percentile(50.0);
    let held = lived.filter(|lived| *lived >= HELD_NS);
    let confidence = match lookalikes.is_probe() && held.is_none() {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let mut verdict = Verdict::new(
        confidence,
        match (confidence, case.protocol) {
            (Confidence::Possible, _) => {
                "Connections are closed by the client before it sends a byte, as a port check \
                 does: harmless, if it is one."
            }
            (_, Protocol::Another(_)) => {
                "A probe connects and closes without sending a byte, to check that the port is \
                 open: harmless."
            }
            _ => {
                "A probe connects and closes without sending a byte, to check that the port is \
                 open: harmless, but each one adds a line to ZooKeeper's log."
            }
        },
    )
    .number("silent", lookalikes.silent)
    .number("reset", lookalikes.reset);
    if !matches!(case.protocol, Protocol::Another(_)) {
        verdict = verdict.next(
            "if the log lines are a nuisance, have the probe send `ruok` (4lw.commands.whitelist) \
             or use the admin server, or probe less often",
        );
    }
    verdict.reasons_for.extend(lookalikes.for_probe());
    verdict.reasons_against.extend(lookalikes.for_client());
    verdict
        .reasons_against
        .extend(failing::line_of_another(case));
    if lookalikes.may_be_crash {
        verdict = verdict.decided_by(HOW_THEY_END);
    }
    if let Some(held) = held {
        verdict = verdict.but(format!(
            "they were held open for {} (median), and a port check closes at once: a pool of \
             connections that nobody used looks like this, too",
            text::duration(held)
        ));
    }
    // Whatever closes its sockets on an error looks the same, where it is no tool for checks.
    // A proxy that checks its servers also hands on what its clients do.
    let is_tool = tool_for_checks(case).is_some() && !is_proxy(case);
    let may_fail = lookalikes.reset == 0 && !is_tool;
    if confidence == Confidence::Likely && may_fail {
        verdict = verdict
            .cannot_tell_from(&[Churn::ClientFailsBeforeItSpeaks])
            .decided_by("what that program is configured to do, and what it logs at these times");
    }
    if confidence == Confidence::Possible {
        verdict = verdict.cannot_tell_from(&[Churn::ClientFailsBeforeItSpeaks]);
        verdict = match case.runtime {
            Runtime::Jvm => verdict
                .perhaps_decided_by(case.thread_dump())
                .decided_by(case.log_that_decides()),
            _ => verdict.decided_by("which process it is, and what it is configured to check"),
        };
    }
    Some(verdict)
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, diagnosed_beside_log, every, living, only},
        },
        ledger::test_connection::by,
        outcome::Outcome,
    };

    #[test]
    fn a_new_nc_each_second_is_one_finding_on_all_of_them() {
        let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let connections: Vec<_> = every(1000, 14, silent)
            .into_iter()
            .zip(1000..)
            .map(|(one, pid)| by(one, pid, pid, "nc"))
            .collect();
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.name, Churn::TcpHealthProbe);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert_eq!(finding.who.processes, Some(14));
        assert_eq!(finding.rhythm.as_deref(), Some("every 1.00 s"));
    }

    /// They stand in the details: the finding must not read as if there were none.
    #[test]
    fn lines_of_a_client_that_are_no_evidence_are_named() {
        let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let class = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
        let record = "ERROR [main-SendThread(127.0.0.1:2181)] ClientCnxn - Uncaught exception";
        let line = ("zookeeper-class-missing", Some(record), class, 12);
        let probes: Vec<_> = every(1_000, 12, silent)
            .into_iter()
            .map(|one| by(one, 7, 7, "python3"))
            .collect();
        let finding = only(diagnosed_beside_log(&probes, &[line]));
        assert_eq!(finding.name, Churn::TcpHealthProbe);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("its log has 12 lines of a client that fails, and nothing shows"),
            "{against}"
        );
        assert!(only(diagnosed(&probes)).reasons_against.is_empty());
    }

    #[test]
    fn a_program_that_dies_as_it_starts_may_be_one_that_crashes() {
        let found = |name, outcome| {
            let processes = every(1_000, 12, (0, 0, outcome)).into_iter().zip(1_000..);
            let made = processes.map(|(one, pid)| by(one, pid, pid, name));
            only(diagnosed(&made.collect::<Vec<_>>()))
        };
        let closed = Outcome::ClosedByUsBeforeAnyByte;
        let crash = found("myapp", closed);
        let told = (crash.name, crash.confidence);
        assert_eq!(
            told,
            (Churn::ClientFailsBeforeItSpeaks, Confidence::Possible)
        );
        assert_eq!(crash.cannot_tell_from, [Churn::TcpHealthProbe]);
        assert_eq!(crash.alternatives[0].name, Churn::TcpHealthProbe);
        let why = crash.reasons_for.join("; ");
        assert!(why.contains("a program that crashes"), "{why}");
        let decides = crash.would_decide.join("; ");
        assert!(decides.contains("a pod's restarts"), "{decides}");
        for (name, outcome) in [
            ("nc", closed),
            ("bash", closed),
            ("myapp", Outcome::ResetByUs),
        ] {
            let sure = found(name, outcome);
            let told = (sure.name, sure.confidence);
            assert_eq!(told, (Churn::TcpHealthProbe, Confidence::Likely), "{name}");
            assert!(sure.reasons_against.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_no_tool_or_also_a_proxy_may_fail_or_have_clients_that_do() {
        let alike = |program, outcome| {
            let all = every(1_000, 14, (0, 0, outcome)).into_iter();
            let all: Vec<_> = all.map(|one| by(one, 7, 7, program)).collect();
            let finding = only(diagnosed(&all));
            assert_eq!(finding.confidence, Confidence::Likely, "{program}");
            finding.cannot_tell_from
        };
        let closed = Outcome::ClosedByUsBeforeAnyByte;
        let fails = [Churn::ClientFailsBeforeItSpeaks];
        assert_eq!(alike("python3", closed), fails);
        assert_eq!(alike("haproxy", closed), fails);
        assert_eq!(alike("nc", closed), []);
        assert_eq!(alike("haproxy", Outcome::ResetByUs), []);
    }

    /// Its first connection took longer, as its server was busy: it is none of its own kind, and
    /// without it the interval is not known yet.
    #[test]
    fn a_probe_one_of_whose_connections_took_longer_is_as_sure_as_others() {
        let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let of = |first_ms: u64| {
            let mut all = every(500, 8, silent);
            let rest = all.split_off(1);
            all = living(first_ms, all);
            all.extend(rest);
            let all = all.into_iter();
            all.map(|one| by(one, 7, 7, "python3")).collect::<Vec<_>>()
        };
        for first_ms in [2, 410] {
            let finding = only(diagnosed(&of(first_ms)));
            assert_eq!(
                (finding.name, finding.confidence, finding.connections),
                (Churn::TcpHealthProbe, Confidence::Likely, 8)
            );
        }
    }

    #[test]
    fn a_reset_before_any_byte_is_no_client() {
        let connections: Vec<_> = every(1000, 5, (0, 0, Outcome::ResetByUs))
            .into_iter()
            .map(|one| by(one, 7, 7, "haproxy"))
            .collect();
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.name, Churn::TcpHealthProbe);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert_eq!(finding.numbers["reset"], 5);
    }

    #[test]
    fn what_is_held_for_seconds_may_be_a_pool_that_nobody_used() {
        let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let held = |milliseconds| {
            let connections = every(1_000, 14, silent).into_iter();
            let connections = connections.map(|one| by(one, 7, 8, "python3")).collect();
            let findings = diagnosed(&living(milliseconds, connections));
            let probe = findings
                .into_iter()
                .find(|one| one.name == Churn::TcpHealthProbe);
            probe.unwrap()
        };
        assert_eq!(held(1_500).confidence, Confidence::Likely);
        let finding = held(5_000);
        assert_eq!(finding.confidence, Confidence::Possible);
        assert!(finding.reasons_against[0].contains("held open for 5.00 s"));
    }
}

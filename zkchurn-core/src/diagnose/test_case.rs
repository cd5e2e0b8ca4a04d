// SPDX-License-Identifier: MIT
//! Traces for the tests of rules: connections in, findings out.

use super::{Churn, Confidence, Depth, Finding, Window, diagnose};
use crate::{
    connection::{Connection, Stage},
    inspection::{
        Details, Inspection,
        logs::LogSearch,
        namespaces::{Namespace, OtherNamespaces},
    },
    ledger::{
        Ledger,
        test_connection::{MS, ended, established},
    },
    outcome::Outcome,
    process::{ProcessIdentity, ProcessKey},
    registry::Registry,
};

/// What connections are like: payload out and in, and how they end.
pub(crate) type Kind = (u64, u64, Outcome);

/// One each `period_ms`.
pub(crate) fn every(period_ms: u64, count: u64, (out, back, outcome): Kind) -> Vec<Connection> {
    (0..count)
        .map(|step| ended(1_000 + step * period_ms, out, back, outcome))
        .collect()
}

/// Pauses of the Java client: 1.1 to 2.1 s, spread evenly.
pub(crate) fn back_off(count: u64, (out, back, outcome): Kind) -> Vec<Connection> {
    let mut start = 1_000;
    (0..count)
        .map(|step| {
            start += 1_100 + step * 370 % 1_000;
            ended(start, out, back, outcome)
        })
        .collect()
}

/// The `index`-th connection by a thread of its own.
pub(crate) fn new_thread_each(mut connections: Vec<Connection>) -> Vec<Connection> {
    for (connection, tid) in connections.iter_mut().zip(100..) {
        if let Some(opener) = &mut connection.opener {
            opener.thread.tid = tid;
        }
    }
    connections
}

/// With another lifetime in ESTABLISHED.
pub(crate) fn living(milliseconds: u64, mut connections: Vec<Connection>) -> Vec<Connection> {
    for connection in &mut connections {
        let left = connection.established_ns.unwrap() + milliseconds * MS;
        let later = left - connection.left_established_ns.unwrap();
        connection.left_established_ns = Some(left);
        connection.local_close_ns = connection.local_close_ns.map(|close| close + later);
        connection.ended_ns = Some(left + MS);
    }
    connections
}

/// What is found in these connections, a minute's trace.
pub(crate) fn diagnosed(connections: &[Connection]) -> Vec<Finding> {
    diagnosed_with(connections, &Registry::default())
}

/// A line of a log: id of its signature, the record that it is of, the line, and how often
/// it was written.
pub(crate) type Line<'a> = (&'a str, Option<&'a str>, &'a str, u64);

/// Likewise, with lines of the log of the process that opened the first of them, which were
/// written during the trace.
pub(crate) fn diagnosed_beside_log(connections: &[Connection], lines: &[Line<'_>]) -> Vec<Finding> {
    diagnosed_with(connections, &logged(connections, lines, true))
}

/// Likewise, written before it.
pub(crate) fn diagnosed_beside_earlier_log(
    connections: &[Connection],
    lines: &[Line<'_>],
) -> Vec<Finding> {
    diagnosed_with(connections, &logged(connections, lines, false))
}

fn logged(connections: &[Connection], lines: &[Line<'_>], during_trace: bool) -> Registry {
    let opener = connections[0].opener.unwrap();
    let findings = lines.iter().map(|(signature, record, last, count)| {
        serde_json::from_value(serde_json::json!({
            "signature": signature, "meaning": "", "path": "/client.log", "count": count,
            "last": last, "record": record, "line": 1, "offset": 0,
            "during_trace": during_trace,
        }))
        .unwrap()
    });
    let mut registry = Registry::default();
    registry.insert_inspection(Inspection {
        key: ProcessKey {
            pid: opener.thread.tgid,
            start_ns: opener.process_start_ns.unwrap(),
        },
        at_ns: 0,
        details: Some(Details::default()),
        jvm: None,
        logs: Some(LogSearch {
            findings: findings.collect(),
            ..LogSearch::default()
        }),
    });
    registry
}

/// The process that opened the first of them was looked at; these namespaces are others than
/// zkchurn's.
pub(crate) fn looked_at(connections: &[Connection], others: &[Namespace]) -> Registry {
    let mut registry = logged(connections, &[], true);
    let opener = connections[0].opener.unwrap();
    let key = ProcessKey {
        pid: opener.thread.tgid,
        start_ns: opener.process_start_ns.unwrap(),
    };
    let mut inspection = registry.inspection(key).unwrap().clone();
    inspection.details = Some(Details {
        namespaces: OtherNamespaces {
            kinds: others.to_vec(),
            inner_pid: None,
        },
        ..Details::default()
    });
    registry.insert_inspection(inspection);
    registry
}

/// The processes that opened them were looked at, and had ended by then.
pub(crate) fn gone(connections: &[Connection]) -> Registry {
    let mut registry = Registry::default();
    for opener in connections.iter().filter_map(|one| one.opener) {
        let key = ProcessKey::new(opener.thread.tgid, opener.process_start_ns.unwrap_or(0));
        let comm = opener.process_comm.unwrap_or(opener.thread.comm);
        let identity = ProcessIdentity::new(key, comm.to_string(), None, Vec::new());
        registry.insert(identity);
        registry.insert_inspection(looked_too_late(key));
    }
    registry
}

/// A look at a process that had ended by then.
pub(crate) fn looked_too_late(key: ProcessKey) -> Inspection {
    Inspection {
        key,
        at_ns: 0,
        details: None,
        jvm: None,
        logs: None,
    }
}

/// Likewise, in a trace of this length.
pub(crate) fn diagnosed_in(connections: &[Connection], window_ns: u64) -> Vec<Finding> {
    let registry = Registry::default();
    let window = Window {
        end_ns: window_ns,
        length_ns: window_ns,
        is_of_part: false,
        is_damaged: false,
    };
    diagnose(&observed(connections), None, &registry, window, Depth::All).findings
}

/// Likewise, with what is known of their processes.
pub(crate) fn diagnosed_with(connections: &[Connection], registry: &Registry) -> Vec<Finding> {
    let ledger = observed(connections);
    let starts = connections.iter().map(|one| one.started_ns);
    let window = Window {
        // Just behind the last of them, wherever they begin.
        end_ns: starts.max().unwrap_or_default() + 1_000 * MS,
        length_ns: 60_000 * MS,
        is_of_part: false,
        is_damaged: false,
    };
    diagnose(&ledger, None, registry, window, Depth::All).findings
}

/// What is counted of them.
pub(crate) fn observed(connections: &[Connection]) -> Ledger {
    let mut ledger = Ledger::default();
    for connection in connections {
        if connection.was_established() && !connection.before_start {
            ledger.observe(&established(*connection), Outcome::StillOpen);
        }
        if connection.stage != Stage::Established || connection.before_start {
            ledger.observe(connection, Outcome::of(connection));
        }
    }
    ledger
}

/// The confidence of each finding by its name, in order.
pub(crate) fn names(findings: &[Finding]) -> Vec<(Churn, Confidence)> {
    findings
        .iter()
        .map(|finding| (finding.name, finding.confidence))
        .collect()
}

/// Likewise, each with its alternatives behind it.
pub(crate) fn names_and_alternatives(findings: &[Finding]) -> Vec<(Churn, Confidence)> {
    let all = findings.iter().flat_map(|finding| {
        let alternatives = finding.alternatives.iter();
        let alternatives = alternatives.map(|other| (other.name, other.confidence));
        std::iter::once((finding.name, finding.confidence)).chain(alternatives)
    });
    all.collect()
}

pub(crate) fn only(findings: Vec<Finding>) -> Finding {
    let [finding] = <[Finding; 1]>::try_from(findings)
        .unwrap_or_else(|found| panic!("found {:?}", names(&found)));
    finding
}

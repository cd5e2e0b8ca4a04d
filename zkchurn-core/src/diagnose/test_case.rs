// SPDX-License-Identifier: MIT
//! Traces for the tests of rules: connections in, findings out.

use super::{Churn, Confidence, Depth, Finding, diagnose};
use crate::{
    connection::{Connection, Stage},
    ledger::{
        Ledger,
        test_connection::{MS, ended, established},
    },
    outcome::Outcome,
    registry::Registry,
};

/// What connections are like: payload out and in, and how they end.
pub type Kind = (u64, u64, Outcome);

/// One each `period_ms`.
pub fn every(period_ms: u64, count: u64, (out, back, outcome): Kind) -> Vec<Connection> {
    (0..count)
        .map(|step| ended(1_000 + step * period_ms, out, back, outcome))
        .collect()
}

/// Pauses of the Java client: 1.1 to 2.1 s, spread evenly.
pub fn back_off(count: u64, (out, back, outcome): Kind) -> Vec<Connection> {
    let mut start = 1_000;
    (0..count)
        .map(|step| {
            start += 1_100 + step * 370 % 1_000;
            ended(start, out, back, outcome)
        })
        .collect()
}

/// The `index`-th connection by a thread of its own.
pub fn new_thread_each(mut connections: Vec<Connection>) -> Vec<Connection> {
    for (connection, tid) in connections.iter_mut().zip(100..) {
        if let Some(opener) = &mut connection.opener {
            opener.thread.tid = tid;
        }
    }
    connections
}

/// With another lifetime in ESTABLISHED.
pub fn living(milliseconds: u64, mut connections: Vec<Connection>) -> Vec<Connection> {
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
pub fn diagnosed(connections: &[Connection]) -> Vec<Finding> {
    let mut ledger = Ledger::default();
    for connection in connections {
        if connection.was_established() && !connection.before_start {
            ledger.observe(&established(*connection), Outcome::StillOpen);
        }
        if connection.stage != Stage::Established {
            ledger.observe(connection, Outcome::of(connection));
        }
    }
    diagnose(&ledger, &Registry::default(), 60_000 * MS, Depth::All).findings
}

/// The confidence of each finding by its name, in order.
pub fn names(findings: &[Finding]) -> Vec<(Churn, Confidence)> {
    findings
        .iter()
        .map(|finding| (finding.name, finding.confidence))
        .collect()
}

/// Likewise, each with its alternatives behind it.
pub fn names_and_alternatives(findings: &[Finding]) -> Vec<(Churn, Confidence)> {
    let all = findings.iter().flat_map(|finding| {
        let alternatives = finding.alternatives.iter();
        let alternatives = alternatives.map(|other| (other.name, other.confidence));
        std::iter::once((finding.name, finding.confidence)).chain(alternatives)
    });
    all.collect()
}

pub fn only(findings: Vec<Finding>) -> Finding {
    let [finding] = <[Finding; 1]>::try_from(findings)
        .unwrap_or_else(|found| panic!("found {:?}", names(&found)));
    finding
}

// SPDX-License-Identifier: MIT
//! A trace held against the ground truth and the expectations of its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::outcome::{Found, Outcome};
use crate::kinds::Kind;
use crate::kinds::expected::Findings;
use crate::kinds::truth::Truth;
use crate::recorded::{Connection, Recorded};

/// Judges one kind: by its recording, and by the same without first bytes.
pub(super) fn judge(
    kind: &'static Kind,
    truth: &Truth,
    trace: &Recorded,
    plain: &Recorded,
) -> Result<Outcome> {
    let during = trace.connections.iter().filter(|one| !one.before_start);
    let all: Vec<_> = during.collect();
    let mut failures = against_truth(truth, &all);
    failures.extend(against_fingerprint(kind, &all, skipped_runs(&trace.loss)));
    if trace.lost > 0 {
        failures.push(format!("lost {}", trace.lost));
    }
    let (plain, handshake) = (found(&plain.report)?, found(&trace.report)?);
    for (how, expected, found) in [
        ("plain", &kind.expected.plain, &plain),
        ("with --handshake", &kind.expected.handshake, &handshake),
    ] {
        let wrong = against_findings(expected, found);
        failures.extend(wrong.iter().map(|failure| format!("{how}: {failure}")));
    }
    Ok(Outcome {
        kind,
        connections: all.len(),
        outcomes: counted(&all),
        plain,
        handshake,
        failures,
        preparation: None,
        took: Duration::ZERO,
    })
}

fn against_truth(truth: &Truth, all: &[&Connection]) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(count) = truth.connections
        && count != all.len()
    {
        failures.push(format!("{} connections recorded, {count} made", all.len()));
    }
    if all.is_empty() {
        failures.push("no connection was recorded".to_owned());
    }
    if let Some(processes) = &truth.processes {
        let pids: BTreeSet<_> = all.iter().map(|one| one.pid).collect();
        let made: BTreeSet<_> = processes.iter().map(|&pid| Some(i64::from(pid))).collect();
        if pids != made {
            failures.push(format!("processes {pids:?} recorded, {made:?} connected"));
        }
    }
    if let Some(threads) = &truth.threads {
        let tids: BTreeSet<_> = all.iter().map(|one| one.tid).collect();
        let made: BTreeSet<_> = threads.iter().map(|&tid| Some(tid)).collect();
        if tids != made {
            failures.push(format!("threads {tids:?} recorded, {made:?} connected"));
        }
    }
    if let Some(ports) = &truth.ports {
        let recorded: BTreeSet<_> = all.iter().filter_map(|one| one.local_port).collect();
        let made: BTreeSet<_> = ports.iter().copied().collect();
        if recorded != made {
            failures.push(format!("ports {recorded:?} recorded, {made:?} used"));
        }
    }
    failures
}

/// A kernel that runs no BPF programs in the softirqs that interrupt a process which it shields does
/// not say so (docs/measurements/repeat.md).
const SKIPPED_UNSAID: usize = 1;

/// Runs of the program that the kernel skipped, as it does beside other tracers on a busy machine.
fn skipped_runs(loss: &Value) -> usize {
    let runs = loss["recursion_misses"].as_u64().unwrap_or_default();
    usize::try_from(runs).unwrap_or(usize::MAX)
}

fn against_fingerprint(kind: &Kind, all: &[&Connection], skipped_runs: usize) -> Vec<String> {
    let expected = &kind.expected;
    let within = |(least, most): (u64, u64), bytes: Option<u64>| {
        bytes.is_none_or(|bytes| (least..=most).contains(&bytes))
    };
    let strange = all.iter().filter(|one| {
        !expected.outcomes.contains(&one.outcome.as_str())
            || !within(expected.payload_out, one.payload_out)
            || !within(expected.payload_in, one.payload_in)
    });
    // Of an end that was skipped the walk of the table finds that the socket is closed, no more.
    let (found_closed, strange): (Vec<_>, Vec<_>) = strange.partition(|one| is_found_closed(one));
    let too_many = found_closed
        .into_iter()
        .skip(skipped_runs.max(SKIPPED_UNSAID));
    let described = strange
        .into_iter()
        .chain(too_many)
        .map(|one: &&Connection| {
            format!(
                "unexpected: {}, {:?} out, {:?} in, from port {:?}",
                one.outcome, one.payload_out, one.payload_in, one.local_port
            )
        });
    described.collect()
}

fn is_found_closed(one: &Connection) -> bool {
    one.established && one.payload_out.is_none() && one.payload_in.is_none()
}

fn counted(all: &[&Connection]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one.outcome.clone()).or_default() += 1;
    }
    counts
}

pub(super) fn found(report: &Value) -> Result<Vec<Found>> {
    let findings = report["findings"]
        .as_array()
        .context("a report without findings")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let names = |all: &Value| -> Vec<String> {
        let all = all.as_array().into_iter().flatten();
        all.map(|one| text(&one["name"])).collect()
    };
    let one = |finding: &Value| Found {
        name: text(&finding["name"]),
        confidence: text(&finding["confidence"]),
        // What else matches the same connections stands inside the finding.
        cannot_tell_from: [
            texts(&finding["cannot_tell_from"]),
            names(&finding["alternatives"]),
        ]
        .concat(),
    };
    Ok(findings.iter().map(one).collect())
}

/// What of the findings does not hold.
pub(super) fn against_findings(expected: &Findings, found: &[Found]) -> Vec<String> {
    let says = |one: &Found, name: &&str| {
        one.name == **name || one.cannot_tell_from.iter().any(|other| other == name)
    };
    let missing = expected
        .must
        .iter()
        .filter(|group| {
            !found
                .iter()
                .any(|one| group.iter().any(|name| says(one, name)))
        })
        .map(|group| format!("not found: {}", group.join(" or ")));
    let alone = expected.must.is_empty() && expected.may.is_empty();
    let wrong = found
        .iter()
        .filter(|one| !expected.allows(&one.name) && (alone || one.confidence == "certain"))
        .map(|one| format!("wrong finding: {}, {}", one.name, one.confidence));
    missing.chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, confidence: &str) -> Found {
        Found {
            name: name.to_owned(),
            confidence: confidence.to_owned(),
            cannot_tell_from: vec!["lookalike".to_owned()],
        }
    }

    const EXPECTED: Findings = Findings::must(&[&["this", "that"]]).may(&["as_well"]);

    #[test]
    fn a_finding_of_the_group_or_its_lookalike_is_enough() {
        for name in ["this", "that"] {
            assert!(against_findings(&EXPECTED, &[found(name, "possible")]).is_empty());
        }
        let lookalike = Findings::must(&[&["lookalike"]]);
        assert!(against_findings(&lookalike, &[found("this", "likely")]).is_empty());
        assert_eq!(
            against_findings(&EXPECTED, &[]),
            ["not found: this or that"]
        );
    }

    #[test]
    fn as_many_ends_may_be_unknown_as_runs_were_skipped() {
        let unknown = || Connection {
            established: true,
            outcome: "of_no_kind".to_owned(),
            ..Connection::default()
        };
        let (one, other, third) = (unknown(), unknown(), unknown());
        let known = Connection {
            payload_out: Some(0),
            ..unknown()
        };
        let kind = crate::kinds::all()[0];
        let skipped = skipped_runs(&serde_json::json!({"recursion_misses": 2}));
        for (all, skipped, strange) in [
            (vec![&one, &other, &third], 0, 2),
            (vec![&one, &other, &third], skipped, 1),
            (vec![&one, &other], skipped, 0),
            (vec![&known], skipped, 1),
        ] {
            assert_eq!(against_fingerprint(kind, &all, skipped).len(), strange);
        }
    }

    #[test]
    fn a_wrong_finding_must_not_be_certain() {
        let all = |confidence| [found("this", "certain"), found("other", confidence)];
        assert!(against_findings(&EXPECTED, &all("likely")).is_empty());
        assert_eq!(against_findings(&EXPECTED, &all("certain")).len(), 1);
        assert_eq!(against_findings(&Findings::NONE, &all("possible")).len(), 2);
        let both = [found("this", "certain"), found("as_well", "certain")];
        assert!(against_findings(&EXPECTED, &both).is_empty());
    }
}

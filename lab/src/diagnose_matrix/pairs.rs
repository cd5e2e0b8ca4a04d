// SPDX-License-Identifier: MIT
//! Two kinds at once on this host, in one trace: each is found as it is alone, and nothing
//! that neither is is certain. Written to docs/measurements/diagnose-pairs.md.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail};
use xtask::workspace;

use super::outcome::Found;
use super::{keep, verdict};
use crate::kinds::expected::Findings;
use crate::kinds::scene::Scene;
use crate::kinds::tools::Tools;
use crate::kinds::{self, Kind};
use crate::recorded::Recorded;

/// The first three are those of one JVM, and of a probe beside the incident, with another
/// program on the same host.
const PAIRS: [(&str, &str); 20] = [
    ("stopped_and_per_request_in_one_jvm", "nc_z"),
    ("leak_and_per_request_in_one_jvm", "four_letter_python"),
    ("incident_and_probe", "per_request_kazoo"),
    ("incident", "per_request_node"),
    ("incident", "refused_java"),
    ("incident_3_hosts", "kubelet_tcp_socket"),
    ("per_request_java", "per_request_go"),
    ("no_quorum", "limit_shared"),
    ("zxid_ahead", "nc_z"),
    ("sasl_required", "per_request_gevent"),
    ("tls_not_trusted", "expired_retry"),
    ("reject_on_this_host", "blackhole"),
    ("handle_leak_go", "per_request_aiozk"),
    ("close_wait_held", "linger_0"),
    ("proxy_closes_at_once", "four_letter_nc_ruok"),
    ("http_curl", "per_request_eventlet"),
    ("oversized_packet", "refused_kazoo"),
    ("server_stopped", "connect_and_close"),
    ("restart_loop", "per_request_java"),
    ("kafka_client", "healthy"),
];
/// Above those of single kinds.
const FIRST_PORT: u16 = 22_010;

/// What came of one of a pair.
struct Told {
    kind: &'static Kind,
    beside: &'static Kind,
    found: Vec<Found>,
    failures: Vec<String>,
}

/// Runs all of them, so many at once.
pub(super) fn run(tools: &Tools, at_once: usize) -> Result<()> {
    let waiting: Mutex<VecDeque<_>> = Mutex::new((0..).zip(PAIRS).collect());
    let done = Mutex::new(Vec::new());
    let take = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    };
    thread::scope(|scope| {
        for _ in 0..at_once.div_ceil(2) {
            scope.spawn(|| {
                while let Some((number, pair)) = take() {
                    let told = pair_of(number, pair, tools);
                    for one in told.iter().flatten() {
                        println!("{}", line(one));
                    }
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((number, told));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    let mut all = Vec::new();
    for (_, told) in done {
        all.extend(told?);
    }
    let file = workspace::root().join("docs/measurements/diagnose-pairs.md");
    std::fs::write(&file, document(&all))
        .with_context(|| format!("cannot write {}", file.display()))?;
    keep::give_to_owner_of(&workspace::root(), &file)?;
    match all.iter().filter(|one| !one.failures.is_empty()).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} kinds in pairs failed", all.len()),
    }
}

fn pair_of(number: u16, (one, other): (&str, &str), tools: &Tools) -> Result<Vec<Told>> {
    let all = kinds::all();
    let named = |name: &str| {
        let found = all.iter().find(|kind| kind.name == name);
        found
            .copied()
            .with_context(|| format!("there is no kind {name}"))
    };
    let both = [named(one)?, named(other)?];
    let ports = [0, 1].map(|place| FIRST_PORT + 2 * number + place);
    thread::scope(|scope| {
        let first = scope.spawn(|| side(both, ports, tools));
        let second = scope.spawn(|| side([both[1], both[0]], [ports[1], ports[0]], tools));
        let joined = [first.join(), second.join()];
        let told = joined.map(|told| told.unwrap_or_else(|_| bail!("a kind's thread panicked")));
        told.into_iter().collect()
    })
}

/// The first of both, traced together with what the other does meanwhile.
fn side(
    [kind, beside]: [&'static Kind; 2],
    [port, others]: [u16; 2],
    tools: &Tools,
) -> Result<Told> {
    let scratch = workspace::scratch_elsewhere("pair")?;
    let scene = Scene::enter(tools, scratch.path(), port)?.beside(others);
    (kind.run)(&scene).with_context(|| format!("{} beside {}", kind.name, beside.name))?;
    let trace = Recorded::replay(&tools.zkchurn, &scene.recording())?;
    let found = verdict::found(&trace.report)?;
    let expected = &kind.expected.handshake;
    let theirs = |one: &Found| !expected.allows(&one.name) && is_made_meanwhile(beside, &one.name);
    let judged: Vec<_> = found.iter().filter(|one| !theirs(one)).cloned().collect();
    let failures = against_both(expected, &beside.expected.handshake, &judged);
    Ok(Told {
        kind,
        beside,
        found,
        failures,
    })
}

/// Its client is brought to its state by a restart of its server. The other's trace may have
/// begun by then, and sees that client refused.
fn is_made_meanwhile(kind: &Kind, finding: &str) -> bool {
    kind.name.starts_with("incident") && finding == "refused"
}

/// What the first must have is found; what neither may have is not certain.
fn against_both(expected: &Findings, beside: &Findings, found: &[Found]) -> Vec<String> {
    let of_neither = |one: &&Found| !expected.allows(&one.name) && !beside.allows(&one.name);
    let wrong = found.iter().filter(of_neither);
    let wrong = wrong.filter(|one| one.confidence == "certain");
    let wrong = wrong.map(|one| format!("wrong finding: {}, certain", one.name));
    let missing = verdict::against_findings(expected, found).into_iter();
    let missing = missing.filter(|failure| failure.starts_with("not found"));
    missing.chain(wrong).collect()
}

fn line(told: &Told) -> String {
    let findings = told.found.iter();
    let findings: Vec<_> = findings
        .map(|one| format!("{} ({})", one.name, one.confidence))
        .collect();
    format!(
        "{} {} beside {}: {} {}",
        if told.failures.is_empty() {
            "ok  "
        } else {
            "FAIL"
        },
        told.kind.name,
        told.beside.name,
        findings.join(", "),
        told.failures.join("; ")
    )
}

const INTRODUCTION: &str = "\
# Two kinds of churn at once, and what zkchurn makes of them

Written by `cargo xtask diagnose-matrix --pairs`: both kinds run at the same time on one host,
each with its own server and port, and zkchurn traces both ports. The row of each kind has the
findings of the trace that lasted as long as that kind did: its own, and those of the part of
the other that fell into it. Each must find what it finds alone, and nothing that neither is
may be certain; but while an incident is brought about its server is restarted, and its client
refused. All pairs of recorded kinds are mixed by `zkchurn/tests/mixed.rs`.

| kind | beside | findings | holds |
|---|---|---|---|
";

fn document(all: &[Told]) -> String {
    let mut lines = INTRODUCTION.to_owned();
    for told in all {
        let found = told.found.iter();
        let found: Vec<_> = found
            .map(|one| format!("{} ({})", one.name, one.confidence))
            .collect();
        let holds = match told.failures.as_slice() {
            [] => "yes".to_owned(),
            failures => failures.join("; "),
        };
        let _ = writeln!(
            lines,
            "| {} | {} | {} | {holds} |",
            told.kind.name,
            told.beside.name,
            found.join(", "),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_all_pairs_exist() {
        let all = kinds::all();
        for name in PAIRS.iter().flat_map(|(one, other)| [one, other]) {
            assert!(all.iter().any(|kind| kind.name == *name), "{name}");
        }
    }

    #[test]
    fn what_neither_may_have_must_not_be_certain() {
        let (one, other) = (
            Findings::must(&[&["refused"]]),
            Findings::must(&[&["blackhole"]]),
        );
        let found = |name: &str, confidence: &str| Found {
            name: name.to_owned(),
            confidence: confidence.to_owned(),
            cannot_tell_from: Vec::new(),
        };
        let both = [found("refused", "likely"), found("blackhole", "certain")];
        assert!(against_both(&one, &other, &both).is_empty());
        let third = [found("unreachable", "certain")];
        assert_eq!(against_both(&one, &other, &third).len(), 2);
    }
}

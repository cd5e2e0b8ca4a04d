// SPDX-License-Identifier: MIT
//! From the aggregate to findings: what kind of churn it is, how sure that is,
//! what speaks for it and against it, and what to do next. No clock, no I/O.
//!
//! | file | holds |
//! |---|---|
//! | `cases` | who belongs together: threads, processes, programs, remote hosts |
//! | `case` | what a rule looks at |
//! | `churn` | the names of all kinds, also of those that only a server's log tells |
//! | `rhythm` | metronome, back-off, bursts |
//! | `rules/` | one file a rule, and their list |
//! | `seen` | what was seen of the connections, in a sentence |
//! | `lookalikes` | a client that fails before it speaks, or a probe: alike on the wire |
//! | `shared` | sessions that several clients had |
//! | `protocol` | whether it is ZooKeeper that is spoken |
//! | `finding`, `who` | what comes out |

pub mod case;
mod cases;
pub mod churn;
pub mod finding;
mod lookalikes;
pub mod protocol;
pub mod rhythm;
pub mod rules;
mod seen;
mod shared;
#[cfg(test)]
pub(crate) mod test_case;
pub mod who;

use std::collections::BTreeMap;

use self::{case::Case, finding::Verdict, rules::Rule};
pub use self::{
    churn::Churn,
    finding::{Confidence, Finding, Severity},
};
use crate::{ledger::Ledger, registry::Registry, text};

/// How many cases are diagnosed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All, however long that takes.
    All,
    /// Those with the most ended connections, at most so many.
    Busiest(usize),
}

/// What the rules say.
#[derive(Debug)]
pub struct Diagnosis {
    /// Worst first: broken before wasteful before harmless, then the surest, then the
    /// busiest.
    pub findings: Vec<Finding>,
    /// Cases that `Depth::Busiest` left out.
    pub cases_left_out: u64,
}

/// Findings on what was traced.
pub fn diagnose(ledger: &Ledger, registry: &Registry, window_ns: u64, depth: Depth) -> Diagnosis {
    let (cases, cases_left_out) = cases::cases(ledger, registry, window_ns, depth);
    let mut findings: Vec<_> = cases.iter().flat_map(findings_of).collect();
    // Cached, so that each is moved once: there may be thousands.
    findings.sort_by_cached_key(|finding| {
        std::cmp::Reverse((finding.severity, finding.confidence, finding.connections))
    });
    Diagnosis {
        findings,
        cases_left_out,
    }
}

/// What the rules say of one case. What none explains is said to be unexplained.
fn findings_of(case: &Case<'_>) -> Vec<Finding> {
    let judged = |rule: &Rule| {
        let verdict = rule.scope.limit(case, (rule.judge)(case)?)?;
        Some(finding(rule, case, verdict))
    };
    let findings: Vec<_> = rules::ALL.iter().filter_map(judged).collect();
    if findings.is_empty() {
        return rules::ELSE.iter().find_map(judged).into_iter().collect();
    }
    findings
}

fn finding(rule: &Rule, case: &Case<'_>, mut verdict: Verdict) -> Finding {
    if case.is_remote_host() && rule.severity != Severity::Harmless {
        verdict = verdict.next("run zkchurn on that host: it names the process and thread");
    }
    if let Some(hint) = session_to_search(case) {
        verdict = verdict.next(hint);
    }
    let mut numbers = common_numbers(case);
    numbers.extend(verdict.numbers);
    Finding {
        name: rule.name,
        title: rule.name.title(),
        confidence: verdict.confidence,
        severity: rule.severity,
        who: case.who.row(),
        destinations: case.destinations.iter().map(ToString::to_string).collect(),
        connections: case.tally.opened(),
        summary: verdict.summary,
        seen: Some(seen::sentence(&case.tally, case.window_ns)),
        rhythm: case.rhythm.words(),
        reasons_for: verdict.reasons_for,
        reasons_against: verdict.reasons_against,
        numbers,
        cannot_tell_from: verdict.cannot_tell_from,
        would_decide: verdict.would_decide,
        next: verdict.next,
    }
}

/// A session id is the word that both sides' logs have in common: worth a search where most
/// of these connections have the same one.
fn session_to_search(case: &Case<'_>) -> Option<String> {
    let handshakes = case.handshakes()?;
    let (session, connections) = handshakes.main_session()?;
    let of_most = connections * 2 > handshakes.connections;
    of_most.then(|| {
        format!(
            "search the client's and the server's log for session {session} ({} of {})",
            text::count(connections),
            text::counted(handshakes.connections, "connection")
        )
    })
}

/// The numbers that every rule may have looked at.
fn common_numbers(case: &Case<'_>) -> BTreeMap<&'static str, u64> {
    let tally = &case.tally;
    let mut numbers = BTreeMap::from([
        ("opened", tally.opened()),
        ("ended", case.ended()),
        ("open", tally.open()),
        ("threads", case.threads),
    ]);
    if let Some(handshakes) = case.handshakes() {
        numbers.extend([
            ("handshakes", handshakes.connections),
            ("new_handles", handshakes.new_handles),
            ("reconnects", handshakes.reconnects),
            ("granted", handshakes.granted),
            ("expired", handshakes.expired),
            ("unanswered_requests", handshakes.unanswered),
        ]);
    }
    let mut spread = |name: [&'static str; 3], of: &crate::ledger::distribution::Distribution| {
        let values = [of.min(), of.percentile(50.0), of.max()];
        for (name, value) in name.into_iter().zip(values) {
            if let Some(value) = value {
                numbers.insert(name, value);
            }
        }
    };
    spread(["gap_min_ns", "gap_p50_ns", "gap_max_ns"], &tally.gap);
    spread(
        ["lived_min_ns", "lived_p50_ns", "lived_max_ns"],
        &tally.established_for,
    );
    numbers
}

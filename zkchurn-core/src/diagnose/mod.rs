// SPDX-License-Identifier: MIT
//! From the aggregate to findings: what kind of churn it is, how sure that is,
//! what speaks for it and against it, and what to do next. No clock, no I/O.
//!
//! | file | holds |
//! |---|---|
//! | `cluster` | the groups of one owner that behaved alike |
//! | `length` | whether two lengths are one way |
//! | `join` | what the rules say of each, and what is one story |
//! | `pool` | remote hosts that do the same, and processes of one name |
//! | `cases`, `case` | what a rule looks at |
//! | `beside` | what was traced and a filter leaves out |
//! | `churn` | the names of all kinds, also of those that only a server's log tells |
//! | `rhythm`, `rhythms` | metronome, back-off, bursts; two of them in one |
//! | `rules/` | one file a rule, and their list |
//! | `seen` | what was seen of the connections, in a sentence |
//! | `over` | whether it has stopped |
//! | `lookalikes` | a client that fails before it speaks, or a probe: alike on the wire |
//! | `held_back` | who may have sent a RST |
//! | `failing` | why a client fails inside itself |
//! | `evidence` | what a line of a process's log is worth |
//! | `looked` | what zkchurn has done already and does not advise |
//! | `network` | in which network namespace an advised command is run |
//! | `shared` | sessions that several clients had |
//! | `protocol` | whether it is ZooKeeper that is spoken |
//! | `proxies` | programs that open connections for others |
//! | `naming` | whose they are, by all names that are known |
//! | `finding`, `who` | what comes out |

mod beside;
pub mod case;
mod cases;
pub mod churn;
mod cluster;
mod evidence;
mod failing;
pub mod finding;
mod held_back;
mod join;
mod length;
mod lookalikes;
mod looked;
mod naming;
mod network;
mod over;
mod pool;
pub mod protocol;
mod proxies;
pub mod rhythm;
mod rhythms;
pub mod rules;
mod runs;
mod seen;
mod shared;
#[cfg(test)]
pub(crate) mod test_case;
pub mod who;

use std::{cmp::Reverse, collections::BTreeMap};

pub use self::{
    beside::Beside,
    churn::Churn,
    finding::{Alternative, Confidence, Finding, Severity},
};
use self::{case::Case, cases::Scope, finding::Verdict, join::Story, rules::Rule, who::WhoRow};
use crate::{hash::HashMap, ledger::Ledger, registry::Registry, text};

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

/// When a trace ended, or what is looked at of it, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub end_ns: u64,
    /// Nanoseconds.
    pub length_ns: u64,
    /// Whether the trace was longer.
    pub is_of_part: bool,
    /// Whether parts of its recording are damaged: ends may have been in them.
    pub is_damaged: bool,
}

/// Findings on what was traced, or on what a filter selects of it and knowing what is `beside`
/// that. Each ended connection is in at most one of them.
pub fn diagnose(
    ledger: &Ledger,
    beside: Option<&Beside<'_>>,
    registry: &Registry,
    window: Window,
    depth: Depth,
) -> Diagnosis {
    let flows = ledger.flows();
    let others = beside.map(|beside| beside.ledger.flows());
    let others = others.unwrap_or_default();
    let mut scope = Scope::new(ledger, beside, registry, &flows, window).beside(beside, &others);
    for (owner, members) in &cluster::by_owner(&others, depth).0 {
        scope.introduce(*owner, &cluster::clusters(*owner, members));
    }
    let (owners, cases_left_out) = cluster::by_owner(&flows, depth);
    let mut of_owners = Vec::with_capacity(owners.len());
    for (owner, members) in &owners {
        let clusters = cluster::clusters(*owner, members);
        scope.introduce(*owner, &clusters);
        of_owners.push((*owner, clusters));
    }
    let stories = of_owners
        .into_iter()
        .flat_map(|(owner, clusters)| join::stories(&scope, owner, clusters));
    let stories = join::workers(&scope, stories.collect());
    let mut stories = pool::many(&scope, stories);
    evidence::weigh(&mut stories);
    let mut findings: Vec<_> = stories.iter().filter_map(finding_of).collect();
    let of_open = |owner, cluster| Story::of_open(&scope, owner, cluster);
    let open = owners.iter().flat_map(|(owner, members)| {
        let clusters = cluster::open(members).into_iter();
        clusters.map(|cluster| of_open(*owner, cluster))
    });
    for story in pool::hosts(open.collect(), of_open) {
        let verdicts = story.verdicts.into_iter();
        findings.extend(verdicts.map(|(rule, verdict)| finding(rule, &story.case, verdict, 0)));
    }
    let told = |owner| {
        let mut stories = stories.iter().filter(|story| story.owner == owner);
        stories.any(|story| {
            story
                .lead()
                .is_some_and(|(name, _)| name == Churn::Blackhole)
        })
    };
    let of_waiting = |owner, cluster| Story::of_waiting(&scope, owner, cluster);
    let waiting = owners.iter().filter(|(owner, _)| !told(**owner));
    let waiting =
        waiting.filter_map(|(owner, members)| Some(of_waiting(*owner, cluster::waiting(members)?)));
    for story in pool::processes(&scope, waiting.collect(), of_waiting) {
        let verdicts = story.verdicts.into_iter();
        findings.extend(verdicts.map(|(_, verdict)| still_waiting(&story.case, verdict)));
    }
    for (owner, members) in &owners {
        findings.extend(
            cluster::held(members).and_then(|cluster| {
                held_since_before(scope.case(*owner, &cluster).without_thread())
            }),
        );
    }
    worst_first(&mut findings);
    Diagnosis {
        findings,
        cases_left_out,
    }
}

/// Where a process does so many times as much of something that is known, what may be wrong with
/// a few of its connections is no headline. Nor is whatever is wrong with a few of the host's,
/// where so many times as many churn.
const LESSER_PART: u64 = 20;

/// The worst first, of those the surest, of those the one with most connections.
fn worst_first(findings: &mut [Finding]) {
    let is_churn = |finding: &&Finding| {
        finding.confidence > Confidence::Possible && finding.severity > Severity::Harmless
    };
    let churning = findings.iter().filter(is_churn);
    let most = churning.map(|finding| finding.connections).max();
    let most = most.unwrap_or_default();
    let whose = |finding: &Finding| (finding.who.pid, finding.who.label.clone());
    let mut known = HashMap::default();
    for finding in findings.iter() {
        if finding.confidence > Confidence::Possible {
            let most: &mut u64 = known.entry(whose(finding)).or_default();
            *most = finding.connections.max(*most);
        }
    }
    let is_lesser_part = |finding: &Finding| {
        let known = known.get(&whose(finding)).copied().unwrap_or_default();
        let connections = finding.connections.saturating_mul(LESSER_PART);
        (finding.confidence == Confidence::Possible && connections <= known) || connections <= most
    };
    // Cached, so that each is moved once: there may be thousands.
    findings.sort_by_cached_key(|finding| {
        Reverse((
            !is_lesser_part(finding),
            finding.severity,
            finding.confidence,
            finding.connections,
        ))
    });
}

/// The surest verdict, with the others as its alternatives.
fn finding_of(story: &Story<'_>) -> Option<Finding> {
    let ((rule, verdict), others) = story.verdicts.split_first()?;
    let mut verdict = verdict.clone();
    for before in &story.before {
        let connections = text::counted(before.connections, "connection");
        let title = before.name.title();
        verdict = verdict.because(match before.is_over {
            true => {
                format!("before that, {connections} of the same thread ended otherwise: {title}")
            }
            false => format!("{connections} of one of its threads ended otherwise: {title}"),
        });
    }
    if !story.before.is_empty() {
        let all = story.before.iter().map(|before| before.connections).sum();
        verdict = verdict.number("before", all);
    }
    for (other, verdict_on_it) in others {
        let is_as_sure = verdict_on_it.confidence == verdict.confidence;
        let is_named = verdict.cannot_tell_from.contains(&other.name);
        if is_as_sure && verdict.confidence != Confidence::Certain && !is_named {
            verdict.cannot_tell_from.push(other.name);
        }
        if verdict.confidence == Confidence::Certain {
            // Both may be true, so this is what is left to find out.
            verdict
                .would_decide
                .extend(verdict_on_it.would_decide.clone());
        }
    }
    let mut finding = finding(rule, &story.case, verdict, story.explains());
    let others = others.iter().map(|(rule, other)| Alternative {
        name: rule.name,
        title: rule.name.title(),
        confidence: other.confidence,
        summary: other.summary.clone(),
    });
    finding.alternatives = others.collect();
    Some(finding)
}

/// A finding on attempts to connect: they have not ended.
fn still_waiting(case: &Case<'_>, verdict: Verdict) -> Finding {
    let attempts = case.waiting.attempts;
    Finding {
        connections: attempts,
        seen: Some(format!(
            "{} in {}; {} for an answer to {} SYN",
            text::counted(
                case.tally.opened() + case.tally.older.connecting,
                "connection"
            ),
            text::window(case.window_ns),
            match attempts {
                1 => "1 waits".to_owned(),
                _ => format!("{} wait", text::count(attempts)),
            },
            if attempts == 1 { "its" } else { "their" },
        )),
        ..finding(&rules::OF_WAITING, case, verdict, 0)
    }
}

/// A finding on connections that are older than the trace: no row counts them as opened.
fn held_since_before(case: Case<'_>) -> Option<Finding> {
    let rule = &rules::OF_HELD;
    let finding = finding(rule, &case, rule.verdict(&case)?, 0);
    let when = match (case.older_held, case.older_held_since) {
        (_, 0) => "half-closed before the trace began".to_owned(),
        (0, _) => "older than the trace and half-closed since it began".to_owned(),
        (before, since) => format!(
            "{} half-closed before the trace began and {} since",
            text::count(before),
            text::count(since)
        ),
    };
    Some(Finding {
        connections: case.all_older_held(),
        seen: Some(format!(
            "{}, {when}; none is closed after {}",
            text::counted(case.all_older_held(), "connection"),
            text::window(case.window_ns)
        )),
        rhythm: None,
        ..finding
    })
}

fn finding(rule: &Rule, case: &Case<'_>, verdict: Verdict, explains: u64) -> Finding {
    let mut verdict = proxies::weigh(rule.name, case, verdict);
    let decides_there = |advice: &String| advice.starts_with(case.trace_there());
    let is_said = verdict.would_decide.first().is_some_and(decides_there);
    if case.is_remote_host() && rule.severity != Severity::Harmless && !is_said {
        verdict = verdict.next(format!(
            "run {}: it names the process and thread",
            case.trace_there()
        ));
    }
    if let Some(hint) = session_to_search(case) {
        verdict = verdict.next(hint);
    }
    if case.handshakes().is_some() {
        // They were read.
        let again = |advice: &String| advice.starts_with("--handshake");
        verdict.would_decide.retain(|advice| !again(advice));
    }
    verdict = held_back::weigh(rule.name, case, verdict);
    // First, so that it is not what has no room.
    if let Some(over) = over::sentence(case).filter(|_| explains > 0) {
        verdict.reasons_against.insert(0, over);
    }
    case.looked.leave_out_done(&mut verdict.would_decide);
    case.looked.leave_out_done(&mut verdict.next);
    verdict
        .next
        .extend(case.network.explain(&verdict.next).map(str::to_owned));
    // What the client itself says tells more than what it looks like.
    verdict
        .reasons_for
        .sort_by_key(|one| !evidence::is_quote(one));
    let mut numbers = common_numbers(case);
    numbers.extend(verdict.numbers);
    Finding {
        name: rule.name,
        title: rule.name.title(),
        confidence: verdict.confidence,
        severity: rule.severity,
        who: WhoRow {
            runs_in: case.runs_in.clone(),
            ..case.who.row()
        },
        destinations: case.destinations.iter().map(ToString::to_string).collect(),
        connections: case.tally.opened(),
        at_least: case.in_part,
        explains: Some(explains),
        summary: verdict.summary,
        seen: Some(seen::sentence(case)),
        rhythm: case.rhythm_words(),
        reasons_for: verdict.reasons_for,
        reasons_against: verdict.reasons_against,
        numbers,
        cannot_tell_from: verdict.cannot_tell_from,
        alternatives: Vec::new(),
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
        ("open", case.open),
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
    spread(["gap_min_ns", "gap_p50_ns", "gap_max_ns"], &case.gaps);
    spread(
        ["lived_min_ns", "lived_p50_ns", "lived_max_ns"],
        &tally.established_for,
    );
    numbers
}

#[cfg(test)]
mod tests {
    use super::{Churn, Depth, cluster};
    use crate::{
        connection::Connection,
        diagnose::test_case::{diagnosed, every, living, new_thread_each},
        ledger::test_connection::by,
        outcome::Outcome,
    };

    /// A flood of probes whose peer was sometimes the first to close, by one thread of a program
    /// that is no client.
    fn flood(probes: u64, others: u64) -> Vec<Connection> {
        let closed = |outcome| (0, 0, outcome);
        let mut all = every(2, probes, closed(Outcome::ClosedByUsBeforeAnyByte));
        all.extend(every(
            31,
            others,
            closed(Outcome::ClosedByPeerBeforeAnyByte),
        ));
        all.into_iter()
            .map(|one| by(one, 7, 8, "python3"))
            .collect()
    }

    #[test]
    fn a_few_that_may_be_broken_are_no_headline_over_many_that_are_known() {
        let first = |probes, others| {
            let findings = diagnosed(&flood(probes, others));
            let all: Vec<_> = findings
                .iter()
                .map(|one| (one.name, one.confidence, one.connections))
                .collect();
            (findings[0].connections, all)
        };
        let (most, all) = first(4_000, 30);
        assert_eq!(most, 4_000, "{all:?}");
        assert!(all.len() > 1, "{all:?}");
        let (few, all) = first(400, 30);
        assert_eq!(few, 30, "{all:?}");
    }

    /// Health checks of many programs that meet nobody, beside one that churns.
    #[test]
    fn a_few_of_many_programs_are_no_headline_over_one_that_churns() {
        let first = |sessions| {
            let mut all = new_thread_each(every(
                10,
                sessions,
                (101, 81, Outcome::AnsweredThenClosedByUs),
            ));
            for decoy in 0..8 {
                let refused = every(1_000, 3, (0, 0, Outcome::Refused)).into_iter();
                all.extend(refused.map(|one| by(one, 100 + decoy, 100 + decoy, "decoy")));
            }
            all.sort_by_key(|one| one.started_ns);
            diagnosed(&all)[0].name
        };
        assert_eq!(first(600), Churn::ClientPerRequest);
        assert_eq!(first(40), Churn::Refused);
    }

    /// After 2 ms or after 20, as it happens; by one thread, or each by its own.
    fn of_two_lengths(tids: [u32; 2]) -> Vec<Connection> {
        let all = every(200, 150, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        let (short, long): (Vec<_>, Vec<_>) = all
            .into_iter()
            .enumerate()
            .partition(|(place, _)| place * 7 % 10 < 6);
        let of = |part: Vec<(usize, Connection)>, tid: u32| -> Vec<Connection> {
            let part = part.into_iter();
            part.map(|(_, one)| by(one, 7, tid, "python3")).collect()
        };
        let mut all = of(short, tids[0]);
        all.extend(living(20, of(long, tids[1])));
        all.sort_by_key(|one| one.started_ns);
        all
    }

    #[test]
    fn one_thread_that_takes_a_little_longer_at_times_is_one_story() {
        let findings = diagnosed(&of_two_lengths([8, 8]));
        let told: Vec<_> = findings
            .iter()
            .map(|one| (one.name, one.connections))
            .collect();
        assert_eq!(told, [(Churn::TcpHealthProbe, 150)]);
    }

    #[test]
    fn two_threads_of_two_lengths_are_judged_by_themselves() {
        let all = of_two_lengths([8, 9]);
        let mut ledger = crate::ledger::Ledger::default();
        for connection in &all {
            ledger.observe(connection, Outcome::of(connection));
        }
        let flows = ledger.flows();
        let (owners, _) = cluster::by_owner(&flows, Depth::All);
        let of =
            |(owner, members): (&cluster::Owner, &Vec<_>)| cluster::clusters(*owner, members).len();
        assert_eq!(owners.iter().map(of).collect::<Vec<_>>(), [2]);
    }

    /// Two threads that are not served for a minute, one of which is refused in the middle.
    #[test]
    fn what_one_of_several_threads_met_meanwhile_was_not_before() {
        let unanswered = (49, 0, Outcome::ClosedByPeerWithoutAnswer);
        let mut all: Vec<_> = every(1_600, 30, unanswered)
            .into_iter()
            .chain(every(1_700, 30, unanswered))
            .collect();
        for (place, one) in all.iter_mut().enumerate() {
            *one = by(*one, 7, 8 + place as u32 % 2, "java");
        }
        let refused = every(1_000, 24, (0, 0, Outcome::Refused));
        let refused = refused.into_iter().skip(20);
        all.extend(refused.map(|one| by(one, 7, 8, "java")));
        all.sort_by_key(|one| one.started_ns);
        let findings = format!("{:?}", diagnosed(&all));
        assert!(
            findings.contains("4 connections of one of its threads ended otherwise"),
            "{findings}"
        );
        assert!(!findings.contains("before that, 4"), "{findings}");
    }
}

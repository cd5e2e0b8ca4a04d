// SPDX-License-Identifier: MIT
//! Whether several processes of one program are runs of it, each started for a connection or
//! two, or go on between them, as workers and services do. That a process has ended is not
//! recorded, so it is told from when they were started.

use std::collections::BTreeMap;

use super::{case::Case, cluster::Part};
use crate::{connection::Comm, ledger::shape::Ending, process::ProcessKey, registry::Registry};

/// A program that is started for a connection makes it soon; a JVM of many jars takes its time.
const SOON_NS: u64 = 60_000_000_000;
/// Within less than this all may be runs that were started at once.
const AT_ONCE_NS: u64 = 1_000_000_000;

/// So often one after the other is again and again.
const FEWEST_ROUNDS: u64 = 3;
/// So many are no services, though none was started for long.
const MANY_ROUNDS: u64 = 10;
/// Nor are so many over a longer time, though none is known to have ended; services that are
/// started as load grows are so within less.
const LONG_NS: u64 = 60_000_000_000;
/// No host is given so many services of one kind one after the other.
const MOST_SERVICES: u64 = 30;
/// What was started within a time, and then not for so many times as long, may have been started by
/// a deploy.
const MOST_QUIET: u64 = 2;

/// Where to look for how a process ended.
pub(super) const HOW_THEY_END: &str = "how those processes end: `journalctl` (with `-k` for the \
                                       OOM killer), `coredumpctl list`, a pod's restarts";

/// How the connections of a program that is started again and again end, where each run of it
/// may have died: the kernel closes the sockets of a process that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaths {
    /// The client closed or reset each of them: it may have ended in good order.
    Possible,
    /// It reset most of them, with something unread.
    Likely,
}

impl Deaths {
    /// `None` where there are no runs, or the server closed one first, as it does when a client
    /// ends its session.
    pub(super) fn of(case: &Case<'_>) -> Option<Self> {
        let reset = case.shapes().ending(Ending::ResetByClient);
        let closed = case.shapes().ending(Ending::ClosedByClient);
        if !case.is_started_for_each() || reset + closed < case.ended() {
            return None;
        }
        let is_unread = case.most(reset) && case.most(case.tally.left_unread);
        Some(match is_unread {
            true => Self::Likely,
            false => Self::Possible,
        })
    }
}

/// What is known of one process.
#[derive(Clone, Copy)]
struct Life {
    first_ns: u64,
    latest_ns: u64,
    opened: u64,
    comm: Option<Comm>,
}

/// Whether they may be runs of a program, as far as their starts tell. Those that were old when
/// they connected go on; so do those that were started together and came back over a longer
/// time.
pub(super) fn are_runs(parts: &[Part<'_>]) -> bool {
    let lives = lives(parts);
    let known = lives.len() as u64;
    if known < 2 {
        return true;
    }
    let old = lives
        .iter()
        .filter(|(process, life)| life.first_ns > process.start_ns.saturating_add(SOON_NS))
        .count() as u64;
    if old * 2 > known {
        return false;
    }
    let opened: u64 = lives.values().map(|life| life.opened).sum();
    let came_back = opened * 2 >= known * 3;
    let started = span(lives.keys().map(|process| [process.start_ns; 2]));
    let connected = span(lives.values().map(|life| [life.first_ns, life.latest_ns]));
    !(came_back && connected > AT_ONCE_NS && started.saturating_mul(3) < connected)
}

/// Whether programs are seen to run again and again: most of the processes are of one that was
/// started three times or more after its run before had connected, and until the end, or many times;
/// and they are known to end, or it goes on for long. Services that were started by a deploy or a
/// boot are so once, or each is a program of its own; those that are started as load grows stay.
pub(super) fn run_again(registry: &Registry, parts: &[Part<'_>], end_ns: u64) -> bool {
    let lives = lives(parts);
    if lives.len() < 2 {
        return true;
    }
    let mut programs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (process, life) in &lives {
        let placed = registry.placed(*process).unwrap_or_default();
        let program = (
            registry.label(*process, life.comm),
            placed.unit.map(str::to_owned),
            placed.container.map(str::to_owned),
        );
        programs.entry(program).or_default().push(Run {
            started_ns: process.start_ns,
            first_ns: life.first_ns,
            was_gone: was_gone(registry, *process),
        });
    }
    let again = programs.into_values().filter_map(|mut runs| {
        runs.sort_unstable();
        is_again(&runs, end_ns).then_some(runs.len())
    });
    again.sum::<usize>() * 3 >= lives.len() * 2
}

/// A process that may be a run of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    started_ns: u64,
    /// When it connected first.
    first_ns: u64,
    /// As far as it was looked at.
    was_gone: Option<bool>,
}

/// Whether a process had ended when zkchurn took a closer look at it. Of one that never was in
/// sight, as of another container, nothing is known.
fn was_gone(registry: &Registry, process: ProcessKey) -> Option<bool> {
    registry.get(process)?;
    let look = registry.inspection(process)?;
    Some(look.details.is_none())
}

/// Of processes of one program, in order.
fn is_again(runs: &[Run], end_ns: u64) -> bool {
    let (mut rounds, mut until_ns) = (0, 0);
    for run in runs {
        if run.started_ns >= until_ns {
            rounds += 1;
            until_ns = run.first_ns;
        }
    }
    let started = runs.iter().map(|run| run.started_ns);
    let (first, last) = (started.clone().min(), started.max());
    let (first, last) = (first.unwrap_or(0), last.unwrap_or(0));
    let quiet_ns = end_ns.saturating_sub(last);
    let goes_on = quiet_ns <= (last - first).saturating_mul(MOST_QUIET);
    let is_long = rounds >= MANY_ROUNDS && last - first >= LONG_NS;
    match they_end(runs) {
        true => rounds >= MANY_ROUNDS || (rounds >= FEWEST_ROUNDS && goes_on),
        false => goes_on && (is_long || rounds >= MOST_SERVICES),
    }
}

/// Whether half of those that were looked at, or more, had ended by then.
fn they_end(runs: &[Run]) -> bool {
    let looked = runs.iter().filter_map(|run| run.was_gone);
    let gone = looked.clone().filter(|was_gone| *was_gone).count();
    gone > 0 && gone * 2 >= looked.count()
}

/// Of the processes whose start is known.
fn lives(parts: &[Part<'_>]) -> BTreeMap<ProcessKey, Life> {
    let mut lives: BTreeMap<ProcessKey, Life> = BTreeMap::new();
    for part in parts {
        let process = part.key.process.filter(|process| process.start_ns > 0);
        let (Some(process), Some(first_ns)) = (process, part.tally().first_seen_ns) else {
            continue;
        };
        let latest_ns = part.latest_start().unwrap_or(first_ns);
        let opened = part.tally().opened();
        let life = lives.entry(process).or_insert(Life {
            first_ns,
            latest_ns,
            opened: 0,
            comm: part.flow.process_comm,
        });
        life.first_ns = life.first_ns.min(first_ns);
        life.latest_ns = life.latest_ns.max(latest_ns);
        life.opened += opened;
    }
    lives
}

/// From the earliest to the latest.
fn span(times: impl Iterator<Item = [u64; 2]> + Clone) -> u64 {
    let first = times.clone().map(|[first, _]| first).min();
    let latest = times.map(|[_, latest]| latest).max();
    latest.unwrap_or(0).saturating_sub(first.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence, Finding,
            churn::Churn,
            test_case::{diagnosed_with, every, gone, looked_too_late, only},
        },
        inspection::Details,
        ledger::test_connection::{MS, by},
        outcome::Outcome,
        process::{ProcessIdentity, ProcessKey},
        registry::Registry,
    };

    use super::{Run, is_again};

    /// Five runs of a program that end so, with so much unread.
    fn died(outcome: Outcome, unread: u32) -> Finding {
        let runs = every(1_000, 5, (95, 241, outcome)).into_iter().zip(100..);
        let runs = runs.map(|(mut one, pid)| {
            one = by(one, pid, pid, "app");
            one.opener.as_mut().unwrap().process_start_ns = Some(one.started_ns - MS);
            one.traffic.unread = Some(unread);
            one
        });
        let runs: Vec<_> = runs.collect();
        only(diagnosed_with(&runs, &gone(&runs)))
    }

    #[test]
    fn a_program_that_is_killed_while_it_works_is_told_as_one_that_may_be() {
        let killed = died(Outcome::ResetByUs, 100);
        let story = (killed.name, killed.confidence);
        assert_eq!(story, (Churn::ClientPerRequest, Confidence::Possible));
        let against = killed.reasons_against.join("; ");
        assert!(against.contains("killed while it works"), "{against}");
        assert!(killed.next[0].contains("journalctl"), "{:?}", killed.next);
        for (outcome, unread) in [
            (Outcome::AnsweredThenClosedByUs, 0),
            (Outcome::ResetByUs, 0),
        ] {
            let closed = died(outcome, unread);
            assert_eq!(closed.confidence, Confidence::Likely);
            let against = closed.reasons_against.join("; ");
            assert!(against.contains("crashes, or is killed"), "{against}");
            let decides = closed.would_decide.join("; ");
            assert!(decides.contains("a pod's restarts"), "{decides}");
        }
        let in_order = died(Outcome::AnsweredThenClosedByPeer, 0);
        let said = format!("{in_order:?}");
        assert!(!said.contains("killed"), "{said}");
    }

    const SESSION: (u64, u64, Outcome) = (101, 81, Outcome::AnsweredThenClosedByUs);

    /// Six processes with two sessions each, a session each half a second; the process of the
    /// n-th was started so many milliseconds after boot.
    fn sessions(started_ms: impl Fn(u32) -> u64) -> Finding {
        let sessions = every(500, 12, SESSION).into_iter().zip(0..);
        let sessions: Vec<Connection> = sessions
            .map(|(mut one, step)| {
                // In turn: each comes back after the others.
                let pid = 100 + step % 6;
                one = by(one, pid, pid, "python3");
                if let Some(opener) = &mut one.opener {
                    opener.process_start_ns = Some(started_ms(step % 6) * MS);
                }
                one
            })
            .collect();
        only(diagnosed_with(&sessions, &gone(&sessions)))
    }

    #[test]
    fn workers_that_were_started_together_and_come_back_are_no_runs() {
        let finding = sessions(|step| 100 + u64::from(step) * 10);
        assert_eq!(finding.name, Churn::ClientPerRequest);
        let said = format!("{:?} {:?}", finding.summary, finding.next);
        assert!(!said.contains("run"), "{said}");
        assert!(said.contains("these processes create a client"), "{said}");
        let keeps = finding.reasons_for.iter();
        assert_eq!(
            keeps.filter(|one| one.contains("keeps its thread")).count(),
            0
        );
    }

    #[test]
    fn processes_with_a_start_of_their_own_each_are_runs() {
        let finding = sessions(|step| 900 + u64::from(step) * 500);
        assert_eq!(finding.name, Churn::ClientPerRequest);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert!(finding.summary.contains("each run of this program"));
    }

    /// So many processes with one session each: when each was started, what it runs, and whether
    /// it had ended when it was looked at.
    fn once(
        started_ms: impl Fn(u32) -> u64,
        command: impl Fn(u32) -> Vec<String>,
        ends: bool,
    ) -> Finding {
        let mut registry = Registry::default();
        let sessions = every(500, 8, SESSION).into_iter().zip(0..);
        let sessions: Vec<Connection> = sessions
            .map(|(mut one, step)| {
                one = by(one, 100 + step, 100 + step, "java");
                let start_ns = started_ms(step) * MS;
                one.opener.as_mut().unwrap().process_start_ns = Some(start_ns);
                let key = ProcessKey::new(100 + step, start_ns);
                let command = command(step);
                registry.insert(ProcessIdentity::new(key, "java".to_owned(), None, command));
                let mut look = looked_too_late(key);
                look.details = (!ends).then(Details::default);
                registry.insert_inspection(look);
                one
            })
            .collect();
        only(diagnosed_with(&sessions, &registry))
    }

    fn of_application(name: String) -> Vec<String> {
        vec!["java".to_owned(), "-cp".to_owned(), "lib".to_owned(), name]
    }

    #[test]
    fn services_that_are_started_once_are_not_said_to_run_often() {
        let job = |_| of_application("com.example.Job".to_owned());
        let service = |step| of_application(format!("com.example.Service{step}"));
        let in_turn = |step: u32| 990 + u64::from(step) * 500;
        let told = |finding: &Finding| {
            assert_eq!(finding.name, Churn::ClientPerRequest);
            let said = format!("{finding:?}");
            assert_eq!(
                said.contains("runs often"),
                finding.confidence == Confidence::Likely
            );
            let names_services = said.contains("at their start");
            assert_ne!(
                names_services,
                finding.confidence == Confidence::Likely,
                "{said}"
            );
            finding.confidence
        };
        assert_eq!(told(&once(in_turn, job, true)), Confidence::Likely);
        // As load grows: they stay.
        assert_eq!(told(&once(in_turn, job, false)), Confidence::Possible);
        // All at one moment, as by a deploy: of one program, or of several.
        assert_eq!(told(&once(|_| 400, job, true)), Confidence::Possible);
        assert_eq!(told(&once(|_| 400, service, true)), Confidence::Possible);
        // One after the other, and each is another program.
        assert_eq!(told(&once(in_turn, service, true)), Confidence::Possible);
    }

    /// So many, one each half a second, or so many times as rarely.
    fn runs(count: u64, rarely: u64, was_gone: Option<bool>) -> Vec<Run> {
        let run = |step| Run {
            started_ns: step * 500 * rarely * MS,
            first_ns: (step * 500 * rarely + 10) * MS,
            was_gone,
        };
        (0..count).map(run).collect()
    }

    #[test]
    fn what_has_not_been_started_for_long_was_perhaps_started_once() {
        let few = runs(8, 1, Some(true));
        assert!(is_again(&few, 4_000 * MS) && is_again(&few, 10_000 * MS));
        assert!(!is_again(&few, 11_000 * MS));
        assert!(is_again(&runs(14, 1, Some(true)), 60_000 * MS));
    }

    /// As load grows, say: one process after the other, which stay.
    #[test]
    fn services_that_are_started_one_after_the_other_are_no_runs() {
        for was_gone in [None, Some(false)] {
            assert!(!is_again(&runs(14, 1, was_gone), 7_000 * MS));
            // For long, and as many as no host has services of one kind.
            assert!(is_again(&runs(14, 10, was_gone), 70_000 * MS));
            assert!(is_again(&runs(40, 1, was_gone), 21_000 * MS));
            assert!(!is_again(&runs(40, 1, was_gone), 90_000 * MS));
        }
        let mut mixed = runs(14, 1, Some(false));
        mixed[3].was_gone = Some(true);
        assert!(!is_again(&mixed, 7_000 * MS));
        for run in &mut mixed[4..10] {
            run.was_gone = Some(true);
        }
        assert!(is_again(&mixed, 7_000 * MS));
    }
}

// SPDX-License-Identifier: MIT
//! Many that do the same: remote hosts at a port of this host, and processes of one name and
//! user, whatever their arguments are. They are one story: of thirty findings the first would be
//! of a thirtieth of the connections.

use std::collections::BTreeMap;

use super::{
    cases::Scope,
    churn::Churn,
    cluster::{Cluster, Owner},
    finding::Confidence,
    join::{self, Story},
};
use crate::ledger::Destination;

/// So many are no few that can be named one by one.
const MANY: usize = 3;

/// What is of each host by itself: who shares a session with whom, and how many connections an
/// address may have.
const OF_EACH: [Churn; 2] = [Churn::OneSessionTwoClients, Churn::ConnectionLimit];

/// What many hosts do at a port, or many processes of one name at a peer, as one.
pub(super) fn many<'a>(scope: &Scope<'a>, stories: Vec<Story<'a>>) -> Vec<Story<'a>> {
    let judge = |owner, cluster| Story::of(scope, owner, cluster);
    hosts(processes(scope, stories, judge), judge)
}

/// Puts those of processes of one name together that are told the same, where that is told of the
/// whole, too; `judge` says what is told of connections.
pub(super) fn processes<'a>(
    scope: &Scope<'a>,
    stories: Vec<Story<'a>>,
    judge: impl Fn(Owner, Cluster<'a>) -> Story<'a>,
) -> Vec<Story<'a>> {
    as_one_each(stories, |story| told_of_process(scope, story), judge)
}

/// What hosts do alike: what is told of them, how surely, at which port of which network
/// namespace.
type Alike = (Churn, Confidence, u16, Option<u32>);

/// Puts those of many hosts together that are told the same, where that is told of the whole,
/// too; `judge` says what is told of connections.
pub(super) fn hosts<'a>(
    stories: Vec<Story<'a>>,
    judge: impl Fn(Owner, Cluster<'a>) -> Story<'a>,
) -> Vec<Story<'a>> {
    as_one_each(stories, told_of_host, judge)
}

/// Puts those together of which the same is `told`.
fn as_one_each<'a, Told: Ord>(
    stories: Vec<Story<'a>>,
    told: impl Fn(&Story<'a>) -> Option<Told>,
    judge: impl Fn(Owner, Cluster<'a>) -> Story<'a>,
) -> Vec<Story<'a>> {
    let mut alike: BTreeMap<Told, Vec<Story<'a>>> = BTreeMap::new();
    let mut all = Vec::new();
    for story in stories {
        match told(&story) {
            Some(told) => alike.entry(told).or_default().push(story),
            None => all.push(story),
        }
    }
    for mut stories in alike.into_values() {
        all.extend(take_outstanding(&mut stories));
        let whole = is_of_many(&stories).then(|| join::as_one(&stories, &judge));
        match whole.flatten() {
            Some(story) => all.push(story),
            None => all.extend(stories),
        }
    }
    all
}

/// What processes do alike, and what they are called.
type AlikeByName = (Churn, Confidence, (String, Option<u32>), Vec<Destination>);

fn told_of_process(scope: &Scope<'_>, story: &Story<'_>) -> Option<AlikeByName> {
    if !matches!(story.owner, Owner::Process(_)) {
        return None;
    }
    let (name, confidence) = story.lead()?;
    let called = scope.name_of_all(&story.cluster)?;
    let is_of_all = name != Churn::OneSessionTwoClients;
    is_of_all.then(|| (name, confidence, called, story.case.destinations.clone()))
}

fn told_of_host(story: &Story<'_>) -> Option<Alike> {
    let Owner::Peer(Destination::Client { port, netns, .. }) = story.owner else {
        return None;
    };
    let (name, confidence) = story.lead()?;
    (!OF_EACH.contains(&name)).then_some((name, confidence, port, netns))
}

/// Takes out those that have most of the connections: they are the finding, not one of many.
fn take_outstanding<'a>(stories: &mut Vec<Story<'a>>) -> Vec<Story<'a>> {
    let connections = |story: &Story<'_>| story.case.tally.opened();
    stories.sort_by_cached_key(|story| std::cmp::Reverse(connections(story)));
    let mut rest: u64 = stories.iter().map(connections).sum();
    let outstanding = stories.iter().take_while(|story| {
        rest -= connections(story);
        connections(story) > rest
    });
    let outstanding = outstanding.count();
    stories.drain(..outstanding).collect()
}

fn is_of_many(stories: &[Story<'_>]) -> bool {
    let mut owners: Vec<_> = stories.iter().map(|story| story.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    owners.len() >= MANY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::Connection,
        diagnose::{
            Finding,
            test_case::{diagnosed, every, names, only},
        },
        ledger::test_connection::{MS, by, server_side},
        outcome::Outcome,
    };

    type Kind = (u64, u64, Outcome);

    const SILENT: Kind = (0, 0, Outcome::ClosedByPeerBeforeAnyByte);
    const UNANSWERED: Kind = (0, 49, Outcome::ClosedByUsWithoutAnswer);

    /// So many connections of a remote host, one each `period_ms`.
    fn of_host(number: u8, count: u64, period_ms: u64, kind: Kind) -> Vec<Connection> {
        let all = every(period_ms, count, kind).into_iter();
        let all = all.map(|one| {
            let mut one = server_side(one);
            one.remote.set_ip([192, 0, 2, number].into());
            one.socket += u64::from(number) << 32;
            one
        });
        all.collect()
    }

    fn of_hosts(hosts: u8, count: u64, kind: Kind) -> Vec<Connection> {
        let hosts = 1..=hosts;
        hosts
            .flat_map(|number| of_host(number, count, 1_800, kind))
            .collect()
    }

    fn counts(finding: &Finding) -> Vec<(&str, u64)> {
        let hosts = finding.who.hosts.iter();
        hosts
            .map(|one| (one.host.as_str(), one.connections))
            .collect()
    }

    #[test]
    fn hosts_that_do_the_same_are_one_finding_with_all_of_their_connections() {
        let found = only(diagnosed(&of_hosts(30, 4, SILENT)));
        assert_eq!(
            (found.who.kind, found.connections, found.explains),
            ("remote_hosts", 120, Some(120))
        );
        assert_eq!(
            found.who.words,
            "30 remote hosts: 192.0.2.1 (4 connections), 192.0.2.2 (4), 192.0.2.3 (4) and 27 more"
        );
        assert_eq!(found.who.hosts.len(), 30);
        let lines = found.who.host_lines().join("\n");
        assert!(
            (1..=30).all(|number| lines.contains(&format!("192.0.2.{number} (4"))),
            "{lines}"
        );
        assert_eq!(found.destinations.len(), 30);
        // The rhythm is that of each, not that of one host after another.
        assert_eq!(
            found.rhythm.as_deref(),
            Some("every 1.80 s by each of them")
        );
        assert!(
            found
                .next
                .iter()
                .all(|advice| !advice.contains("that host")),
            "{:?}",
            found.next
        );
    }

    /// Workers of one name, each with its own arguments, or gone before anybody looked.
    #[test]
    fn processes_of_one_name_that_do_the_same_are_one_finding() {
        let refused = |pids: std::ops::Range<u32>, uid: u32| {
            pids.flat_map(move |pid| {
                let all = every(1_000, 4, (0, 0, Outcome::Refused)).into_iter();
                all.map(move |one| {
                    let mut one = by(one, pid, pid, "worker");
                    one.opener.as_mut().unwrap().uid = uid;
                    one.socket += u64::from(pid) << 32;
                    one
                })
            })
        };
        let found = only(diagnosed(&refused(100..130, 0).collect::<Vec<_>>()));
        assert_eq!(
            (found.who.processes, found.connections, found.explains),
            (Some(30), 120, Some(120))
        );
        assert_eq!(found.summary, "120 connections were refused.");
        assert_eq!(found.who.pids.len(), 30);
        let lines = found.who.pid_lines().join("\n");
        assert!(
            (100..130).all(|pid| lines.contains(&format!("{pid} (4"))),
            "{lines}"
        );
        // Another user's are others.
        let two_users: Vec<_> = refused(100..104, 0).chain(refused(200..204, 7)).collect();
        let found = diagnosed(&two_users);
        let uids: Vec<_> = found.iter().map(|one| one.who.uid).collect();
        assert_eq!(uids, [Some(0), Some(7)]);
    }

    #[test]
    fn two_hosts_are_named_one_by_one() {
        let found = diagnosed(&of_hosts(2, 4, SILENT));
        let who: Vec<_> = found.iter().map(|one| one.who.words.as_str()).collect();
        assert_eq!(who, ["remote host 192.0.2.1", "remote host 192.0.2.2"]);
    }

    #[test]
    fn a_host_that_has_most_of_them_stands_for_itself() {
        let mut all = of_hosts(5, 4, UNANSWERED);
        all.extend(of_host(99, 40, 500, UNANSWERED));
        let found = diagnosed(&all);
        let who: Vec<_> = found.iter().map(|one| one.who.kind).collect();
        assert_eq!(who, ["remote_host", "remote_hosts"]);
        assert_eq!(found[0].who.label, "192.0.2.99");
        // One that has many, and not most, is the first of them.
        let mut all = of_hosts(20, 4, UNANSWERED);
        all.extend(of_host(99, 40, 500, UNANSWERED));
        let found = only(diagnosed(&all));
        assert_eq!(counts(&found)[..2], [("192.0.2.99", 40), ("192.0.2.1", 4)]);
        assert_eq!(found.connections, 120);
    }

    #[test]
    fn what_hosts_do_otherwise_is_another_finding() {
        let mut all = of_hosts(4, 4, UNANSWERED);
        for number in 50..54 {
            all.extend(of_host(number, 6, 1_800, SILENT));
        }
        let found = diagnosed(&all);
        assert_eq!(found.len(), 2, "{:?}", names(&found));
        let mut sizes: Vec<_> = found.iter().map(|one| one.connections).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [16, 24]);
    }

    /// Timers of different periods, between 1.1 and 2.1 s.
    #[test]
    fn several_rhythms_are_no_back_off() {
        let all = (0..8).flat_map(|step| {
            let number = step + 1;
            of_host(number, 9, 1_120 + 130 * u64::from(step), SILENT)
        });
        let found = only(diagnosed(&all.collect::<Vec<_>>()));
        assert_eq!((found.who.hosts.len(), found.connections), (8, 72));
        assert_eq!(found.rhythm, None);
        let reasons = found.reasons_for.join("\n");
        assert!(!reasons.contains("back-off"), "{reasons}");
    }

    /// Each host opens one connection after the other, all of them at the same times.
    #[test]
    fn handles_that_hosts_leave_open_are_one_finding() {
        let mut all = of_hosts(6, 8, (101, 81, Outcome::StillOpen));
        for one in &mut all {
            one.stage = crate::connection::Stage::Established;
            one.left_established_ns = None;
            one.ended_ns = None;
            one.local_close_ns = None;
            one.started_ns += 1_000 * MS;
        }
        let found = only(diagnosed(&all));
        assert_eq!(
            (found.name, found.who.hosts.len(), found.connections),
            (Churn::HandleLeak, 6, 48)
        );
    }
}

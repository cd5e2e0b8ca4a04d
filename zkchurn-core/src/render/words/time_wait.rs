// SPDX-License-Identifier: MIT
//! Whose TIME_WAIT sockets are, in words.

use crate::{
    diagnose::Finding,
    frame::{LossCounts, Sides},
    text,
    timewait::{
        owner_row::OwnerRow,
        table::{TimeWait, UNFILTERED},
    },
};

/// Bytes of a Java thread's name that are shown.
const NAME_SHOWN: usize = 80;

pub(crate) fn sentence(table: &TimeWait) -> String {
    let known = table.owners.iter().find(|one| is_known(&one.owner));
    let Some(first) = known.or(table.owners.first()) else {
        return none(table);
    };
    let (count, total) = (
        text::count(first.count),
        text::counted(table.total, "socket"),
    );
    let whose = whose(&first.owner, first.threads);
    let belong = match first.count {
        1 => "belongs",
        _ => "belong",
    };
    match (known, table.total) {
        (Some(_), 1) => format!("TIME_WAIT: 1 socket, which belongs to {whose}"),
        (Some(_), all) if all == first.count => {
            format!("TIME_WAIT: all {total} belong to {whose}")
        }
        (Some(_), _) => format!("TIME_WAIT: {count} of {total} {belong} to {whose}"),
        (None, _) => format!("TIME_WAIT: {count} of {total}: {whose}"),
    }
}

/// Of the sides that are listed: a server's trace says nothing of the clients on its host.
fn none(table: &TimeWait) -> String {
    let none = match table.sides {
        Some(Sides::Client) => "no socket opened to the traced ports",
        Some(Sides::Server) => "no socket accepted at the traced ports",
        Some(Sides::Both) | None => "no socket to or from the traced ports",
    };
    let is_short = table.notes.iter().any(|note| note != UNFILTERED);
    let listed = match is_short {
        true => ", as far as they could be listed",
        false => "",
    };
    format!("TIME_WAIT: {none}{listed}")
}

pub(crate) fn is_known(owner: &OwnerRow) -> bool {
    matches!(
        owner,
        OwnerRow::Traced { .. } | OwnerRow::TracedProcesses { .. }
    )
}

pub(crate) fn whose(of: &OwnerRow, threads: u64) -> String {
    match (of, threads) {
        (OwnerRow::Traced { pid, process, .. }, 2..) => format!(
            "{}, from {} threads",
            process_name(*pid, process),
            text::count(threads)
        ),
        _ => owner(of),
    }
}

pub(crate) fn process_name(pid: u32, process: &str) -> String {
    format!("pid {pid} {}", text::printable(process.as_bytes()))
}

pub(crate) fn owner(owner: &OwnerRow) -> String {
    match owner {
        OwnerRow::Traced {
            pid,
            process,
            tid,
            thread,
            java_thread,
            ..
        } => {
            let process = process_name(*pid, process);
            let java_thread = java_thread
                .as_ref()
                .map(|name| text::printable(text::clip(name, NAME_SHOWN).as_bytes()));
            match (tid, java_thread.as_ref().or(thread.as_ref())) {
                (Some(tid), Some(thread)) => format!("{process} thread {tid} \"{thread}\""),
                _ => format!("{process}, thread unknown (older than the trace)"),
            }
        }
        OwnerRow::TracedProcesses {
            process,
            processes,
            such_as,
        } => format!(
            "{} processes named {}, such as pid {such_as}",
            text::count(*processes),
            text::printable(process.as_bytes())
        ),
        OwnerRow::ClosedBeforeStart => "closed before zkchurn started: owner unknown".to_owned(),
        OwnerRow::ClosedBeforePart => {
            "closed before this part of the recording: an earlier --since may tell the owner"
                .to_owned()
        }
        OwnerRow::Evicted => "ended too long ago: evicted from the table".to_owned(),
        OwnerRow::NotRecorded => "closed during the trace, but not recorded".to_owned(),
        OwnerRow::NotThatProcess => {
            "closed during the trace: not recorded of the traced process".to_owned()
        }
    }
}

pub(crate) fn left(first_ms: u32, last_ms: u32) -> String {
    let duration = |ms: u32| text::duration(u64::from(ms) * 1_000_000);
    match first_ms == last_ms {
        true => duration(first_ms),
        false => format!("{} to {}", duration(first_ms), duration(last_ms)),
    }
}

/// How many of the TIME_WAIT sockets are of these connections, as far as process, thread and
/// peer tell: others of the same process are another finding's. At least so many, where the
/// owner of others is unknown.
pub(crate) fn of_finding(
    table: Option<&TimeWait>,
    loss: &LossCounts,
    finding: &Finding,
) -> Option<String> {
    let table = table?;
    let who = &finding.who;
    let is_theirs = |owner: &OwnerRow| match (who.processes, owner) {
        (None, OwnerRow::Traced { pid, .. }) => Some(*pid) == who.pid,
        (Some(_), OwnerRow::Traced { process, .. } | OwnerRow::TracedProcesses { process, .. }) => {
            is_of_name(process, &who.name_of_all)
        }
        _ => false,
    };
    let is_other_threads = |owner: &OwnerRow| who.tid.is_some() && owner.tid() != who.tid;
    let groups = table.groups.iter();
    let (here, elsewhere): (Vec<_>, Vec<_>) = groups
        .filter(|group| is_theirs(&group.owner))
        .partition(|group| {
            finding.destinations.contains(&group.remote) && !is_other_threads(&group.owner)
        });
    let of_these: u64 = here.iter().map(|group| group.count).sum();
    let whose = match (who.processes, elsewhere.is_empty()) {
        (None, true) => "this process's",
        (None, false) => "of these connections, others of the same process are not",
        (Some(_), true) => "of processes of this name",
        (Some(_), false) => "of these connections, others of processes of this name are not",
    };
    let is = match of_these {
        0 => return None,
        // None of its connections has ended: they are those of another finding.
        _ if finding.explains == Some(0) => return None,
        1 => "is",
        _ => "are",
    };
    let all = text::counted(table.total, "TIME_WAIT socket");
    let at_least = match has_unknown(table, !loss.is_none()) {
        true => "at least ",
        false => "",
    };
    let count = text::count(of_these);
    Some(format!("{at_least}{count} of {all} {is} {whose}"))
}

/// Whether a process has this name: `python3` is that of "python3 (shop.py)", too.
fn is_of_name(label: &str, name: &str) -> bool {
    let rest = label.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// Whether there are sockets that may be anybody's.
fn has_unknown(table: &TimeWait, are_records_lost: bool) -> bool {
    table.owners.iter().any(|one| match one.owner {
        OwnerRow::Traced { .. } | OwnerRow::TracedProcesses { .. } => false,
        // Of the traced process there is a record, unless that was lost.
        OwnerRow::NotThatProcess => are_records_lost,
        OwnerRow::ClosedBeforeStart
        | OwnerRow::ClosedBeforePart
        | OwnerRow::Evicted
        | OwnerRow::NotRecorded => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::test_case::{diagnosed, every, only},
        outcome::Outcome,
        timewait::table::{Group, OwnerTotal},
    };

    fn headline(owners: &[(OwnerRow, u64)]) -> String {
        let mut table = TimeWait::default();
        table.total = owners.iter().map(|(_, count)| count).sum();
        let totals = owners.iter().map(|(owner, count)| OwnerTotal {
            owner: owner.clone(),
            threads: 1,
            count: *count,
        });
        table.owners = totals.collect();
        sentence(&table)
    }

    #[test]
    fn the_owner_comes_first_and_hostile_names_change_nothing() {
        let thread = OwnerRow::Traced {
            pid: 42,
            start_ns: 0,
            process: "belong to: \u{1b}[2J".to_owned(),
            tid: Some(43),
            thread: Some("main-SendThread".to_owned()),
            java_thread: Some("main-SendThread(zk1:2181)\u{9b}".to_owned()),
        };
        let headline_of_both = headline(&[(OwnerRow::ClosedBeforeStart, 30), (thread, 7)]);
        assert_eq!(
            headline_of_both,
            "TIME_WAIT: 7 of 37 sockets belong to pid 42 belong to: \\u{1b}[2J thread 43 \
             \"main-SendThread(zk1:2181)\\u{9b}\""
        );
        let many = OwnerRow::TracedProcesses {
            process: "nc".to_owned(),
            processes: 15,
            such_as: 7,
        };
        assert_eq!(
            headline(&[(many, 15)]),
            "TIME_WAIT: all 15 sockets belong to 15 processes named nc, such as pid 7"
        );
        let one = |count| OwnerRow::TracedProcesses {
            process: "nc".to_owned(),
            processes: count,
            such_as: 7,
        };
        assert!(headline(&[(one(1), 1)]).starts_with("TIME_WAIT: 1 socket, which belongs to"));
        let of_more = headline(&[(one(1), 1), (OwnerRow::ClosedBeforeStart, 1)]);
        assert!(of_more.starts_with("TIME_WAIT: 1 of 2 sockets belongs to"));
        let unknown = headline(&[(OwnerRow::ClosedBeforeStart, 3)]);
        assert!(unknown.starts_with("TIME_WAIT: 3 of 3 sockets: closed before"));
    }

    #[test]
    fn that_there_is_none_is_said_of_what_was_listed() {
        let said = |sides, notes: &[&str]| {
            let mut table = TimeWait::default();
            table.sides = sides;
            table.notes = notes.iter().map(|note| (*note).to_owned()).collect();
            sentence(&table)
        };
        assert_eq!(
            said(Some(Sides::Server), &[]),
            "TIME_WAIT: no socket accepted at the traced ports"
        );
        assert_eq!(
            said(Some(Sides::Client), &["a namespace was not listed"]),
            "TIME_WAIT: no socket opened to the traced ports, as far as they could be listed"
        );
        assert_eq!(
            said(Some(Sides::Both), &[UNFILTERED]),
            "TIME_WAIT: no socket to or from the traced ports"
        );
    }

    /// One process may be refused at one address and churn at another; what is refused leaves
    /// no socket in TIME_WAIT.
    #[test]
    fn sockets_of_another_finding_of_the_process_are_not_this_ones() {
        let finding = only(diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused))));
        let group = |remote: &str, tid: Option<u32>| Group {
            owner: OwnerRow::Traced {
                pid: finding.who.pid.unwrap(),
                start_ns: 0,
                process: finding.who.label.clone(),
                tid,
                thread: None,
                java_thread: None,
            },
            threads: 1,
            remote: remote.to_owned(),
            count: 3,
            first_left_ms: 0,
            last_left_ms: 0,
        };
        let said = |groups: Vec<Group>| {
            let mut table = TimeWait::default();
            table.total = 9;
            table.groups = groups;
            of_finding(Some(&table), &LossCounts::default(), &finding)
        };
        let here = group(&finding.destinations[0], finding.who.tid);
        let elsewhere = group("192.0.2.9:2181", finding.who.tid);
        assert_eq!(said(vec![elsewhere.clone()]), None);
        assert_eq!(
            said(vec![here.clone()]).unwrap(),
            "3 of 9 TIME_WAIT sockets are this process's"
        );
        assert_eq!(
            said(vec![here, elsewhere]).unwrap(),
            "3 of 9 TIME_WAIT sockets are of these connections, others of the same process are not"
        );
        let other_thread = group(&finding.destinations[0], Some(1));
        assert!(finding.who.tid.is_some() && finding.who.tid != Some(1));
        assert_eq!(said(vec![other_thread]), None);
        // What leaks has ended none, and is many threads.
        let mut leak = finding.clone();
        leak.who.tid = None;
        leak.explains = Some(0);
        let mut table = TimeWait::default();
        table.total = 9;
        table.groups = vec![group(&leak.destinations[0], Some(1))];
        let none = LossCounts::default();
        assert_eq!(of_finding(Some(&table), &none, &leak), None);
        leak.explains = Some(3);
        assert!(of_finding(Some(&table), &none, &leak).is_some());
    }

    fn owned(pid: u32, process: &str, remote: &str) -> Group {
        Group {
            owner: OwnerRow::Traced {
                pid,
                start_ns: 0,
                process: process.to_owned(),
                tid: Some(pid),
                thread: None,
                java_thread: None,
            },
            threads: 1,
            remote: remote.to_owned(),
            count: 2,
            first_left_ms: 0,
            last_left_ms: 0,
        }
    }

    /// Three scripts of one interpreter, told as processes of its name.
    #[test]
    fn sockets_are_counted_by_the_name_that_the_sentence_speaks_of() {
        let mut finding = only(diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused))));
        (finding.who.processes, finding.who.tid) = (Some(3), None);
        finding.who.label = "python3 (solr.py)".to_owned();
        finding.who.name_of_all = "python3".to_owned();
        let to = finding.destinations[0].clone();
        let mut table = TimeWait::default();
        table.total = 8;
        let names = [
            "python3 (kafka.py)",
            "python3 (solr.py)",
            "python3",
            "python3.12",
        ];
        table.groups = (1..)
            .zip(names)
            .map(|(pid, name)| owned(pid, name, &to))
            .collect();
        assert_eq!(
            of_finding(Some(&table), &LossCounts::default(), &finding).unwrap(),
            "6 of 8 TIME_WAIT sockets are of processes of this name"
        );
    }

    #[test]
    fn there_may_be_more_where_owners_are_unknown() {
        let mut finding = only(diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused))));
        (finding.who.pid, finding.who.tid) = (Some(7), Some(7));
        let said = |other: OwnerRow, loss: &LossCounts| {
            let ours = owned(7, "java", &finding.destinations[0]);
            let mut theirs = ours.clone();
            theirs.owner = other;
            let mut table = TimeWait::default();
            table.total = 4;
            table.groups = vec![ours, theirs];
            let owners = table.groups.iter().cloned();
            table.owners = owners.map(OwnerTotal::from).collect();
            of_finding(Some(&table), loss, &finding).unwrap()
        };
        let none = LossCounts::default();
        let lost = LossCounts {
            ended_records_dropped: 3,
            ..none
        };
        let is_at_least = |said: String| said.starts_with("at least 2 of 4 TIME_WAIT sockets");
        assert!(is_at_least(said(OwnerRow::NotRecorded, &none)));
        assert!(is_at_least(said(OwnerRow::Evicted, &none)));
        assert!(is_at_least(said(OwnerRow::ClosedBeforeStart, &none)));
        assert!(!is_at_least(said(OwnerRow::NotThatProcess, &none)));
        assert!(is_at_least(said(OwnerRow::NotThatProcess, &lost)));
        assert!(!is_at_least(said(owned(8, "nc", "").owner, &lost)));
    }
}

// SPDX-License-Identifier: MIT
//! Families: a process and its peer, or the many processes of one name that opened a
//! connection or two each to a peer. What a screen has a row for.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{Report, Sources, Summary, ThreadRow, build};
use crate::{
    connection::{Comm, Connection, Side},
    diagnose::Finding,
    ledger::{Destination, Flow, FlowKey, Ledger, apart::Apart, tally::Tally},
    process::ProcessKey,
    timewait::owner_row::OwnerRow,
};

/// A process that opened more connections than these stands for itself.
const A_FEW: u64 = 2;

/// What makes two rows the same family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FamilyKey {
    /// One process, or one remote host, and its peer.
    Flow(FlowKey),
    /// Processes of one name and user, a connection or two each, and their peer.
    Programs {
        /// Name of their leaders.
        comm: Option<Comm>,
        /// Their user.
        uid: Option<u32>,
        /// The peer.
        destination: Destination,
    },
}

impl FamilyKey {
    /// The peer.
    pub fn destination(&self) -> Destination {
        match self {
            Self::Flow(key) => key.destination,
            Self::Programs { destination, .. } => *destination,
        }
    }

    /// The one process, where there is one.
    pub fn process(&self) -> Option<ProcessKey> {
        match self {
            Self::Flow(key) => key.process,
            Self::Programs { .. } => None,
        }
    }

    /// Whether a connection, whose peer is that of the family, is one of its own.
    pub fn has(&self, connection: &Connection) -> bool {
        match self {
            Self::Flow(key) => ProcessKey::of(connection) == key.process,
            Self::Programs { comm, uid, .. } => connection
                .opener
                .is_some_and(|opener| opener.process_comm == *comm && Some(opener.uid) == *uid),
        }
    }
}

/// A family.
#[derive(Clone, Debug)]
pub struct FamilyRow {
    pub key: FamilyKey,
    /// Name of the process with the application, or the remote host. Of another process's
    /// making: to be made printable.
    pub label: String,
    /// The process, or the latest of several.
    pub pid: Option<u32>,
    /// How many processes there are.
    pub processes: u64,
    /// The peer; of accepted connections the local port.
    pub destination: String,
    /// All connections.
    pub summary: Summary,
    /// How many threads opened them; at least, if `threads_uncounted`; 0 of several processes.
    pub thread_count: u64,
    /// Whether there were more threads than are told apart.
    pub threads_uncounted: bool,
    /// The busiest threads.
    pub threads: Vec<ThreadRow>,
    /// TIME_WAIT sockets of its own; `None` where they were not listed.
    pub time_wait: Option<u64>,
    /// The worst finding about it: its index in the report.
    pub finding: Option<usize>,
}

/// The families, worst first: those of the worst finding, then the busiest. And how many
/// more there are.
pub fn rows(sources: &Sources<'_>, report: &Report, most: usize) -> (Vec<FamilyRow>, u64) {
    let mut families = grouped(sources.ledger, sources, report);
    families.sort_by_cached_key(|family| {
        let rank = family.finding.unwrap_or(usize::MAX);
        (rank, family.tally.busyness(), family.key)
    });
    let left_out = families.len().saturating_sub(most) as u64;
    let rows = families.into_iter().take(most);
    let mut rows: Vec<_> = rows.map(|family| row(family, sources, report)).collect();
    tell_namespaces_apart(&mut rows);
    (rows, left_out)
}

/// Where rows read alike because each network namespace has its own 127.0.0.1, or its own port,
/// each says which one it is.
fn tell_namespaces_apart(rows: &mut [FamilyRow]) {
    let looks = |row: &FamilyRow| {
        let pid = row.pid.filter(|_| row.processes == 1);
        (row.label.clone(), pid, row.destination.clone())
    };
    let apart = Apart::of((rows.iter()).map(|row| (looks(row), row.key.destination().netns())));
    for row in rows {
        if let Some(netns) = apart.netns(&looks(row), row.key.destination().netns()) {
            row.destination.push_str(&format!(" netns {netns}"));
        }
    }
}

/// What is known of a family before its row is made.
struct Family<'a> {
    key: FamilyKey,
    latest: (&'a FlowKey, &'a Flow),
    processes: u64,
    members: Vec<(ProcessKey, Option<Comm>)>,
    tally: Box<Tally>,
    label: String,
    finding: Option<usize>,
}

fn grouped<'a>(ledger: &'a Ledger, sources: &Sources<'_>, report: &Report) -> Vec<Family<'a>> {
    let mut programs: BTreeMap<FamilyKey, Vec<(&FlowKey, &Flow)>> = BTreeMap::new();
    for (key, flow) in ledger.flows() {
        let is_one_of_many = key.process.is_some() && flow.tally.opened() <= A_FEW;
        let family = match is_one_of_many && flow.tally.older.seen == 0 {
            true => FamilyKey::Programs {
                comm: flow.process_comm,
                uid: flow.uid,
                destination: key.destination,
            },
            false => FamilyKey::Flow(*key),
        };
        programs.entry(family).or_default().push((key, flow));
    }
    let families = programs.into_iter();
    let families = families.filter_map(|(key, mut flows)| {
        flows.sort_by_key(|(key, flow)| (flow.tally.first_seen_ns, **key));
        let latest = *flows.last()?;
        let mut tally = Box::<Tally>::default();
        flows.iter().for_each(|(_, flow)| tally.absorb(&flow.tally));
        let key = match flows.as_slice() {
            [(only, _)] => FamilyKey::Flow(**only),
            _ => key,
        };
        let label = label(latest, sources);
        let finding = finding(&report.findings, &key, latest.0, &label);
        Some(Family {
            key,
            latest,
            processes: flows.len() as u64,
            members: (flows.iter())
                .filter_map(|(key, flow)| Some((key.process?, flow.process_comm)))
                .collect(),
            tally,
            label,
            finding,
        })
    });
    families.collect()
}

fn label((key, flow): (&FlowKey, &Flow), sources: &Sources<'_>) -> String {
    match (key.process, key.destination) {
        (Some(process), _) => sources.registry.label(process, flow.process_comm),
        (None, Destination::Client { host, .. }) => host.to_string(),
        (None, Destination::Server { .. }) => "?".to_owned(),
    }
}

/// The first finding about a family.
fn finding(findings: &[Finding], key: &FamilyKey, latest: &FlowKey, label: &str) -> Option<usize> {
    let destination = key.destination().to_string();
    findings.iter().position(|finding| {
        let who = &finding.who;
        let pid = latest.process.map(|process| process.pid);
        let is_about = match (who.kind, who.processes) {
            ("remote_hosts", _) => {
                let is_there = |netns| key.destination().netns() == Some(netns);
                key.process().is_none() && who.netns.is_none_or(is_there)
            }
            ("remote_host", _) => {
                let is_there = |netns| key.destination().netns() == Some(netns);
                who.label == label && who.netns.is_none_or(is_there)
            }
            (_, Some(_)) => who.label == label,
            _ => who.pid == pid,
        };
        is_about && finding.destinations.contains(&destination)
    })
}

fn row(family: Family<'_>, sources: &Sources<'_>, report: &Report) -> FamilyRow {
    let Family {
        key,
        latest: (flow_key, flow),
        processes,
        members,
        tally,
        label,
        finding,
    } = family;
    let scope = build::Scope::of(sources);
    let threads = match key {
        FamilyKey::Flow(_) => build::thread_rows(flow_key, flow, sources, &scope),
        FamilyKey::Programs { .. } => Vec::new(),
    };
    let thread_count = match key {
        FamilyKey::Flow(_) => flow.threads.len() as u64,
        FamilyKey::Programs { .. } => 0,
    };
    let shown = match key.destination() {
        Destination::Server { address, .. } => address.to_string(),
        Destination::Client { port, .. } => format!("port {port} here"),
    };
    FamilyRow {
        pid: flow_key.process.map(|process| process.pid),
        time_wait: time_wait(report, key.destination(), &members, sources),
        summary: build::summary(&tally, &scope),
        thread_count,
        threads_uncounted: flow.threads_left_out,
        threads,
        key,
        label,
        processes,
        destination: shown,
        finding,
    }
}

/// How many TIME_WAIT sockets are this family's, whatever its processes are called.
fn time_wait(
    report: &Report,
    peer: Destination,
    members: &[(ProcessKey, Option<Comm>)],
    sources: &Sources<'_>,
) -> Option<u64> {
    let table = report.time_wait.as_ref()?;
    // Whose a socket is of a connection that was accepted, nobody tells by the remote host.
    if peer.side() == Side::Server {
        return None;
    }
    let remote = peer.to_string();
    let keys: BTreeSet<_> = (members.iter())
        .map(|(key, _)| (key.pid, key.start_ns))
        .collect();
    let labels: BTreeSet<_> = match members.len() {
        0 | 1 => BTreeSet::new(),
        _ => (members.iter())
            .map(|(key, comm)| sources.registry.label(*key, *comm))
            .collect(),
    };
    let is_ours = |owner: &OwnerRow| match owner {
        OwnerRow::Traced { pid, start_ns, .. } => keys.contains(&(*pid, *start_ns)),
        OwnerRow::TracedProcesses { process, .. } => labels.contains(process),
        _ => false,
    };
    let groups = table.groups.iter();
    let ours = groups.filter(|group| group.remote == remote && is_ours(&group.owner));
    Some(ours.map(|group| group.count).sum())
}

/// How families may be ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By the finding about them, then by how many connections ended.
    #[default]
    Worst,
    /// Most connections a second first.
    Rate,
    /// The shortest median life first.
    ShortLived,
    /// By name.
    Name,
}

impl Order {
    /// The next one, and after the last the first.
    pub const fn next(self) -> Self {
        match self {
            Self::Worst => Self::Rate,
            Self::Rate => Self::ShortLived,
            Self::ShortLived => Self::Name,
            Self::Name => Self::Worst,
        }
    }

    /// What comes first, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Rate => "highest rate first",
            Self::ShortLived => "shortest lived first",
            Self::Name => "by name",
        }
    }

    /// Sorts what has rows, and is worst first.
    pub fn sort_by_row<T>(self, all: &mut [T], row: impl Fn(&T) -> &FamilyRow) {
        match self {
            Self::Worst => {}
            Self::Rate => all.sort_by(|a, b| {
                let of = |one: &T| row(one).summary.per_second;
                of(b).total_cmp(&of(a))
            }),
            Self::ShortLived => all.sort_by_key(|one| {
                let summary = &row(one).summary;
                let lived = summary.established_for.p50_ns;
                (lived.is_none(), lived, Reverse(summary.ended))
            }),
            Self::Name => all.sort_by(|a, b| {
                let (a, b) = (row(a), row(b));
                (&a.label, a.key).cmp(&(&b.label, b.key))
            }),
        }
    }
}

#[cfg(test)]
mod tests;

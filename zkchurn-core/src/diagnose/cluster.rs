// SPDX-License-Identifier: MIT
//! What is judged together at first: the groups of one owner that behaved alike, over
//! all its peers. `join` puts together what is one story all the same.
//!
//! | connections | owner |
//! |---|---|
//! | of a process | that process |
//! | one or two each of several processes of one name and user | that program |
//! | accepted from a remote host | that host |

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    connection::Comm,
    ledger::{
        Destination, Flow, FlowKey,
        group::{Group, NamedThread, Place},
        manner::{Manner, Said, ThreadKind, Way},
        tally::Tally,
    },
    process::ProcessKey,
};

use super::{Depth, length};

/// Processes with at most so many connections each are counted together.
const FEW: u64 = 2;
/// So many processes of one name are a program that is started again and again.
const MANY_PROCESSES: usize = 3;

pub(super) type Member<'a> = (&'a FlowKey, &'a Flow);

/// Whose connections they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Process(ProcessKey),
    Program(ProgramKey),
    /// A remote host, or a peer of nobody that is known.
    Peer(Destination),
}

/// Processes that are alike: same name, same user, same peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProgramKey {
    comm: Option<Comm>,
    uid: Option<u32>,
    destination: Destination,
}

/// A group of a flow, or the whole flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub key: &'a FlowKey,
    pub flow: &'a Flow,
    /// None is the whole flow.
    pub group: Option<(Place, &'a Group)>,
}

impl<'a> Part<'a> {
    pub(super) fn tally(&self) -> &'a Tally {
        match self.group {
            Some((_, group)) => group.tally(&self.flow.tally),
            None => &self.flow.tally,
        }
    }

    /// Whether its connections went this way.
    pub(super) fn is_of(&self, way: Way) -> bool {
        self.group.is_some_and(|(_, group)| group.manner.way == way)
    }

    /// When the latest of them began.
    pub(super) fn latest_start(&self) -> Option<u64> {
        match self.group {
            Some((_, group)) => group.starts.latest(),
            None => self.flow.tally.latest_start_ns(),
        }
    }

    /// How many threads.
    pub(super) fn threads(&self) -> u64 {
        match self.group {
            Some((_, group)) => group.threads.distinct,
            None => self.flow.threads.len() as u64,
        }
    }

    /// Some of the threads, the busiest among them.
    pub(super) fn named_threads(&self) -> impl Iterator<Item = NamedThread> + use<'a> {
        let of_group = self.group.into_iter();
        let of_group = of_group.flat_map(|(_, group)| group.threads.named().copied());
        let of_flow = match self.group {
            Some(_) => None,
            None => self.flow.busiest_thread(),
        };
        let of_flow = of_flow.map(|(tid, thread)| NamedThread {
            tid,
            comm: thread.comm,
            connections: thread.tally.opened(),
        });
        of_group.chain(of_flow)
    }

    /// Whether a thread has a connection in it.
    pub(super) fn has_thread(&self, tid: u32) -> bool {
        let thread = self.flow.threads.get(&tid);
        thread.is_some_and(|thread| match self.group {
            Some((place, _)) => thread.groups & (1 << place) != 0,
            None => true,
        })
    }
}

/// The flows of each owner: those with the most ended connections, and how many were
/// left out.
pub(super) fn by_owner<'a>(
    flows: &[Member<'a>],
    depth: Depth,
) -> (BTreeMap<Owner, Vec<Member<'a>>>, u64) {
    let mut programs: BTreeMap<ProgramKey, Vec<Member<'a>>> = BTreeMap::new();
    let mut owners: BTreeMap<Owner, Vec<Member<'a>>> = BTreeMap::new();
    for (key, flow) in flows {
        let opened = flow.tally.opened();
        match key.process {
            Some(_) if (1..=FEW).contains(&opened) => {
                let program = ProgramKey {
                    comm: flow.process_comm,
                    uid: flow.uid,
                    destination: key.destination,
                };
                programs.entry(program).or_default().push((*key, *flow));
            }
            Some(process) => {
                let of_process = owners.entry(Owner::Process(process)).or_default();
                of_process.push((*key, *flow));
            }
            None => {
                let of_peer = owners.entry(Owner::Peer(key.destination)).or_default();
                of_peer.push((*key, *flow));
            }
        }
    }
    for (program, members) in programs {
        if members.len() >= MANY_PROCESSES {
            owners.insert(Owner::Program(program), members);
            continue;
        }
        for (key, flow) in members {
            if let Some(process) = key.process {
                let of_process = owners.entry(Owner::Process(process)).or_default();
                of_process.push((key, flow));
            }
        }
    }
    busiest(owners, depth)
}

fn busiest<'a>(
    owners: BTreeMap<Owner, Vec<Member<'a>>>,
    depth: Depth,
) -> (BTreeMap<Owner, Vec<Member<'a>>>, u64) {
    let Depth::Busiest(most) = depth else {
        return (owners, 0);
    };
    let left_out = owners.len().saturating_sub(most);
    if left_out == 0 {
        return (owners, 0);
    }
    let mut owners: Vec<_> = owners.into_iter().collect();
    let ended =
        |members: &[Member<'_>]| -> u64 { members.iter().map(|(_, flow)| flow.tally.ended).sum() };
    owners.sort_by_cached_key(|(_, members)| std::cmp::Reverse(ended(members)));
    owners.truncate(most);
    (owners.into_iter().collect(), left_out as u64)
}

/// The ended connections of one owner that behaved alike.
#[derive(Clone, Debug)]
pub(super) struct Cluster<'a> {
    /// None where several were put together.
    pub thread: Option<ThreadKind>,
    pub parts: Vec<Part<'a>>,
}

impl<'a> Cluster<'a> {
    /// All of both.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.add(other.clone());
        self
    }

    /// Takes all of another.
    pub(super) fn add(&mut self, other: Self) {
        self.thread = self.thread.filter(|kind| other.thread == Some(*kind));
        self.parts.extend(other.parts);
    }

    pub(super) fn ended(&self) -> u64 {
        self.parts.iter().map(|part| part.tally().ended).sum()
    }

    /// Whether nobody spoke on any of its connections, and the client closed each.
    pub(super) fn is_silent(&self) -> bool {
        let mut ways = self.ways();
        ways.all(Way::is_silent)
    }

    /// Whether all of its connections are held, or were half-closed when the trace ended.
    fn is_all_held(&self) -> bool {
        let mut ways = self.ways();
        ways.all(|way| matches!(way, Way::HeldOpen | Way::HalfClosed))
    }

    /// Whether all of its connections went this way.
    pub(super) fn is_all_of(&self, way: Way) -> bool {
        self.parts.iter().all(|part| part.is_of(way))
    }

    /// Whether somebody spoke on one of its connections.
    pub(super) fn has_spoken(&self) -> bool {
        let mut ways = self.ways();
        ways.any(Way::has_spoken)
    }

    /// Whether one of its connections went as one of `other` did, and began with the same.
    pub(super) fn goes_as(&self, other: &Self) -> bool {
        let both = |manner: &Manner| (manner.way, manner.said);
        let ours: BTreeSet<_> = self.manners().map(both).collect();
        other.manners().any(|manner| ours.contains(&both(manner)))
    }

    /// Whether one of its connections began with the same as one of `other`, as far as that was
    /// seen.
    pub(super) fn began_as(&self, other: &Self) -> bool {
        let ours: BTreeSet<_> = self.manners().map(|manner| manner.said).collect();
        let mut theirs = other.manners().map(|manner| manner.said);
        theirs.any(|said| said != Said::NotCaptured && ours.contains(&said))
    }

    /// Whether one of its connections has the sizes of a session.
    pub(super) fn has_session(&self) -> bool {
        let mut ways = self.ways();
        ways.any(Way::has_session)
    }

    fn manners(&self) -> impl Iterator<Item = &'a Manner> {
        let groups = self.parts.iter().filter_map(|part| part.group);
        groups.map(|(_, group)| &group.manner)
    }

    fn ways(&self) -> impl Iterator<Item = Way> {
        self.manners().map(|manner| manner.way)
    }

    /// Its first start, and its latest end.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        let groups = self.parts.iter().filter_map(|part| part.group);
        let latest_end = groups.map(|(_, group)| group.latest_end_ns).max()?;
        let parts = self.parts.iter().filter(|part| part.group.is_some());
        // Of the starts only the latest are kept.
        let first = parts.filter_map(|part| part.tally().first_seen_ns).min()?;
        Some((first, latest_end))
    }

    /// The same, one for each peer.
    pub(super) fn by_peer(&self) -> Vec<Self> {
        let mut parts: BTreeMap<_, Vec<Part<'a>>> = BTreeMap::new();
        for part in &self.parts {
            parts.entry(part.key.destination).or_default().push(*part);
        }
        let thread = self.thread;
        let parts = parts.into_values();
        parts.map(|parts| Self { thread, parts }).collect()
    }

    /// The processes, in order.
    pub(super) fn processes(&self) -> Vec<ProcessKey> {
        let processes = self.parts.iter().filter_map(|part| part.key.process);
        let mut processes: Vec<_> = processes.collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }
}

/// The clusters of one owner's flows, most ended connections first.
pub(super) fn clusters<'a>(owner: Owner, members: &[Member<'a>]) -> Vec<Cluster<'a>> {
    let mut by_manner: BTreeMap<Manner, Vec<Part<'a>>> = BTreeMap::new();
    for part in parts(members, |way| way != Way::Open) {
        if let Some((_, group)) = part.group {
            let manner = match owner {
                // Processes that do one thing each take different times for it.
                Owner::Program(_) => group.manner.of_any_length(),
                _ => group.manner,
            };
            by_manner.entry(manner).or_default().push(part);
        }
    }
    let mut clusters: Vec<_> = one_of_two_lengths(by_manner)
        .into_iter()
        .map(|(manner, parts)| Cluster {
            thread: Some(manner.thread),
            parts,
        })
        .collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.ended()));
    with_those_just_half_closed(clusters)
}

/// What had only just been half-closed as the trace ended is as what is held there, if something is:
/// a second later it would have been.
fn with_those_just_half_closed(clusters: Vec<Cluster<'_>>) -> Vec<Cluster<'_>> {
    let (just, mut others): (Vec<_>, Vec<_>) = clusters
        .into_iter()
        .partition(|cluster| cluster.is_all_of(Way::HalfClosed));
    for cluster in just {
        let held = others
            .iter_mut()
            .find(|other| other.thread == cluster.thread && other.is_all_held());
        match held {
            Some(held) => held.add(cluster),
            None => others.push(cluster),
        }
    }
    others
}

/// Around a power of ten one way has two lengths: a thread that closes without a word does so
/// after 0.3 ms or after 3, as the machine is busy. What it does after a second instead is
/// another one, and so may be what other threads do.
fn one_of_two_lengths<'a>(
    by_manner: BTreeMap<Manner, Vec<Part<'a>>>,
) -> Vec<(Manner, Vec<Part<'a>>)> {
    let mut ways: Vec<(Manner, Vec<Part<'a>>)> = Vec::new();
    // In their order the lengths of one way are side by side.
    for (manner, parts) in by_manner {
        if let Some((before, known)) = ways.last_mut()
            && manner.is_next_length_of(before)
            && (manner.way.is_silent() || length::is_one(known, &parts))
            && are_of_the_same_threads(known, &parts)
        {
            *before = manner;
            known.extend(parts);
            continue;
        }
        ways.push((manner, parts));
    }
    ways
}

/// Whether those threads that did the one did the other too, nine of ten of the fewer ones. Where
/// none is known, as of a remote host, or each made few connections, as those of a pool do, threads
/// tell nothing.
fn are_of_the_same_threads(one: &[Part<'_>], other: &[Part<'_>]) -> bool {
    const FEW: usize = 3;
    let tids = |parts: &[Part<'_>]| {
        let mut tids = BTreeSet::new();
        for part in parts {
            let of_flow = part.flow.threads.keys().copied();
            let own = of_flow.filter(|tid| part.has_thread(*tid));
            tids.extend(own.map(|tid| (*part.key, tid)));
        }
        tids
    };
    let tell_nothing = |parts: &[Part<'_>], tids: usize| {
        let opened: u64 = parts.iter().map(|part| part.tally().opened()).sum();
        tids != 1 && opened <= (tids * FEW) as u64
    };
    let are_remote = |parts: &[Part<'_>]| parts.iter().all(|part| part.key.process.is_none());
    if are_remote(one) && are_remote(other) {
        return true;
    }
    let tids = [tids(one), tids(other)];
    let [known, of_other] = &tids;
    let fewer = known.len().min(of_other.len());
    let both = known.intersection(of_other).count();
    let of_pool = tell_nothing(one, known.len()) && tell_nothing(other, of_other.len());
    fewer > 0 && (both * 10 >= fewer * 9 || of_pool)
}

/// What of one owner's connections stays open, by kind of thread; before the end of a
/// trace, when they are not listed, all connections together.
pub(super) fn open<'a>(members: &[Member<'a>]) -> Vec<Cluster<'a>> {
    if members.iter().all(|(_, flow)| flow.tally.open() == 0) {
        return Vec::new();
    }
    let mut by_thread: BTreeMap<ThreadKind, Vec<Part<'a>>> = BTreeMap::new();
    for part in parts(members, |way| way == Way::Open) {
        if let Some((_, group)) = part.group {
            let kind = group.manner.thread;
            by_thread.entry(kind).or_default().push(part);
        }
    }
    if by_thread.is_empty() {
        let whole = members.iter().map(|(key, flow)| Part {
            key,
            flow,
            group: None,
        });
        return vec![Cluster {
            thread: None,
            parts: whole.collect(),
        }];
    }
    let clusters = by_thread.into_iter();
    clusters
        .map(|(kind, parts)| Cluster {
            thread: Some(kind),
            parts,
        })
        .collect()
}

/// All connections of one owner to the peers that have not answered some of its SYNs.
pub(super) fn waiting<'a>(members: &[Member<'a>]) -> Option<Cluster<'a>> {
    whole(members, |flow| {
        flow.tally.connecting + flow.tally.older.connecting > 0
    })
}

/// The connections of one owner that are older than the trace, half-closed, and held.
pub(super) fn held<'a>(members: &[Member<'a>]) -> Option<Cluster<'a>> {
    whole(members, |flow| {
        let older = &flow.tally.older;
        older.held + older.held_since > 0
    })
}

/// Those flows that are wanted, whole; none where none is.
fn whole<'a>(members: &[Member<'a>], is_wanted: impl Fn(&Flow) -> bool) -> Option<Cluster<'a>> {
    let wanted = members.iter().filter(|(_, flow)| is_wanted(flow));
    let parts: Vec<_> = wanted
        .map(|(key, flow)| Part {
            key,
            flow,
            group: None,
        })
        .collect();
    (!parts.is_empty()).then_some(Cluster {
        thread: None,
        parts,
    })
}

fn parts<'a>(
    members: &[Member<'a>],
    is_wanted: impl Fn(Way) -> bool,
) -> impl Iterator<Item = Part<'a>> {
    members.iter().flat_map(move |(key, flow)| {
        let groups = flow.groups.iter();
        let wanted: Vec<_> = groups
            .filter(|(_, group)| is_wanted(group.manner.way))
            .map(|group| Part {
                key,
                flow,
                group: Some(group),
            })
            .collect();
        wanted
    })
}

// SPDX-License-Identifier: MIT
//! Where all room is taken and nobody is quiet, whoever holds most of it gives way: one scanner
//! of ten thousand addresses, or one program that is started anew for each request, leaves room
//! for the rows of everybody else (docs/adr/0013).

use std::net::IpAddr;

use super::{Destination, Flow, FlowKey};
use crate::{
    connection::{Comm, Connection},
    hash::{HashMap, HashSet},
    process::ProcessKey,
};

/// Nobody gives way who holds no more than so many.
const LEAST_SHARE: usize = 64;
/// After a look that did not free enough, so long until the next.
const BETWEEN_LOOKS_NS: u64 = 1_000_000_000;
/// Most holders of whom it is remembered that some of their rows made room.
const MOST_REMEMBERED: usize = 1024;

/// Who holds rows, in two ways: one process of a program, and the program itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Holder {
    Process(ProcessKey),
    /// Processes of one name.
    Program(Option<Comm>),
    /// Remote hosts of one network, at one local port: whoever has one IPv6 address has all
    /// of its /64 (RFC 4291, 2.5.4), and a machine may have a /24 as well as one address.
    Network {
        port: u16,
        prefix: u128,
    },
}

impl Holder {
    /// The narrower one first.
    pub(super) fn both(key: &FlowKey, comm: Option<Comm>) -> [Self; 2] {
        let program = match key.destination {
            Destination::Client { host, port, .. } => Self::Network {
                port,
                prefix: network(host),
            },
            Destination::Server { .. } => Self::Program(comm),
        };
        [key.process.map_or(program, Self::Process), program]
    }

    fn of_flow(key: &FlowKey, flow: &Flow) -> [Self; 2] {
        Self::both(key, flow.process_comm)
    }

    pub(super) fn of_connection(key: &FlowKey, connection: &Connection) -> [Self; 2] {
        let opener = connection.opener.and_then(|opener| opener.process_comm);
        let holder = connection.holder.map(|holder| holder.comm);
        Self::both(key, opener.or(holder))
    }
}

/// The /24 of an IPv4 address, the /64 of an IPv6 one; the two never meet.
fn network(host: IpAddr) -> u128 {
    match host.to_canonical() {
        IpAddr::V4(host) => u128::from(host.to_bits() >> 8),
        IpAddr::V6(host) => (host.to_bits() >> 64) | 1 << 127,
    }
}

/// What may give way: the least worth keeping is the lowest.
pub(super) struct Candidate<K> {
    pub holders: [Holder; 2],
    /// What is open is kept before what has ended, and what came again before what was there
    /// once.
    pub worth: (bool, u64, u64),
    pub key: K,
}

impl<K> Candidate<K> {
    /// A flow, or something in it that has these counts.
    pub(super) fn of(key: &FlowKey, flow: &Flow, tally: &super::tally::Tally, own: K) -> Self {
        Self {
            holders: Holder::of_flow(key, flow),
            worth: (tally.open() > 0, tally.opened(), tally.last_seen_ns),
            key: own,
        }
    }
}

/// When to look again who holds most.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    next_look_ns: u64,
    /// Who held most when he himself asked for more, and until when that is not asked again.
    crowding: Option<(Holder, u64)>,
}

impl Shares {
    /// Whether it is worth a look for the sake of a newcomer.
    pub(super) fn may_free(&self, newcomer: &[Holder; 2], now_ns: u64) -> bool {
        let crowds =
            |(holder, until_ns): (Holder, u64)| now_ns < until_ns && newcomer.contains(&holder);
        now_ns >= self.next_look_ns && !self.crowding.is_some_and(crowds)
    }

    /// What gives way to a newcomer, some `wanted` of them: nothing where it is of those that
    /// hold most.
    pub(super) fn give_way<K: Ord>(
        &mut self,
        mut candidates: Vec<Candidate<K>>,
        newcomer: &[Holder; 2],
        wanted: usize,
        now_ns: u64,
    ) -> Vec<K> {
        let until_ns = now_ns.saturating_add(BETWEEN_LOOKS_NS);
        let mut given = Vec::new();
        for (breadth, own) in newcomer.iter().enumerate() {
            let counts = counts(&candidates, breadth);
            let Some(largest) = counts.values().max().filter(|most| **most > LEAST_SHARE) else {
                continue;
            };
            if counts.get(own) == Some(largest) {
                self.crowding = Some((*own, until_ns));
                return given;
            }
            let level = level(&counts, wanted - given.len());
            candidates = part(candidates, breadth, counts, level, &mut given);
            if given.len() >= wanted {
                return given;
            }
        }
        self.next_look_ns = until_ns;
        given
    }
}

fn counts<K>(candidates: &[Candidate<K>], breadth: usize) -> HashMap<Holder, usize> {
    let mut counts = HashMap::default();
    for candidate in candidates {
        *counts.entry(candidate.holders[breadth]).or_default() += 1;
    }
    counts
}

/// The most that anybody keeps, so that `wanted` become free where that is possible.
fn level(counts: &HashMap<Holder, usize>, wanted: usize) -> usize {
    let large: Vec<usize> = counts.values().copied().collect();
    let frees =
        |level: usize| -> usize { large.iter().map(|count| count.saturating_sub(level)).sum() };
    let most = large.iter().copied().max().unwrap_or_default();
    let (mut low, mut high) = (LEAST_SHARE, most.max(LEAST_SHARE));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match frees(middle) >= wanted {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    low
}

/// Takes from each holder what is above the level, the least worth keeping first; what stays.
fn part<K: Ord>(
    mut candidates: Vec<Candidate<K>>,
    breadth: usize,
    mut left: HashMap<Holder, usize>,
    level: usize,
    given: &mut Vec<K>,
) -> Vec<Candidate<K>> {
    candidates.sort_unstable_by(|one, other| (one.worth, &one.key).cmp(&(other.worth, &other.key)));
    let mut kept = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match left.get_mut(&candidate.holders[breadth]) {
            Some(left) if *left > level => {
                *left -= 1;
                given.push(candidate.key);
            }
            _ => kept.push(candidate),
        }
    }
    kept
}

/// Of whom some connections are in no row: what is counted of them elsewhere is a part.
#[derive(Clone, Debug, Default)]
pub struct InPart {
    of: HashSet<Holder>,
    /// Whether there were more than are remembered.
    more: bool,
}

impl InPart {
    pub(super) fn note(&mut self, [_, program]: [Holder; 2]) {
        match self.of.len() < MOST_REMEMBERED {
            true => _ = self.of.insert(program),
            false => self.more |= !self.of.contains(&program),
        }
    }

    pub(super) fn note_flow(&mut self, key: &FlowKey, flow: &Flow) {
        self.note(Holder::of_flow(key, flow));
    }

    /// Whether there may be connections of this program, or of these remote hosts, that are
    /// not in a flow.
    pub fn has(&self, key: &FlowKey, flow: &Flow) -> bool {
        let [_, program] = Holder::of_flow(key, flow);
        self.more || self.of.contains(&program)
    }
}

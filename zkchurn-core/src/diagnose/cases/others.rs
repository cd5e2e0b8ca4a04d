// SPDX-License-Identifier: MIT
//! What others did at the same peers, and what the same ones did elsewhere.

use std::{collections::BTreeSet, net::IpAddr};

use super::{MOST_RIVALS, Rival, Scope};
use crate::{
    diagnose::{
        case::{SharedSession, Sibling},
        cluster::{Owner, Part},
        shared,
    },
    hash::{HashMap, HashSet},
    ledger::{
        Destination, Flow, FlowKey,
        group::Group,
        manner::Way,
        open_then::HeldThen,
        server_ends::Falls,
        sessions::User,
        shape::Spoken,
        source::Source,
        starts::Starts,
        takeovers::{Client, Taken, TakenOfClients},
        tally::{Older, Tally},
    },
    process::{ProcessIdentity, ProcessKey},
};

/// Of many peers of a process, its threads and its like so many each are looked at: there may be
/// thousands of cases.
const LOOKED_AT: usize = 16;

impl<'a> Scope<'a> {
    /// Of several peers those of the one that went away most often, if all did.
    pub(super) fn falls(&self, destinations: &[Destination]) -> Option<Falls> {
        let falls: Option<Vec<_>> = destinations
            .iter()
            .map(|destination| self.of_all.falls.at(destination))
            .collect();
        falls?.into_iter().max_by_key(|falls| falls.moments)
    }

    /// Those of the processes that had such connections before the trace, to whichever peer.
    pub(super) fn with_older(&self, processes: &[ProcessKey], had: impl Fn(&Older) -> bool) -> u64 {
        let of = |process| self.of_process.get(process).into_iter().flatten();
        let processes = processes.iter();
        let with = processes.filter(|process| of(process).any(|(_, flow)| had(&flow.tally.older)));
        with.count() as u64
    }

    /// Connections of these processes to other peers that are older than the trace and ended; of
    /// many some are looked at.
    pub(super) fn older_ended_elsewhere(
        &self,
        processes: &[ProcessKey],
        destinations: &[Destination],
    ) -> u64 {
        let processes = processes.iter().take(LOOKED_AT);
        let others = processes.flat_map(|process| self.elsewhere(process, destinations));
        let others = others.take(LOOKED_AT);
        others.map(|flow| flow.tally.older.ended).sum()
    }

    /// The flows of a process to other peers than these, which are in order.
    fn elsewhere(
        &self,
        process: &ProcessKey,
        destinations: &[Destination],
    ) -> impl Iterator<Item = &'a Flow> {
        let flows = self.of_process.get(process).into_iter().flatten();
        let is_other = |key: &FlowKey| destinations.binary_search(&key.destination).is_err();
        let others = flows.filter(move |(key, _)| is_other(key));
        others.map(|(_, flow)| *flow)
    }

    /// Connections to these peers that are open, of all processes of the first one's name.
    pub(super) fn open_of_name(&self, parts: &[Part<'_>], destinations: &[Destination]) -> u64 {
        let Some(comm) = parts.first().and_then(|part| part.flow.process_comm) else {
            return 0;
        };
        let open = destinations.iter();
        let open = open.filter_map(|peer| self.open_by_name.get(&(comm, *peer)));
        open.sum()
    }

    /// Whether half or more of the threads of these parts opened others, too: to other peers, such as
    /// are open, or such as are another finding's; of many those with the lowest numbers are looked at.
    pub(super) fn comes_again(&self, parts: &[Part<'_>], destinations: &[Destination]) -> bool {
        let (mut threads, mut again) = (0, 0);
        let own = groups_of(parts);
        for part in parts.iter().take(LOOKED_AT) {
            let Some(process) = part.key.process else {
                continue;
            };
            let others = self.elsewhere(&process, destinations).take(LOOKED_AT);
            let others: Vec<_> = others.collect();
            let of_part = part.flow.threads.iter();
            let of_part = of_part.filter(|(tid, _)| part.has_thread(**tid));
            let mut of_part: Vec<_> = of_part.collect();
            of_part.sort_unstable_by_key(|(tid, _)| **tid);
            let own = own.get(part.key).copied();
            for (tid, thread) in of_part.into_iter().take(LOOKED_AT) {
                threads += 1;
                let mut others = others.iter();
                // Who was refused elsewhere is on its first way through its connect string.
                let is_elsewhere = others.any(|flow| {
                    let there = flow.threads.get(tid);
                    there.is_some_and(|thread| thread.tally.established > 0)
                });
                let is_open = part.tally().ended > 0 && thread.tally.open() > 0;
                let is_in_others = own.is_some_and(|own| thread.groups & !own != 0);
                again += u64::from(is_elsewhere || is_open || is_in_others);
            }
        }
        again > 0 && again * 2 >= threads
    }

    /// Refused connections of a part, where its server had gone away as they began: as far as
    /// their starts are kept, which stand for the others.
    pub(super) fn refused_while_away(&self, part: &Part<'_>) -> u64 {
        let Some((_, group)) = part.group.filter(|(_, one)| one.manner.way == Way::Refused) else {
            return 0;
        };
        let peer = &part.key.destination;
        let kept = Starts::together(std::iter::once(&group.starts));
        let away = kept
            .iter()
            .filter(|at| self.of_all.falls.is_away(peer, **at));
        let away = away.count() as u64;
        let opened = part.tally().opened();
        match kept.len() as u64 {
            0 => 0,
            kept => opened.saturating_mul(away) / kept,
        }
    }

    /// How many were open to these peers as they turned connections of the parts away.
    pub(super) fn held_then(
        &self,
        parts: &[Part<'_>],
        destinations: &[Destination],
        processes: &[ProcessKey],
    ) -> Option<HeldThen> {
        let mut held = HeldThen::default();
        // There may be thousands of peers.
        let mut turned_away: HashMap<Destination, Vec<&Group>> = HashMap::default();
        for part in parts {
            let group = part.group.map(|(_, group)| group);
            if let Some(group) = group.filter(|group| group.manner.way.is_turned_away()) {
                let of_peer = turned_away.entry(part.key.destination).or_default();
                of_peer.push(group);
            }
        }
        for peer in destinations {
            let groups = turned_away.get(peer).into_iter().flatten();
            let moments = Starts::together(groups.clone().map(|group| &group.starts));
            if moments.is_empty() {
                continue;
            }
            let from = addresses(groups.map(|group| group.source));
            let mut then = self.of_all.open_then.at(peer, &moments, processes, &from)?;
            let mut moments = moments.iter();
            then.was_refused = moments.any(|at| self.of_all.falls.had_refused(peer, *at));
            held.add(then);
        }
        Some(held)
    }

    /// What became of their connections, of each process, or of a remote host, as `at` has it.
    pub(super) fn taken(
        &self,
        destinations: &[Destination],
        processes: &[ProcessKey],
        at: fn(&TakenOfClients, &Destination, Client) -> Taken,
    ) -> Taken {
        let mut sum = Taken::default();
        for peer in destinations {
            let host = match peer {
                Destination::Client { host, .. } => Some(Client::Host(*host)),
                Destination::Server { .. } => None,
            };
            let processes = processes.iter().map(|process| Client::Process(*process));
            for client in processes.chain(host) {
                sum.add(at(&self.of_all.taken, peer, client));
            }
        }
        sum
    }

    /// Others whose sessions go no further than the handshake at the same peers, at the same
    /// time: one that came after another had gone took nothing from it.
    pub(super) fn rivals_of(
        &self,
        owner: Owner,
        processes: &[ProcessKey],
        destinations: &[Destination],
        span: Option<(u64, u64)>,
    ) -> Vec<String> {
        let meets =
            |peers: &BTreeSet<Destination>| destinations.iter().any(|one| peers.contains(one));
        let is_meanwhile = |other: Option<(u64, u64)>| match (span, other) {
            (Some((from, until)), Some((begins, ends))) => from < ends && begins < until,
            _ => false,
        };
        // Of several processes of one program the owner is that of the first of them.
        let is_of_it = |rival: &Rival| match rival.owner {
            Owner::Process(process) => processes.contains(&process),
            Owner::Peer(peer) => destinations.contains(&peer),
            other @ Owner::Program(_) => other == owner,
        };
        let others = self.rivals.iter();
        others
            .filter(|rival| !is_of_it(rival) && meets(&rival.peers) && is_meanwhile(rival.span))
            .map(|rival| rival.who.clone())
            .collect()
    }

    /// The other peers of the same process.
    pub(super) fn siblings(&self, processes: &[ProcessKey], ours: &[Destination]) -> Vec<Sibling> {
        let only = match processes.len() {
            1 => processes.first(),
            _ => None,
        };
        let flows = only.and_then(|process| self.of_process.get(process));
        let flows = flows.into_iter().flatten();
        let others = flows.filter(|(key, _)| ours.binary_search(&key.destination).is_err());
        let mut siblings: Vec<Sibling> = Vec::new();
        // There may be thousands of peers.
        let mut places: HashMap<Destination, usize> = HashMap::default();
        for (key, flow) in others {
            let working = working(&flow.tally);
            let place = *places.entry(key.destination).or_insert(siblings.len());
            // What a filter selects of it, and what it leaves out.
            match siblings.get_mut(place) {
                Some(known) => known.working += working,
                None => siblings.push(Sibling {
                    destination: key.destination,
                    working,
                }),
            }
        }
        siblings
    }

    /// The sessions of these processes or hosts that several clients got.
    pub(super) fn shared(&self, parts: &[Part<'_>]) -> Vec<SharedSession> {
        let owners = parts.iter().map(|part| shared::Owner::of_flow(part.key));
        let shared = self.shared.of_owners(owners).into_iter();
        shared
            .take(MOST_RIVALS)
            .map(|session| session.told(|user| self.client_of(user), |user| self.user(user)))
            .collect()
    }

    /// A client of the JVM keeps its thread; elsewhere any thread may serve the next
    /// connection of the same client, so the process stands for all of them.
    pub(super) fn client_of(&self, user: User) -> User {
        match user {
            User::Thread { process, .. } if !self.is_jvm(process) => {
                User::Thread { process, tid: 0 }
            }
            user => user,
        }
    }

    pub(super) fn user(&self, user: User) -> String {
        match user {
            User::Thread { process, tid: 0 } => {
                let label = self.registry.get(process).map(ProcessIdentity::label);
                let label = label.map_or_else(String::new, |label| format!(" {label}"));
                format!("pid {}{label}", process.pid)
            }
            User::Thread { process, tid } => {
                let label = self.registry.get(process).map(ProcessIdentity::label);
                let label = label.map_or_else(String::new, |label| format!(" {label}"));
                format!("pid {}{label} thread {tid}", process.pid)
            }
            User::Host { address, .. } => format!("remote host {address}"),
        }
    }
}

/// The groups of each flow that are among these, a bit each.
fn groups_of(parts: &[Part<'_>]) -> HashMap<FlowKey, u32> {
    let mut groups: HashMap<FlowKey, u32> = HashMap::default();
    for part in parts {
        if let Some((place, _)) = part.group {
            *groups.entry(*part.key).or_default() |= 1 << place;
        }
    }
    groups
}

/// Each of the addresses that some came from; none where one is not known.
fn addresses(sources: impl Iterator<Item = Source>) -> HashSet<IpAddr> {
    let known: Option<_> = sources.map(Source::address).collect();
    known.unwrap_or_default()
}

fn working(tally: &Tally) -> u64 {
    let answered = tally
        .shapes
        .count(|_, spoken| matches!(spoken, Spoken::Both | Spoken::Server));
    answered + tally.open() + tally.older.in_use()
}

// SPDX-License-Identifier: MIT
//! Numbers of the connections themselves.

use std::{collections::BTreeSet, mem::discriminant};

use crate::{
    diagnose::{
        case::{Balance, Tallied},
        cluster::{Cluster, Part},
        rhythm::Rhythm,
    },
    ledger::{
        Flow, Waiting,
        distribution::Distribution,
        manner::Way,
        shape::{Ending, Spoken},
        starts::{self, Starts},
        tally::Tally,
    },
};

/// The time between the starts of connections, the latest of them.
pub(super) fn gaps(parts: &[Part<'_>]) -> Distribution {
    match parts {
        [
            Part {
                flow, group: None, ..
            },
        ] => flow.tally.gap.clone(),
        _ => {
            let groups = parts.iter().filter_map(|part| part.group);
            let starts = Starts::together(groups.map(|(_, group)| &group.starts));
            starts::gaps(&starts)
        }
    }
}

/// Likewise between those of each remote host, and the rhythm that each of them has: the time
/// from one host's to another's is no rhythm of anybody, nor are two periods a back-off.
pub(super) fn rhythm_of_each(cluster: &Cluster<'_>) -> (Distribution, Rhythm) {
    let mut all = Distribution::default();
    let mut patterns = Vec::new();
    for host in cluster.by_peer() {
        let gaps = gaps(&host.parts);
        patterns.push(discriminant(&Rhythm::of(&gaps).pattern));
        all.absorb(&gaps);
    }
    let rhythm = Rhythm::of(&all);
    let of_all = discriminant(&rhythm.pattern);
    match patterns.iter().all(|one| *one == of_all) {
        true => (all, rhythm),
        false => (all, rhythm.without_pattern()),
    }
}

/// Whether connections of these flows that are none of the parts' began later, and ended.
pub(super) fn goes_on_otherwise(parts: &[Part<'_>], flows: &[&Flow], time_ns: u64) -> bool {
    let mut groups = flows.iter().flat_map(|flow| flow.groups.iter());
    groups.any(|(_, group)| {
        let mut own = parts.iter().filter_map(|part| part.group);
        group.manner.way != Way::Open
            && group.starts.latest() > Some(time_ns)
            && !own.any(|(_, one)| std::ptr::eq(one, group))
    })
}

/// Connections of these flows that got through after the latest refusal among the parts, where
/// the starts of all of them are kept.
pub(super) fn got_through_since(parts: &[Part<'_>], flows: &[&Flow]) -> Option<u64> {
    let groups = parts.iter().filter_map(|part| part.group);
    let refused = groups.filter(|(_, group)| group.manner.way == Way::Refused);
    let Some(last) = refused.filter_map(|(_, group)| group.starts.latest()).max() else {
        return Some(0);
    };
    let groups = flows.iter().flat_map(|flow| flow.groups.iter());
    let through = groups.filter(|(_, group)| group.manner.way.is_through());
    through
        .map(|(_, group)| group.starts.count_after(last))
        .sum()
}

/// Connections in CLOSE_WAIT: those that have been for a while, and those that have not.
pub(super) fn held(parts: &[Part<'_>]) -> [u64; 2] {
    [Way::HeldOpen, Way::HalfClosed].map(|way| {
        let of_way = parts.iter().filter(|part| part.is_of(way));
        of_way.map(|part| part.tally().opened()).sum()
    })
}

/// Whether one of these flows began a connection while the longest of those that were
/// closed late was in CLOSE_WAIT.
pub(super) fn went_on_meanwhile(flows: &[&Flow], tally: &Tally) -> bool {
    // What began as it ended may be the same program that goes on after a pause.
    const MARGIN_NS: u64 = 100_000_000;
    let Some((from, until)) = tally.longest_late else {
        return false;
    };
    let meanwhile = from.saturating_add(MARGIN_NS)..until.saturating_sub(MARGIN_NS);
    let mut groups = flows.iter().flat_map(|flow| flow.groups.iter());
    groups.any(|(_, group)| group.starts.has_one_in(&meanwhile))
}

/// In the order of their first connections; a case has its gaps from elsewhere.
pub(super) fn absorbed<'a>(parts: &[Part<'a>]) -> Tallied<'a> {
    if let [part] = parts {
        return Tallied::One(part.tally());
    }
    let mut tallies: Vec<_> = parts.iter().map(Part::tally).collect();
    tallies.sort_by_key(|tally| tally.first_seen_ns);
    let mut all = Box::<Tally>::default();
    for tally in tallies {
        all.absorb_all_but_gaps(tally);
    }
    Tallied::Several(all)
}

/// Connections that a server refused, or closed without an answer, as one that starts does.
pub(super) fn turned_away(tally: &Tally) -> u64 {
    tally.shapes.count(|ending, spoken| match ending {
        Ending::Refused => true,
        Ending::ClosedByServer | Ending::ResetByServer => spoken == Spoken::Client,
        _ => false,
    })
}

/// How many connections that end are open on average: their rate times their lifetime
/// (Little 1961), rounded up.
pub(super) fn in_flight(flows: &[&Flow], window_ns: u64) -> u64 {
    let lived = flows.iter().map(|flow| {
        let lived = &flow.tally.established_for;
        lived.mean().unwrap_or_default() * lived.count() as f64
    });
    (lived.sum::<f64>() / window_ns.max(1) as f64).ceil() as u64
}

/// What some flows had established, and what ended.
pub(super) fn balance(flows: &[&Flow], older_accepted_ended: u64) -> Balance {
    let sum = |of: fn(&Tally) -> u64| flows.iter().map(|flow| of(&flow.tally)).sum::<u64>();
    Balance {
        opened: sum(|tally| tally.established),
        ended: sum(|tally| tally.ended_established + tally.older.ended) + older_accepted_ended,
    }
}

/// A SYN that nobody answers has been sent a second and a third time by then (`TCP_TIMEOUT_INIT`,
/// doubled).
const SYN_SENT_TWICE_AGAIN_NS: u64 = 3_000_000_000;

/// Attempts of some flows that wait for an answer to their SYN.
pub(super) fn waiting(flows: &[&Flow], now_ns: u64) -> Waiting {
    let since_ns = now_ns.saturating_sub(SYN_SENT_TWICE_AGAIN_NS);
    let of = |flow: &&Flow| flow.waiting(since_ns, now_ns);
    flows
        .iter()
        .map(of)
        .fold(Waiting::default(), |all, one| Waiting {
            attempts: all.attempts + one.attempts,
            long: all.long + one.long,
            listed: all.listed + one.listed,
            got_through_since: all.got_through_since || one.got_through_since,
        })
}

/// The threads of these parts with one that is open and others that ended, at the same peer.
pub(super) fn returning(parts: &[Part<'_>]) -> u64 {
    let mut seen = BTreeSet::new();
    for part in parts {
        let threads = part.flow.threads.iter();
        let own = threads.filter(|(tid, thread)| {
            let tally = &thread.tally;
            part.has_thread(**tid) && tally.ended_established > 0 && tally.open() > 0
        });
        seen.extend(own.map(|(tid, _)| (part.key, *tid)));
    }
    seen.len() as u64
}

/// Whether the starts that are kept are some of the latest, and at least twice as far from each
/// other, or at most half as far, as all of them on average.
pub(super) fn is_of_late(kept: &[u64], tally: &Tally) -> bool {
    let (Some(from), Some(until), Some(first)) = (kept.first(), kept.last(), tally.first_seen_ns)
    else {
        return false;
    };
    let count = kept.len() as u64;
    if count >= tally.opened() {
        return false;
    }
    let mean = |from: u64, count: u64| until.saturating_sub(from) / (count - 1).max(1);
    let (late, all) = (mean(*from, count), mean(first, tally.opened()));
    late >= all.saturating_mul(2) || late.saturating_mul(2) <= all
}

/// The threads of some parts, each once; at least, where some were not told apart.
pub(super) fn threads(parts: &[Part<'_>]) -> u64 {
    let by_number = parts.iter().map(Part::threads).max().unwrap_or_default();
    let [first, others @ ..] = parts else {
        return by_number;
    };
    if others.is_empty() {
        return by_number;
    }
    if others.iter().all(|part| part.key == first.key) {
        let tids = first.flow.threads.keys();
        let has = |tid: &&u32| parts.iter().any(|part| part.has_thread(**tid));
        return by_number.max(tids.filter(has).count() as u64);
    }
    let mut known: Vec<_> = parts
        .iter()
        .flat_map(|part| {
            let tids = part.flow.threads.keys();
            let process = part.key.process;
            tids.filter(|tid| part.has_thread(**tid))
                .map(move |tid| (process, *tid))
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    by_number.max(known.len() as u64)
}

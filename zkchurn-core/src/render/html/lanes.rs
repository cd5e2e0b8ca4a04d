// SPDX-License-Identifier: MIT
//! Which threads have a lane of their own: those with the most connections, whoever came
//! first; threads of a process that are named alike have one together. Memory is bounded, and what has no lane is counted with the others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{histogram::Histogram, look::Look, threads::Threads};
use crate::{ledger::manner::ThreadKind, process::ProcessKey};

/// Kinds of threads that have a lane.
pub(super) const MOST_LANES: usize = 24;

/// The connections of a thread, of threads that are named alike, or of a remote host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lane {
    pub label: String,
    /// The process; absent where the lane is of no single one.
    #[serde(default)]
    pub pid: Option<u32>,
    /// All that have no lane of their own. Earlier connections of those that have one may be
    /// among them.
    #[serde(default)]
    pub others: bool,
    pub connections: u64,
    /// Times between the starts of successive connections; none of the others.
    pub gaps: Histogram,
    /// Whether they are between those of one thread, where the lane is of several.
    #[serde(default)]
    pub gaps_of_each: bool,
    /// Times ESTABLISHED.
    pub lived: Histogram,
    pub looks: BTreeMap<Look, u64>,
    /// By bin of time, what began in it.
    pub bins: BTreeMap<u64, BTreeMap<Look, u64>>,
}

impl Lane {
    /// Counts a connection that began in a bin of time.
    pub(super) fn count(&mut self, look: Look, bin: u64) {
        self.connections += 1;
        *self.looks.entry(look).or_default() += 1;
        *self.bins.entry(bin).or_default().entry(look).or_default() += 1;
    }

    /// Makes one bin of two.
    fn halve(&mut self) {
        for (bin, looks) in std::mem::take(&mut self.bins) {
            add(self.bins.entry(bin / 2).or_default(), looks);
        }
    }

    /// Adds the connections of another.
    pub(super) fn absorb(&mut self, other: Self) {
        self.connections = self.connections.saturating_add(other.connections);
        self.lived.absorb(&other.lived);
        add(&mut self.looks, other.looks);
        for (bin, looks) in other.bins {
            add(self.bins.entry(bin).or_default(), looks);
        }
    }
}

fn add(to: &mut BTreeMap<Look, u64>, looks: BTreeMap<Look, u64>) {
    for (look, count) in looks {
        let known = to.entry(look).or_default();
        *known = known.saturating_add(count);
    }
}

/// What makes a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Threads(ProcessKey, ThreadKind),
    Host(String),
    /// Clients whose process is not known.
    Unknown,
}

/// Whose a lane is, in words.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// The process with its number, or the remote host.
    pub whose: String,
    /// The first of its threads, unless that is the process's main one.
    pub thread: Option<String>,
}

/// A lane while it is filled.
#[derive(Debug, Default)]
pub(super) struct Filling {
    /// Names it in a mark for as long as it is kept.
    pub number: usize,
    pub lane: Lane,
    pub threads: Threads,
    name: Name,
    /// Its connections, and those of which it took the place: a thread with more than one of
    /// [`MOST_LANES`] parts of all connections keeps its lane (Metwally and others, 2005,
    /// "Space-Saving").
    weight: u64,
}

impl Filling {
    fn finish(&self) -> Lane {
        let (gaps, gaps_of_each) = self.threads.gaps();
        Lane {
            label: self.label(),
            gaps: gaps.clone(),
            gaps_of_each,
            ..self.lane.clone()
        }
    }

    /// `java (shop) 3712, main-SendThread 3734`, or how many threads there are.
    fn label(&self) -> String {
        let Name { whose, thread } = &self.name;
        match (self.threads.words(), thread) {
            (None, None) => whose.clone(),
            (None, Some(thread)) => format!("{whose}, {thread}"),
            (Some(threads), None) => format!("{whose}, {threads}"),
            (Some(threads), Some(thread)) => format!("{whose}, {threads} such as {thread}"),
        }
    }
}

/// Lanes by what makes them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    kept: BTreeMap<Of, Filling>,
    others: Lane,
    given: usize,
}

impl Lanes {
    /// The lane of one more connection.
    pub(super) fn of(&mut self, of: Of, name: impl FnOnce() -> Name) -> &mut Filling {
        let mut weight = 0;
        if self.kept.len() >= MOST_LANES && !self.kept.contains_key(&of) {
            weight = self.evict();
        }
        let pid = match &of {
            Of::Threads(key, _) => Some(key.pid),
            Of::Host(_) | Of::Unknown => None,
        };
        let given = &mut self.given;
        let filling = self.kept.entry(of).or_insert_with(|| {
            *given += 1;
            Filling {
                number: *given,
                weight,
                name: name(),
                lane: Lane {
                    pid,
                    ..Lane::default()
                },
                ..Filling::default()
            }
        });
        filling.weight = filling.weight.saturating_add(1);
        filling
    }

    /// Puts the lightest lane, of those the oldest, to the others, and returns its weight.
    fn evict(&mut self) -> u64 {
        let lightest = self.kept.iter();
        let lightest = lightest.min_by_key(|(_, filling)| (filling.weight, filling.number));
        let Some(of) = lightest.map(|(of, _)| of.clone()) else {
            return 0;
        };
        let Some(gone) = self.kept.remove(&of) else {
            return 0;
        };
        self.others.absorb(gone.lane);
        gone.weight
    }

    /// Makes one bin of two, in all lanes.
    pub(super) fn halve(&mut self) {
        let kept = self.kept.values_mut().map(|filling| &mut filling.lane);
        for lane in kept.chain([&mut self.others]) {
            lane.halve();
        }
    }

    /// Busiest first and the others last, with the number by which marks name each.
    pub(super) fn finish(&self) -> Vec<(usize, Lane)> {
        let kept = self.kept.values();
        let mut lanes: Vec<_> = kept
            .map(|filling| (filling.number, filling.finish()))
            .collect();
        lanes.sort_by_key(|(number, lane)| (std::cmp::Reverse(lane.connections), *number));
        if self.others.connections > 0 {
            let others = Lane {
                label: "all others".to_owned(),
                others: true,
                ..self.others.clone()
            };
            lanes.push((0, others));
        }
        lanes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: usize) -> Of {
        Of::Host(format!("host {number}"))
    }

    #[test]
    fn who_comes_late_and_often_has_a_lane_and_nothing_is_lost() {
        let mut lanes = Lanes::default();
        let mut made = 0;
        let mut connect = |lanes: &mut Lanes, number: usize| {
            let filling = lanes.of(host(number), || Name {
                whose: format!("host {number}"),
                thread: None,
            });
            filling.lane.count(Look::Failed, 7);
            made += 1;
        };
        for decoy in 0..MOST_LANES {
            for _ in 0..3 {
                connect(&mut lanes, decoy);
            }
        }
        // Others that come once each, between those of the busy one.
        for other in 0..200 {
            connect(&mut lanes, 1_000);
            connect(&mut lanes, 2_000 + 2 * other);
            connect(&mut lanes, 2_001 + 2 * other);
        }
        lanes.halve();
        let lanes = lanes.finish();
        assert_eq!(lanes.len(), MOST_LANES + 1);
        assert_eq!(lanes[0].1.label, "host 1000");
        assert!(lanes[0].1.connections > 100, "{}", lanes[0].1.connections);
        assert!(lanes.last().unwrap().1.others);
        let all: u64 = lanes.iter().map(|(_, lane)| lane.connections).sum();
        assert_eq!(all, made);
        let in_bins = lanes.iter().map(|(_, lane)| lane.bins[&3][&Look::Failed]);
        assert_eq!(in_bins.sum::<u64>(), made);
    }
}

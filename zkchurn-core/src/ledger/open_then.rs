// SPDX-License-Identifier: MIT
//! How many connections were open to a peer at a moment of the trace, whatever became of them:
//! what a server's limit counted as it turned somebody away.
//!
//! Bounded: of what is over only the latest is kept, and where there is no room for more, it is
//! known from when on.

use super::{Destination, shape::client_and_server_bytes};
use crate::{
    connection::{Connection, Stage},
    hash::{HashMap, HashSet},
    process::ProcessKey,
};

/// Most connections that are kept of one peer, and of all, 6 MB of them.
const MOST_OF_PEER: usize = 512;
const MOST: usize = 1 << 16;
/// What was not answered and lived for less was turned away itself.
const HELD_NS: u64 = 1_000_000_000;
/// Most moments that are looked at.
const MOST_MOMENTS: usize = 32;

/// From when to when a connection was established, nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from_ns: u64,
    until_ns: u64,
    process: Option<ProcessKey>,
}

impl Span {
    fn of(connection: &Connection) -> Self {
        let over = connection
            .left_established_ns
            .unwrap_or_else(|| connection.latest_ns());
        Self {
            from_ns: connection.established_ns.unwrap_or(connection.started_ns),
            until_ns: match is_open(connection) {
                true => u64::MAX,
                false => over,
            },
            process: ProcessKey::of(connection),
        }
    }
}

/// What the server has closed is open here only.
const fn is_open(connection: &Connection) -> bool {
    let is_there = matches!(
        connection.stage,
        Stage::Established | Stage::SeenOpen | Stage::Open
    );
    is_there && connection.left_established_ns.is_none()
}

/// Whether the server took it.
fn is_held(connection: &Connection, span: &Span) -> bool {
    let (_, answer) = client_and_server_bytes(connection);
    answer.is_some_and(|bytes| bytes > 0) || span.until_ns.saturating_sub(span.from_ns) >= HELD_NS
}

#[derive(Clone, Debug, Default)]
struct Kept {
    open: HashMap<u64, Span>,
    over: Vec<Span>,
    /// Of what was over by then some had to make room.
    complete_after_ns: u64,
}

impl Kept {
    fn len(&self) -> usize {
        self.open.len() + self.over.len()
    }

    /// Lets those go that ended first, but for so many.
    fn forget(&mut self, but: usize) {
        self.over.sort_unstable_by_key(|span| span.until_ns);
        let count = self.over.len().saturating_sub(but);
        let latest = self.over.drain(..count).next_back();
        let until_ns = latest.map_or(0, |span| span.until_ns);
        self.complete_after_ns = self.complete_after_ns.max(until_ns);
    }
}

/// The connections that were open, by peer.
#[derive(Clone, Debug, Default)]
pub struct OpenThen {
    of: HashMap<Destination, Box<Kept>>,
    kept: usize,
    /// Whether there was no room for some that were open.
    is_full: bool,
}

/// How many were open at several moments: the median.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldThen {
    /// Whosever they were.
    pub all: u64,
    /// Those of some processes.
    pub own: u64,
}

impl OpenThen {
    /// Takes a record into account.
    pub fn observe(&mut self, connection: &Connection) {
        if self.is_full || !connection.was_established() {
            return;
        }
        let span = Span::of(connection);
        if is_open(connection) {
            self.insert(connection, |kept| {
                kept.open.insert(connection.socket, span);
            });
            return;
        }
        let peer = Destination::of(connection);
        let known = self.of.get_mut(&peer);
        let begun = known.and_then(|kept| kept.open.remove(&connection.socket));
        self.kept -= usize::from(begun.is_some());
        if is_held(connection, &span) {
            self.insert(connection, |kept| kept.over.push(span));
        }
    }

    fn insert(&mut self, connection: &Connection, keep: impl FnOnce(&mut Kept)) {
        if self.kept >= MOST {
            self.make_room();
        }
        if self.kept >= MOST {
            // Of no moment is it known any more.
            *self = Self {
                is_full: true,
                ..Self::default()
            };
            return;
        }
        let kept = self.of.entry(Destination::of(connection)).or_default();
        let before = kept.len();
        keep(kept);
        if kept.over.len() >= 2 * MOST_OF_PEER {
            kept.forget(MOST_OF_PEER);
        }
        self.kept = self.kept + kept.len() - before;
    }

    /// What both have seen, as if one had.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (peer, others) in &other.of {
            let kept = self.of.entry(*peer).or_default();
            kept.open.extend(&others.open);
            kept.over.extend(&others.over);
            kept.complete_after_ns = kept.complete_after_ns.max(others.complete_after_ns);
        }
        self.kept = self.of.values().map(|kept| kept.len()).sum();
        self.is_full |= other.is_full;
        self
    }

    /// Lets all go that are over.
    fn make_room(&mut self) {
        self.of.values_mut().for_each(|kept| kept.forget(0));
        self.of.retain(|_, kept| !kept.open.is_empty());
        self.kept = self.of.values().map(|kept| kept.len()).sum();
    }

    /// How many were open to a peer at these moments, which are in order, and of those how many
    /// were of these processes; `None` where that is not known of any of them.
    pub fn at(
        &self,
        peer: &Destination,
        moments: &[u64],
        processes: &[ProcessKey],
    ) -> Option<HeldThen> {
        if self.is_full {
            return None;
        }
        let none = Kept::default();
        let kept = self.of.get(peer).map_or(&none, |kept| kept);
        let first = moments.partition_point(|at| *at <= kept.complete_after_ns);
        let known = &moments[first..];
        let step = known.len().div_ceil(MOST_MOMENTS).max(1);
        let own: HashSet<_> = processes.iter().copied().collect();
        let mut held: Vec<_> = known
            .iter()
            .step_by(step)
            .map(|at| {
                let spans = kept.open.values().chain(&kept.over);
                let then = spans.filter(|span| (span.from_ns..span.until_ns).contains(at));
                then.fold(HeldThen::default(), |sum, span| HeldThen {
                    all: sum.all + 1,
                    own: sum.own + u64::from(span.process.is_some_and(|one| own.contains(&one))),
                })
            })
            .collect();
        held.sort_unstable_by_key(|one| (one.all, one.own));
        held.get(held.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::test_connection::{MS, by, ended, established},
        outcome::Outcome,
    };

    /// A session of a process that was established from when to when.
    fn session(pid: u32, from_ms: u64, until_ms: u64) -> Connection {
        let one = ended(from_ms - 1, 49, 41, Outcome::AnsweredThenClosedByUs);
        Connection {
            socket: u64::from(pid) << 32 | from_ms,
            left_established_ns: Some(until_ms * MS),
            ended_ns: Some(until_ms * MS),
            ..by(one, pid, pid, "app")
        }
    }

    fn held(open: &OpenThen, moments_ms: &[u64]) -> Option<(u64, u64)> {
        let own = session(7, 1, 2);
        let processes = [ProcessKey::of(&own).unwrap()];
        let moments: Vec<_> = moments_ms.iter().map(|at| at * MS).collect();
        let held = open.at(&Destination::of(&own), &moments, &processes);
        held.map(|held| (held.all, held.own))
    }

    #[test]
    fn what_was_open_then_counts_though_it_is_over_and_what_came_later_does_not() {
        let mut open = OpenThen::default();
        for step in 0..8 {
            let one = session(7, 100 + step, 5_000);
            open.observe(&established(one));
            open.observe(&one);
        }
        open.observe(&established(session(8, 50, 9_000)));
        open.observe(&established(session(8, 6_000, 9_000)));
        // Turned away: it had no answer.
        open.observe(&Connection {
            traffic: ended(1, 49, 0, Outcome::ResetByPeer).traffic,
            ..session(7, 2_000, 2_900)
        });
        assert_eq!(held(&open, &[2_001, 2_002, 2_003]), Some((9, 8)));
        assert_eq!(held(&open, &[20, 2_000, 4_999]), Some((9, 8)));
        assert_eq!(held(&open, &[5_500]), Some((1, 0)));
        assert_eq!(held(&open, &[7_000]), Some((2, 0)));
        assert_eq!(held(&open, &[]), None);
    }

    #[test]
    fn what_had_to_make_room_makes_its_moments_unknown() {
        let mut open = OpenThen::default();
        let sessions = 2 * MOST_OF_PEER as u64;
        for step in 1..=sessions {
            open.observe(&session(7, 10 * step, 10 * step + 9));
        }
        assert_eq!(open.kept, MOST_OF_PEER);
        assert_eq!(held(&open, &[15]), None);
        assert_eq!(held(&open, &[15, 10 * sessions + 5]), Some((1, 1)));
    }

    #[test]
    fn of_any_number_of_peers_so_many_are_kept() {
        let mut open = OpenThen::default();
        for step in 1..2 * MOST as u64 {
            let mut one = session(7, step, step + 1);
            one.remote
                .set_ip(std::net::Ipv4Addr::from(step as u32).into());
            open.observe(&one);
            assert!(open.kept <= MOST);
        }
        let all: usize = open.of.values().map(|kept| kept.len()).sum();
        assert_eq!(open.kept, all);
        for step in 1..=MOST as u64 + 1 {
            open.observe(&established(session(7, step, step + 1)));
        }
        assert!(open.is_full && open.kept == 0);
        assert_eq!(held(&open, &[9]), None);
    }
}

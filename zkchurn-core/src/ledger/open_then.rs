// SPDX-License-Identifier: MIT
//! How many connections were open to a peer at a moment of the trace, whatever became of them:
//! what a server's limit counted as it turned somebody away, and what it took meanwhile.
//!
//! Bounded: of what is over only the latest is kept, and where there is no room for more, it is
//! known from when on.

use std::net::IpAddr;

use super::{
    Destination,
    shape::{Ending, client_and_server_bytes},
    source::Source,
};
use crate::{
    connection::{Connection, Stage},
    hash::{HashMap, HashSet},
    outcome::Outcome,
    process::ProcessKey,
};

/// Most connections that are kept of one peer, and of all, 8 MB of them.
const MOST_OF_PEER: usize = 512;
const MOST: usize = 1 << 16;
/// What was not answered and lived for less was turned away itself.
const HELD_NS: u64 = 1_000_000_000;
/// From when to when a connection was established, nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from_ns: u64,
    until_ns: u64,
    process: Option<ProcessKey>,
    source: Option<IpAddr>,
    /// Whether it is older than the trace: since when it was open is not known, and it may be open on
    /// this host only.
    is_older: bool,
    /// Whether the server reset it, or did not answer any more: so ends what it has lost.
    is_lost: bool,
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
            source: Source::of(connection).address(),
            is_older: connection.before_start,
            is_lost: matches!(
                Ending::of(Outcome::of(connection), connection.side),
                Ending::ResetByServer | Ending::Broken
            ),
        }
    }

    fn is_of(&self, processes: &HashSet<ProcessKey>) -> bool {
        self.process.is_some_and(|one| processes.contains(&one))
    }
}

/// Of those that somebody opened at some peers, what stays open beside what ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staying {
    /// Open for more than twice as long as any other one that was opened in the trace and ended.
    pub outlasting: u64,
    /// The longest that one of those was open, in nanoseconds.
    pub longest_ns: u64,
    /// How many of those there were.
    pub ended: u64,
    /// Opened since the last one ended, whenever that one was opened, and open.
    pub since_last_end: u64,
}

/// How many of some connections are open, by moment.
struct Counted {
    /// In order, when each was established, and when each was no longer.
    from_ns: Vec<u64>,
    until_ns: Vec<u64>,
}

impl Counted {
    fn of<'a>(spans: impl Iterator<Item = &'a Span>) -> Self {
        let spans = spans.filter(|span| span.from_ns < span.until_ns);
        let (mut from_ns, mut until_ns): (Vec<_>, Vec<_>) =
            spans.map(|span| (span.from_ns, span.until_ns)).unzip();
        from_ns.sort_unstable();
        until_ns.sort_unstable();
        Self { from_ns, until_ns }
    }

    fn open_at(&self, at_ns: u64) -> u64 {
        let begun = self.from_ns.partition_point(|from| *from <= at_ns);
        let over = self.until_ns.partition_point(|until| *until <= at_ns);
        begun.saturating_sub(over) as u64
    }

    /// How many were established between the first and the last of these moments while at least as
    /// many others were open as at any moment before, or as at most moments: a limit that is reached
    /// takes nobody until one has gone. Where what is taken comes and goes, there are seldom as
    /// many open as at the one moment with most.
    fn taken_between(&self, moments: &[(u64, u64)], median: u64) -> u64 {
        let (Some((first, _)), Some((last, _))) = (moments.first(), moments.last()) else {
            return 0;
        };
        let begins = self.from_ns.partition_point(|from| from < first);
        let between = self.from_ns[begins..].iter();
        let mut before = moments.iter().peekable();
        let mut most = 0;
        let mut taken = 0;
        for at in between.take_while(|at| *at < last) {
            while let Some((_, open)) = before.next_if(|(moment, _)| moment <= at) {
                most = most.max(*open);
            }
            let others = self.open_at(*at).saturating_sub(1);
            taken += u64::from(most > 0 && others >= most.min(median));
        }
        taken
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

/// How many were open at several moments, the median, and what was taken between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldThen {
    /// From the same addresses, whosever they were.
    pub all: u64,
    /// Those of some processes.
    pub own: u64,
    /// Those that the server took during the trace.
    pub new: u64,
    /// From other addresses.
    pub elsewhere: u64,
    /// How many moments there were.
    pub moments: u64,
    /// Connections from the same addresses that were taken between the moments, while no fewer were
    /// open.
    pub taken: u64,
    /// Connections from the same addresses, older than the trace, that the server had reset or did
    /// not answer any more by the last moment.
    pub lost: u64,
    /// Whether the server had refused connections in the trace by then.
    pub was_refused: bool,
}

impl HeldThen {
    /// Whether the server is seen to have lost some. A single one may be reset for its own sake.
    pub const fn has_lost_some(self) -> bool {
        self.lost >= 2
    }

    /// Whether more than one in ten were taken with no fewer open: no limit does that. Where a
    /// server is late to notice that one is gone, single ones seem to be.
    pub fn is_no_limit(self) -> bool {
        self.taken * 10 > self.moments
    }

    /// The same at several peers.
    pub fn add(&mut self, other: Self) {
        self.all += other.all;
        self.own += other.own;
        self.new += other.new;
        self.elsewhere += other.elsewhere;
        self.moments += other.moments;
        self.taken += other.taken;
        self.lost += other.lost;
        self.was_refused |= other.was_refused;
    }
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

    /// What stays open to these peers at `now_ns`, of these processes, or of all where there are none;
    /// `None` where that is not known any more.
    pub fn staying(
        &self,
        peers: &[Destination],
        processes: &[ProcessKey],
        now_ns: u64,
    ) -> Option<Staying> {
        if self.is_full {
            return None;
        }
        let own: HashSet<_> = processes.iter().copied().collect();
        let is_own = |span: &&Span| own.is_empty() || span.is_of(&own);
        let kept = || peers.iter().filter_map(|peer| self.of.get(peer));
        let over = || kept().flat_map(|kept| &kept.over).filter(is_own);
        let open = kept().flat_map(|kept| kept.open.values());
        let open = open.filter(is_own).filter(|span| !span.is_older);
        let begun: Vec<_> = open.map(|span| span.from_ns).collect();
        let lived = over().filter(|span| !span.is_older);
        let lived = lived.map(|span| span.until_ns.saturating_sub(span.from_ns));
        let (ended, longest_ns) = lived.fold((0, 0), |(count, longest), one| {
            (count + 1, one.max(longest))
        });
        let last_end_ns = over().map(|span| span.until_ns).max().unwrap_or_default();
        let count =
            |is: &dyn Fn(u64) -> bool| begun.iter().filter(|from| is(**from)).count() as u64;
        Some(Staying {
            outlasting: match ended {
                0 => 0,
                _ => count(&|from| now_ns.saturating_sub(from) > longest_ns.saturating_mul(2)),
            },
            longest_ns,
            ended,
            since_last_end: count(&|from| from > last_end_ns),
        })
    }

    /// How many were open to a peer at these moments, which are in order, from these addresses and
    /// from others, and of those how many were of these processes; `None` where that is not known
    /// of any of them. Without addresses all count.
    pub fn at(
        &self,
        peer: &Destination,
        moments: &[u64],
        processes: &[ProcessKey],
        from: &HashSet<IpAddr>,
    ) -> Option<HeldThen> {
        if self.is_full {
            return None;
        }
        let none = Kept::default();
        let kept = self.of.get(peer).map_or(&none, |kept| kept);
        let first = moments.partition_point(|at| *at <= kept.complete_after_ns);
        let known = &moments[first..];
        let own: HashSet<_> = processes.iter().copied().collect();
        let is_from = |span: &&Span| {
            let source = span.source.as_ref();
            from.is_empty() || source.is_none_or(|source| from.contains(source))
        };
        let spans = || kept.open.values().chain(&kept.over);
        let all = Counted::of(spans().filter(is_from));
        let of_own = Counted::of(spans().filter(is_from).filter(|span| span.is_of(&own)));
        let new = Counted::of(spans().filter(is_from).filter(|span| !span.is_older));
        let elsewhere = Counted::of(spans().filter(|span| !is_from(span)));
        let open: Vec<_> = known.iter().map(|at| (*at, all.open_at(*at))).collect();
        let mut held: Vec<_> = open
            .iter()
            .map(|(at, all)| {
                let [own, new, elsewhere] = [&of_own, &new, &elsewhere].map(|one| one.open_at(*at));
                (*all, own, new, elsewhere)
            })
            .collect();
        held.sort_unstable();
        let (median, own, new, elsewhere) = *held.get(held.len() / 2)?;
        let last_ns = known.last().copied().unwrap_or_default();
        let is_lost = |span: &&Span| span.is_older && span.is_lost && span.until_ns <= last_ns;
        Some(HeldThen {
            all: median,
            own,
            new,
            elsewhere,
            moments: known.len() as u64,
            taken: all.taken_between(&open, median),
            lost: spans().filter(is_from).filter(is_lost).count() as u64,
            // What was never established is not kept here.
            was_refused: false,
        })
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
        let held = open.at(
            &Destination::of(&own),
            &moments,
            &processes,
            &HashSet::default(),
        );
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

    /// A limit lets the next one in when one has gone.
    #[test]
    fn what_is_taken_while_as_many_are_open_meets_no_limit() {
        let turned_away: Vec<_> = (0..10).map(|step| (1_000 + step * 100) * MS).collect();
        let held_with = |others: Vec<Connection>| {
            let mut open = OpenThen::default();
            (0..12).for_each(|step| open.observe(&session(8, 200 + step, 5_000)));
            others.iter().for_each(|one| open.observe(one));
            let peer = Destination::of(&session(9, 1, 2));
            let held = open.at(&peer, &turned_away, &[], &HashSet::default());
            held.unwrap()
        };
        // Each comes just after another has ended.
        let in_turn = (0..9).flat_map(|step| {
            let ends_ms = 940 + 100 * step;
            [
                session(7, 100 + step, ends_ms),
                session(9, ends_ms + 1, 5_000),
            ]
        });
        let at_limit = held_with(in_turn.collect());
        assert_eq!((at_limit.all, at_limit.taken), (21, 0));
        assert!(!at_limit.is_no_limit());
        // One of two servers behind a proxy is gone, or a load balancer takes some.
        let between = |count: u64| {
            let each = (0..count).map(|step| session(9, 1_010 + 100 * step, 1_030 + 100 * step));
            each.collect::<Vec<_>>()
        };
        assert_eq!(held_with(between(4)).taken, 4);
        assert!(held_with(between(2)).is_no_limit());
        assert!(!held_with(between(1)).is_no_limit(), "one of ten");
        let staying = (0..4).map(|step| session(9, 1_010 + 100 * step, 5_000));
        assert!(held_with(staying.collect()).is_no_limit());
    }

    /// A load balancer turns away six of ten whatever is open. What it takes comes and goes, so that
    /// many are open at one moment only.
    #[test]
    fn what_is_taken_is_seen_where_what_is_open_comes_and_goes() {
        let mut open = OpenThen::default();
        (0..12).for_each(|step| open.observe(&session(8, 200 + step, 5_000)));
        let crowd = (0..5).map(|step| session(9, 990 + step, 1_005));
        let between = (0..4).map(|step| session(9, 1_110 + 100 * step, 1_150 + 100 * step));
        crowd.chain(between).for_each(|one| open.observe(&one));
        let turned_away: Vec<_> = (0..6).map(|step| (1_000 + step * 100) * MS).collect();
        let peer = Destination::of(&session(9, 1, 2));
        let held = open.at(&peer, &turned_away, &[], &HashSet::default());
        let held = held.unwrap();
        assert_eq!((held.all, held.taken), (12, 4));
        assert!(held.is_no_limit());
    }

    #[test]
    fn what_the_server_took_during_the_trace_is_counted_apart() {
        let mut open = OpenThen::default();
        for step in 0..12 {
            let mut one = established(session(8, 200 + step, 5_000));
            one.before_start = step < 9;
            open.observe(&one);
        }
        let peer = Destination::of(&session(8, 1, 2));
        let held = open.at(&peer, &[1_000 * MS], &[], &HashSet::default());
        let held = held.unwrap();
        assert_eq!((held.all, held.new), (12, 3));
    }

    #[test]
    fn older_ones_that_were_reset_by_then_are_lost() {
        let older = |step: u64, until_ms: u64, outcome: Outcome| Connection {
            before_start: true,
            left_established_ns: Some(until_ms * MS),
            ended_ns: Some(until_ms * MS),
            ..ended(200 + step, 49, 41, outcome)
        };
        let mut open = OpenThen::default();
        open.observe(&older(1, 2_000, Outcome::ResetByPeer));
        open.observe(&older(2, 3_000, Outcome::Broken));
        // After the last moments, closed, and one that is no older.
        open.observe(&older(3, 8_000, Outcome::ResetByPeer));
        open.observe(&session(8, 300, 2_000));
        open.observe(&Connection {
            before_start: false,
            ..older(4, 2_000, Outcome::ResetByPeer)
        });
        let peer = Destination::of(&session(8, 1, 2));
        let lost = |moments: &[u64]| {
            let moments: Vec<_> = moments.iter().map(|at| at * MS).collect();
            let held = open.at(&peer, &moments, &[], &HashSet::default());
            held.unwrap()
        };
        assert_eq!(lost(&[1_000, 5_000]).lost, 2);
        assert!(lost(&[1_000, 5_000]).has_lost_some());
        assert_eq!(lost(&[1_000, 2_500]).lost, 1);
        assert!(!lost(&[1_000, 2_500]).has_lost_some(), "for its own sake");
    }

    #[test]
    fn a_limit_counts_by_address() {
        let mut open = OpenThen::default();
        let from = |one: Connection, host: &str| Connection {
            local: format!("{host}:40000").parse().unwrap(),
            ..one
        };
        (0..12).for_each(|step| open.observe(&from(session(8, 200 + step, 5_000), "10.0.0.8")));
        (0..3).for_each(|step| open.observe(&from(session(7, 300 + step, 5_000), "10.0.0.7")));
        let peer = Destination::of(&session(7, 1, 2));
        let held = |from: &[&str]| {
            let from = from.iter().map(|one| one.parse().unwrap()).collect();
            let held = open.at(&peer, &[1_000 * MS], &[], &from).unwrap();
            (held.all, held.elsewhere)
        };
        assert_eq!(held(&[]), (15, 0));
        assert_eq!(held(&["10.0.0.7"]), (3, 12));
        assert_eq!(held(&["10.0.0.9"]), (0, 15));
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

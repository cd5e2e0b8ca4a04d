// SPDX-License-Identifier: MIT
//! What is counted for one thread, one flow of threads, or all of them.

use std::cmp::Reverse;

use super::{
    counts::Counts, distribution::Distribution, handshakes::Handshakes, manner, order::InOrder,
    shape::Shapes,
};
use crate::{
    connection::{Connection, FirstClose, Stage, Thread, Told},
    outcome::Outcome,
    text,
};

/// Counts and distributions over some connections.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Connections whose beginning was seen.
    opened: u64,
    /// Connections that were established.
    pub established: u64,
    /// Connections that ended.
    pub ended: u64,
    /// Established connections that ended.
    pub ended_established: u64,
    /// Connections in the kernel's table when the trace ended.
    open_at_end: u64,
    /// Time between the starts of two successive connections.
    pub gap: Distribution,
    pub established_for: Distribution,
    /// Time from connect to ESTABLISHED or to the failure.
    pub connecting_for: Distribution,
    /// Ended connections by who closed first.
    pub first_close: Counts<FirstCloseKey>,
    /// Connections closed by the thread that opened them.
    pub closed_by_opener: u64,
    /// Connections closed by another thread.
    pub closed_by_other: u64,
    /// Ended connections by outcome.
    pub outcomes: Counts<Outcome>,
    /// Ended connections by how they went, seen from the client.
    pub shapes: Shapes,
    /// Payload bytes sent, of connections where it is known.
    pub payload_out: Range,
    /// Payload bytes received, of connections where it is known.
    pub payload_in: Range,
    /// Segments sent again.
    pub retransmits: u64,
    /// Connections closed by another process than the opener's.
    pub closed_by_other_process: u64,
    /// The latest of those closers.
    pub other_process_closer: Option<Thread>,
    /// Connections that this side closed a second or more after the peer.
    pub closed_late: u64,
    /// From when to when the one of them was in CLOSE_WAIT that was so for longest,
    /// nanoseconds of `CLOCK_MONOTONIC`.
    pub longest_late: Option<(u64, u64)>,
    /// Connections older than the trace, counted apart from all the above.
    pub older: Older,
    /// What was said first, where that was captured.
    pub handshakes: Handshakes,
    /// Start of the first connection.
    pub first_seen_ns: Option<u64>,
    /// Latest moment at which anything happened.
    pub last_seen_ns: u64,
    /// Starts of the latest connections, for the gap.
    starts: InOrder,
}

/// Connections that were there before the trace began. Their age is not known,
/// so they have no place in the distributions.
#[derive(Clone, Debug, Default)]
pub struct Older {
    /// How many there were when tracing began.
    pub seen: u64,
    /// How many of them ended.
    pub ended: u64,
    /// Shortest time from the trace's begin to such an end.
    pub first_end_after_ns: Option<u64>,
    /// The ended ones by outcome.
    pub outcomes: Counts<Outcome>,
}

impl Older {
    fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        match connection.stage {
            Stage::Established => self.seen += 1,
            Stage::SeenOpen | Stage::Open => {}
            Stage::Ended | Stage::Closing | Stage::FoundClosed => {
                self.ended += 1;
                self.outcomes.add(outcome, 1);
                let until = connection.left_established_ns.or(connection.ended_ns);
                if let Some(until) = until {
                    let after = until.saturating_sub(connection.started_ns);
                    let first = self
                        .first_end_after_ns
                        .map_or(after, |first| first.min(after));
                    self.first_end_after_ns = Some(first);
                }
            }
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.seen += other.seen;
        self.ended += other.ended;
        self.first_end_after_ns = match (self.first_end_after_ns, other.first_end_after_ns) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        self.outcomes.absorb(&other.outcomes);
    }

    /// How many are still open.
    pub fn open(&self) -> u64 {
        self.seen.saturating_sub(self.ended)
    }
}

/// Whether a record is the first that tells that a connection was established.
fn tells_of_establishment(connection: &Connection) -> bool {
    match connection.told {
        Some(told) => told != Told::Established && connection.was_established(),
        None => connection.stage == Stage::Established,
    }
}

/// [`FirstClose`] in the order in which it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FirstCloseKey {
    /// This host.
    Us,
    Peer,
    /// Neither.
    Kernel,
}

impl From<FirstClose> for FirstCloseKey {
    fn from(first_close: FirstClose) -> Self {
        match first_close {
            FirstClose::Us => Self::Us,
            FirstClose::Peer => Self::Peer,
            FirstClose::Kernel => Self::Kernel,
        }
    }
}

/// Sum, least and most of a number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Range {
    /// How many connections it is over.
    pub connections: u64,
    /// All bytes.
    pub total: u64,
    /// Fewest bytes of one connection.
    pub min: u64,
    /// Most bytes of one connection.
    pub max: u64,
}

impl Range {
    /// `78 bytes sent and 0 to 98 received`; nothing where either is not known.
    pub fn payload(out: &Self, back: &Self) -> Option<String> {
        let is_known = out.connections > 0 && back.connections > 0;
        is_known.then(|| {
            format!(
                "{} bytes sent and {} received",
                text::range(out.min, out.max),
                text::range(back.min, back.max)
            )
        })
    }

    fn add(&mut self, bytes: u64) {
        self.min = if self.connections == 0 {
            bytes
        } else {
            self.min.min(bytes)
        };
        self.max = self.max.max(bytes);
        self.total = self.total.saturating_add(bytes);
        self.connections += 1;
    }

    fn absorb(&mut self, other: &Self) {
        if other.connections == 0 {
            return;
        }
        self.min = if self.connections == 0 {
            other.min
        } else {
            self.min.min(other.min)
        };
        self.max = self.max.max(other.max);
        self.total = self.total.saturating_add(other.total);
        self.connections += other.connections;
    }
}

impl Tally {
    /// Orders tallies busiest first: by ended connections, then by opened ones.
    pub fn busyness(&self) -> Reverse<(u64, u64)> {
        Reverse((self.ended, self.opened()))
    }

    /// Takes one record into account.
    ///
    /// The beginning of a connection is counted once, and that it was established: by the
    /// first record that tells of it. Where each establishment had a record, it is that
    /// one; then a connection that was never established is counted at its end.
    pub fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        self.last_seen_ns = self.last_seen_ns.max(connection.latest_ns());
        if connection.before_start {
            self.older.observe(connection, outcome);
            return;
        }
        if let Some(handshake) = &connection.handshake {
            self.handshakes.observe(handshake);
        }
        if Self::is_beginning(connection) {
            self.begin(connection);
        }
        if tells_of_establishment(connection) {
            self.established += 1;
        }
        match connection.stage {
            Stage::Established | Stage::SeenOpen => {}
            Stage::Ended | Stage::Closing | Stage::FoundClosed => self.end(connection, outcome),
            Stage::Open => self.open_at_end += 1,
        }
        self.first_seen_ns = Some(match self.first_seen_ns {
            Some(first) => first.min(connection.started_ns),
            None => connection.started_ns,
        });
    }

    /// Takes a connection into account that has ended or is listed as open, as far as the
    /// rules look at it: gaps are in [`super::starts::Starts`], and who closed first is in
    /// the shapes.
    pub(super) fn observe_whole(&mut self, connection: &Connection, outcome: Outcome) {
        let latest = connection.ended_ns.or(connection.seen_open_ns);
        let latest = latest.unwrap_or(connection.started_ns);
        self.last_seen_ns = self.last_seen_ns.max(latest);
        if let Some(handshake) = &connection.handshake {
            self.handshakes.observe(handshake);
        }
        let first = self.first_seen_ns.unwrap_or(u64::MAX);
        self.first_seen_ns = Some(first.min(connection.started_ns));
        self.established += u64::from(connection.was_established());
        if connection.stage == Stage::Open {
            self.open_at_end += 1;
            return;
        }
        self.ended += 1;
        self.outcomes.add(outcome, 1);
        self.shapes.observe(connection, outcome);
        self.ended_established += u64::from(connection.was_established());
        if let Some(established_for) = connection.established_for_ns() {
            self.established_for.add(established_for);
        }
        if !connection.was_established()
            && let Some(connecting_for) = connection.connecting_for_ns()
        {
            self.connecting_for.add(connecting_for);
        }
        self.add_late_close(connection);
        self.add_traffic(connection);
    }

    /// The counts without what is still open or older.
    pub(super) fn of_those_that_ended(&self) -> Self {
        Self {
            opened: self.ended,
            established: self.ended_established,
            open_at_end: 0,
            older: Older::default(),
            ..self.clone()
        }
    }

    /// Whether a record is the first that tells of a connection.
    fn is_beginning(connection: &Connection) -> bool {
        !connection.before_start
            && match connection.told {
                Some(told) => told == Told::Nothing,
                None => match connection.stage {
                    Stage::Established => true,
                    Stage::SeenOpen => false,
                    _ => !connection.was_established(),
                },
            }
    }

    fn begin(&mut self, connection: &Connection) {
        self.opened += 1;
        self.starts.add(connection.started_ns, &mut self.gap);
    }

    /// Adds what was counted of other connections. Where `other` began later, the
    /// time between is a gap too, so tallies are absorbed in the order of their
    /// first connections.
    pub fn absorb(&mut self, other: &Self) {
        if let (Some(last), Some(first)) = (self.starts.latest(), other.first_seen_ns)
            && first > last
        {
            self.gap.add(first - last);
        }
        if other.starts.latest() > self.starts.latest() {
            self.starts = other.starts.clone();
        }
        self.gap.absorb(&other.gap);
        self.absorb_all_but_gaps(other);
    }

    /// The same for whoever has the gaps from elsewhere.
    pub fn absorb_all_but_gaps(&mut self, other: &Self) {
        self.first_seen_ns = match (self.first_seen_ns, other.first_seen_ns) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        self.last_seen_ns = self.last_seen_ns.max(other.last_seen_ns);
        self.opened += other.opened();
        self.established += other.established;
        self.ended += other.ended;
        self.ended_established += other.ended_established;
        self.open_at_end += other.open_at_end;
        self.established_for.absorb(&other.established_for);
        self.connecting_for.absorb(&other.connecting_for);
        self.first_close.absorb(&other.first_close);
        self.outcomes.absorb(&other.outcomes);
        self.shapes.absorb(&other.shapes);
        self.closed_by_opener += other.closed_by_opener;
        self.closed_by_other += other.closed_by_other;
        self.payload_out.absorb(&other.payload_out);
        self.payload_in.absorb(&other.payload_in);
        self.retransmits += other.retransmits;
        self.closed_by_other_process += other.closed_by_other_process;
        self.other_process_closer = other.other_process_closer.or(self.other_process_closer);
        self.closed_late += other.closed_late;
        self.longest_late = longer(self.longest_late, other.longest_late);
        self.older.absorb(&other.older);
        self.handshakes.absorb(&other.handshakes);
    }

    fn end(&mut self, connection: &Connection, outcome: Outcome) {
        self.ended += 1;
        self.outcomes.add(outcome, 1);
        self.shapes.observe(connection, outcome);
        if let Some(first) = connection.first_close() {
            self.first_close.add(first.into(), 1);
        }
        self.ended_established += u64::from(connection.was_established());
        if let Some(established_for) = connection.established_for_ns() {
            self.established_for.add(established_for);
        }
        if let Some(connecting_for) = connection.connecting_for_ns() {
            self.connecting_for.add(connecting_for);
        }
        if let Some(closer) = connection.closed_by_other_process() {
            self.closed_by_other_process += 1;
            self.other_process_closer = Some(closer);
        }
        if let (Some(opener), Some(closer)) = (connection.opener, connection.closer) {
            if opener.thread.tid == closer.tid && opener.thread.tgid == closer.tgid {
                self.closed_by_opener += 1;
            } else {
                self.closed_by_other += 1;
            }
        }
        self.add_late_close(connection);
        self.add_traffic(connection);
    }

    fn add_late_close(&mut self, connection: &Connection) {
        if manner::is_late(connection)
            && let Some((from, until)) = connection.in_close_wait()
        {
            self.closed_late += 1;
            self.longest_late = longer(self.longest_late, Some((from, until)));
        }
    }

    fn add_traffic(&mut self, connection: &Connection) {
        if let Some(bytes) = connection.traffic.payload_out {
            self.payload_out.add(bytes);
        }
        if let Some(bytes) = connection.traffic.payload_in {
            self.payload_in.add(bytes);
        }
        self.retransmits += u64::from(connection.traffic.retransmits.unwrap_or(0));
    }

    /// Connections that began. Where the record of an establishment was lost,
    /// the end still tells that there was one.
    pub fn opened(&self) -> u64 {
        self.opened.max(self.ended + self.open_at_end)
    }

    /// Connections that are open: counted in the kernel's table at the end of
    /// the trace, estimated from the records before.
    pub fn open(&self) -> u64 {
        let by_records = self.established.saturating_sub(self.ended_established);
        self.open_at_end.max(by_records)
    }
}

/// Of two spans of time the longer one.
fn longer(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    let length = |span: Option<(u64, u64)>| span.map(|(from, until)| until.saturating_sub(from));
    match length(other) > length(one) {
        true => other,
        false => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_connection::{by, ended};

    #[test]
    fn closes_by_another_process_are_counted_one_by_one() {
        let outcome = Outcome::AnsweredThenClosedByUs;
        let mut connections = [ended(1, 49, 41, outcome), ended(2, 49, 41, outcome)];
        let stranger = by(connections[0], 77, 78, "other").closer;
        let mut tally = Tally::default();
        for connection in &mut connections {
            tally.end(connection, outcome);
        }
        assert_eq!(tally.closed_by_other_process, 0);
        for connection in &mut connections {
            connection.closer = stranger;
            tally.end(connection, outcome);
        }
        assert_eq!(tally.closed_by_other_process, 2);
        assert_eq!(tally.other_process_closer, stranger);
        assert_eq!((tally.closed_by_opener, tally.closed_by_other), (2, 2));
        assert_eq!(tally.ended, 4);
    }
}

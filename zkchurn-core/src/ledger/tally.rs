// SPDX-License-Identifier: MIT
//! What is counted for one thread, one flow of threads, or all of them.

use std::cmp::Reverse;

use super::{
    counts::Counts, distribution::Distribution, handshakes::Handshakes, manner, order::InOrder,
    shape::Shapes, sizes,
};
use crate::{
    connection::{Connection, FirstClose, Side, Stage, Thread, Told},
    outcome::Outcome,
    stall::{Stall, Stalls},
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
    /// Attempts to connect that nobody has answered yet: their SYN has no answer.
    pub connecting: u64,
    /// When the latest of those began, nanoseconds of `CLOCK_MONOTONIC`.
    latest_connecting_ns: u64,
    /// Likewise of those that were established.
    latest_established_ns: u64,
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
    /// Broken connections by why nothing got through any more.
    pub stalls: Stalls,
    /// Payload bytes sent, of connections where it is known.
    pub payload_out: Range,
    /// Payload bytes received, of connections where it is known.
    pub payload_in: Range,
    /// Connections of which it is known how many segments this side sent.
    pub segments_known: u64,
    /// Those of them that had more than a TLS handshake that fails.
    pub many_segments: u64,
    /// Connections that [a RST ended](Connection::is_reset_before_sending) while nothing was on
    /// its way.
    pub reset_before_sending: u64,
    /// Connections that ended with bytes which this side had received and not read.
    pub left_unread: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// Connections of which payload was sent again, and more than one segment: what comes of a
    /// SYN that was lost, or of one probe of the tail (RFC 8985, 7), is no sign of a dead path.
    pub sent_again: u64,
    /// Connections closed by another process than the opener's.
    pub closed_by_other_process: u64,
    /// The latest of those closers.
    pub other_process_closer: Option<Thread>,
    /// Connections that this side closed a second or more after the peer.
    pub closed_late: u64,
    /// From when to when the one of them was in CLOSE_WAIT that was so for longest,
    /// nanoseconds of `CLOCK_MONOTONIC`.
    pub longest_late: Option<(u64, u64)>,
    /// Of those that ended, how many had a socket still when the trace did.
    pub half_closed: u64,
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
    /// Of those that did not end: nobody has answered its SYN since before the trace began.
    pub connecting: u64,
    /// How many of them ended.
    pub ended: u64,
    /// Of those, how many had a socket still when the trace did.
    pub half_closed: u64,
    /// Of those that did not end: the peer had closed before the trace began, and this side
    /// holds the socket (CLOSE_WAIT).
    pub held: u64,
    /// Of those that ended: the peer closed during the trace, and this side holds the socket for a
    /// while already.
    pub held_since: u64,
    /// Shortest time from the trace's begin to such an end.
    pub first_end_after_ns: Option<u64>,
    /// The ended ones by outcome.
    pub outcomes: Counts<Outcome>,
}

/// Whether it was half-closed before the trace began, and this side holds it still.
fn is_held(connection: &Connection) -> bool {
    connection.was_half_closed_before() && connection.held_in_close_wait_for_ns().is_some()
}

impl Older {
    fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        match connection.told {
            Some(_) => count_connecting(&mut self.connecting, connection),
            None => self.count_listed(connection),
        }
        match connection.stage {
            Stage::Established => {
                // Of one that was told of before it tells nothing but that (`Horizon`).
                self.seen += u64::from(connection.told != Some(Told::Established));
                self.held += u64::from(connection.was_half_closed_before());
            }
            // Nothing came of it.
            Stage::Closing if is_held(connection) => {}
            Stage::SeenOpen | Stage::Open => {}
            Stage::Ended | Stage::Closing | Stage::FoundClosed => {
                self.ended += 1;
                self.half_closed += u64::from(connection.stage == Stage::Closing);
                self.held_since += u64::from(manner::is_held_open(connection));
                if connection.was_half_closed_before() {
                    self.held = self.held.saturating_sub(1);
                }
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

    /// Counts an attempt that was listed as the trace began: its records do not tell what earlier ones
    /// told, so the first and the last of them count.
    fn count_listed(&mut self, connection: &Connection) {
        let since_listed = connection.established_ns > Some(connection.started_ns);
        let has_waited = connection.established_ns.is_none() || since_listed;
        match connection.stage {
            Stage::Established => self.connecting += u64::from(is_connecting(connection)),
            Stage::SeenOpen => {}
            Stage::Open if is_connecting(connection) => {}
            _ if has_waited && connection.side == Side::Client => {
                self.connecting = self.connecting.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.seen += other.seen;
        self.connecting += other.connecting;
        self.ended += other.ended;
        self.half_closed += other.half_closed;
        self.held += other.held;
        self.held_since += other.held_since;
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

    /// Those of them on which both sides may send.
    pub fn in_use(&self) -> u64 {
        (self.open().saturating_sub(self.held)).saturating_sub(self.connecting)
    }
}

/// Counts an attempt to connect as long as its SYN has no answer: from the record that tells of it
/// to the one that knows of that and tells that it is over, or established.
fn count_connecting(attempts: &mut u64, connection: &Connection) {
    let waits = is_connecting(connection);
    match connection.told {
        None | Some(Told::Nothing) => *attempts += u64::from(waits),
        Some(Told::Connecting) if !waits => *attempts = attempts.saturating_sub(1),
        Some(_) => {}
    }
}

/// Whether nobody has answered its SYN by then.
fn is_connecting(connection: &Connection) -> bool {
    let goes_on = connection.stage.goes_on() || connection.stage == Stage::Open;
    goes_on && connection.side == Side::Client && !connection.was_established()
}

/// Whether a record is the first that tells that a connection was established.
pub(super) fn tells_of_establishment(connection: &Connection) -> bool {
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
        is_known.then(|| text::sent_and_received((out.min, out.max), (back.min, back.max)))
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

    /// When the latest connection began, nanoseconds of `CLOCK_MONOTONIC`.
    pub fn latest_start_ns(&self) -> Option<u64> {
        self.starts.latest()
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
        count_connecting(&mut self.connecting, connection);
        let latest = match is_connecting(connection) {
            true => &mut self.latest_connecting_ns,
            false if connection.was_established() => &mut self.latest_established_ns,
            false => &mut 0,
        };
        *latest = connection.started_ns.max(*latest);
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
        self.connecting += u64::from(is_connecting(connection));
        if connection.stage == Stage::Open {
            self.open_at_end += 1;
            return;
        }
        self.ended += 1;
        self.half_closed += u64::from(connection.stage == Stage::Closing);
        self.outcomes.add(outcome, 1);
        self.shapes.observe(connection, outcome);
        if outcome == Outcome::Broken {
            self.stalls.add(Stall::of(&connection.traffic));
        }
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
            connecting: 0,
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
        self.connecting += other.connecting;
        self.latest_connecting_ns = self.latest_connecting_ns.max(other.latest_connecting_ns);
        self.latest_established_ns = self.latest_established_ns.max(other.latest_established_ns);
        self.established_for.absorb(&other.established_for);
        self.connecting_for.absorb(&other.connecting_for);
        self.first_close.absorb(&other.first_close);
        self.outcomes.absorb(&other.outcomes);
        self.shapes.absorb(&other.shapes);
        self.stalls.absorb(other.stalls);
        self.closed_by_opener += other.closed_by_opener;
        self.closed_by_other += other.closed_by_other;
        self.payload_out.absorb(&other.payload_out);
        self.payload_in.absorb(&other.payload_in);
        self.segments_known += other.segments_known;
        self.many_segments += other.many_segments;
        self.reset_before_sending += other.reset_before_sending;
        self.left_unread += other.left_unread;
        self.retransmits += other.retransmits;
        self.sent_again += other.sent_again;
        self.closed_by_other_process += other.closed_by_other_process;
        self.other_process_closer = other.other_process_closer.or(self.other_process_closer);
        self.closed_late += other.closed_late;
        self.longest_late = longer(self.longest_late, other.longest_late);
        self.half_closed += other.half_closed;
        self.older.absorb(&other.older);
        self.handshakes.absorb(&other.handshakes);
    }

    fn end(&mut self, connection: &Connection, outcome: Outcome) {
        self.ended += 1;
        self.half_closed += u64::from(connection.stage == Stage::Closing);
        self.outcomes.add(outcome, 1);
        self.shapes.observe(connection, outcome);
        if outcome == Outcome::Broken {
            self.stalls.add(Stall::of(&connection.traffic));
        }
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
        self.reset_before_sending += u64::from(connection.is_reset_before_sending());
        if let Some(bytes) = connection.traffic.payload_out {
            self.payload_out.add(bytes);
        }
        if let Some(bytes) = connection.traffic.payload_in {
            self.payload_in.add(bytes);
        }
        if let Some(segments) = connection.traffic.segments_out {
            self.segments_known += 1;
            self.many_segments += u64::from(segments > sizes::MOST_OF_TLS_HANDSHAKE);
        }
        self.left_unread += u64::from(connection.traffic.unread.is_some_and(|bytes| bytes > 0));
        let segments = connection.traffic.retransmits.unwrap_or(0);
        self.retransmits += u64::from(segments);
        // Before Linux 4.19 only the segments are known.
        let payload = connection.traffic.bytes_retransmitted.unwrap_or(1);
        self.sent_again += u64::from(segments > 1 && payload > 0);
    }

    /// Connections that began. Where the record of an establishment was lost,
    /// the end still tells that there was one.
    pub fn opened(&self) -> u64 {
        self.opened.max(self.ended + self.open_at_end)
    }

    /// Whether one that began after all attempts which wait was established.
    pub fn got_through_since(&self) -> bool {
        self.latest_established_ns > self.latest_connecting_ns
    }

    /// At most how many connections began after a moment: all that are remembered, or as many as
    /// their rate brings until `now_ns`, where those that are remembered began later.
    pub fn begun_after(&self, time_ns: u64, now_ns: u64) -> u64 {
        self.starts.count_after(time_ns, now_ns)
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
    use crate::ledger::test_connection::{by, ended, established};

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

    const MS: u64 = 1_000_000;

    /// The same, older than the trace.
    fn older(connection: Connection) -> Connection {
        Connection {
            before_start: true,
            ..connection
        }
    }

    /// As it is listed, as the walk and the end tell of it again, and as it ends.
    #[test]
    fn an_attempt_that_is_older_than_the_trace_waits_once() {
        let begun = older(Connection {
            established_ns: None,
            stage: Stage::Established,
            told: None,
            ..ended(1, 0, 0, Outcome::Refused)
        });
        let at = |stage| Connection { stage, ..begun };
        let waits = |records: &[Connection]| {
            let mut tally = Tally::default();
            for record in records {
                tally.observe(record, Outcome::of(record));
            }
            tally.older.connecting
        };
        let told = [begun, at(Stage::SeenOpen), at(Stage::Open)];
        assert_eq!(waits(&told), 1);
        let over = [begun, at(Stage::SeenOpen), at(Stage::Ended)];
        assert_eq!(waits(&over), 0);
        let answered = Connection {
            established_ns: Some(begun.started_ns + MS),
            ..at(Stage::Open)
        };
        assert_eq!(waits(&[begun, answered]), 0);
        let was_open = Connection {
            established_ns: Some(begun.started_ns),
            ..at(Stage::Ended)
        };
        assert_eq!(waits(&[begun, was_open]), 1, "it was another one");
    }

    /// Records of connections of all kinds, in the order in which they come.
    fn records() -> Vec<(Connection, Outcome)> {
        let mut records = Vec::new();
        for (number, outcome) in Outcome::ALL.iter().cycle().take(60).enumerate() {
            let number = number as u64;
            let mut over = ended(10 + 7 * number, 40 + number, 90 - number, *outcome);
            over.traffic.retransmits = Some(number as u32 % 3);
            over.traffic.bytes_retransmitted = (number % 4).checked_sub(1);
            if number.is_multiple_of(5) {
                over.closer = by(over, 77, 78, "other").closer;
            }
            if number.is_multiple_of(7) {
                over.traffic.payload_out = None;
            }
            let was_established = over.was_established();
            let over = match number % 11 {
                0 => older(over),
                _ => over,
            };
            if was_established {
                records.push((established(over), Outcome::StillOpen));
            }
            if !number.is_multiple_of(13) {
                records.push((over, Outcome::of(&over)));
            }
        }
        records
    }

    fn counted(records: &[(Connection, Outcome)]) -> Tally {
        let mut tally = Tally::default();
        for (connection, outcome) in records {
            tally.observe(connection, *outcome);
        }
        tally
    }

    /// All counts that do not come from the order.
    fn counts(tally: &Tally) -> Vec<String> {
        let outcomes =
            |outcomes: &Counts<Outcome>| format!("{:?}", outcomes.iter().collect::<Vec<_>>());
        let closes: Vec<_> = tally.first_close.iter().collect();
        let spread = |of: &Distribution| format!("{} {:?}", of.count(), of.percentile(0.5));
        vec![
            format!(
                "opened {} established {}",
                tally.opened(),
                tally.established
            ),
            format!("ended {} {}", tally.ended, tally.ended_established),
            format!("open {}", tally.open()),
            format!("lived {}", spread(&tally.established_for)),
            format!("connecting {}", spread(&tally.connecting_for)),
            format!("closes {closes:?}"),
            format!("by {} {}", tally.closed_by_opener, tally.closed_by_other),
            format!("outcomes {}", outcomes(&tally.outcomes)),
            format!("stalls {:?}", tally.stalls),
            format!("payload {:?} {:?}", tally.payload_out, tally.payload_in),
            format!("again {} {}", tally.retransmits, tally.sent_again),
            format!("reset before sending {}", tally.reset_before_sending),
            format!(
                "others {} {:?}",
                tally.closed_by_other_process, tally.other_process_closer
            ),
            format!("late {} {:?}", tally.closed_late, tally.longest_late),
            format!("older {} {}", tally.older.seen, tally.older.ended),
            format!("older {:?}", tally.older.first_end_after_ns),
            format!("older {}", outcomes(&tally.older.outcomes)),
            format!("seen {:?} {}", tally.first_seen_ns, tally.last_seen_ns),
        ]
    }

    #[test]
    fn counts_of_parts_are_those_of_the_whole_wherever_it_is_cut() {
        let records = records();
        let whole = counted(&records);
        for cut in 0..=records.len() {
            let mut parts = counted(&records[..cut]);
            parts.absorb_all_but_gaps(&counted(&records[cut..]));
            let (mut parts, mut whole) = (counts(&parts), counts(&whole));
            // An establishment in one part and its end in the other: as many began as ended,
            // at least, in each.
            parts.remove(0);
            whole.remove(0);
            assert_eq!(parts, whole, "cut at {cut}");
        }
    }

    /// What is counted, against what can be told of the records by themselves.
    #[test]
    fn counts_are_what_the_records_tell() {
        let records = records();
        let tally = counted(&records);
        let of = |wanted: &dyn Fn(&Connection) -> bool| {
            records.iter().filter(|(one, _)| wanted(one)).count() as u64
        };
        let is_over = |one: &Connection| !one.before_start && one.stage == Stage::Ended;
        let began = |one: &Connection| {
            !one.before_start && (one.stage == Stage::Established || !one.was_established())
        };
        assert_eq!(tally.opened(), of(&began));
        let establishes = |one: &Connection| !one.before_start && one.stage == Stage::Established;
        assert_eq!(tally.established, of(&establishes));
        assert_eq!(tally.ended, of(&is_over));
        assert_eq!(
            tally.ended_established,
            of(&|one| is_over(one) && one.was_established())
        );
        assert_eq!(tally.open(), tally.established - tally.ended_established);
        assert_eq!(
            tally.older.seen,
            of(&|one| one.before_start && one.stage == Stage::Established)
        );
        assert_eq!(
            tally.older.ended,
            of(&|one| one.before_start && one.stage == Stage::Ended)
        );
        assert_eq!(
            tally.older.open(),
            tally.older.seen.saturating_sub(tally.older.ended)
        );
        let over = || records.iter().filter(|(one, _)| is_over(one));
        for (outcome, count) in tally.outcomes.iter() {
            assert_eq!(
                count,
                over().filter(|(_, other)| *other == outcome).count() as u64
            );
        }
        let sent: Vec<_> = over()
            .filter_map(|(one, _)| one.traffic.payload_out)
            .collect();
        let range = Range {
            connections: sent.len() as u64,
            total: sent.iter().sum(),
            min: *sent.iter().min().unwrap(),
            max: *sent.iter().max().unwrap(),
        };
        assert_eq!(tally.payload_out, range);
        let again = over().filter_map(|(one, _)| one.traffic.retransmits);
        assert_eq!(tally.retransmits, u64::from(again.sum::<u32>()));
        let again = over().filter(|(one, _)| one.traffic.retransmits > Some(1));
        let payload = again.filter(|(one, _)| one.traffic.bytes_retransmitted != Some(0));
        assert_eq!(tally.sent_again, payload.count() as u64);
        let first = records.iter().filter(|(one, _)| !one.before_start);
        let first = first.map(|(one, _)| one.started_ns).min();
        assert_eq!(tally.first_seen_ns, first);
        let last = records.iter().map(|(one, _)| one.latest_ns()).max();
        assert_eq!(Some(tally.last_seen_ns), last);
    }

    #[test]
    fn the_first_end_of_older_ones_is_the_first_of_all_parts() {
        let over = older(ended(10, 1, 1, Outcome::AnsweredThenClosedByUs));
        let late = Connection {
            left_established_ns: Some(over.started_ns + 900 * MS),
            ..over
        };
        let outcome = Outcome::of(&over);
        for parts in [[over, late], [late, over]] {
            let mut first = counted(&[(parts[0], outcome)]);
            first.absorb_all_but_gaps(&counted(&[(parts[1], outcome)]));
            assert_eq!(first.older.first_end_after_ns, Some(3 * MS));
            assert_eq!(
                counted(&parts.map(|one| (one, outcome)))
                    .older
                    .first_end_after_ns,
                Some(3 * MS)
            );
        }
    }
}

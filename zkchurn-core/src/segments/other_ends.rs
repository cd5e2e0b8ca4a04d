// SPDX-License-Identifier: MIT
//! Connections with both ends on this host, where a part of their trace begins between the
//! ends of the two. Where the opening end was over, the part before has told of them; where it was
//! not, it tells of what it is, as in a trace of that side alone.

use std::collections::VecDeque;

use crate::{
    connection::{Connection, Side, Stage},
    ends::Pair,
    hash::HashMap,
};

/// Most ends that are remembered; of more the oldest is evicted.
const MOST: usize = 1 << 16;

/// An end that was over before the part began, while the other one was not.
#[derive(Debug)]
struct Over {
    side: Side,
    ended_ns: u64,
    /// Its turn in the order of eviction.
    turn: u64,
}

/// The ends that were over when the part began.
#[derive(Debug, Default)]
pub(super) struct OtherEnds {
    over: HashMap<Pair, Over>,
    /// The oldest first, also those that both ends have told of since.
    order: VecDeque<(Pair, u64)>,
    turns: u64,
}

impl OtherEnds {
    /// Takes a record of before the part.
    pub(super) fn take(&mut self, connection: &Connection) {
        let (Stage::Ended, Some(ended_ns)) = (connection.stage, connection.ended_ns) else {
            return;
        };
        if !connection.was_established() {
            return;
        }
        let pair = Pair::of(connection);
        if self.has_other_end(connection) {
            self.over.remove(&pair);
            return;
        }
        self.turns += 1;
        let (side, turn) = (connection.side, self.turns);
        self.over.insert(
            pair,
            Over {
                side,
                ended_ns,
                turn,
            },
        );
        self.order.push_back((pair, turn));
        self.evict();
    }

    /// Forgets the oldest of too many, and clears the order of what it has for nothing.
    fn evict(&mut self) {
        let over = &mut self.over;
        let is_there = |over: &HashMap<Pair, Over>, (pair, turn): &(Pair, u64)| {
            over.get(pair).is_some_and(|over| over.turn == *turn)
        };
        while over.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            if is_there(over, &oldest) {
                over.remove(&oldest.0);
            }
        }
        if self.order.len() > 2 * MOST {
            self.order.retain(|one| is_there(over, one));
        }
    }

    /// Whether the record is of an accepting end whose opening end was over when the part began.
    pub(super) fn is_told(&self, connection: &Connection) -> bool {
        connection.side == Side::Server && self.has_other_end(connection)
    }

    /// Whether the other end of a connection is remembered. What takes the same ports again begins
    /// after that was over.
    fn has_other_end(&self, connection: &Connection) -> bool {
        let over = self.over.get(&Pair::of(connection));
        over.is_some_and(|over| {
            over.side != connection.side && connection.started_ns < over.ended_ns
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::test_connection::ended, outcome::Outcome};

    fn client(port: u16, at_ms: u64) -> Connection {
        let mut connection = ended(at_ms, 1, 1, Outcome::AnsweredThenClosedByUs);
        connection.local.set_port(port);
        connection
    }

    fn server(port: u16, at_ms: u64) -> Connection {
        let opened = client(port, at_ms);
        Connection {
            side: Side::Server,
            local: opened.remote,
            remote: opened.local,
            opener: None,
            ..opened
        }
    }

    #[test]
    fn the_accepting_end_is_told_where_the_opening_one_was_over() {
        for (first, other) in [(client(7, 5), server(7, 5)), (server(7, 5), client(7, 5))] {
            let mut ends = OtherEnds::default();
            assert!(!ends.is_told(&other));
            ends.take(&first);
            assert_eq!(ends.is_told(&other), other.side == Side::Server);
            assert!(!ends.is_told(&first), "not of its own end");
            let of_others = [server(8, 5), client(8, 5)];
            assert!(of_others.iter().all(|one| !ends.is_told(one)));
            let again = Connection {
                started_ns: first.ended_ns.unwrap(),
                ..other
            };
            assert!(!ends.is_told(&again), "the same ports again");
            ends.take(&other);
            assert!(!ends.is_told(&other), "both were over");
        }
    }

    #[test]
    fn of_more_than_are_remembered_the_oldest_go() {
        let mut ends = OtherEnds::default();
        let numbered = |number: usize, mut connection: Connection| {
            let address = std::net::Ipv4Addr::from_bits(number as u32).into();
            match connection.side {
                Side::Client => connection.local.set_ip(address),
                Side::Server => connection.remote.set_ip(address),
            }
            connection
        };
        (0..MOST + 2).for_each(|number| ends.take(&numbered(number, client(7, 5))));
        let told = |number| ends.is_told(&numbered(number, server(7, 5)));
        assert!(!told(0) && !told(1) && told(2) && told(MOST + 1));
        assert_eq!(ends.over.len(), MOST);
    }

    #[test]
    fn what_both_ends_have_told_of_takes_no_place() {
        let mut ends = OtherEnds::default();
        ends.take(&client(7, 5));
        for _ in 0..=2 * MOST {
            ends.take(&client(8, 5));
            ends.take(&server(8, 5));
        }
        assert!(ends.is_told(&server(7, 5)), "the oldest is the only one");
        assert!(ends.order.len() <= 2 * MOST);
    }
}

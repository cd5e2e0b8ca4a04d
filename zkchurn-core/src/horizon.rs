// SPDX-License-Identifier: MIT
//! The beginning of a part of a longer trace: what began before it is older than this part,
//! as if tracing had begun here, so that it has no share in rates and lifetimes.

use crate::{
    connection::{Connection, Stage, Told},
    hash::HashMap,
};

/// Most connections that are remembered as told of; of more only the end is counted.
const MOST: usize = 1 << 18;

/// Where a part begins, and which older connections were told of.
#[derive(Clone, Debug)]
pub(crate) struct Horizon {
    from_ns: u64,
    /// By socket, and whether it was told to be half-closed when the part began.
    told: HashMap<u64, bool>,
}

impl Horizon {
    /// The part begins at `from_ns` of `CLOCK_MONOTONIC`.
    pub(crate) fn new(from_ns: u64) -> Self {
        Self {
            from_ns,
            told: HashMap::default(),
        }
    }

    /// A record as this part has it, behind one that says that the connection was there, if
    /// that was not said yet.
    pub(crate) fn pass(&mut self, connection: Connection) -> [Option<Connection>; 2] {
        // A longer trace's own older ones are told of by their first record.
        let is_older = connection.started_ns < self.from_ns;
        if !is_older || self.is_late(&connection) {
            return [None, Some(connection)];
        }
        let older = self.as_older(connection);
        let goes_on = older.stage.goes_on();
        let has_room = self.told.len() < MOST;
        let told = match goes_on {
            true => self.told.get(&older.socket).copied(),
            false => self.told.remove(&older.socket),
        };
        let is_half_closed = older.was_half_closed_before();
        let first = match told {
            None if goes_on && !has_room => None,
            None => Some(introduction(older, self.from_ns)),
            Some(false) if is_half_closed => Some(found_half_closed(older)),
            Some(_) => None,
        };
        if goes_on && first.is_some() {
            self.told.insert(older.socket, is_half_closed);
        }
        match goes_on {
            true => [first, None],
            false => [first, Some(older)],
        }
    }

    /// Whether it was over when the part began, and its record came only then: the kernel's
    /// buffer is read some time after it is written. All of it is in this part, and nothing
    /// of it in the one before.
    fn is_late(&self, connection: &Connection) -> bool {
        let is_over = connection.ended_ns.is_some_and(|at| at < self.from_ns);
        is_over && !connection.before_start && !self.told.contains_key(&connection.socket)
    }

    fn as_older(&self, connection: Connection) -> Connection {
        let not_before = |moment: Option<u64>| moment.map(|at| at.max(self.from_ns));
        Connection {
            before_start: true,
            started_ns: self.from_ns,
            established_ns: not_before(connection.established_ns),
            left_established_ns: not_before(connection.left_established_ns),
            local_close_ns: not_before(connection.local_close_ns),
            ended_ns: not_before(connection.ended_ns),
            ..connection
        }
    }
}

/// What says of one that was told of that the peer had closed by the beginning: its record came
/// only later.
fn found_half_closed(older: Connection) -> Connection {
    Connection {
        told: Some(Told::Established),
        ..introduction(older, older.started_ns)
    }
}

/// What a trace that begins at `from_ns` says of a connection that it finds.
fn introduction(older: Connection, from_ns: u64) -> Connection {
    let established_ns = older.was_established().then_some(from_ns);
    Connection {
        stage: Stage::Established,
        told: None,
        established_ns,
        // A peer that had closed by then is seen by the state of the socket.
        left_established_ns: older
            .left_established_ns
            .filter(|_| older.was_half_closed_before()),
        local_close_ns: None,
        ended_ns: None,
        seen_open_ns: None,
        closer: None,
        error: None,
        soft_error: None,
        ending: None,
        handshake: None,
        ..older
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{tally::Tally, test_connection::ended},
        outcome::Outcome,
    };
    use zkchurn_common::state;

    const OUTCOME: Outcome = Outcome::AnsweredThenClosedByUs;

    fn counted(horizon: &mut Horizon, tally: &mut Tally, connection: Connection) {
        for connection in horizon.pass(connection).into_iter().flatten() {
            tally.observe(&connection, OUTCOME);
        }
    }

    #[test]
    fn what_began_before_is_older_and_counted_once() {
        let whole = ended(1, 49, 41, OUTCOME);
        let seen = Connection {
            stage: Stage::SeenOpen,
            ..whole
        };
        for told_before in [0, 1, 3] {
            let mut horizon = Horizon::new(whole.started_ns + 1);
            let mut tally = Tally::default();
            for _ in 0..told_before {
                counted(&mut horizon, &mut tally, seen);
            }
            assert_eq!(tally.older.seen, u64::from(told_before > 0));
            counted(&mut horizon, &mut tally, whole);
            assert_eq!((tally.older.seen, tally.older.ended), (1, 1));
            assert_eq!((tally.opened(), tally.ended), (0, 0));
        }
        let mut horizon = Horizon::new(whole.started_ns);
        let mut tally = Tally::default();
        counted(&mut horizon, &mut tally, whole);
        assert_eq!((tally.older.seen, tally.opened()), (0, 1), "not before");
    }

    /// What tells of it before the part began was made before the peer closed.
    #[test]
    fn what_was_half_closed_when_the_part_began_is_so_whichever_record_tells() {
        let whole = ended(1, 49, 41, OUTCOME);
        let half_closed = Connection {
            stage: Stage::Closing,
            local_close_ns: None,
            ended_ns: None,
            seen_open_ns: Some(90_000_000_000),
            states_seen: state::bit(state::ESTABLISHED) | state::bit(state::CLOSE_WAIT),
            ..whole
        };
        let seen = |left_established_ns| Connection {
            stage: Stage::SeenOpen,
            left_established_ns,
            ..half_closed
        };
        let (before, by_then) = (seen(None), seen(whole.left_established_ns));
        let over = Connection {
            stage: Stage::Ended,
            ended_ns: Some(91_000_000_000),
            ..half_closed
        };
        for (records, counts) in [
            (vec![half_closed], [1, 0, 1]),
            (vec![before, half_closed], [1, 0, 1]),
            (vec![by_then, half_closed], [1, 0, 1]),
            (vec![before, by_then, half_closed], [1, 0, 1]),
            (vec![before, by_then, by_then, over], [1, 1, 0]),
            (vec![before, over], [1, 1, 0]),
        ] {
            let mut horizon = Horizon::new(whole.left_established_ns.unwrap() + 1);
            let mut tally = Tally::default();
            for record in records {
                counted(&mut horizon, &mut tally, record);
            }
            let older = &tally.older;
            assert_eq!([older.seen, older.ended, older.held], counts);
        }
        // As a walk tells of what another record has told of as half-closed.
        let mut tally = Tally::default();
        let found = Horizon::new(half_closed.seen_open_ns.unwrap()).as_older(half_closed);
        for stage in [Stage::Established, Stage::SeenOpen, Stage::SeenOpen] {
            let record = Connection {
                stage,
                told: None,
                ..found
            };
            tally.observe(&record, OUTCOME);
        }
        assert_eq!((tally.older.seen, tally.older.held), (1, 1));
    }

    #[test]
    fn what_was_over_when_the_part_began_is_older_only_if_it_was_told_of() {
        let whole = ended(1, 49, 41, OUTCOME);
        let from_ns = whole.ended_ns.unwrap() + 1;
        let mut horizon = Horizon::new(from_ns);
        let [introduced, late] = horizon.pass(whole);
        let late = late.unwrap();
        assert!(introduced.is_none() && !late.before_start);
        assert_eq!(
            (late.started_ns, late.ended_ns),
            (whole.started_ns, whole.ended_ns)
        );
        let seen = Connection {
            stage: Stage::SeenOpen,
            ended_ns: None,
            ..whole
        };
        horizon.pass(seen);
        let [introduced, older] = horizon.pass(whole);
        let older = older.unwrap();
        assert!(introduced.is_none() && older.before_start);
        assert_eq!((older.started_ns, older.ended_ns), (from_ns, Some(from_ns)));
    }

    #[test]
    fn of_one_that_is_found_nothing_is_said_that_came_later() {
        let whole = Connection {
            error: Some(104),
            soft_error: Some(113),
            ..ended(1, 49, 41, OUTCOME)
        };
        let found = introduction(whole, 7);
        assert_eq!(found.stage, Stage::Established);
        assert_eq!(found.established_ns, Some(7));
        assert_eq!((found.error, found.soft_error), (None, None));
        assert_eq!((found.closer, found.ending, found.told), (None, None, None));
        let later = [
            found.left_established_ns,
            found.local_close_ns,
            found.ended_ns,
            found.seen_open_ns,
        ];
        assert_eq!(later, [None; 4]);
        assert_eq!(found.traffic, whole.traffic);
    }

    #[test]
    fn of_an_older_one_nothing_is_before_the_part_began() {
        let whole = ended(1, 49, 41, OUTCOME);
        let from_ns = whole.left_established_ns.unwrap() + 1;
        let older = Horizon::new(from_ns).as_older(whole);
        assert!(older.before_start);
        assert_eq!(older.started_ns, from_ns);
        assert_eq!(older.established_ns, Some(from_ns));
        assert_eq!(older.left_established_ns, Some(from_ns));
        assert_eq!(older.local_close_ns, Some(from_ns));
        assert_eq!(older.ended_ns, whole.ended_ns);
        let open = Connection {
            left_established_ns: None,
            local_close_ns: None,
            ended_ns: None,
            ..whole
        };
        let older = Horizon::new(from_ns).as_older(open);
        let none = (
            older.left_established_ns,
            older.local_close_ns,
            older.ended_ns,
        );
        assert_eq!(
            none,
            (None, None, None),
            "what never happened is not made up"
        );
    }
}

// SPDX-License-Identifier: MIT
//! The last connections of each process name and peer, for whoever wants to see them one by
//! one while a trace goes on. Bounded, so that one that churns pushes out none but its own.

use std::{
    cell::RefCell,
    collections::{VecDeque, hash_map::Entry},
    io,
    rc::Rc,
};

use crate::{
    connection::{Comm, Connection},
    frame::TraceStart,
    hash::HashMap,
    ledger::Destination,
    outcome::Outcome,
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report, family::FamilyKey},
};

/// Connections of one name and peer that are kept.
pub const MOST_EACH: usize = 200;
/// Names and peers that are told apart; a further one takes the place of the one that was
/// quiet for longest.
pub const MOST_STRIPS: usize = 64;

/// A connection that is over, or was open at the end.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    pub connection: Connection,
    /// How it ended.
    pub outcome: Outcome,
}

/// Whose connections are kept together: name of the process, and the peer.
type Strip = (Option<Comm>, Destination);

/// The last connections.
#[derive(Debug, Default)]
pub struct Tape {
    strips: HashMap<Strip, Kepts>,
    /// Counts connections, to tell who was quiet for longest.
    seen: u64,
}

#[derive(Debug, Default)]
struct Kepts {
    last: VecDeque<Kept>,
    seen: u64,
}

impl Tape {
    fn keep(&mut self, connection: &Connection, outcome: Outcome) {
        self.seen += 1;
        let strip = strip(connection);
        if self.strips.len() >= MOST_STRIPS && !self.strips.contains_key(&strip) {
            let strips = self.strips.iter();
            let quiet = strips.min_by_key(|(_, kepts)| kepts.seen);
            if let Some(quiet) = quiet.map(|(strip, _)| *strip) {
                self.strips.remove(&quiet);
            }
        }
        let kepts = match self.strips.entry(strip) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Kepts::default()),
        };
        kepts.seen = self.seen;
        if kepts.last.len() >= MOST_EACH {
            kepts.last.pop_front();
        }
        let connection = *connection;
        kepts.last.push_back(Kept {
            connection,
            outcome,
        });
    }

    /// All that are kept, in the order of their ends.
    pub fn in_order(&self) -> Vec<Kept> {
        let all = self.strips.values().flat_map(|kepts| &kepts.last);
        let mut all: Vec<_> = all.copied().collect();
        all.sort_by_key(|kept| kept.connection.latest_ns());
        all
    }

    /// Those of a family, as they came.
    pub fn of<'a>(&'a self, family: &'a FamilyKey) -> impl Iterator<Item = &'a Kept> {
        let destination = family.destination();
        let strips = self.strips.iter();
        strips
            .filter(move |((_, peer), _)| *peer == destination)
            .flat_map(|(_, kepts)| &kepts.last)
            .filter(|kept| family.has(&kept.connection))
    }

    /// The last gaps between the starts of a family's connections, in nanoseconds.
    pub fn gaps(&self, family: &FamilyKey, most: usize) -> Vec<u64> {
        let mut starts: Vec<_> = self
            .of(family)
            .filter(|kept| !kept.connection.before_start)
            .map(|kept| kept.connection.started_ns)
            .collect();
        starts.sort_unstable();
        let first = starts.len().saturating_sub(most + 1);
        let pairs = starts[first..].windows(2);
        pairs.map(|pair| pair[1] - pair[0]).collect()
    }
}

fn strip(connection: &Connection) -> Strip {
    let by_opener = connection.opener.and_then(|opener| opener.process_comm);
    let comm = by_opener.or(connection.holder.map(|holder| holder.comm));
    (comm, Destination::of(connection))
}

/// Keeps connections on a tape that others look at, and hands the report on.
pub struct Taping<R> {
    tape: Rc<RefCell<Tape>>,
    report_to: R,
    has_report: bool,
}

impl<R> Taping<R> {
    /// Reports go to `report_to`, and nothing else does.
    pub fn new(tape: Rc<RefCell<Tape>>, report_to: R) -> Self {
        Self {
            tape,
            report_to,
            has_report: false,
        }
    }
}

impl<R: Renderer> Renderer for Taping<R> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.report_to.start(start)
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        let mut tape = self.tape.borrow_mut();
        tape.keep(line.connection, line.outcome);
        Ok(())
    }

    fn shows_intervals(&self) -> bool {
        false
    }

    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.has_report = true;
        self.report_to.report(report)
    }

    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.has_report = true;
        self.report_to.time_wait(report)
    }

    /// Before the report something else is on the screen.
    fn flush(&mut self) -> io::Result<()> {
        match self.has_report {
            true => self.report_to.flush(),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{
            FlowKey,
            test_connection::{by, ended},
        },
        process::ProcessKey,
    };

    const OUTCOME: Outcome = Outcome::ClosedByUsBeforeAnyByte;

    fn family(connection: &Connection) -> FamilyKey {
        FamilyKey::Flow(FlowKey {
            process: ProcessKey::of(connection),
            destination: Destination::of(connection),
        })
    }

    #[test]
    fn one_that_churns_pushes_out_its_own_only() {
        let mut tape = Tape::default();
        let quiet = by(ended(0, 0, 0, OUTCOME), 1, 1, "quiet");
        tape.keep(&quiet, OUTCOME);
        let loud = |at: usize| by(ended(at as u64, 0, 0, OUTCOME), 2, 2, "loud");
        (0..3 * MOST_EACH).for_each(|at| tape.keep(&loud(at), OUTCOME));
        assert_eq!(tape.of(&family(&quiet)).count(), 1);
        let key = family(&loud(0));
        assert_eq!(tape.of(&key).count(), MOST_EACH);
        assert_eq!(tape.gaps(&key, 3), [1_000_000; 3]);
    }

    #[test]
    fn of_many_names_the_quietest_makes_room() {
        let mut tape = Tape::default();
        let named = |number: usize| by(ended(0, 0, 0, OUTCOME), 1, 1, &format!("n{number}"));
        tape.keep(&named(0), OUTCOME);
        (1..MOST_STRIPS).for_each(|number| tape.keep(&named(number), OUTCOME));
        tape.keep(&named(0), OUTCOME);
        tape.keep(&named(MOST_STRIPS), OUTCOME);
        assert_eq!(tape.strips.len(), MOST_STRIPS);
        let has = |number| tape.strips.contains_key(&strip(&named(number)));
        assert!(has(0) && !has(1) && has(MOST_STRIPS));
    }
}

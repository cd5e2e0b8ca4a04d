// SPDX-License-Identifier: MIT
//! Where records of connections are let through to be counted, or not.
//!
//! Of a connection there may be several records, and only the last tells how it ended. So
//! what is not decided yet waits, and goes on before the record that decides it: the ledger
//! has the whole connection, or nothing of it.

use std::collections::VecDeque;

use super::{Decision, Filter, Filtered, Subject};
use crate::{
    connection::{Connection, Stage, Told},
    hash::HashMap,
};

/// Connections that are remembered from one record to the next. Of more the oldest is
/// evicted, and its last record tells of its beginning instead.
const MOST: usize = 16_384;

/// A filter at work.
#[derive(Debug)]
pub(crate) struct Gate {
    filter: Filter,
    connections: u64,
    undecided: u64,
    /// Those of them that had ended.
    ended: u64,
    /// By socket, those of which a record was let through or waits.
    begun: HashMap<u64, Begun>,
    /// Their sockets with the number of their entry, oldest first.
    order: VecDeque<(u64, u64)>,
    entries: u64,
}

#[derive(Debug)]
struct Begun {
    number: u64,
    /// Records that wait; `None` once they have been let through.
    waiting: Option<Vec<Connection>>,
    /// What the filter had to say of the latest of them.
    decision: Decision,
}

/// What becomes of a record.
#[derive(Debug)]
pub(crate) enum Passage {
    /// It is counted, after those that waited for it.
    Counted {
        waited: Vec<Connection>,
        /// Whether no earlier record was counted though there was one.
        is_first: bool,
    },
    /// A later one decides.
    Waits,
    /// It is not wanted, nor are those that waited for it.
    FilteredOut {
        decision: Decision,
        waited: Vec<Connection>,
    },
}

/// Records of one connection that wait at most: connecting, and established.
const MOST_WAITING: usize = 4;

impl Gate {
    pub(crate) fn new(filter: Filter) -> Self {
        Self {
            filter,
            connections: 0,
            undecided: 0,
            ended: 0,
            begun: HashMap::default(),
            order: VecDeque::new(),
            entries: 0,
        }
    }

    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What becomes of a record.
    pub(crate) fn pass(&mut self, subject: &Subject<'_>) -> Passage {
        let decision = self.filter.decide(subject);
        match subject.goes_on() {
            true => self.pass_begun(subject.connection, decision),
            false => self.pass_last(subject.connection, decision),
        }
    }

    fn pass_begun(&mut self, connection: &Connection, decision: Decision) -> Passage {
        let socket = connection.socket;
        if let Some(begun) = self.begun.get_mut(&socket) {
            let Some(waiting) = &mut begun.waiting else {
                return Passage::Counted {
                    waited: Vec::new(),
                    is_first: false,
                };
            };
            if decision == Decision::Yes {
                let waited = begun.waiting.take().unwrap_or_default();
                return Passage::Counted {
                    waited,
                    is_first: false,
                };
            }
            begun.decision = decision;
            if waiting.len() < MOST_WAITING {
                waiting.push(*connection);
            }
            return Passage::Waits;
        }
        match decision {
            Decision::Yes => {
                self.remember(socket, None, decision);
                Passage::Counted {
                    waited: Vec::new(),
                    is_first: true,
                }
            }
            // A no may become a yes where a process is looked up again, so it waits, too.
            Decision::No | Decision::Unknown => {
                self.remember(socket, Some(vec![*connection]), decision);
                Passage::Waits
            }
        }
    }

    fn pass_last(&mut self, connection: &Connection, decision: Decision) -> Passage {
        match (self.begun.remove(&connection.socket), decision) {
            // Counted in part it must be counted whole.
            (Some(Begun { waiting: None, .. }), _) => Passage::Counted {
                waited: Vec::new(),
                is_first: false,
            },
            (Some(Begun { waiting, .. }), Decision::Yes) => Passage::Counted {
                waited: waiting.unwrap_or_default(),
                is_first: false,
            },
            (None, Decision::Yes) => Passage::Counted {
                waited: Vec::new(),
                is_first: true,
            },
            (begun, decision) => {
                self.connections += 1;
                let has_ended = matches!(connection.stage, Stage::Ended | Stage::FoundClosed);
                self.ended += u64::from(has_ended);
                self.undecided += u64::from(decision == Decision::Unknown);
                let waited = begun.and_then(|begun| begun.waiting);
                Passage::FilteredOut {
                    decision,
                    waited: waited.unwrap_or_default(),
                }
            }
        }
    }

    fn remember(&mut self, socket: u64, waiting: Option<Vec<Connection>>, decision: Decision) {
        self.entries += 1;
        let number = self.entries;
        let begun = Begun {
            number,
            waiting,
            decision,
        };
        self.begun.insert(socket, begun);
        self.order.push_back((socket, number));
        while self.begun.len() > MOST || self.order.len() > 2 * MOST {
            let Some((oldest, number)) = self.order.pop_front() else {
                return;
            };
            let is_it = |begun: &Begun| begun.number == number;
            if self.begun.get(&oldest).is_some_and(is_it) {
                self.begun.remove(&oldest);
            }
        }
    }

    /// The latest record of each connection that goes on and is not let through so far.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &Connection> {
        let waiting = self
            .begun
            .values()
            .filter_map(|begun| begun.waiting.as_ref());
        waiting.filter_map(|waiting| waiting.last())
    }

    /// Connections that go on of which it is not known yet whether they are wanted.
    pub(crate) fn open_undecided(&self) -> u64 {
        let waiting = self
            .begun
            .values()
            .filter(|begun| begun.waiting.is_some() && begun.decision == Decision::Unknown);
        waiting.count() as u64
    }

    /// Connections that were filtered out after they had ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended
    }

    /// What it did so far.
    pub(crate) fn filtered(&self) -> Filtered {
        Filtered {
            filter: self.filter.to_string(),
            connections: self.connections,
            undecided: self.undecided,
            findings: 0,
        }
    }
}

/// A record as the first that tells of its connection.
pub(crate) fn as_first(mut connection: Connection) -> Connection {
    connection.told = connection.told.map(|_| Told::Nothing);
    connection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::test_connection::{ended, established},
        outcome::Outcome,
    };

    fn of_socket(socket: u64, connection: Connection) -> Connection {
        Connection {
            socket,
            ..connection
        }
    }

    fn pass(gate: &mut Gate, connection: &Connection) -> Passage {
        gate.pass(&Subject {
            connection,
            outcome: Outcome::of(connection),
            process: None,
            placed: None,
            thread_name: None,
        })
    }

    /// Of so many connections that go on until the last of them has begun, those whose
    /// beginning is still there when they end.
    fn remembered(count: usize) -> Vec<u64> {
        let mut gate = Gate::new("outcome:refused".parse().unwrap());
        let sockets = 1..=count as u64;
        for socket in sockets.clone() {
            let begun = established(ended(1, 0, 0, Outcome::Refused));
            let begun = of_socket(socket, begun);
            assert!(matches!(pass(&mut gate, &begun), Passage::Waits));
        }
        let has_begun = |socket: &u64| {
            let last = of_socket(*socket, ended(1, 0, 0, Outcome::Refused));
            match pass(&mut gate, &last) {
                Passage::Counted { waited, is_first } => {
                    assert_eq!(is_first, waited.is_empty());
                    !is_first
                }
                other => panic!("{other:?}"),
            }
        };
        sockets.filter(has_begun).collect()
    }

    #[test]
    fn of_more_than_are_remembered_the_oldest_go() {
        assert_eq!(remembered(MOST).len(), MOST);
        let of_two_more = remembered(MOST + 2);
        assert_eq!(of_two_more.len(), MOST);
        assert_eq!(of_two_more[0], 3);
    }

    /// Its beginning is forgotten with the latest word of it, not with the first.
    #[test]
    fn one_that_was_heard_of_again_is_not_the_oldest() {
        let mut gate = Gate::new("outcome:refused".parse().unwrap());
        let begun = |socket| of_socket(socket, established(ended(1, 0, 0, Outcome::Refused)));
        for socket in 1..=MOST as u64 {
            pass(&mut gate, &begun(socket));
        }
        gate.remember(1, Some(vec![begun(1)]), Decision::Unknown);
        pass(&mut gate, &begun(MOST as u64 + 1));
        let known = |socket: u64| gate.begun.contains_key(&socket);
        assert_eq!((known(1), known(2), known(3)), (true, false, true));
    }

    /// Those that a filter on the end leaves undecided are open all the same.
    #[test]
    fn what_only_an_end_tells_is_undecided_until_then() {
        let undecided = |filter: &str| {
            let mut gate = Gate::new(filter.parse().unwrap());
            let refused = ended(1, 0, 0, Outcome::Refused);
            pass(&mut gate, &of_socket(1, established(refused)));
            pass(&mut gate, &of_socket(2, established(refused)));
            let open = gate.open_undecided();
            pass(&mut gate, &of_socket(1, refused));
            (open, gate.open_undecided())
        };
        assert_eq!(undecided("not outcome:refused"), (2, 1));
        assert_eq!(undecided("pid:1"), (0, 0), "they are not wanted");
        let peer = ended(1, 0, 0, Outcome::Refused).remote.port();
        assert_eq!(undecided(&format!("port:{peer}")), (0, 0), "they are");
    }
}

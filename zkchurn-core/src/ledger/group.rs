// SPDX-License-Identifier: MIT
//! The connections of a flow that behaved alike: what is diagnosed (docs/adr/0021).

use super::{manner::Manner, source::Source, starts::Starts, tally::Tally};
use crate::{
    connection::{Comm, Connection},
    outcome::Outcome,
};

/// Most groups of one flow. What is of no known manner beyond them goes into one more.
pub const MOST_IN_FLOW: usize = 31;
/// Threads that are told apart in a group; of more only the number is kept.
const MOST_NAMED: usize = 4;

/// Connections of one flow that behaved alike.
#[derive(Clone, Debug)]
pub struct Group {
    /// How they did; of the group for the rest, how the first of them did.
    pub manner: Manner,
    /// Their counts, as far as rules look at them. None while it is the flow's only
    /// group: then they are those of the flow.
    tally: Option<Box<Tally>>,
    pub starts: Starts,
    /// Of its connections, nanoseconds of `CLOCK_MONOTONIC`.
    pub latest_end_ns: u64,
    pub threads: Threads,
    /// From where they came.
    pub source: Source,
}

/// The threads of a group.
#[derive(Clone, Debug, Default)]
pub struct Threads {
    /// How many there were; one that was evicted meanwhile counts again.
    pub distinct: u64,
    /// Some of them, with their connections (Misra and Gries 1982: one that opened
    /// nearly all is among them). Those with no connections are none.
    named: [NamedThread; MOST_NAMED],
}

/// A thread of a group.
#[derive(Clone, Copy, Debug, Default)]
pub struct NamedThread {
    pub tid: u32,
    /// Its name when it opened the latest: a thread may rename itself.
    pub comm: Comm,
    /// Its connections; at least, where there were more threads than are named.
    pub connections: u64,
}

impl Threads {
    fn add(&mut self, tid: u32, comm: Comm) {
        let is_it = |known: &&mut NamedThread| known.tid == tid && known.connections > 0;
        if let Some(known) = self.named.iter_mut().find(is_it) {
            known.connections += 1;
            known.comm = comm;
            return;
        }
        if let Some(free) = self.named.iter_mut().find(|known| known.connections == 0) {
            *free = NamedThread {
                tid,
                comm,
                connections: 1,
            };
            return;
        }
        for known in &mut self.named {
            known.connections -= 1;
        }
    }

    /// All of them, where they are few, else some of the busiest.
    pub fn named(&self) -> impl Iterator<Item = &NamedThread> {
        self.named.iter().filter(|known| known.connections > 0)
    }
}

/// The groups of one flow.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    told_apart: Vec<Group>,
    rest: Option<Box<Group>>,
    /// Where the latest connection went: most often the next goes there, too.
    latest: usize,
}

/// The number of a group within its flow, for [`super::ThreadTally`].
pub type Place = usize;

impl Groups {
    /// Takes a connection into account that has ended or is listed as open; `flow` are
    /// the counts before it, and `has_room` says whether one more group may begin.
    pub fn observe(
        &mut self,
        connection: &Connection,
        outcome: Outcome,
        flow: &Tally,
        has_room: bool,
    ) -> Option<Place> {
        let goes_on = connection.stage.goes_on();
        if connection.before_start || goes_on {
            return None;
        }
        let manner = Manner::of(connection, outcome);
        let place = self.place(manner, flow, has_room);
        let group = match self.told_apart.get_mut(place) {
            Some(group) => group,
            None => self.rest.get_or_insert_with(|| {
                Box::new(Group {
                    tally: Some(Box::default()),
                    ..Group::new(manner)
                })
            }),
        };
        if let Some(tally) = &mut group.tally {
            tally.observe_whole(connection, outcome);
        }
        group.starts.add(connection.started_ns);
        group.source.add(Source::of(connection));
        // Of one whose last packets are on their way it is when this side closed, or the other.
        let closed_ns = connection
            .local_close_ns
            .max(connection.left_established_ns);
        let ended_ns = connection.ended_ns.or(closed_ns);
        group.latest_end_ns = group.latest_end_ns.max(ended_ns.unwrap_or_default());
        if let Some(opener) = connection.opener {
            group.threads.add(opener.thread.tid, opener.thread.comm);
        }
        Some(place)
    }

    fn place(&mut self, manner: Manner, flow: &Tally, has_room: bool) -> Place {
        let is_it = |group: &Group| group.manner == manner;
        if self.told_apart.get(self.latest).is_some_and(is_it) {
            return self.latest;
        }
        self.latest = match self.told_apart.iter().position(is_it) {
            Some(place) => place,
            None if has_room && self.told_apart.len() < MOST_IN_FLOW => {
                self.begin(manner, flow);
                self.told_apart.len() - 1
            }
            None => MOST_IN_FLOW,
        };
        self.latest
    }

    /// The first one has no counts of its own until there is a second.
    fn begin(&mut self, manner: Manner, flow: &Tally) {
        let mut group = Group::new(manner);
        if let [first] = self.told_apart.as_mut_slice() {
            first.tally = Some(Box::new(flow.of_those_that_ended()));
        }
        if !self.told_apart.is_empty() {
            group.tally = Some(Box::default());
        }
        self.told_apart.push(group);
    }

    /// Notes that a thread is new in a group.
    pub fn count_thread(&mut self, place: Place) {
        let group = self.told_apart.get_mut(place);
        if let Some(group) = group.or(self.rest.as_deref_mut()) {
            group.threads.distinct += 1;
        }
    }

    /// How many are told apart.
    pub fn count(&self) -> usize {
        self.told_apart.len()
    }

    /// Each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Place, &Group)> {
        let rest = self.rest.iter().map(|rest| (MOST_IN_FLOW, &**rest));
        self.told_apart.iter().enumerate().chain(rest)
    }
}

impl Group {
    /// Its counts; `flow` are those of its flow.
    pub fn tally<'a>(&'a self, flow: &'a Tally) -> &'a Tally {
        self.tally.as_deref().unwrap_or(flow)
    }

    fn new(manner: Manner) -> Self {
        Self {
            manner,
            tally: None,
            starts: Starts::default(),
            latest_end_ns: 0,
            threads: Threads::default(),
            source: Source::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_connection::{MS, by, ended, name};

    #[test]
    fn a_thread_that_renames_itself_has_its_last_name() {
        let (mut groups, flow) = (Groups::default(), Tally::default());
        let silent = Outcome::ClosedByUsBeforeAnyByte;
        for (step, name) in ["app-1", "app-2", "app-3"].into_iter().enumerate() {
            let one = by(ended(step as u64, 0, 0, silent), 7, 8, name);
            groups.observe(&one, silent, &flow, true);
        }
        let all = groups.iter().flat_map(|(_, group)| group.threads.named());
        let all: Vec<_> = all
            .map(|one| (one.tid, one.comm, one.connections))
            .collect();
        assert_eq!(all, [(8, name("app-3"), 3)]);
    }

    #[test]
    fn two_kinds_are_two_groups_and_the_rest_is_bounded() {
        let mut groups = Groups::default();
        let mut flow = Tally::default();
        let mut observe = |groups: &mut Groups, connection: &Connection, outcome, has_room| {
            groups.observe(connection, outcome, &flow, has_room);
            flow.observe(connection, outcome);
            flow.clone()
        };
        let silent = Outcome::ClosedByUsBeforeAnyByte;
        let work = Outcome::AnsweredThenClosedByUs;
        for step in 0..5 {
            let flow = observe(&mut groups, &ended(step, 0, 0, silent), silent, true);
            let only: Vec<_> = groups
                .iter()
                .map(|(_, one)| one.tally(&flow).ended)
                .collect();
            assert_eq!(only, [step + 1]);
        }
        for step in 5..10 {
            observe(&mut groups, &ended(step, 0, 0, silent), silent, true);
            observe(&mut groups, &ended(step, 88, 149, work), work, true);
        }
        let counts = |groups: &Groups, flow: &Tally| -> Vec<_> {
            groups
                .iter()
                .map(|(_, one)| one.tally(flow).ended)
                .collect()
        };
        assert_eq!(counts(&groups, &Tally::default()), [10, 5]);
        for step in 0..7 {
            let mut connection = ended(step, 88, 149, work);
            let lived = 10_u64.pow(step as u32) * MS / 2;
            connection.left_established_ns = connection.established_ns.map(|ns| ns + lived);
            observe(&mut groups, &connection, work, false);
        }
        assert_eq!(groups.count(), 2);
        let all: u64 = counts(&groups, &Tally::default()).iter().sum();
        assert_eq!(all, 22);
    }

    #[test]
    fn a_thread_that_opened_nearly_all_is_named() {
        let mut threads = Threads::default();
        for step in 0..1_000_u32 {
            let tid = if step % 20 == 0 { step } else { 7 };
            threads.add(tid, Comm::default());
        }
        let most = threads.named().max_by_key(|one| one.connections);
        assert!(most.is_some_and(|one| one.tid == 7 && one.connections > 900));
    }
}

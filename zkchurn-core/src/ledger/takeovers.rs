// SPDX-License-Identifier: MIT
//! Whose sessions went to another client: a server closes the connection that a session had as
//! soon as it comes by another one (`ZooKeeperServer.processConnectRequest`,
//! `DisconnectReason.CLIENT_RECONNECT`), so each end follows at once on somebody else's connect.
//!
//! Only the latest connections are kept, in the order of their ends.

use std::{cmp::Reverse, net::IpAddr};

use super::{
    Destination,
    server_ends::{Server, insert},
    shape::{Ending, client_and_server_bytes},
    sizes,
};
use crate::{
    connection::{Connection, Side, Stage},
    hash::HashMap,
    outcome::Outcome,
    process::ProcessKey,
};

/// Most servers that are told apart; of further ones nothing is kept.
const MOST_SERVERS: usize = 64;
/// After a connect by so much an end follows on it. Measured on one host: 1 to 6 ms.
pub const AT_ONCE_NS: u64 = 50_000_000;
/// Who lost its own connection so shortly before came back for that: something ended both.
const JUST_NS: u64 = 250_000_000;
/// Fewer ends at another's connect are an accident.
const FEWEST: u64 = 3;
/// Of a host's clients, one in so many may seem to lose its session by chance.
const BY_CHANCE: f64 = 0.01;
/// Where somebody has just connected for more of the time than this, no end tells anything.
const MOST_OF_THE_TIME: f64 = 0.5;
/// Most others that have one session: each connect of one of them ends somebody's connection, and
/// among more it is anybody's.
const MOST_OTHERS: usize = 3;

/// Who connects: a process of this host, or another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    Process(ProcessKey),
    Host(IpAddr),
}

impl Client {
    fn of(connection: &Connection) -> Option<Self> {
        match connection.side {
            Side::Client => ProcessKey::of(connection).map(Self::Process),
            Side::Server => Some(Self::Host(connection.remote.ip())),
        }
    }
}

/// A session's connection that the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    /// When it left ESTABLISHED, nanoseconds of `CLOCK_MONOTONIC`.
    until_ns: u64,
    /// `None` where it is older than the trace.
    from_ns: Option<u64>,
    client: Client,
}

/// When a client connected, and until when that lasted, as a [`Life`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    at_ns: u64,
    client: Client,
    until_ns: u64,
    /// When it had lost one, if that was just before.
    lost_ns: Option<u64>,
}

impl Start {
    /// Whether the client came back for a loss that this one may have shared: something ended both.
    /// Who began only with that loss took the session then.
    fn is_back_with(&self, life: &Life) -> bool {
        let was_there = |lost_ns| {
            let began = life.from_ns.map(|from| from.saturating_add(AT_ONCE_NS));
            began.is_none_or(|began| began < lost_ns)
        };
        self.lost_ns.is_some_and(was_there)
    }
}

/// The sessions' connections that servers ended.
#[derive(Clone, Debug, Default)]
pub struct Takeovers {
    of: HashMap<Server, Lives>,
}

/// Those at one server.
#[derive(Clone, Debug, Default)]
struct Lives {
    /// On which nothing but the handshake was said.
    alone: Vec<Life>,
    /// On which a session may have said anything.
    all: Vec<Life>,
}

/// What became of a client's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Those that the server ended, of the latest.
    pub ended: u64,
    /// Of these, those that it ended at once when another client had connected, which went on.
    pub taken: u64,
    /// Of these, those that ended at once with another client's; of a client that is the only one
    /// there, all: nothing shows that others went on.
    pub together: u64,
    /// Whether any of them did end with another client's.
    pub others_ended: bool,
    /// Clients that look as if others had their session, as their others do.
    clients: u64,
    /// Clients that it was counted of.
    of_clients: u64,
}

impl Taken {
    /// Whether it is no accident: more than chance makes of most of these clients.
    pub fn is_told(&self) -> bool {
        self.clients > 0 && self.clients * 3 >= self.of_clients * 2
    }

    /// Whether so many were seen that it would show.
    pub fn is_counted(&self) -> bool {
        self.ended >= FEWEST
    }

    /// Whether most may have ended because the server, or what is before it, went away.
    pub fn may_be_of_all(&self) -> bool {
        self.together > 0 && self.together * 3 >= self.ended * 2
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.ended += other.ended;
        self.taken += other.taken;
        self.together += other.together;
        self.others_ended |= other.others_ended;
        self.clients += other.clients;
        self.of_clients += other.of_clients;
    }
}

impl Takeovers {
    pub(super) fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        let is_over = matches!(connection.stage, Stage::Ended | Stage::FoundClosed);
        let ending = Ending::of(outcome, connection.side);
        let by_server = matches!(ending, Ending::ClosedByServer | Ending::ResetByServer);
        let (Some(sent), Some(answered)) = client_and_server_bytes(connection) else {
            return;
        };
        let is_alone = sizes::is_connect_request(sent) && sizes::is_connect_response(answered);
        let is_session = sizes::can_be_of_client(sent) && sizes::can_be_of_server(answered);
        let (Some(until_ns), Some(client)) =
            (connection.left_established_ns, Client::of(connection))
        else {
            return;
        };
        if !is_over || !by_server || !is_session {
            return;
        }
        let server = Server::of(&Destination::of(connection));
        if self.of.len() < MOST_SERVERS || self.of.contains_key(&server) {
            let from_ns = connection
                .established_ns
                .filter(|_| !connection.before_start);
            let life = Life {
                until_ns,
                from_ns,
                client,
            };
            let lives = self.of.entry(server).or_default();
            insert(&mut lives.all, life);
            if is_alone {
                insert(&mut lives.alone, life);
            }
        }
    }

    /// What both have seen, as if one had.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (server, others) in &other.of {
            if self.of.len() < MOST_SERVERS || self.of.contains_key(server) {
                let lives = self.of.entry(*server).or_default();
                let all = others.all.iter();
                all.for_each(|life| insert(&mut lives.all, *life));
                let alone = others.alone.iter();
                alone.for_each(|life| insert(&mut lives.alone, *life));
            }
        }
        self
    }

    /// What became of each client's connections. It takes time: once for all who ask.
    pub fn counted(&self) -> TakenOfClients {
        let mut counted = TakenOfClients::default();
        for (server, lives) in &self.of {
            let alone = taken_of(&lives.alone).into_iter();
            let alone = alone.map(|(client, taken)| ((*server, client), taken));
            counted.alone.extend(alone);
            let any = taken_of(&lives.all).into_iter();
            let any = any.map(|(client, taken)| ((*server, client), taken));
            counted.any.extend(any);
        }
        counted
    }
}

fn taken_of(lives: &[Life]) -> Vec<(Client, Taken)> {
    let clients = clients(lives);
    let of_each = clients.iter().map(|(client, seen)| {
        let is_told = seen.is_told
            && seen
                .others
                .iter()
                .all(|(other, _)| clients.get(other).is_some_and(|other| other.is_told));
        let taken = Taken {
            ended: seen.ended,
            taken: seen.taken,
            together: match clients.len() {
                1 => seen.ended,
                _ => seen.together,
            },
            others_ended: seen.together > 0,
            clients: u64::from(is_told),
            of_clients: 1,
        };
        (*client, taken)
    });
    of_each.collect()
}

/// What was seen of a client.
#[derive(Debug, Default)]
struct Seen {
    ended: u64,
    taken: u64,
    /// Those that ended at once with another client's.
    together: u64,
    /// Who had connected then, and how often: those who explain most of it.
    others: Vec<(Client, u64)>,
    /// Whether that is what a shared session does, as far as this client shows.
    is_told: bool,
}

fn clients(lives: &[Life]) -> HashMap<Client, Seen> {
    let starts = starts(lives);
    let mut clients: HashMap<Client, Seen> = HashMap::default();
    for life in lives {
        let seen = clients.entry(life.client).or_default();
        seen.ended += 1;
        let from_ns = life.until_ns.saturating_sub(AT_ONCE_NS);
        seen.together += u64::from(ends_with_another(lives, life));
        let first = starts.partition_point(|start| start.at_ns < from_ns);
        let just = starts[first..].iter();
        let just = just.take_while(|start| start.at_ns <= life.until_ns);
        // The latest of them. Who took the session goes on with it: what ends both is no takeover.
        let goes_on = |start: &&Start| start.until_ns > life.until_ns.saturating_add(AT_ONCE_NS);
        let took = |start: &&Start| start.client != life.client && !start.is_back_with(life);
        let other = just.filter(|start| took(start) && goes_on(start));
        if let Some(Start { client: other, .. }) = other.last() {
            seen.taken += 1;
            match seen.others.iter_mut().find(|(client, _)| client == other) {
                Some((_, times)) => *times += 1,
                None => seen.others.push((*other, 1)),
            }
        }
    }
    let most = BY_CHANCE / clients.len().max(1) as f64;
    for (client, seen) in &mut clients {
        seen.others
            .sort_unstable_by_key(|(_, times)| Reverse(*times));
        seen.others.truncate(MOST_OTHERS);
        let explained = seen.others.iter().map(|(_, times)| times).sum::<u64>();
        // Once may be by chance beside.
        seen.others
            .retain(|(_, times)| *times > 1 || seen.taken <= FEWEST);
        let share = share_by_chance(lives, &starts, *client);
        seen.is_told = seen.taken >= FEWEST
            && explained * 3 >= seen.ended * 2
            && is_ended_by_each(seen, &starts)
            && share <= MOST_OF_THE_TIME
            && at_least(seen.taken, seen.ended, share) < most;
    }
    clients
}

/// Whether another client lost its connection at the same moment.
fn ends_with_another(lives: &[Life], life: &Life) -> bool {
    let from_ns = life.until_ns.saturating_sub(AT_ONCE_NS);
    let until_ns = life.until_ns.saturating_add(AT_ONCE_NS);
    let first = lives.partition_point(|one| one.until_ns < from_ns);
    let near = lives[first..].iter();
    let mut near = near.take_while(|one| one.until_ns <= until_ns);
    near.any(|one| one.client != life.client)
}

/// Whether the others connect about as often as this one loses its connection: each time that one
/// of several does, it ends the connection of one of the rest.
fn is_ended_by_each(seen: &Seen, starts: &[Start]) -> bool {
    let is_other = |client: &Client| seen.others.iter().any(|(other, _)| other == client);
    let started = starts.iter().filter(|start| is_other(&start.client));
    let started = started.count() as u64;
    let others = seen.others.len() as u64;
    others > 0 && started * 2 <= (seen.ended + 1) * others * 3
}

/// In which part of the time somebody else had just connected: what ends at any moment ends so
/// often then.
fn share_by_chance(lives: &[Life], starts: &[Start], client: Client) -> f64 {
    let began = lives.iter().filter_map(|life| life.from_ns).min();
    let over = lives.last().map(|life| life.until_ns);
    let (Some(began), Some(over)) = (began, over) else {
        return 1.0;
    };
    let others = starts.iter().filter(|start| start.client != client);
    let others = others.count();
    let span_ns = over.saturating_sub(began).max(AT_ONCE_NS);
    1.0 - (-(others as f64) * AT_ONCE_NS as f64 / span_ns as f64).exp()
}

/// How likely it is that of `all` at least `some` do what each does with this probability.
fn at_least(some: u64, all: u64, probability: f64) -> f64 {
    let odds = probability / (1.0 - probability).max(f64::MIN_POSITIVE);
    let mut term = (1.0 - probability).powf(all as f64);
    let mut below = 0.0;
    for step in 0..some {
        below += term;
        term *= odds * (all - step) as f64 / (step + 1) as f64;
    }
    1.0 - below
}

/// When clients connected, in order.
fn starts(lives: &[Life]) -> Vec<Start> {
    let just_lost = |client: Client, at_ns: u64| {
        let first = lives.partition_point(|life| life.until_ns < at_ns.saturating_sub(JUST_NS));
        let before = lives[first..].iter();
        let before = before.take_while(|life| life.until_ns <= at_ns);
        let of_it = before.filter(|life| life.client == client);
        of_it.last().map(|life| life.until_ns)
    };
    let started = lives.iter().filter_map(|life| {
        let at_ns = life.from_ns?;
        Some(Start {
            at_ns,
            client: life.client,
            until_ns: life.until_ns,
            lost_ns: just_lost(life.client, at_ns),
        })
    });
    let mut starts: Vec<_> = started.collect();
    starts.sort_unstable();
    starts
}

/// What became of each client's connections to a server.
#[derive(Clone, Debug, Default)]
pub struct TakenOfClients {
    alone: HashMap<(Server, Client), Taken>,
    any: HashMap<(Server, Client), Taken>,
}

impl TakenOfClients {
    /// Of one client, those on which nothing but the handshake was said.
    pub fn at(&self, destination: &Destination, client: Client) -> Taken {
        let taken = self.alone.get(&(Server::of(destination), client));
        taken.copied().unwrap_or_default()
    }

    /// Of one client, those of a session, whatever was said.
    pub fn of_sessions_at(&self, destination: &Destination, client: Client) -> Taken {
        let taken = self.any.get(&(Server::of(destination), client));
        taken.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_connection::{MS, by, ended};

    /// A session's connection of a process, which the server ends.
    fn life(pid: u32, from_ms: u64, until_ms: u64) -> Connection {
        let one = ended(from_ms - 1, 49, 41, Outcome::AnsweredThenClosedByPeer);
        Connection {
            left_established_ns: Some(until_ms * MS),
            local_close_ns: Some((until_ms + 1) * MS),
            ended_ns: Some((until_ms + 1) * MS),
            ..by(one, pid, pid, "app")
        }
    }

    fn taken(lives: &[Connection], pid: u32) -> Taken {
        let mut takeovers = Takeovers::default();
        for one in lives {
            takeovers.observe(one, Outcome::of(one));
        }
        let process = ProcessKey::of(&life(pid, 1, 2)).unwrap();
        let peer = Destination::of(&lives[0]);
        takeovers.counted().at(&peer, Client::Process(process))
    }

    #[test]
    fn an_end_at_anothers_connect_again_and_again_is_a_takeover() {
        // Each pauses for 1 s: the other's connection has lived so long then.
        let in_turn: Vec<_> = (1..9)
            .map(|step| life(7 + step as u32 % 2, 1_000 * step, 1_000 * (step + 1) + 2))
            .collect();
        for pid in [7, 8] {
            let taken = taken(&in_turn, pid);
            assert!(taken.is_told() && taken.ended == 4, "{taken:?}");
        }
        // Whatever the order of the records is.
        let turned: Vec<_> = in_turn.iter().rev().copied().collect();
        assert_eq!(taken(&turned, 7), taken(&in_turn, 7));
    }

    /// Many clients behind something that cuts each after a while: somebody connects shortly before
    /// most ends.
    #[test]
    fn where_many_connect_all_the_time_somebody_does_before_any_end() {
        let all = |clients: u64| -> Vec<_> {
            let all = (0..clients).flat_map(|client| {
                let period = 3_000 + client * 17;
                (1..9).map(move |step| {
                    let at_ms = client * 113 % 3_000 + period * step;
                    life(100 + client as u32, at_ms, at_ms + 2_000)
                })
            });
            all.collect()
        };
        let many = all(100);
        let counted: Vec<_> = (100..200).map(|pid| taken(&many, pid)).collect();
        assert!(counted.iter().any(|one| one.taken * 3 >= one.ended * 2));
        assert!(counted.iter().all(|one| !one.is_told()), "{counted:?}");
    }

    /// Who makes a client for each request connects before any end as well.
    #[test]
    fn one_that_connects_far_more_often_takes_nothing() {
        let rare = (1..6).map(|step| life(7, 3_000 * step, 3_000 * step + 1_801));
        let mut all: Vec<_> = rare.collect();
        all.extend((3..40).map(|step| life(8, 600 * step, 600 * step + 200)));
        let taken = taken(&all, 7);
        assert!(taken.taken == 5 && !taken.is_told(), "{taken:?}");
    }

    /// Whoever lost it comes back within a few hundredths of a second.
    #[test]
    fn who_comes_back_at_once_takes_it_again() {
        for clients in [2, 3] {
            let steps: Vec<_> = (1..40)
                .map(|step| life(7 + step as u32 % clients, 90 * step, 90 * (step + 1) + 2))
                .collect();
            let pids = 7..7 + clients;
            let told = pids.map(|pid| taken(&steps, pid).is_told());
            assert!(told.into_iter().all(|told| told), "{clients}");
        }
    }

    /// Both live for less than a tenth of a second, and come back at once.
    #[test]
    fn where_somebody_has_always_just_connected_no_end_tells_anything() {
        let steps = (1..60).flat_map(|step| {
            let lives = [(7, 60 * step), (8, 60 * step + 30)];
            lives.map(|(pid, from)| life(pid, from, from + 59))
        });
        let steps: Vec<_> = steps.collect();
        assert!(!taken(&steps, 7).is_told(), "{:?}", taken(&steps, 7));
    }

    /// Sessions that ping, or read: with the handshake alone there is none of them.
    #[test]
    fn a_session_that_works_is_taken_as_well() {
        let mut takeovers = Takeovers::default();
        for step in 1..12 {
            let mut one = life(7 + step as u32 % 2, 1_000 * step, 1_000 * (step + 1) + 2);
            one.traffic.payload_out = Some(61 + step % 3 * 12);
            one.traffic.payload_in = Some(61 + step % 3 * 20);
            takeovers.observe(&one, Outcome::of(&one));
        }
        let counted = takeovers.counted();
        let peer = Destination::of(&life(7, 1, 2));
        let process = ProcessKey::of(&life(7, 1, 2)).unwrap();
        let client = Client::Process(process);
        assert_eq!(counted.at(&peer, client), Taken::default());
        assert!(counted.of_sessions_at(&peer, client).is_told());
    }

    /// A session of three: each connect ends one of the others'.
    #[test]
    fn of_three_with_one_session_each_loses_it_to_one_of_the_others() {
        let in_turn: Vec<_> = (1..16)
            .map(|step| life(7 + step as u32 % 3, 1_000 * step, 1_000 * (step + 1) + 2))
            .collect();
        assert!((7..10).all(|pid| taken(&in_turn, pid).is_told()));
    }

    /// Two idle clients pause as they like, and the server is killed now and then.
    #[test]
    fn what_ends_with_the_one_that_has_just_connected_is_no_takeover() {
        let killed = [5_000, 9_400, 13_100, 18_000, 21_700, 26_300, 30_000];
        let lives = killed.windows(2).enumerate().flat_map(|(turn, moments)| {
            let [since, until] = [moments[0], moments[1]];
            // One of them comes back just before the next end.
            let back = [since + 1_100, until - 30];
            let pids = [7 + turn as u32 % 2, 8 - turn as u32 % 2];
            pids.into_iter()
                .zip(back)
                .map(move |(pid, from)| life(pid, from, until))
        });
        let lives: Vec<_> = lives.collect();
        for pid in [7, 8] {
            let taken = taken(&lives, pid);
            assert!(!taken.is_told() && taken.taken == 0, "{taken:?}");
            assert!(taken.may_be_of_all() && taken.others_ended, "{taken:?}");
        }
        // Alone, it may be all that there are.
        let alone: Vec<_> = (1..5)
            .map(|step| life(7, 3_000 * step, 3_000 * step + 900))
            .collect();
        let seen = taken(&alone, 7);
        assert!(seen.may_be_of_all() && !seen.others_ended, "{seen:?}");
        // Beside others that end at other times it is not.
        let apart = (1..9).map(|step| life(8, 1_700 * step + 300, 1_700 * step + 1_200));
        let beside: Vec<_> = alone.into_iter().chain(apart).collect();
        assert!(!taken(&beside, 7).may_be_of_all());
    }

    #[test]
    fn what_ends_both_at_once_or_each_by_itself_is_none() {
        // Both are cut at once, and come back at once or after a pause.
        for pause_ms in [0, 3, 1_000] {
            let step_ms = 2_000 + pause_ms;
            let cut = (1..9).flat_map(|step| {
                [7, 8].map(|pid| {
                    let at_ms = step_ms * step + u64::from(pid);
                    life(pid, at_ms, at_ms + 2_000)
                })
            });
            let taken = taken(&cut.collect::<Vec<_>>(), 7);
            assert!(
                taken.ended == 8 && !taken.is_told(),
                "{pause_ms}: {taken:?}"
            );
        }
        // Each has a rhythm of its own.
        let apart = (1..20).flat_map(|step| {
            [(7, 3_000), (8, 3_170)].map(|(pid, period)| {
                let at_ms = period * step;
                life(pid, at_ms, at_ms + 2_000)
            })
        });
        let taken = taken(&apart.collect::<Vec<_>>(), 7);
        assert!(taken.ended == 19 && !taken.is_told(), "{taken:?}");
    }
}

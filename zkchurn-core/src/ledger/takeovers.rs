// SPDX-License-Identifier: MIT
//! Whose sessions went to another client: a server closes the connection that a session had as
//! soon as it comes by another one (`ZooKeeperServer.processConnectRequest`,
//! `DisconnectReason.CLIENT_RECONNECT`), so each end follows at once on somebody else's connect.
//!
//! Only the latest connections are kept, in the order of their ends.

use std::net::IpAddr;

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

/// A session's connection that the server ended, on which nothing else was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    /// When it left ESTABLISHED, nanoseconds of `CLOCK_MONOTONIC`.
    until_ns: u64,
    /// `None` where it is older than the trace.
    from_ns: Option<u64>,
    client: Client,
}

/// The sessions' connections that servers ended.
#[derive(Clone, Debug, Default)]
pub struct Takeovers {
    of: HashMap<Server, Vec<Life>>,
}

/// What became of a client's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Those that the server ended, of the latest.
    pub ended: u64,
    /// Of these, those that it ended at once when another client had connected.
    pub taken: u64,
}

impl Taken {
    /// Whether it is no accident: most of them were.
    pub fn is_told(&self) -> bool {
        const FEWEST: u64 = 3;
        self.taken >= FEWEST && self.taken * 3 >= self.ended * 2
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
        let (Some(until_ns), Some(client)) =
            (connection.left_established_ns, Client::of(connection))
        else {
            return;
        };
        if !is_over || !by_server || !is_alone {
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
            insert(self.of.entry(server).or_default(), life);
        }
    }

    /// What both have seen, as if one had.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (server, others) in &other.of {
            if self.of.len() < MOST_SERVERS || self.of.contains_key(server) {
                let lives = self.of.entry(*server).or_default();
                others.iter().for_each(|life| insert(lives, *life));
            }
        }
        self
    }

    /// What became of each client's connections. It takes time: once for all who ask.
    pub fn counted(&self) -> TakenOfClients {
        let mut of: HashMap<_, Taken> = HashMap::default();
        for (server, lives) in &self.of {
            let starts = starts(lives);
            for life in lives {
                let taken = of.entry((*server, life.client)).or_default();
                taken.ended += 1;
                let from_ns = life.until_ns.saturating_sub(AT_ONCE_NS);
                let first = starts.partition_point(|(at, _)| *at < from_ns);
                let just = starts[first..].iter();
                let mut just = just.take_while(|(at, _)| *at <= life.until_ns);
                taken.taken += u64::from(just.any(|(_, client)| *client != life.client));
            }
        }
        TakenOfClients { of }
    }
}

/// When clients connected that had not just lost a connection, in order.
fn starts(lives: &[Life]) -> Vec<(u64, Client)> {
    let has_just_lost = |client: Client, at_ns: u64| {
        let first = lives.partition_point(|life| life.until_ns < at_ns.saturating_sub(JUST_NS));
        let before = lives[first..].iter();
        let mut before = before.take_while(|life| life.until_ns <= at_ns);
        before.any(|life| life.client == client)
    };
    let started = lives.iter().filter_map(|life| {
        let at_ns = life.from_ns?;
        (!has_just_lost(life.client, at_ns)).then_some((at_ns, life.client))
    });
    let mut starts: Vec<_> = started.collect();
    starts.sort_unstable();
    starts
}

/// What became of each client's connections to a server.
#[derive(Clone, Debug, Default)]
pub struct TakenOfClients {
    of: HashMap<(Server, Client), Taken>,
}

impl TakenOfClients {
    /// Of one client.
    pub fn at(&self, destination: &Destination, client: Client) -> Taken {
        let taken = self.of.get(&(Server::of(destination), client));
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

// SPDX-License-Identifier: MIT
//! When servers ended connections, and when they refused some: a server that dies ends all of
//! them at once, whoever's they are, and refuses others until it is back.
//!
//! Only the latest are kept, in the order of time, whatever the order of the records is.

use std::ops::Range;

use super::{Destination, shape::Ending, tally::tells_of_establishment};
use crate::{
    connection::{Connection, Side, Stage},
    hash::HashMap,
    outcome::Outcome,
};

/// Most servers that are told apart; of further ones nothing is kept.
pub(super) const MOST_SERVERS: usize = 128;
/// Most ends, and most refusals, of one server.
const MOST: usize = 256;
/// What a process that dies closes is closed within this time of each other.
pub(super) const AT_ONCE_NS: u64 = 50_000_000;
/// Before and after such a moment nothing else is ended for so long: where connections end all
/// the time, some do so together by chance.
pub(super) const QUIET_NS: u64 = 500_000_000;
/// Those that began together may have ended together by themselves: one batch of work.
pub(super) const APART_NS: u64 = 100_000_000;
/// Of such moments, fewer are one restart.
const FEWEST: u64 = 2;

/// A server, as far as what it ends is its doing. A namespace is the one of [`Destination`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Server {
    At(std::net::SocketAddr, Option<u32>),
    /// Of this host.
    Port(u16, Option<u32>),
}

impl Server {
    pub(super) const fn of(destination: &Destination) -> Self {
        match destination {
            Destination::Server { address, netns } => Self::At(*address, *netns),
            Destination::Client { port, netns, .. } => Self::Port(*port, *netns),
        }
    }
}

/// An established connection that the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    /// When it left ESTABLISHED, nanoseconds of `CLOCK_MONOTONIC`.
    at_ns: u64,
    /// `None` where it is older than the trace.
    started_ns: Option<u64>,
    /// The pid of the client; 0 where it is on another host.
    client: u32,
    /// The pid of the server's process that closed it; 0 where that is not known.
    server: u32,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    ends: Vec<End>,
    refused: Vec<u64>,
    /// Starts of those that were established.
    served: Vec<u64>,
}

/// The servers of the connections that were traced.
#[derive(Clone, Debug, Default)]
pub struct ServerEnds {
    of: HashMap<Server, Box<Kept>>,
}

/// How often a server went away, as far as its ends of connections tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Falls {
    /// Moments at which it did.
    pub moments: u64,
    /// Connections that ended then.
    pub connections: u64,
    /// Of the moments those at which connections of several clients, begun at different times,
    /// ended at once.
    pub of_several: u64,
    /// Of the moments those after which it refused connections, before it ended any others.
    pub refused_after: u64,
    /// Processes that served, where each moment had another one; else 0.
    pub processes: u64,
    /// Whether connections that are older than the trace ended at such a moment.
    pub of_older: bool,
}

impl ServerEnds {
    pub(super) fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        let is_over = matches!(connection.stage, Stage::Ended | Stage::FoundClosed);
        let is_new = !connection.before_start;
        let is_served = is_new && tells_of_establishment(connection);
        let ending = Ending::of(outcome, connection.side);
        let is_refused = is_new && is_over && ending == Ending::Refused;
        let has_spoken = |bytes: Option<u64>| bytes.is_some_and(|bytes| bytes > 0);
        let is_end = is_over
            && matches!(ending, Ending::ClosedByServer | Ending::ResetByServer)
            && has_spoken(connection.traffic.payload_out)
            && has_spoken(connection.traffic.payload_in);
        if !is_served && !is_refused && !is_end {
            return;
        }
        let server = Server::of(&Destination::of(connection));
        if self.of.len() >= MOST_SERVERS && !self.of.contains_key(&server) {
            return;
        }
        let kept = self.of.entry(server).or_default();
        if is_served {
            insert(&mut kept.served, connection.started_ns);
        }
        if is_refused {
            insert(&mut kept.refused, connection.started_ns);
        } else if is_end && let Some(at_ns) = connection.left_established_ns {
            let of_server = connection
                .closer
                .filter(|_| connection.side == Side::Server);
            let opener = connection.opener.map(|opener| opener.thread.tgid);
            let holder = connection.holder.map(|holder| holder.tgid);
            let of_client = holder.filter(|_| connection.side == Side::Client);
            insert(
                &mut kept.ends,
                End {
                    at_ns,
                    started_ns: is_new.then_some(connection.started_ns),
                    client: opener.or(of_client).unwrap_or_default(),
                    server: of_server.map_or(0, |closer| closer.tgid),
                },
            );
        }
    }

    /// What both have seen of the servers, as if one had.
    pub fn and(mut self, other: &Self) -> Self {
        for (server, others) in &other.of {
            if self.of.len() >= MOST_SERVERS && !self.of.contains_key(server) {
                continue;
            }
            let kept = self.of.entry(*server).or_default();
            others
                .ends
                .iter()
                .for_each(|end| insert(&mut kept.ends, *end));
            others
                .refused
                .iter()
                .for_each(|at| insert(&mut kept.refused, *at));
            others
                .served
                .iter()
                .for_each(|at| insert(&mut kept.served, *at));
        }
        self
    }

    /// How often each server went away. It takes time: once for all who ask.
    pub fn falls(&self) -> FallsOfServers {
        let servers = self.of.iter();
        let falls = servers.filter_map(|(server, kept)| Some((*server, kept.falls()?)));
        let servers = self.of.iter();
        let refused = servers.filter_map(|(server, kept)| Some((*server, *kept.refused.first()?)));
        FallsOfServers {
            of: falls.collect(),
            first_refused: refused.collect(),
        }
    }
}

/// How often each server went away.
#[derive(Clone, Debug, Default)]
pub struct FallsOfServers {
    /// With the times from each until it served again.
    of: HashMap<Server, (Falls, Vec<Range<u64>>)>,
    /// The first connection that each refused, of the latest.
    first_refused: HashMap<Server, u64>,
}

impl FallsOfServers {
    /// `None` where most of what the server ended does not say that it did.
    pub fn at(&self, destination: &Destination) -> Option<Falls> {
        let of_server = self.of.get(&Server::of(destination));
        of_server.map(|(falls, _)| *falls)
    }

    /// Whether it had refused a connection by then.
    pub fn had_refused(&self, destination: &Destination, at_ns: u64) -> bool {
        let first = self.first_refused.get(&Server::of(destination));
        first.is_some_and(|first| *first <= at_ns)
    }

    /// Whether it had gone away by then, and nobody had got a connection since.
    pub fn is_away(&self, destination: &Destination, at_ns: u64) -> bool {
        let of_server = self.of.get(&Server::of(destination));
        of_server.is_some_and(|(_, away)| away.iter().any(|time| time.contains(&at_ns)))
    }
}

/// Keeps them in order; the oldest make room, many at once.
pub(super) fn insert<T: Ord>(kept: &mut Vec<T>, new: T) {
    let place = kept.partition_point(|one| *one <= new);
    kept.insert(place, new);
    if kept.len() >= 2 * MOST {
        kept.drain(..MOST);
    }
}

impl Kept {
    fn falls(&self) -> Option<(Falls, Vec<Range<u64>>)> {
        let moments: Vec<&[End]> = self
            .ends
            .chunk_by(|one, next| next.at_ns - one.at_ns <= AT_ONCE_NS)
            .collect();
        let mut falls = Falls::default();
        let mut servers = Vec::new();
        let mut away = Vec::new();
        for (place, moment) in moments.iter().enumerate() {
            let [from, until] = [moment.first()?.at_ns, moment.last()?.at_ns];
            let before = place.checked_sub(1).and_then(|place| moments.get(place));
            let before = before.and_then(|before| before.last());
            let next = moments.get(place + 1).and_then(|next| next.first());
            let is_apart = before.is_none_or(|before| from - before.at_ns >= QUIET_NS)
                && next.is_none_or(|next| next.at_ns - until >= QUIET_NS);
            let is_of_several = is_of_several(moment) && is_apart;
            let until_next = next.map_or(u64::MAX, |next| next.at_ns);
            let mut refused = self.refused.iter();
            let is_refused = refused.any(|at| (from..until_next).contains(at));
            let server = moment.first()?.server;
            let is_new = server != 0 && servers.last() != Some(&server);
            // A proxy may fork for each connection.
            let is_of_one = moment.len() >= 2 && moment.iter().all(|end| end.server == server);
            // One of several processes that share a port leaves the connections of the others.
            let is_of_one = is_of_one && !self.outlives(from, until);
            if !(is_of_several || is_refused || (is_new && is_of_one && is_apart)) {
                continue;
            }
            if is_of_one && server != 0 && !servers.contains(&server) {
                servers.push(server);
            }
            falls.moments += 1;
            falls.connections += moment.len() as u64;
            falls.of_several += u64::from(is_of_several);
            falls.refused_after += u64::from(is_refused);
            falls.of_older |= moment.iter().any(|end| end.started_ns.is_none());
            away.push(from..self.back_ns(until).unwrap_or(u64::MAX));
        }
        if servers.len() as u64 == falls.moments {
            falls.processes = falls.moments;
        }
        let told = falls
            .of_several
            .max(falls.refused_after)
            .max(falls.processes);
        let is_most = falls.connections * 3 >= self.ends.len() as u64 * 2;
        self.leave_out_for_good(&mut away);
        (told >= FEWEST && is_most).then_some((falls, away))
    }

    /// Whether connections that had begun before this moment ended long after it.
    fn outlives(&self, from_ns: u64, until_ns: u64) -> bool {
        let later = self.ends.iter().rev();
        let mut later = later.take_while(|end| end.at_ns >= until_ns.saturating_add(QUIET_NS));
        later.any(|end| end.started_ns.is_none_or(|started| started < from_ns))
    }

    /// What was away for much longer than ever before, and did not come back, is gone for good as
    /// far as the trace tells: that it refuses connections is another story.
    fn leave_out_for_good(&self, away: &mut Vec<Range<u64>>) {
        let Some((last, others)) = away.split_last() else {
            return;
        };
        let longest = others.iter().map(|time| time.end - time.start).max();
        let latest = self.refused.last().copied().unwrap_or_default();
        let so_far = latest.saturating_sub(last.start);
        if last.end == u64::MAX && so_far > longest.unwrap_or_default().saturating_mul(2) {
            away.pop();
        }
    }

    /// When it served the next one; `None` where that was not seen.
    fn back_ns(&self, after_ns: u64) -> Option<u64> {
        let place = self.served.partition_point(|start| *start <= after_ns);
        self.served.get(place).copied()
    }
}

/// Whether they are of several clients, and began further apart than they ended. On another
/// host one may be many.
fn is_of_several(moment: &[End]) -> bool {
    let [Some(first), Some(last)] = [moment.first(), moment.last()] else {
        return false;
    };
    let is_known = first.client != 0;
    let is_one = is_known && moment.iter().all(|end| end.client == first.client);
    let mut starts: Vec<_> = moment.iter().filter_map(|end| end.started_ns).collect();
    starts.sort_unstable();
    let ended_within = last.at_ns - first.at_ns;
    let began_within = match starts.as_slice() {
        [earliest, .., latest] => latest - earliest,
        _ => 0,
    };
    // When older ones began is not known. One that is and others that are new began apart, and
    // so, for all that is known, did those of clients that are told apart.
    let is_older = starts.len() < moment.len() && (is_known || !starts.is_empty());
    // Where the server's process is known, it tells by itself: one that goes on did not die.
    let is_server_known = moment.iter().any(|end| end.server != 0);
    moment.len() >= 2
        && !is_one
        && !is_server_known
        && ended_within <= AT_ONCE_NS
        && (is_older || began_within >= APART_NS.max(ended_within.saturating_mul(4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{Thread, Told},
        ledger::test_connection::{MS, by, ended, name, server_side},
    };

    const BY_SERVER: Outcome = Outcome::AnsweredThenClosedByPeer;

    /// One that began and left ESTABLISHED then.
    fn lasting(start_ms: u64, end_ms: u64, pid: u32) -> Connection {
        Connection {
            left_established_ns: Some(end_ms * MS),
            local_close_ns: Some((end_ms + 1) * MS),
            ended_ns: Some((end_ms + 1) * MS),
            ..by(ended(start_ms, 97, 121, BY_SERVER), pid, pid, "app")
        }
    }

    fn falls_of(connections: &[Connection], outcome: Outcome) -> Option<Falls> {
        let mut ends = ServerEnds::default();
        for connection in connections {
            ends.observe(connection, outcome);
        }
        ends.falls().at(&Destination::of(&connections[0]))
    }

    fn falls(connections: &[Connection]) -> Option<Falls> {
        let mut ends = ServerEnds::default();
        for connection in connections {
            ends.observe(connection, Outcome::of(connection));
        }
        ends.falls().at(&Destination::of(&connections[0]))
    }

    /// A server that dies every 2 s, and its clients that come back.
    fn crash_loop(clients: u32) -> Vec<Connection> {
        let rounds = (0..4).flat_map(|round| {
            (0..clients).map(move |client| {
                let start = 1_000 + round * 2_000 + u64::from(client) * 130;
                lasting(
                    start,
                    2_900 + round * 2_000 + u64::from(client) % 2,
                    100 + client,
                )
            })
        });
        rounds.collect()
    }

    #[test]
    fn that_a_server_refused_is_known_from_then_on() {
        let mut ends = ServerEnds::default();
        let refused = ended(2_000, 0, 0, Outcome::Refused);
        ends.observe(&refused, Outcome::Refused);
        let peer = Destination::of(&refused);
        let falls = ends.falls();
        assert!(!falls.had_refused(&peer, 1_999 * MS));
        assert!(falls.had_refused(&peer, 2_000 * MS));
        let mut elsewhere = refused;
        elsewhere.remote.set_port(2182);
        assert!(!falls.had_refused(&Destination::of(&elsewhere), 9_000 * MS));
    }

    #[test]
    fn what_ends_all_clients_at_once_again_and_again_is_the_server() {
        let found = falls(&crash_loop(5)).unwrap();
        assert_eq!(
            (found.moments, found.of_several, found.connections),
            (4, 4, 20)
        );
        // Whatever the order of the records.
        let mut turned = crash_loop(5);
        turned.reverse();
        assert_eq!(falls(&turned), Some(found));
    }

    #[test]
    fn one_client_shows_it_where_others_are_refused_in_between() {
        let mut alone = crash_loop(1);
        assert_eq!(falls(&alone), None);
        alone.extend((0..4).map(|round| ended(2_950 + round * 2_000, 0, 0, Outcome::Refused)));
        assert_eq!(falls(&alone).unwrap().refused_after, 4);
    }

    /// Sessions that are ended in order are closed by the server first.
    #[test]
    fn who_ends_sessions_all_the_time_or_in_batches_is_the_client() {
        let busy: Vec<_> = (0..200)
            .map(|step| {
                let end = 5_000 + step * 37 % 3_000;
                lasting(end - 100 - step * 13 % 900, end, 100 + step as u32 % 7)
            })
            .collect();
        assert_eq!(falls(&busy), None);
        let batches: Vec<_> = (0..20)
            .map(|step| {
                let start = 1_000 + step / 5 * 2_000 + step % 5;
                lasting(start, start + 400, 100 + step as u32)
            })
            .collect();
        assert_eq!(falls(&batches), None);
    }

    /// What one host ends in order, and the server's process closes each time.
    #[test]
    fn a_server_that_goes_on_did_not_die() {
        let seen = |pid: fn(u64) -> u32, clients: u32| {
            let all = crash_loop(clients).into_iter().zip(0..);
            let all = all.map(|(one, place)| Connection {
                local_close_ns: one.left_established_ns,
                closer: Some(Thread {
                    tgid: pid(place / u64::from(clients)),
                    tid: 1,
                    comm: name("server"),
                }),
                ..server_side(one)
            });
            falls_of(&all.collect::<Vec<_>>(), Outcome::AnsweredThenClosedByUs)
        };
        assert_eq!(seen(|_| 70, 5), None);
        assert_eq!(seen(|round| 70 + round as u32, 5).unwrap().processes, 4);
        // Nor does one that forks for each connection.
        assert_eq!(seen(|round| 70 + round as u32, 1), None);
    }

    /// Workers that share a port and are replaced one after the other.
    #[test]
    fn a_process_that_leaves_the_connections_of_others_is_not_the_server() {
        let workers = (0..4_u32).flat_map(|worker| {
            (0..3_u64).map(move |client| {
                let end = 3_000 + u64::from(worker) * 2_000;
                let one = lasting(1_000 + client * 130, end, 100 + client as u32);
                Connection {
                    local_close_ns: one.left_established_ns,
                    closer: Some(Thread {
                        tgid: 70 + worker,
                        tid: 1,
                        comm: name("server"),
                    }),
                    ..server_side(one)
                }
            })
        });
        let all: Vec<_> = workers.collect();
        assert_eq!(falls_of(&all, Outcome::AnsweredThenClosedByUs), None);
    }

    /// The kernel program tells of most connections once, as they end.
    #[test]
    fn a_server_is_away_until_it_serves_the_next_one() {
        let mut ends = ServerEnds::default();
        let all = crash_loop(5);
        for connection in &all {
            let told = Some(Told::Nothing);
            let connection = Connection {
                told,
                ..*connection
            };
            ends.observe(&connection, Outcome::of(&connection));
        }
        let falls = ends.falls();
        let peer = Destination::of(&all[0]);
        let is_away = |at_ms: u64| falls.is_away(&peer, at_ms * MS);
        assert!(is_away(2_960) && is_away(4_990));
        assert!(!is_away(2_500) && !is_away(3_500) && !is_away(4_500));
    }

    #[test]
    fn one_restart_is_none_of_several() {
        assert_eq!(falls(&crash_loop(5)[..5]), None);
    }
}

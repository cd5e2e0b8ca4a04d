// SPDX-License-Identifier: MIT
//! The two ends of one connection, where both are traced on this host (`--side both`).
//!
//! The opening end tells of the connection: it has the process and the thread. The accepting
//! end counts nowhere. Its record may come first, so it waits for a while, unless its peer's
//! address has turned out to be elsewhere: of this host's own addresses, those in other network
//! namespaces are known from records alone. Memory is bounded: without room a connection is
//! counted at both ends.

use std::{
    collections::{HashSet, VecDeque},
    net::IpAddr,
};

use crate::{
    connection::{Connection, Side},
    hash::HashMap,
};

/// Opening ends that are remembered; of more the oldest is evicted.
const MOST_OPENED: usize = 65_536;
/// Records that wait; of more the oldest goes on.
const MOST_WAITING: usize = 8_192;
/// Addresses of this host, and of others, that are remembered, of each so many.
const MOST_ADDRESSES: usize = 16_384;
/// Accepted sockets whose peer is elsewhere that are remembered while they are open.
const MOST_APART: usize = 65_536;
/// How long a record waits, in the time of the trace: what is open has a record each second
/// (docs/adr/0023).
const WAITS_NS: u64 = 3_000_000_000;

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It tells of a connection.
    Counted(Box<Connection>),
    /// Its connection is told of by the opening end.
    Other(Box<Connection>),
}

/// Both ends of a connection, by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    /// Each network namespace has its own 127.0.0.1.
    netns: Option<u32>,
}

/// Brings the ends together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// Addresses of this host.
    here: HashSet<IpAddr>,
    /// Addresses from which one waited in vain.
    elsewhere: HashSet<IpAddr>,
    opened: HashMap<Pair, Opened>,
    /// Their pairs with the number of the entry, oldest first.
    opened_order: VecDeque<(Pair, u64)>,
    entries: u64,
    waiting: HashMap<Pair, Waiting>,
    /// Likewise.
    waiting_order: VecDeque<(Pair, u64)>,
    records_waiting: usize,
    apart: HashSet<u64>,
    both_here: u64,
}

#[derive(Clone, Debug, Default)]
struct Opened {
    number: u64,
    has_met: bool,
    client_is_over: bool,
    server_is_over: bool,
}

#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    until_ns: u64,
    records: Vec<Connection>,
}

impl Pair {
    pub(crate) fn of(connection: &Connection) -> Self {
        let local = (connection.local.ip(), connection.local.port());
        let remote = (connection.remote.ip(), connection.remote.port());
        let (client, server) = match connection.side {
            Side::Client => (local, remote),
            Side::Server => (remote, local),
        };
        let is_loopback = client.0.is_loopback() || server.0.is_loopback();
        Self {
            client,
            server,
            netns: connection.netns.filter(|_| is_loopback),
        }
    }
}

impl Ends {
    /// Takes a record, and says of it and of those that waited for it what becomes of them.
    pub(crate) fn take(&mut self, connection: Connection) -> Vec<End> {
        let mut ends = self.release(moment(&connection));
        self.is_here(connection.local.ip());
        match connection.side {
            Side::Client => self.client(connection, &mut ends),
            Side::Server => self.server(connection, &mut ends),
        }
        ends
    }

    /// Lets go what has waited until `now_ns`.
    pub(crate) fn release(&mut self, now_ns: u64) -> Vec<End> {
        let mut ends = Vec::new();
        while let Some((pair, number)) = self.waiting_order.front().copied() {
            let waiting = self.waiting.get(&pair);
            let waiting = waiting.filter(|waiting| waiting.number == number);
            let is_due = waiting.is_none_or(|waiting| waiting.until_ns <= now_ns);
            if !is_due && self.records_waiting <= MOST_WAITING {
                break;
            }
            self.waiting_order.pop_front();
            if waiting.is_some() {
                if is_due {
                    self.is_elsewhere(pair.client.0);
                }
                for record in self.take_waiting(&pair) {
                    self.pass_apart(record, &mut ends);
                }
            }
        }
        ends
    }

    /// Connections of which both ends were seen.
    pub(crate) fn both_here(&self) -> u64 {
        self.both_here
    }

    fn client(&mut self, connection: Connection, ends: &mut Vec<End>) {
        // Before that its port is not known, and there is no other end.
        if connection.established_ns.is_some() && connection.local.port() != 0 {
            let pair = Pair::of(&connection);
            let opened = self.opened(pair);
            if opened.client_is_over {
                // The same ports again; the other end's record was lost.
                *opened = Opened {
                    number: opened.number,
                    ..Opened::default()
                };
            }
            opened.client_is_over = !connection.stage.goes_on();
            ends.push(End::Counted(Box::new(connection)));
            for record in self.take_waiting(&pair) {
                self.meet(&pair, record, ends);
            }
            self.forget_if_over(&pair);
        } else {
            ends.push(End::Counted(Box::new(connection)));
        }
    }

    fn server(&mut self, connection: Connection, ends: &mut Vec<End>) {
        let pair = Pair::of(&connection);
        if self.apart.contains(&connection.socket) {
            self.pass_apart(connection, ends);
        } else if self.opened.contains_key(&pair) {
            self.meet(&pair, connection, ends);
            self.forget_if_over(&pair);
        } else if self.may_be_here(&connection) {
            self.wait(pair, connection);
        } else {
            self.pass_apart(connection, ends);
        }
    }

    /// Notes an address of this host.
    fn is_here(&mut self, address: IpAddr) {
        if !self.here.contains(&address) {
            self.elsewhere.remove(&address);
            if self.here.len() < MOST_ADDRESSES {
                self.here.insert(address);
            }
        }
    }

    /// Notes that nobody at this address has told of what was accepted from there.
    fn is_elsewhere(&mut self, address: IpAddr) {
        let is_known = address.is_loopback() || self.here.contains(&address);
        if !is_known && self.elsewhere.len() < MOST_ADDRESSES {
            self.elsewhere.insert(address);
        }
    }

    /// Whether the peer may be on this host.
    fn may_be_here(&self, connection: &Connection) -> bool {
        !self.elsewhere.contains(&connection.remote.ip())
    }

    fn meet(&mut self, pair: &Pair, connection: Connection, ends: &mut Vec<End>) {
        if let Some(opened) = self.opened.get_mut(pair) {
            self.both_here += u64::from(!opened.has_met);
            opened.has_met = true;
            opened.server_is_over |= !connection.stage.goes_on();
        }
        ends.push(End::Other(Box::new(connection)));
    }

    fn forget_if_over(&mut self, pair: &Pair) {
        let opened = self.opened.get(pair);
        if opened.is_some_and(|opened| opened.client_is_over && opened.server_is_over) {
            self.opened.remove(pair);
        }
    }

    /// The entry of an opening end, a new one if there was none.
    fn opened(&mut self, pair: Pair) -> &mut Opened {
        if !self.opened.contains_key(&pair) {
            self.entries += 1;
            self.opened_order.push_back((pair, self.entries));
            while self.opened.len() >= MOST_OPENED || self.opened_order.len() > 2 * MOST_OPENED {
                let Some((oldest, number)) = self.opened_order.pop_front() else {
                    break;
                };
                let is_it = |opened: &Opened| opened.number == number;
                if self.opened.get(&oldest).is_some_and(is_it) {
                    self.opened.remove(&oldest);
                }
            }
        }
        let number = self.entries;
        self.opened.entry(pair).or_insert_with(|| Opened {
            number,
            ..Opened::default()
        })
    }

    fn wait(&mut self, pair: Pair, connection: Connection) {
        self.records_waiting += 1;
        if let Some(waiting) = self.waiting.get_mut(&pair) {
            waiting.records.push(connection);
            return;
        }
        self.entries += 1;
        let waiting = Waiting {
            number: self.entries,
            until_ns: moment(&connection).saturating_add(WAITS_NS),
            records: vec![connection],
        };
        self.waiting.insert(pair, waiting);
        self.waiting_order.push_back((pair, self.entries));
    }

    fn take_waiting(&mut self, pair: &Pair) -> Vec<Connection> {
        let records = self.waiting.remove(pair);
        let records = records.map_or_else(Vec::new, |waiting| waiting.records);
        self.records_waiting -= records.len();
        records
    }

    /// A connection from another host. All its records are counted, whatever comes later.
    fn pass_apart(&mut self, connection: Connection, ends: &mut Vec<End>) {
        if !connection.stage.goes_on() {
            self.apart.remove(&connection.socket);
        } else if self.apart.len() < MOST_APART {
            self.apart.insert(connection.socket);
        }
        ends.push(End::Counted(Box::new(connection)));
    }
}

/// When its record was made.
fn moment(connection: &Connection) -> u64 {
    connection
        .latest_ns()
        .max(connection.seen_open_ns.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::{connection::Stage, ledger::test_connection::ended, outcome::Outcome};

    fn client(number: u16, at_ms: u64) -> Connection {
        let mut connection = ended(at_ms, 1, 1, Outcome::AnsweredThenClosedByUs);
        connection.socket = 2 * u64::from(number);
        connection.local.set_port(number);
        connection
    }

    fn server(number: u16, at_ms: u64) -> Connection {
        let opened = client(number, at_ms);
        Connection {
            socket: opened.socket + 1,
            side: Side::Server,
            local: opened.remote,
            remote: opened.local,
            opener: None,
            ..opened
        }
    }

    fn goes_on(connection: Connection) -> Connection {
        Connection {
            stage: Stage::SeenOpen,
            ended_ns: None,
            ..connection
        }
    }

    /// Sockets that are counted, and those that are other ends, in their order.
    fn told(ends: &[End]) -> (Vec<u64>, Vec<u64>) {
        let counted = ends.iter().filter_map(|end| match end {
            End::Counted(connection) => Some(connection.socket),
            End::Other(_) => None,
        });
        let other = ends.iter().filter_map(|end| match end {
            End::Other(connection) => Some(connection.socket),
            End::Counted(_) => None,
        });
        (counted.collect(), other.collect())
    }

    fn run(records: &[Connection]) -> (Vec<u64>, Vec<u64>, u64) {
        let mut ends = Ends::default();
        let mut all = Vec::new();
        for record in records {
            all.extend(ends.take(*record));
        }
        all.extend(ends.release(u64::MAX));
        let (counted, other) = told(&all);
        assert!(ends.waiting.is_empty() && ends.records_waiting == 0);
        (counted, other, ends.both_here())
    }

    #[test]
    fn one_connection_is_one_whichever_end_comes_first() {
        let (c, s) = (client(7, 0), server(7, 0));
        for records in [
            vec![c, s],
            vec![s, c],
            vec![goes_on(s), goes_on(c), c, s],
            vec![goes_on(c), goes_on(s), s, c],
            vec![goes_on(s), s, goes_on(c), c],
            vec![goes_on(c), c, goes_on(s), s],
        ] {
            let (counted, other, both_here) = run(&records);
            assert!(counted.iter().all(|socket| *socket == c.socket));
            assert!(other.iter().all(|socket| *socket == s.socket));
            assert_eq!(counted.len() + other.len(), records.len());
            assert_eq!(both_here, 1);
        }
    }

    #[test]
    fn the_same_ports_again_are_another_connection() {
        let (c, s) = (client(7, 0), server(7, 0));
        let (again, its) = (client(7, 60_000), server(7, 60_000));
        let (counted, other, both_here) = run(&[c, s, its, again]);
        assert_eq!((counted.len(), other.len(), both_here), (2, 2, 2));
        // The first one's other end was lost.
        let (counted, other, both_here) = run(&[c, again, its]);
        assert_eq!((counted.len(), other.len(), both_here), (2, 1, 1));
    }

    fn from(address: [u8; 4], connection: Connection) -> Connection {
        let mut connection = connection;
        match connection.side {
            Side::Client => connection.local.set_ip(address.into()),
            Side::Server => connection.remote.set_ip(address.into()),
        }
        connection
    }

    #[test]
    fn from_another_host_only_the_first_waits() {
        const FAR: [u8; 4] = [10, 0, 0, 9];
        let mut ends = Ends::default();
        let first = from(FAR, server(7, 0));
        assert!(ends.take(first).is_empty());
        let mut far = from(FAR, server(8, 10_000));
        far.socket = 99;
        let (counted, other) = told(&ends.take(goes_on(far)));
        assert_eq!((counted, other), (vec![first.socket, 99], vec![]));
        // Nor does it later, though this host turns out to have that address.
        ends.take(from(FAR, client(8, 10_010)));
        assert_eq!(told(&ends.take(far)), (vec![99], vec![]));
        assert!(ends.take(from(FAR, server(9, 10_020))).is_empty());
    }

    /// As of a pod that is new: its address was in no record before.
    #[test]
    fn an_address_that_is_new_may_be_of_this_host() {
        for number in 1..4 {
            let address = [10, 0, 0, number];
            let (c, s) = (from(address, client(7, 0)), from(address, server(7, 0)));
            assert_eq!(run(&[s, c]), (vec![c.socket], vec![s.socket], 1));
        }
    }

    #[test]
    fn what_goes_on_for_want_of_room_says_nothing_of_its_address() {
        let mut ends = Ends::default();
        for number in 0..=MOST_WAITING as u64 + 1 {
            let mut s = from([10, 0, 0, 9], server(7, 0));
            s.remote.set_port((number % 65_536) as u16);
            s.socket = number;
            ends.take(s);
        }
        assert!(ends.elsewhere.is_empty());
        assert!(ends.records_waiting <= MOST_WAITING + 1);
    }

    #[test]
    fn an_end_that_waits_in_vain_is_counted() {
        let mut ends = Ends::default();
        let s = server(7, 0);
        assert!(ends.take(s).is_empty());
        assert!(ends.release(moment(&s) + WAITS_NS - 1).is_empty());
        let released = ends.release(moment(&s) + WAITS_NS);
        assert_eq!(told(&released), (vec![s.socket], vec![]));
    }

    #[test]
    fn each_namespace_has_its_own_loopback_and_all_share_other_addresses() {
        let c = client(7, 0);
        let mut s = server(7, 0);
        s.netns = Some(2);
        assert_eq!(run(&[c, s]).2, 0);
        let on = |address: SocketAddr| SocketAddr::new([10, 0, 0, 1].into(), address.port());
        let [c, s] = [c, s].map(|one| Connection {
            local: on(one.local),
            remote: on(one.remote),
            ..one
        });
        assert_eq!(run(&[c, s]).2, 1);
        assert_eq!(run(&[s, c]).2, 1);
    }

    proptest! {
        /// Whatever comes: each record goes on once, and memory stays within its bounds.
        #[test]
        fn nothing_is_lost(script in prop::collection::vec((0..40_u16, 0..10_000_u64, 0..4_u8), 0..200)) {
            let mut ends = Ends::default();
            let mut told = 0;
            for (number, at_ms, kind) in &script {
                let record = match kind {
                    0 => client(*number, *at_ms),
                    1 => server(*number, *at_ms),
                    2 => goes_on(client(*number, *at_ms)),
                    _ => goes_on(server(*number, *at_ms)),
                };
                told += ends.take(record).len();
            }
            told += ends.release(u64::MAX).len();
            prop_assert_eq!(told, script.len());
            prop_assert_eq!(ends.records_waiting, 0);
        }
    }

    #[test]
    fn a_flood_of_accepted_ends_waits_within_bounds() {
        let mut ends = Ends::default();
        for number in 0..3 * MOST_WAITING as u64 {
            let mut s = server(7, 0);
            s.remote = SocketAddr::new(s.remote.ip(), (number % 65_536) as u16);
            s.socket = number;
            ends.take(s);
            assert!(ends.records_waiting <= MOST_WAITING + 1);
        }
    }
}

// SPDX-License-Identifier: MIT
//! Small memories of a fixed size: which connection's end was told already,
//! which reason still waits for an address, which address a session is of.
//!
//! Clients choose addresses and ports, so the hashes have a seed of this run.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use foldhash::quality::RandomState;

use super::{address::Client, kind::Kind, moment::Moment, tally::Event, told::Thread};

/// Connections whose end was told. Of more than fit, the older half is forgotten; the lines
/// about one end are next to each other in the log. What is forgotten depends on the log
/// alone and not on the seed of the hash, so that each run counts the same.
#[derive(Default)]
pub struct RecentEnds {
    new: HashMap<(IpAddr, u16), Ended, RandomState>,
    old: HashMap<(IpAddr, u16), Ended, RandomState>,
}

/// What the lines about one end have said until now.
#[derive(Clone, Copy)]
struct Ended {
    /// When the latest of them was written.
    at: Option<Moment>,
    /// The messages, each once; empty where there is none.
    sources: [&'static str; LINES],
}

/// Lines about one end, at most.
const LINES: usize = 4;

const RECENT_ENDS: usize = 2048;

/// Milliseconds between the lines about one end, at most: the same port is a new
/// connection later. A server that is busy writes them within milliseconds.
const APART: i64 = 5_000;

impl RecentEnds {
    /// Takes a line about the end of this connection. Returns whether lines just before told
    /// this end: a server writes no message twice about one, so the same one again is about the
    /// next connection from that port.
    pub fn is_told(&mut self, client: Client, at: Option<Moment>, source: &'static str) -> bool {
        let Some(port) = client.port else {
            return false;
        };
        let connection = (client.ip, port);
        if let Some(ended) = self.recent(connection, at) {
            let is_same = ended.sources.contains(&source);
            // A second appender writes the same line.
            let is_twice = is_same && at.is_some() && ended.at == at;
            if !is_same && let Some(free) = ended.sources.iter_mut().find(|free| free.is_empty()) {
                *free = source;
            }
            ended.at = at;
            if !is_same || is_twice {
                return true;
            }
        }
        self.remember(connection, at, source);
        false
    }

    fn recent(&mut self, connection: (IpAddr, u16), at: Option<Moment>) -> Option<&mut Ended> {
        let ended = match self.new.get_mut(&connection) {
            Some(ended) => Some(ended),
            None => self.old.get_mut(&connection),
        };
        ended.filter(|ended| near(ended.at, at))
    }

    fn remember(&mut self, connection: (IpAddr, u16), at: Option<Moment>, source: &'static str) {
        if self.new.len() >= RECENT_ENDS && !self.new.contains_key(&connection) {
            std::mem::swap(&mut self.new, &mut self.old);
            self.new.clear();
        }
        let sources = [source, "", "", ""];
        self.new.insert(connection, Ended { at, sources });
    }

    /// Whether it was told just before; the port is free for another connection
    /// then.
    pub fn forget(&mut self, client: Client, at: Option<Moment>) -> bool {
        let Some(port) = client.port else {
            return false;
        };
        let connection = (client.ip, port);
        let is_recent = self.recent(connection, at).is_some();
        if is_recent {
            self.new.remove(&connection);
            self.old.remove(&connection);
        }
        is_recent
    }
}

/// A reason without an address. It is the same thread that closes the socket
/// next, and names the address then, where the log tells that.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// The reason.
    pub kind: Kind,
    /// The session, 0 for none.
    pub session: u64,
    /// When.
    pub at: Option<Moment>,
    /// How many times.
    pub times: u64,
}

impl Reason {
    /// As something to count.
    pub fn event(self) -> Event {
        Event {
            kind: self.kind,
            times: self.times,
            at: self.at,
        }
    }
}

/// Reasons that wait, by thread; where the layout names no threads, or one name stands for
/// several, in the order in which they came.
#[derive(Default)]
pub struct Waiting {
    by_thread: HashMap<Thread, Reason, RandomState>,
    unpaired: VecDeque<Reason>,
}

const WAITING: usize = 1024;

impl Waiting {
    /// Keeps a reason. Returns those that no line named the address of in time.
    pub fn put(&mut self, thread: Thread, reason: Reason) -> Vec<Reason> {
        let mut given_up = Vec::new();
        if thread.is_known() {
            if self.by_thread.len() >= WAITING && !self.by_thread.contains_key(&thread) {
                given_up.extend(in_order(self.by_thread.drain().map(|(_, reason)| reason)));
            }
            if let Some(other) = self.by_thread.insert(thread, reason) {
                self.unpaired.push_back(other);
            }
        } else {
            self.unpaired.push_back(reason);
        }
        while self.unpaired.len() > WAITING
            || self
                .unpaired
                .front()
                .is_some_and(|oldest| !near(oldest.at, reason.at))
        {
            given_up.extend(self.unpaired.pop_front());
        }
        given_up
    }

    /// The reason of this thread, where it is of this session; the others are given up.
    pub fn take(
        &mut self,
        thread: Thread,
        session: u64,
        at: Option<Moment>,
    ) -> (Option<Reason>, Option<Reason>) {
        if self.by_thread.is_empty() || !thread.is_known() {
            return (None, None);
        }
        match self.by_thread.remove(&thread) {
            Some(reason) if reason.session == session && near(reason.at, at) => {
                (Some(reason), None)
            }
            other => (None, other),
        }
    }

    /// The oldest reason of this session that no thread claims.
    pub fn take_unpaired(&mut self, session: u64, at: Option<Moment>) -> Option<Reason> {
        let is_it = |reason: &Reason| reason.session == session && near(reason.at, at);
        let place = self.unpaired.iter().position(is_it)?;
        self.unpaired.remove(place)
    }

    pub fn take_all(&mut self) -> Vec<Reason> {
        let by_thread = self.by_thread.drain().map(|(_, reason)| reason);
        in_order(by_thread.chain(self.unpaired.drain(..)))
    }
}

/// As the log has them, and not as a map does.
fn in_order(reasons: impl Iterator<Item = Reason>) -> Vec<Reason> {
    let mut reasons: Vec<_> = reasons.collect();
    reasons.sort_by_key(|reason| (reason.at, reason.session));
    reasons
}

/// Whether two lines may be about one end.
fn near(one: Option<Moment>, other: Option<Moment>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.0.abs_diff(other.0) <= APART as u64,
        (one, other) => one == other,
    }
}

/// Clients of the old protocol that asked a moment ago, and whose session no line has
/// named. Lines about a session name no address at INFO from 3.5.5 on.
#[derive(Default)]
pub struct OldClients {
    asked: VecDeque<(IpAddr, Option<Moment>)>,
}

const OLD_CLIENTS: usize = 64;

impl OldClients {
    /// One asks.
    pub fn asked(&mut self, client: Option<Client>, at: Option<Moment>) {
        if self.asked.len() >= OLD_CLIENTS {
            self.asked.pop_front();
        }
        self.asked.extend(client.map(|client| (client.ip, at)));
    }

    /// The session of one is known.
    pub fn named(&mut self, ip: IpAddr) {
        if let Some(place) = self.asked.iter().position(|(asked, _)| *asked == ip) {
            self.asked.remove(place);
        }
    }

    /// The one that asked in the last seconds, unless several did.
    pub fn take(&mut self, at: Option<Moment>) -> Option<IpAddr> {
        while self.asked.front().is_some_and(|(_, then)| !near(*then, at)) {
            self.asked.pop_front();
        }
        let (first, _) = *self.asked.front()?;
        if self.asked.iter().any(|(ip, _)| *ip != first) {
            return None;
        }
        self.asked.pop_front();
        Some(first)
    }
}

/// Clients that failed to authenticate a moment ago, by thread.
#[derive(Default)]
pub struct Failed {
    by_thread: HashMap<Thread, (Client, Option<Moment>), RandomState>,
}

impl Failed {
    /// One failed.
    pub fn remember(&mut self, thread: Thread, client: Option<Client>, at: Option<Moment>) {
        if self.by_thread.len() >= WAITING {
            self.by_thread.clear();
        }
        if let Some(client) = client {
            self.by_thread.insert(thread, (client, at));
        }
    }

    /// The one that failed just before in this thread.
    pub fn take(&mut self, thread: Thread, at: Option<Moment>) -> Option<Client> {
        let (client, then) = self.by_thread.remove(&thread)?;
        near(then, at).then_some(client)
    }
}

/// The address that each session was last seen at. Of more sessions than fit,
/// the older half is forgotten.
#[derive(Default)]
pub struct Sessions {
    new: HashMap<u64, IpAddr, RandomState>,
    old: HashMap<u64, IpAddr, RandomState>,
}

const SESSIONS: usize = 32_768;

impl Sessions {
    /// Keeps the address of a session.
    pub fn learn(&mut self, session: u64, ip: IpAddr) {
        if session == 0 {
            return;
        }
        if self.new.len() >= SESSIONS && !self.new.contains_key(&session) {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(session, ip);
    }

    /// The address of a session.
    pub fn of(&self, session: u64) -> Option<IpAddr> {
        self.new
            .get(&session)
            .or_else(|| self.old.get(&session))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(port: u16) -> Client {
        Client {
            ip: IpAddr::from([10, 0, 0, 1]),
            port: Some(port),
        }
    }

    #[test]
    fn an_end_is_told_once() {
        let mut ends = RecentEnds::default();
        let at = |milliseconds| Some(Moment(milliseconds));
        assert!(!ends.is_told(client(1), at(0), "refused"));
        assert!(ends.is_told(client(1), at(2), "closed"));
        assert!(ends.is_told(client(1), at(2), "closed"), "two appenders");
        assert!(!ends.is_told(client(1), at(60_000), "closed"));
        assert!(ends.forget(client(1), at(60_001)));
        assert!(!ends.forget(client(1), at(60_001)));
        for port in 0..u16::MAX {
            assert!(!ends.is_told(client(port), at(0), "closed"));
        }
        assert!(ends.new.len() + ends.old.len() <= 2 * RECENT_ENDS);
        assert!(ends.is_told(client(u16::MAX - 1), at(0), "closed"));
    }

    #[test]
    fn the_same_message_again_is_about_the_next_connection() {
        let mut ends = RecentEnds::default();
        for n in 0..100i64 {
            let at = |milliseconds| Some(Moment(n * 200 + milliseconds));
            assert!(!ends.is_told(client(1), at(0), "refused"), "{n}");
            assert!(ends.is_told(client(1), at(1), "closed"));
        }
        // Without times the order alone tells.
        assert!(!ends.is_told(client(2), None, "closed"));
        assert!(!ends.is_told(client(2), None, "closed"));
    }

    #[test]
    fn sessions_and_reasons_are_bounded() {
        let mut sessions = Sessions::default();
        for session in 1..=200_000 {
            sessions.learn(session, client(0).ip);
        }
        assert!(sessions.new.len() + sessions.old.len() <= 2 * SESSIONS);
        assert!(sessions.of(200_000).is_some() && sessions.of(1).is_none());

        let mut waiting = Waiting::default();
        let reason = Reason {
            kind: Kind::BadLength,
            session: 0,
            at: None,
            times: 1,
        };
        let mut given_up = 0;
        for thread in 0..5000u32 {
            let name = if thread % 2 == 0 { thread } else { 1 };
            given_up += waiting
                .put(Thread::named(&name.to_be_bytes()), reason)
                .len();
        }
        assert!(waiting.by_thread.len() <= WAITING && waiting.unpaired.len() <= WAITING);
        assert_eq!(given_up + waiting.take_all().len(), 5000);
    }

    #[test]
    fn of_two_old_clients_the_one_whose_session_is_known_is_out_of_the_question() {
        let at = Some(Moment(0));
        let other = Client {
            ip: IpAddr::from([10, 0, 0, 2]),
            port: Some(1),
        };
        let both = || {
            let mut asked = OldClients::default();
            asked.asked(Some(client(1)), at);
            asked.asked(Some(other), at);
            asked
        };
        assert_eq!(both().take(at), None, "either may be meant");
        let mut asked = both();
        asked.named(client(1).ip);
        assert_eq!(asked.take(at), Some(other.ip));
        assert_eq!(asked.take(at), None);
    }
}

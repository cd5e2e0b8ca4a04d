// SPDX-License-Identifier: MIT
//! Small memories of a fixed size: which connection's end was told already,
//! which reason still waits for an address, which address a session is of.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use super::{address::Client, kind::Kind, moment::Moment, tally::Event};

/// Connections whose end was told. An older one gives way to a newer; the lines
/// about one end are next to each other in the log.
pub struct RecentEnds {
    slots: Vec<Option<Connection>>,
    hasher: RandomState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Connection {
    ip: IpAddr,
    port: u16,
    at: Option<Moment>,
}

const RECENT_ENDS: usize = 4096;

/// Milliseconds between the lines about one end, at most: the same port is a new
/// connection later. A server that is busy writes them within milliseconds.
const APART: i64 = 5_000;

impl Default for RecentEnds {
    fn default() -> Self {
        Self {
            slots: vec![None; RECENT_ENDS],
            hasher: RandomState::new(),
        }
    }
}

impl RecentEnds {
    /// Keeps in mind that the end of this connection was told.
    pub fn remember(&mut self, client: Client, at: Option<Moment>) {
        if let Some(port) = client.port {
            let ip = client.ip;
            *self.slot(ip, port) = Some(Connection { ip, port, at });
        }
    }

    /// Whether it was told just before.
    pub fn holds(&mut self, client: Client, at: Option<Moment>) -> bool {
        let Some(port) = client.port else {
            return false;
        };
        let is_same = |recent: &Connection| {
            let near = match (recent.at, at) {
                (Some(then), Some(now)) => now.0.abs_diff(then.0) <= APART as u64,
                (then, now) => then == now,
            };
            recent.ip == client.ip && recent.port == port && near
        };
        self.slot(client.ip, port).as_ref().is_some_and(is_same)
    }

    /// Whether it was told just before; the port is free for another connection
    /// then.
    pub fn forget(&mut self, client: Client, at: Option<Moment>) -> bool {
        let is_recent = self.holds(client, at);
        if let (true, Some(port)) = (is_recent, client.port) {
            *self.slot(client.ip, port) = None;
        }
        is_recent
    }

    fn slot(&mut self, ip: IpAddr, port: u16) -> &mut Option<Connection> {
        let hash = self.hasher.hash_one((ip, port)) as usize;
        &mut self.slots[hash % RECENT_ENDS]
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
}

impl Reason {
    /// As something to count.
    pub fn event(self) -> Event {
        Event {
            kind: self.kind,
            times: 1,
            at: self.at,
        }
    }
}

/// Reasons that wait, by the hash of the thread's name.
#[derive(Default)]
pub struct Waiting {
    by_thread: HashMap<u64, Reason>,
    hasher: RandomState,
}

const WAITING: usize = 1024;

impl Waiting {
    /// Keeps a reason. Returns one of the same thread that no line named the
    /// address of, and all when there are too many.
    pub fn put(&mut self, thread: &[u8], reason: Reason) -> Vec<Reason> {
        let thread = self.hasher.hash_one(thread);
        let mut given_up = Vec::new();
        if self.by_thread.len() >= WAITING && !self.by_thread.contains_key(&thread) {
            given_up = self.take_all();
        }
        given_up.extend(self.by_thread.insert(thread, reason));
        given_up
    }

    /// The reason of this thread.
    pub fn take(&mut self, thread: &[u8]) -> Option<Reason> {
        if self.by_thread.is_empty() {
            return None;
        }
        self.by_thread.remove(&self.hasher.hash_one(thread))
    }

    pub fn take_all(&mut self) -> Vec<Reason> {
        self.by_thread.drain().map(|(_, reason)| reason).collect()
    }
}

/// The address that each session was last seen at. Of more sessions than fit,
/// the older half is forgotten.
#[derive(Default)]
pub struct Sessions {
    new: HashMap<u64, IpAddr>,
    old: HashMap<u64, IpAddr>,
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
        ends.remember(client(1), at(0));
        assert!(ends.holds(client(1), at(2)));
        assert!(!ends.holds(client(1), at(60_000)));
        assert!(ends.forget(client(1), at(3)));
        assert!(!ends.forget(client(1), at(3)));
        for port in 0..u16::MAX {
            ends.remember(client(port), at(0));
        }
        assert_eq!(ends.slots.len(), RECENT_ENDS);
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
        };
        let mut given_up = 0;
        for thread in 0..5000u32 {
            given_up += waiting.put(&thread.to_be_bytes(), reason).len();
        }
        assert!(waiting.by_thread.len() <= WAITING);
        assert_eq!(given_up + waiting.take_all().len(), 5000);
    }
}

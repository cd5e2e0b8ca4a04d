// SPDX-License-Identifier: MIT
//! Who used which session: a session in two clients goes from one to the other
//! and back, and the server lets only the latest live.

use std::net::{IpAddr, SocketAddr};

use crate::{
    connection::{Connection, Side},
    handshake::session::SessionId,
    hash::HashMap,
    process::ProcessKey,
};

/// Most sessions that are told apart.
pub const MOST_SESSIONS: usize = 4096;
/// Most users that are told apart for one session.
pub const MOST_USERS: usize = 8;
/// Most changes of hands that are kept of one session, the first of them.
const MOST_TURNS: usize = 16;
/// Most pairs of a user and a server that are kept of one session.
const MOST_SERVERS: usize = 16;

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {
    /// A thread of this host.
    Thread {
        process: ProcessKey,
        /// The thread.
        tid: u32,
    },
    /// Of an accepted connection: the remote host.
    Host {
        address: IpAddr,
        /// Of a loopback address the inode of its network namespace.
        netns: Option<u32>,
    },
}

impl User {
    /// A remote host, which goes from one server to another; only on a loopback address does the
    /// network namespace of the server tell who it is.
    pub fn host(address: IpAddr, netns: Option<u32>) -> Self {
        Self::Host {
            address,
            netns: netns.filter(|_| address.is_loopback()),
        }
    }
}

/// How often a user had to do with a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Connections in which the user asked to go on with it.
    pub presented: u64,
    /// Connections in which the server granted it to the user, new or not.
    pub granted: u64,
}

/// The users of one session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    users: HashMap<User, Uses>,
    /// Who had it after whom, each as often as it came back.
    turns: Vec<User>,
    /// Who had it of which server, as many as are kept.
    servers: Vec<(User, SocketAddr)>,
    /// Whether there were more users than are told apart.
    pub users_left_out: bool,
}

/// The sessions that were presented or granted.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    by_id: HashMap<SessionId, Session>,
    /// Whether there were more sessions than are told apart.
    pub left_out: bool,
}

impl Sessions {
    /// Takes one connection into account.
    pub fn observe(&mut self, connection: &Connection) {
        let Some(handshake) = &connection.handshake else {
            return;
        };
        let Some(user) = user(connection) else {
            return;
        };
        if let Some(session) = handshake.presented()
            && let Some(uses) = self.uses(session, user)
        {
            uses.presented += 1;
        }
        if let Some(session) = handshake.granted()
            && let Some(uses) = self.uses(session, user)
        {
            uses.granted += 1;
            self.note_turn(session, user);
            self.note_server(session, user, server(connection));
        }
    }

    fn note_turn(&mut self, id: SessionId, user: User) {
        if let Some(session) = self.by_id.get_mut(&id)
            && session.turns.len() < MOST_TURNS
            && session.turns.last() != Some(&user)
        {
            session.turns.push(user);
        }
    }

    fn note_server(&mut self, id: SessionId, user: User, server: SocketAddr) {
        if let Some(session) = self.by_id.get_mut(&id)
            && session.servers.len() < MOST_SERVERS
            && !session.servers.contains(&(user, server))
        {
            session.servers.push((user, server));
        }
    }

    fn uses(&mut self, id: SessionId, user: User) -> Option<&mut Uses> {
        if self.by_id.len() >= MOST_SESSIONS && !self.by_id.contains_key(&id) {
            self.left_out = true;
            return None;
        }
        let session = self.by_id.entry(id).or_default();
        if session.users.len() >= MOST_USERS && !session.users.contains_key(&user) {
            session.users_left_out = true;
            return None;
        }
        Some(session.users.entry(user).or_default())
    }

    /// The sessions that more than one user had, by id.
    pub fn shared(&self) -> Vec<(SessionId, &Session)> {
        let several = |session: &&Session| session.users.len() > 1;
        let mut shared: Vec<_> = self
            .by_id
            .iter()
            .filter(|(_, session)| several(session))
            .map(|(id, session)| (*id, session))
            .collect();
        shared.sort_unstable_by_key(|(id, _)| *id);
        shared
    }

    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id)
    }
}

impl Session {
    /// Who had it after whom, the first changes of hands.
    pub fn turns(&self) -> &[User] {
        &self.turns
    }

    /// Who had it of which server, the first such pairs.
    pub fn servers(&self) -> &[(User, SocketAddr)] {
        &self.servers
    }

    /// The users in a stable order.
    pub fn users(&self) -> Vec<(User, Uses)> {
        let mut users: Vec<_> = self
            .users
            .iter()
            .map(|(user, uses)| (*user, *uses))
            .collect();
        users.sort_unstable_by_key(|(user, _)| *user);
        users
    }
}

fn server(connection: &Connection) -> SocketAddr {
    match connection.side {
        Side::Client => connection.remote,
        Side::Server => connection.local,
    }
}

fn user(connection: &Connection) -> Option<User> {
    match connection.side {
        Side::Client => Some(User::Thread {
            process: ProcessKey::of(connection)?,
            tid: connection.opener?.thread.tid,
        }),
        Side::Server => Some(User::host(connection.remote_ip(), connection.netns)),
    }
}

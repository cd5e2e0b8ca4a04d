// SPDX-License-Identifier: MIT
//! The sessions that several clients had, found by whose they are.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    handshake::session::SessionId,
    hash::HashMap,
    ledger::{
        Destination, FlowKey,
        sessions::{Sessions, User, Uses},
    },
    process::ProcessKey,
};

use super::case::SharedSession;

/// A session, and who had it.
pub(super) struct Shared {
    pub id: SessionId,
    pub users: Vec<(User, Uses)>,
    /// Whether further ones were not told apart.
    pub users_left_out: bool,
    /// Who had it of which server.
    pub servers: Vec<(User, SocketAddr)>,
    /// Who had it after whom.
    pub turns: Vec<User>,
}

impl Shared {
    /// What a rule asks of it: `client_of` says which client somebody is, and `words` what a
    /// client is called.
    pub(super) fn told(
        &self,
        client_of: impl Fn(User) -> User,
        words: impl Fn(User) -> String,
    ) -> SharedSession {
        let mut granted: BTreeMap<_, u64> = BTreeMap::new();
        // Who only asked for it, in vain, did not use it.
        for (user, uses) in self.users.iter().filter(|(_, uses)| uses.granted > 0) {
            *granted.entry(client_of(*user)).or_default() += uses.granted;
        }
        SharedSession {
            id: self.id,
            returns: returns(self.turns.iter().map(|user| client_of(*user))),
            users_left_out: self.users_left_out,
            is_of_one_server: are_of_one_server(
                (self.servers.iter()).map(|(user, server)| (client_of(*user), server)),
            ),
            users: granted
                .into_iter()
                .map(|(client, granted)| (words(client), granted))
                .collect(),
        }
    }
}

/// Whether two clients had a session of the same server. Where none had, one of them may be
/// the proxy by which another one comes.
fn are_of_one_server<'a>(mut had: impl Iterator<Item = (User, &'a SocketAddr)>) -> bool {
    let mut of: BTreeMap<&SocketAddr, User> = BTreeMap::new();
    had.any(|(client, server)| *of.entry(server).or_insert(client) != client)
}

/// How often a session went back to a client that had had it before another one did: a
/// client that is started anew and goes on with it gets it once.
fn returns(turns: impl Iterator<Item = User>) -> u64 {
    let mut had: Vec<User> = Vec::new();
    let mut returns = 0;
    for client in turns {
        if had.last() != Some(&client) {
            returns += u64::from(had.contains(&client));
            had.retain(|one| *one != client);
            had.push(client);
        }
    }
    returns
}

/// Whose connections they are: a process of this host's, or a remote host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Process(ProcessKey),
    Host(User),
}

impl Owner {
    fn of_user(user: User) -> Self {
        match user {
            User::Thread { process, .. } => Self::Process(process),
            User::Host { .. } => Self::Host(user),
        }
    }

    /// None for connections of this host's whose process is not known.
    pub(super) fn of_flow(key: &FlowKey) -> Option<Self> {
        match (key.process, key.destination) {
            (Some(process), _) => Some(Self::Process(process)),
            (None, Destination::Client { host, netns, .. }) => {
                Some(Self::Host(User::host(host, netns)))
            }
            (None, Destination::Server { .. }) => None,
        }
    }
}

/// All sessions that several had, by id, and where each owner's are among them.
#[derive(Default)]
pub(super) struct SharedSessions {
    sessions: Vec<Shared>,
    of_owner: HashMap<Owner, Vec<usize>>,
}

impl SharedSessions {
    /// Those of a trace.
    pub(super) fn of(sessions: &Sessions) -> Self {
        let mut all = Self::default();
        for (place, (id, session)) in sessions.shared().into_iter().enumerate() {
            let users = session.users();
            for (user, _) in &users {
                let places = all.of_owner.entry(Owner::of_user(*user)).or_default();
                places.push(place);
            }
            let turns = session.turns().to_vec();
            all.sessions.push(Shared {
                id,
                users,
                users_left_out: session.users_left_out,
                servers: session.servers().to_vec(),
                turns,
            });
        }
        all
    }

    /// Those of any of these owners, by id.
    pub(super) fn of_owners(&self, owners: impl Iterator<Item = Option<Owner>>) -> Vec<&Shared> {
        if self.sessions.is_empty() {
            return Vec::new();
        }
        let places = owners
            .flatten()
            .filter_map(|owner| self.of_owner.get(&owner));
        let mut places: Vec<_> = places.flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        let sessions = places.into_iter().map(|place| self.sessions.get(place));
        sessions.flatten().collect()
    }
}

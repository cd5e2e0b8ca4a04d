// SPDX-License-Identifier: MIT
//! The host's TCP sockets as the kernel lists them (`NETLINK_SOCK_DIAG`, what
//! `ss` uses), in every network namespace, and the processes that hold them.
//!
//! A listing is no snapshot: the kernel walks its hash table while sockets come
//! and go, so a socket that changes its place meanwhile may be missed or seen
//! twice; the later sight counts.
//!
//! Each dump walks the whole hash table, which all namespaces share: 0.3 ms a
//! namespace and family with 262,144 buckets, 0.7 s for 1,000 namespaces
//! (docs/adr/0005). 20,000 sockets more cost 60 ms (measured on Linux 6.18, two
//! cores, debug build).

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use zkchurn_core::frame::Sides;

pub mod holders;
mod message;
mod mountinfo;
pub mod namespaces;
mod netlink;
pub(crate) mod notes;
pub(in crate::host) mod proc_links;
mod reply;
mod request;
mod row;

use namespaces::Namespace;
use notes::Troubles;

/// `TCP_TIME_WAIT` (include/net/tcp_states.h), which no tracepoint shows.
pub const TIME_WAIT: u8 = 6;

/// Most time that one listing takes, all namespaces together, unless it is told another.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// One socket (`struct inet_diag_msg`, include/uapi/linux/inet_diag.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagSocket {
    /// Socket cookie; a TIME_WAIT socket has that of the socket it follows.
    pub cookie: u64,
    /// Inode of the network namespace.
    pub netns: u32,
    /// TCP state, `zkchurn_common::state`; 6 is TIME_WAIT.
    pub state: u8,
    /// Local address, a v4-mapped one as IPv4.
    pub local: SocketAddr,
    /// Remote address, a v4-mapped one as IPv4.
    pub remote: SocketAddr,
    /// Whether the socket is `AF_INET6`.
    pub ipv6_socket: bool,
    /// Owner's user id; 0 for a TIME_WAIT socket, which has no owner.
    pub uid: u32,
    /// Inode of the socket; 0 when no process holds it.
    pub inode: u32,
    /// Time until the socket's timer expires, milliseconds; for TIME_WAIT the
    /// time left.
    pub expires_ms: u32,
}

/// Which sockets to list.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The ports: remote ones on the client side, local ones on the server side. Where there
    /// is none every socket is wanted, on both sides.
    pub ports: &'a [u16],
    pub sides: Sides,
    /// TCP states, bit `1 << state` each.
    pub states: u32,
}

impl Query<'_> {
    /// Whether a socket is one that was asked for.
    pub fn wants(&self, socket: &DiagSocket) -> bool {
        // No connection has port 0, but a listening socket's remote one is 0.
        let is_one = |port| port != 0 && self.ports.contains(&port);
        let client = is_one(socket.remote.port());
        let server = is_one(socket.local.port());
        let side = match self.sides {
            Sides::Client => client,
            Sides::Server => server,
            Sides::Both => client || server,
        };
        let side = side || self.ports.is_empty();
        let state = 1_u32.checked_shl(socket.state.into()).unwrap_or(0);
        side && self.states & state != 0
    }
}

/// The sockets found, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Each socket once.
    pub sockets: Vec<DiagSocket>,
    /// Sentences about what is missing; empty when nothing is.
    pub notes: Vec<String>,
}

/// Lists the sockets of all network namespaces that a process lives in or that
/// are mounted. Our own needs no privilege, the others CAP_SYS_ADMIN and
/// CAP_SYS_PTRACE.
pub fn list(query: &Query) -> Listing {
    list_where(query, None, TIME_LIMIT)
}

/// Lists the sockets of our own network namespace and of those with one of
/// `inodes`. Finds also namespaces that only a single thread lives in.
pub fn list_of(query: &Query, inodes: &HashSet<u32>) -> Listing {
    list_where(query, Some(inodes), TIME_LIMIT)
}

/// The same of those with one of `inodes`, if they are given, cut short with a note after
/// `limit`.
pub fn list_where(query: &Query, wanted: Option<&HashSet<u32>>, limit: Duration) -> Listing {
    let mut collection = Collection::new(query, limit);
    let own = namespaces::own_inode().unwrap_or_else(|error| {
        let reason = format!("could not be identified: {error}");
        collection.troubles.add(0, reason);
        0
    });
    collection.collect(own);
    let deadline = collection.deadline;
    let found = namespaces::find(own, wanted, deadline);
    namespaces::visit(
        &found.namespaces,
        deadline,
        |namespace, entered| match entered {
            Ok(()) => collection.collect(namespace.inode),
            Err(error) => collection.not_entered(namespace, &error),
        },
    );
    collection.finish(found.notes)
}

/// What a listing gathers on its way through the namespaces.
struct Collection<'a> {
    query: &'a Query<'a>,
    deadline: Instant,
    /// By namespace and cookie: one that changes its place may be listed twice.
    sockets: HashMap<(u32, u64), DiagSocket>,
    troubles: Troubles,
}

impl<'a> Collection<'a> {
    fn new(query: &'a Query, limit: Duration) -> Self {
        Self {
            query,
            deadline: Instant::now() + limit,
            sockets: HashMap::new(),
            troubles: Troubles::default(),
        }
    }

    /// Asks the namespace that this thread is in.
    fn collect(&mut self, netns: u32) {
        for request in request::requests(self.query) {
            match netlink::dump(&request, self.query, netns, self.deadline) {
                Ok(dump) => {
                    self.keep(dump.sockets);
                    if dump.interrupted {
                        let reason = "changed while it was listed: sockets may be missing";
                        self.troubles.add(netns, reason.to_owned());
                    }
                }
                Err(failure) => {
                    self.keep(failure.sockets);
                    let reason = format!("was not listed completely: {}", failure.error);
                    self.troubles.add(netns, reason);
                }
            }
        }
    }

    fn keep(&mut self, sockets: Vec<DiagSocket>) {
        for socket in sockets {
            self.sockets.insert((socket.netns, socket.cookie), socket);
        }
    }

    fn not_entered(&mut self, namespace: &Namespace, error: &std::io::Error) {
        let reason = format!("could not be entered: {error}");
        self.troubles.add(namespace.inode, reason);
    }

    fn finish(self, mut notes: Vec<String>) -> Listing {
        let mut sockets: Vec<_> = self.sockets.into_values().collect();
        sockets.sort_unstable_by_key(|socket| (socket.netns, socket.cookie));
        notes.extend(self.troubles.sentences());
        Listing { sockets, notes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(local: u16, remote: u16, state: u8) -> DiagSocket {
        DiagSocket {
            cookie: 1,
            netns: 2,
            state,
            local: ([127, 0, 0, 1], local).into(),
            remote: ([127, 0, 0, 1], remote).into(),
            ipv6_socket: false,
            uid: 0,
            inode: 0,
            expires_ms: 0,
        }
    }

    #[test]
    fn a_side_is_told_by_which_end_has_the_port() {
        let client = socket(40_000, 2181, TIME_WAIT);
        let server = socket(2181, 40_000, TIME_WAIT);
        for (sides, wants_client, wants_server) in [
            (Sides::Client, true, false),
            (Sides::Server, false, true),
            (Sides::Both, true, true),
        ] {
            let query = Query {
                ports: &[2181, 2182],
                sides,
                states: 1 << TIME_WAIT,
            };
            assert_eq!(query.wants(&client), wants_client, "{sides:?}");
            assert_eq!(query.wants(&server), wants_server, "{sides:?}");
            assert!(!query.wants(&socket(2180, 2183, TIME_WAIT)));
            assert!(!query.wants(&socket(2181, 2181, 1)));
            assert!(!query.wants(&socket(2181, 2181, 255)));
            let any = Query {
                ports: &[0],
                ..query
            };
            assert!(!any.wants(&socket(2181, 0, TIME_WAIT)));
        }
    }

    #[test]
    fn a_socket_seen_again_counts_once_and_as_it_was_last() {
        let query = Query {
            ports: &[2181],
            sides: Sides::Both,
            states: u32::MAX,
        };
        let mut collection = Collection::new(&query, TIME_LIMIT);
        collection.keep(vec![socket(40_000, 2181, 1)]);
        collection.keep(vec![socket(40_000, 2181, 6)]);
        let listing = collection.finish(Vec::new());
        assert_eq!(listing.sockets, [socket(40_000, 2181, 6)]);
    }
}

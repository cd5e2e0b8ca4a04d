// SPDX-License-Identifier: MIT
//! Who listens at the traced ports: the servers of this host. It looks into all processes,
//! any of which may hang: it belongs into a helper (`host/helper`).

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use zkchurn_common::state;
use zkchurn_core::{frame::Sides, process::ProcessKey};

use super::sock_diag::{
    self, Query,
    holders::{self, Bounds},
};

/// How long the list of sockets may take, then that of their holders.
const LIST_WITHIN: Duration = Duration::from_secs(3);
const HOLDERS_WITHIN: Duration = Duration::from_millis(1500);
/// Processes that are told.
const MOST: usize = 4;

/// A process and the ports at which it listens.
pub type Listener = (ProcessKey, Vec<u16>);

/// Looks for those that listen at `ports`.
pub fn at(ports: &[u16]) -> Vec<Listener> {
    let query = Query {
        ports,
        sides: Sides::Server,
        states: 1 << state::LISTEN,
    };
    let listing = sock_diag::list_where(&query, None, LIST_WITHIN);
    let inodes: HashSet<u32> = listing.sockets.iter().map(|socket| socket.inode).collect();
    let bounds = Bounds {
        time: HOLDERS_WITHIN,
        ..Bounds::default()
    };
    let held = holders::holders_within(inodes, &[], bounds);
    let mut listeners: BTreeMap<ProcessKey, Vec<u16>> = BTreeMap::new();
    for socket in &listing.sockets {
        if let Some(holder) = held.by_inode.get(&socket.inode) {
            let at = listeners.entry(holder.key).or_default();
            at.push(socket.local.port());
        }
    }
    let listeners = listeners.into_iter().map(|(process, mut ports)| {
        ports.sort_unstable();
        ports.dedup();
        (process, ports)
    });
    listeners.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn this_process_listens_where_it_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = at(&[port]);
        let [(process, ports)] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!((process.pid, &ports[..]), (std::process::id(), &[port][..]));
    }
}

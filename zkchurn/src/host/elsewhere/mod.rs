// SPDX-License-Identifier: MIT
//! Which ports but the traced ones have ZooKeeper connections: asked once, where nothing
//! ends at those. It lists all TCP sockets and looks into all processes, any of which may
//! hang: it belongs into a helper (`host/helper`).

mod config;
pub mod data;
mod ports;
mod processes;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use zkchurn_common::state;
use zkchurn_core::{elsewhere::Elsewhere, frame::Sides};

use super::sock_diag::{
    self, Query, TIME_WAIT,
    holders::{self, Bounds},
};

/// What is traced already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub ports: Vec<u16>,
    pub sides: Sides,
    /// The only processes that are traced; none where all are.
    pub pids: Vec<u32>,
}

/// How long the list of sockets may take, then that of their holders, then a look into the
/// processes.
const LIST_WITHIN: Duration = Duration::from_secs(3);
const HOLDERS_WITHIN: Duration = Duration::from_millis(1500);
const PROCESSES_WITHIN: Duration = Duration::from_secs(3);

const STATES: u32 = 1 << state::ESTABLISHED
    | 1 << state::SYN_SENT
    | 1 << state::CLOSE_WAIT
    | 1 << state::LISTEN
    | 1 << TIME_WAIT;

/// Looks.
pub fn look(request: &Request) -> Elsewhere {
    let query = Query {
        ports: &[],
        sides: Sides::Both,
        states: STATES,
    };
    let listing = sock_diag::list_where(&query, None, LIST_WITHIN);
    let inodes: HashSet<u32> = listing.sockets.iter().map(|socket| socket.inode).collect();
    let bounds = Bounds {
        time: HOLDERS_WITHIN,
        ..Bounds::default()
    };
    let held = holders::holders_within(inodes, &request.pids, bounds);
    let (processes, note) = processes::zookeepers(Instant::now() + PROCESSES_WITHIN);
    let mut notes = listing.notes;
    notes.extend(held.notes);
    notes.extend(note);
    let seen = ports::Seen {
        sockets: &listing.sockets,
        holders: &held.by_inode,
        processes: &processes,
    };
    ports::elsewhere(&seen, request, notes)
}

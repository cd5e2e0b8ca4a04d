// SPDX-License-Identifier: MIT
//! The TIME_WAIT sockets joined with their owners, grouped by owner.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Snapshot, TimeWaitSocket, grouping, owners::Owner, owners::Owners};
use crate::{clock::ClockPair, clock::rfc3339, identify::registry::Registry};

/// A connection that ended this much before the trace began, or less, by a
/// timer that counts in jiffies, may as well have ended in it.
const TIMER_ERROR_NS: u64 = 20_000_000;

/// The TIME_WAIT sockets of the traced ports, and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimeWait {
    /// When they were listed.
    pub at: String,
    /// How many there are.
    pub total: u64,
    /// By owner and far end, most sockets first. Many threads of one process
    /// make one group.
    pub groups: Vec<Group>,
    /// All groups, each of one thread.
    #[serde(skip)]
    by_thread: BTreeMap<(OwnerRow, String), Group>,
    /// The sockets one by one, longest left first; empty unless asked for.
    pub rows: Vec<Row>,
    /// What could not be listed, each a sentence.
    pub notes: Vec<String>,
}

/// Sockets of one owner to one far end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Whose they are; without a thread where they are of several.
    pub owner: OwnerRow,
    /// Of how many threads they are; 0 where that is not known.
    pub threads: u64,
    /// The far end.
    pub remote: String,
    /// How many.
    pub count: u64,
    /// Time until the first of them goes, milliseconds.
    pub first_left_ms: u32,
    /// Time until the last of them goes, milliseconds.
    pub last_left_ms: u32,
}

/// Whose a socket is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "known")]
pub enum OwnerRow {
    /// The connection was traced.
    Traced {
        /// Process id.
        pid: u32,
        /// Start of the process, nanoseconds since boot, 0 where not known:
        /// another process may have had its pid.
        start_ns: u64,
        /// Name of the process, with its application.
        process: String,
        /// Thread id; unknown for a connection older than the trace.
        tid: Option<u32>,
        /// The thread's name.
        thread: Option<String>,
    },
    /// It closed before the trace began: nobody can tell any more.
    ClosedBeforeStart,
    /// It closed during the trace, and more connections ended since than are
    /// remembered.
    Forgotten,
    /// It closed during the trace and its record was lost, or it was older than
    /// the trace and no process was found to hold it.
    NotRecorded,
}

impl OwnerRow {
    /// The thread, where it is known.
    pub fn tid(&self) -> Option<u32> {
        match self {
            Self::Traced { tid, .. } => *tid,
            _ => None,
        }
    }

    /// The same without the thread.
    pub fn without_thread(&self) -> Self {
        let mut owner = self.clone();
        if let Self::Traced { tid, thread, .. } = &mut owner {
            *tid = None;
            *thread = None;
        }
        owner
    }
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Cookie in hexadecimal, as `ss -e` shows it behind `sk:`.
    pub socket: String,
    /// Inode of the network namespace.
    pub netns: u32,
    /// Local address.
    pub local: String,
    /// Remote address.
    pub remote: String,
    /// Whose it is.
    pub owner: OwnerRow,
    /// How long it has been in TIME_WAIT, milliseconds.
    pub age_ms: u64,
    /// Time until it goes, milliseconds.
    pub left_ms: u32,
}

/// What joining needs to know of the trace.
pub struct Scope<'a> {
    /// The trace's clock.
    pub clock: ClockPair,
    /// The traced ports: they tell which side this host is.
    pub ports: &'a [u16],
    /// Who owned what.
    pub owners: &'a Owners,
    /// The processes.
    pub registry: &'a Registry,
    /// Whether the sockets are wanted one by one.
    pub with_rows: bool,
}

impl TimeWait {
    /// Joins one whole list of sockets.
    pub fn of(snapshot: &Snapshot, scope: &Scope<'_>) -> Self {
        let mut table = Self {
            at: rfc3339(scope.clock.timestamp(snapshot.at_ns)),
            ..Self::default()
        };
        table.extend(snapshot, scope);
        table
    }

    /// Adds the next part of a list.
    pub fn extend(&mut self, snapshot: &Snapshot, scope: &Scope<'_>) {
        for socket in &snapshot.sockets {
            let row = row(socket, snapshot.at_ns, scope);
            count(
                &mut self.by_thread,
                far_end(socket, scope.ports),
                socket,
                &row,
            );
            if scope.with_rows {
                self.rows.push(row);
            }
        }
        self.total += snapshot.sockets.len() as u64;
        self.groups = grouping::fold(self.by_thread.values());
        self.groups
            .sort_by_key(|group| std::cmp::Reverse(group.count));
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.left_ms));
        self.notes.extend(snapshot.notes.iter().cloned());
    }
}

/// The server, or where this host is the server the remote host and the port.
fn far_end(socket: &TimeWaitSocket, ports: &[u16]) -> String {
    if ports.contains(&socket.remote.port()) {
        socket.remote.to_string()
    } else {
        format!("{} -> :{}", socket.remote.ip(), socket.local.port())
    }
}

fn count(
    groups: &mut BTreeMap<(OwnerRow, String), Group>,
    remote: String,
    socket: &TimeWaitSocket,
    row: &Row,
) {
    let key = (row.owner.clone(), remote.clone());
    let group = groups.entry(key).or_insert_with(|| Group {
        owner: row.owner.clone(),
        threads: u64::from(row.owner.tid().is_some()),
        remote,
        count: 0,
        first_left_ms: socket.left_ms,
        last_left_ms: socket.left_ms,
    });
    group.count += 1;
    group.first_left_ms = group.first_left_ms.min(socket.left_ms);
    group.last_left_ms = group.last_left_ms.max(socket.left_ms);
}

fn row(socket: &TimeWaitSocket, at_ns: u64, scope: &Scope<'_>) -> Row {
    let ended = scope.owners.of(socket);
    let age_ms = match ended {
        Some(ended) => at_ns.saturating_sub(ended.at_ns) / 1_000_000,
        None => socket.age_by_timer_ms(),
    };
    let owner = match ended {
        Some(ended) => traced(&ended.owner, scope.registry),
        None => not_traced(at_ns.saturating_sub(age_ms * 1_000_000), scope),
    };
    Row {
        socket: format!("{:x}", socket.cookie),
        netns: socket.netns,
        local: socket.local.to_string(),
        remote: socket.remote.to_string(),
        owner,
        age_ms,
        left_ms: socket.left_ms,
    }
}

fn traced(owner: &Owner, registry: &Registry) -> OwnerRow {
    let captured = || owner.process_comm.map(|comm| comm.to_string());
    OwnerRow::Traced {
        pid: owner.process.pid,
        start_ns: owner.process.start_ns,
        process: match registry.get(owner.process) {
            Some(identity) => identity.label(),
            None => captured().unwrap_or_else(|| "?".to_owned()),
        },
        tid: owner.tid,
        thread: owner.comm.map(|comm| comm.to_string()),
    }
}

fn not_traced(ended_ns: u64, scope: &Scope<'_>) -> OwnerRow {
    if ended_ns < scope.clock.monotonic_ns + TIMER_ERROR_NS {
        OwnerRow::ClosedBeforeStart
    } else if scope.owners.may_have_forgotten(ended_ns) {
        OwnerRow::Forgotten
    } else {
        OwnerRow::NotRecorded
    }
}

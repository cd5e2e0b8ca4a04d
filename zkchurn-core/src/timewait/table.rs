// SPDX-License-Identifier: MIT
//! The TIME_WAIT sockets joined with their owners, grouped by owner.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Snapshot, TimeWaitSocket, grouping,
    owner_row::OwnerRow,
    owners::{Owner, Owners},
};
use crate::{
    clock::{ClockPair, rfc3339},
    hash::HashMap,
    process::ProcessKey,
    registry::Registry,
    sides::Sides,
};

/// A connection that ended this much before the trace began, or less, by a
/// timer that counts in jiffies, may as well have ended in it.
const TIMER_ERROR_NS: u64 = 20_000_000;

/// What is known of a TIME_WAIT socket is too little for a filter.
pub(crate) const UNFILTERED: &str = "the filter does not apply to TIME_WAIT sockets";

/// The TIME_WAIT sockets of the traced ports, and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimeWait {
    /// When they were listed.
    pub at: String,
    /// Nanoseconds from then to the moment of the report; 0 for a list after it.
    pub age_ns: u64,
    #[serde(skip)]
    at_ns: u64,
    pub total: u64,
    /// By owner, most sockets first. Many threads of one process are one owner.
    pub owners: Vec<OwnerTotal>,
    /// By owner and peer, most sockets first.
    pub groups: Vec<Group>,
    /// All groups, each of one thread.
    #[serde(skip)]
    by_thread: BTreeMap<(OwnerRow, String), Group>,
    /// The same, whatever the peer.
    #[serde(skip)]
    by_owner: BTreeMap<OwnerRow, Group>,
    /// The sockets one by one, longest left first; empty unless asked for.
    pub rows: Vec<Row>,
    /// What could not be listed, each a sentence.
    pub notes: Vec<String>,
    /// The sides of which sockets are listed.
    #[serde(skip)]
    pub sides: Option<Sides>,
}

/// All sockets of one owner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OwnerTotal {
    /// Whose they are; without a thread where they are of several.
    pub owner: OwnerRow,
    /// Of how many threads they are; 0 where that is not known.
    pub threads: u64,
    pub count: u64,
}

impl From<Group> for OwnerTotal {
    fn from(group: Group) -> Self {
        Self {
            owner: group.owner,
            threads: group.threads,
            count: group.count,
        }
    }
}

/// Sockets of one owner to one peer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Whose they are; without a thread where they are of several.
    pub owner: OwnerRow,
    /// Of how many threads they are; 0 where that is not known.
    pub threads: u64,
    /// The peer.
    pub remote: String,
    pub count: u64,
    /// Time until the first of them goes, milliseconds.
    pub first_left_ms: u32,
    /// Time until the last of them goes, milliseconds.
    pub last_left_ms: u32,
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
    /// Whether only one process was traced.
    pub one_process: bool,
    /// The traced sides, of which alone sockets are listed.
    pub sides: Sides,
    /// Whether it is a part of a trace that began before.
    pub begins_later: bool,
}

impl Group {
    /// Of no socket yet.
    fn new(owner: &OwnerRow, remote: String) -> Self {
        Self {
            threads: u64::from(owner.tid().is_some()),
            owner: owner.clone(),
            remote,
            count: 0,
            first_left_ms: u32::MAX,
            last_left_ms: 0,
        }
    }

    fn count(&mut self, socket: &TimeWaitSocket) {
        self.count += 1;
        self.first_left_ms = self.first_left_ms.min(socket.left_ms);
        self.last_left_ms = self.last_left_ms.max(socket.left_ms);
    }

    /// Takes in the sockets of another group.
    pub(super) fn take(&mut self, other: &Self) {
        self.count += other.count;
        self.first_left_ms = self.first_left_ms.min(other.first_left_ms);
        self.last_left_ms = self.last_left_ms.max(other.last_left_ms);
    }
}

impl TimeWait {
    /// Joins one whole list of sockets.
    pub fn of(snapshot: &Snapshot, scope: &Scope<'_>) -> Self {
        let mut table = Self {
            at: rfc3339(scope.clock.timestamp(snapshot.at_ns)),
            at_ns: snapshot.at_ns,
            sides: Some(scope.sides),
            ..Self::default()
        };
        table.extend(snapshot, scope);
        table
    }

    /// The table as a report at `now_ns` has it: without what only joins further parts.
    pub fn as_of(&self, now_ns: u64) -> Self {
        Self {
            at: self.at.clone(),
            age_ns: now_ns.saturating_sub(self.at_ns),
            at_ns: self.at_ns,
            total: self.total,
            owners: self.owners.clone(),
            groups: self.groups.clone(),
            rows: self.rows.clone(),
            notes: self.notes.clone(),
            sides: self.sides,
            ..Self::default()
        }
    }

    /// Adds the next part of a list.
    pub fn extend(&mut self, snapshot: &Snapshot, scope: &Scope<'_>) {
        let by_pid = scope.registry.by_pid();
        for socket in &snapshot.sockets {
            let row = row(socket, snapshot.at_ns, scope, &by_pid);
            let remote = peer(socket, scope.ports);
            let key = (row.owner.clone(), remote.clone());
            self.by_thread
                .entry(key)
                .or_insert_with(|| Group::new(&row.owner, remote))
                .count(socket);
            self.by_owner
                .entry(row.owner.clone())
                .or_insert_with(|| Group::new(&row.owner, String::new()))
                .count(socket);
            if scope.with_rows {
                self.rows.push(row);
            }
        }
        self.total += snapshot.sockets.len() as u64;
        self.groups = grouping::fold(self.by_thread.values());
        self.groups
            .sort_by_key(|group| std::cmp::Reverse(group.count));
        let owners = grouping::fold(self.by_owner.values()).into_iter();
        self.owners = owners.map(OwnerTotal::from).collect();
        self.owners
            .sort_by_key(|owner| std::cmp::Reverse(owner.count));
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.left_ms));
        self.notes.extend(snapshot.notes.iter().cloned());
    }
}

/// The server, or where this host is the server the remote host and the port.
fn peer(socket: &TimeWaitSocket, ports: &[u16]) -> String {
    if ports.contains(&socket.remote.port()) {
        socket.remote.to_string()
    } else {
        format!("{} -> :{}", socket.remote.ip(), socket.local.port())
    }
}

/// See [`Registry::by_pid`].
type ByPid = HashMap<u32, Option<ProcessKey>>;

fn row(socket: &TimeWaitSocket, at_ns: u64, scope: &Scope<'_>, by_pid: &ByPid) -> Row {
    let ended = scope.owners.of(socket);
    let age_ms = match ended {
        Some(ended) => at_ns.saturating_sub(ended.at_ns) / 1_000_000,
        None => socket.age_by_timer_ms(),
    };
    let owner = match ended {
        Some(ended) => traced(&ended.owner, socket.remote.port(), scope.registry, by_pid),
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

fn traced(owner: &Owner, port: u16, registry: &Registry, by_pid: &ByPid) -> OwnerRow {
    // Of who closes an accepted connection the kernel tells no start.
    let process = match owner.process.start_ns {
        0 => by_pid.get(&owner.process.pid).copied().flatten(),
        _ => None,
    };
    let process = process.unwrap_or(owner.process);
    OwnerRow::Traced {
        pid: process.pid,
        start_ns: process.start_ns,
        process: registry.label(process, owner.process_comm),
        tid: owner.tid,
        thread: owner.comm.map(|comm| comm.to_string()),
        java_thread: owner
            .tid
            .zip(owner.comm)
            .and_then(|(tid, comm)| registry.thread_name(process, tid, comm, &[port])),
    }
}

fn not_traced(ended_ns: u64, scope: &Scope<'_>) -> OwnerRow {
    if ended_ns < scope.clock.monotonic_ns.saturating_add(TIMER_ERROR_NS) {
        match scope.begins_later {
            true => OwnerRow::ClosedBeforePart,
            false => OwnerRow::ClosedBeforeStart,
        }
    } else if scope.owners.may_have_forgotten(ended_ns) {
        OwnerRow::Evicted
    } else if scope.one_process {
        OwnerRow::NotThatProcess
    } else {
        OwnerRow::NotRecorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::test_connection::{by, ended},
        outcome::Outcome,
        process::ProcessIdentity,
    };

    const MS: u64 = 1_000_000;

    fn socket(cookie: u64, left_ms: u32) -> TimeWaitSocket {
        TimeWaitSocket {
            cookie,
            netns: 1,
            local: ([127, 0, 0, 1], 2181).into(),
            remote: ([127, 0, 0, 1], 40_000).into(),
            left_ms,
        }
    }

    fn table(
        socket: TimeWaitSocket,
        begins_later: bool,
        owners: &Owners,
        known: &[u64],
    ) -> TimeWait {
        let mut registry = Registry::default();
        for start_ns in known {
            let key = ProcessKey::new(7, *start_ns);
            registry.insert(ProcessIdentity::new(key, "zk".to_owned(), None, Vec::new()));
        }
        let snapshot = Snapshot {
            at_ns: 100_000 * MS,
            sockets: vec![socket],
            ..Snapshot::default()
        };
        let scope = Scope {
            clock: ClockPair {
                monotonic_ns: 90_000 * MS,
                realtime_ns: 0,
            },
            ports: &[2181],
            owners,
            registry: &registry,
            with_rows: false,
            one_process: false,
            sides: Sides::Server,
            begins_later,
        };
        TimeWait::of(&snapshot, &scope)
    }

    #[test]
    fn what_closed_before_a_part_of_a_trace_may_be_known_in_the_earlier_one() {
        let owner = |begins_later, left_ms| {
            let table = table(socket(1, left_ms), begins_later, &Owners::default(), &[]);
            table.owners[0].owner.clone()
        };
        assert_eq!(owner(false, 30_000), OwnerRow::ClosedBeforeStart);
        assert_eq!(owner(true, 30_000), OwnerRow::ClosedBeforePart);
        assert_eq!(owner(true, 59_000), OwnerRow::NotRecorded);
    }

    /// The kernel tells no start of who closes an accepted connection.
    #[test]
    fn a_server_that_closes_first_has_its_name_where_its_pid_had_one_process() {
        let named = |tid, known: &[u64]| {
            let mut connection = by(ended(1, 0, 0, Outcome::ClosedByUs), 7, tid, "loop");
            connection.opener = None;
            connection.socket_is_cookie = true;
            let mut owners = Owners::default();
            owners.remember(&connection);
            let table = table(socket(connection.socket, 59_000), false, &owners, known);
            let OwnerRow::Traced { process, .. } = &table.owners[0].owner else {
                panic!("{:?}", table.owners);
            };
            process.clone()
        };
        assert_eq!(named(8, &[50_000_000]), "zk");
        assert_eq!(named(8, &[50_000_000, 90_000_000]), "?");
        assert_eq!(named(7, &[]), "loop", "the first thread");
    }
}

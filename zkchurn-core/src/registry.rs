// SPDX-License-Identifier: MIT
//! The processes known so far, bounded.

use std::collections::VecDeque;

use crate::{
    connection::{Comm, Connection},
    hash::HashMap,
    inspection::{Details, Inspection, Placed, thread_name},
    process::{ProcessIdentity, ProcessKey, ProcessRow},
};

/// Most processes that are remembered. Beyond it the one that was entered first is
/// evicted: so a fork bomb of clients costs no memory. A process that goes on
/// connecting is looked up, and entered, once more.
pub const MOST_PROCESSES: usize = 4096;

/// Programs that a process was before, of which each is remembered: the latest.
const MOST_FORMER: usize = 4;

/// Processes by pid and start.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    known: HashMap<ProcessKey, Entry>,
    /// The processes in the order in which they were entered, with the number that
    /// tells an entry from an earlier one of the same process.
    order: VecDeque<(ProcessKey, u64)>,
    entries: u64,
    inspections: HashMap<ProcessKey, Inspection>,
    /// The processes with an inspection, in the order of the first one.
    inspected: VecDeque<ProcessKey>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    number: u64,
    /// None where looking it up failed, or has not ended yet.
    identity: Option<ProcessIdentity>,
    /// What it was before it became another program (exec), the latest last.
    former: Vec<ProcessIdentity>,
    /// Its users by their real id, with the names that the looks found.
    users: Vec<(u32, Option<String>)>,
}

/// Users of a process that are remembered.
const MOST_USERS: usize = 8;

/// Most inspections that are kept. Beyond it the oldest is evicted: who goes on churning
/// is looked at again.
pub const MOST_INSPECTIONS: usize = 64;

impl Registry {
    /// Remembers a process. Where it was another program before, that stays known for its
    /// connections, and a closer look at that is none at this one.
    pub fn insert(&mut self, mut identity: ProcessIdentity) {
        identity.key = ProcessKey::new(identity.key.pid, identity.key.start_ns);
        identity.name_application();
        let key = identity.key;
        let (mut former, mut users) = (Vec::new(), Vec::new());
        if let Some(known) = self.known.remove(&key) {
            (former, users) = (known.former, known.users);
            let earlier = known.identity;
            let earlier = earlier.filter(|earlier| identity.is_another_program(earlier));
            if let Some(earlier) = earlier {
                former.retain(|one| one.name != earlier.name);
                former.push(earlier);
                former.drain(..former.len().saturating_sub(MOST_FORMER));
                self.forget_look(key);
            }
        }
        note_user(&mut users, &identity);
        let entry = Entry {
            number: 0,
            identity: Some(identity),
            former,
            users,
        };
        self.enter(key, entry);
    }

    fn forget_look(&mut self, key: ProcessKey) {
        if self.inspections.remove(&key).is_some() {
            self.inspected.retain(|inspected| *inspected != key);
        }
    }

    fn enter(&mut self, key: ProcessKey, mut entry: Entry) {
        self.entries += 1;
        let number = self.entries;
        entry.number = number;
        self.known.insert(key, entry);
        self.order.push_back((key, number));
        while self.known.len() > MOST_PROCESSES || self.order.len() > 2 * MOST_PROCESSES {
            let Some((oldest, number)) = self.order.pop_front() else {
                return;
            };
            // It may have been entered again since.
            if self
                .known
                .get(&oldest)
                .is_some_and(|entry| entry.number == number)
            {
                self.known.remove(&oldest);
            }
        }
    }

    /// Remembers a closer look. Of an earlier look at the same process what the
    /// later one could not or did not read stays: the process may have gone in
    /// between.
    pub fn insert_inspection(&mut self, mut inspection: Inspection) {
        if let Some(earlier) = self.inspections.remove(&inspection.key) {
            inspection.complete_from(earlier);
        } else {
            self.inspected.push_back(inspection.key);
            if self.inspected.len() > MOST_INSPECTIONS
                && let Some(oldest) = self.inspected.pop_front()
            {
                self.inspections.remove(&oldest);
            }
        }
        self.inspections.insert(inspection.key, inspection);
    }

    /// The closer look at a process.
    pub fn inspection(&self, key: ProcessKey) -> Option<&Inspection> {
        self.inspections.get(&key)
    }

    /// The closer looks at the servers that listen at this port.
    pub fn servers_at(&self, port: u16) -> impl Iterator<Item = &Inspection> {
        self.servers().filter(move |server| {
            let logs = server.logs.as_ref();
            logs.is_some_and(|logs| logs.serves.contains(&port))
        })
    }

    /// The closer looks at servers, in the order in which they were first seen.
    pub fn servers(&self) -> impl Iterator<Item = &Inspection> {
        let looks = self.inspected.iter();
        looks
            .filter_map(|key| self.inspections.get(key))
            .filter(|look| {
                look.logs
                    .as_ref()
                    .is_some_and(|logs| !logs.serves.is_empty())
            })
    }

    /// Who a process is on its host, where it was looked at and there was still something
    /// to see.
    pub fn details(&self, key: ProcessKey) -> Option<&Details> {
        self.inspection(key)?.details.as_ref()
    }

    /// Where a process runs, where anybody has seen that.
    pub fn placed(&self, key: ProcessKey) -> Option<Placed<'_>> {
        Placed::of(self.details(key), self.get(key))
    }

    /// The same of who opened a connection, with the user as whom it did so: a process may
    /// change its user from one to the next.
    pub fn placed_for(&self, connection: &Connection) -> Option<Placed<'_>> {
        let key = ProcessKey::of(connection)?;
        let placed = self.placed(key)?;
        let uid = connection.opener.map(|opener| opener.uid);
        let uid = uid.or(connection.holder.map(|holder| holder.uid))?;
        let user = match self.known.get(&key) {
            Some(entry) if !entry.users.is_empty() => name_of(&entry.users, uid),
            // As an earlier version recorded it.
            _ => placed.user,
        };
        Some(Placed { user, ..placed })
    }

    /// The name of a user as whom a process was seen.
    pub fn user_name(&self, key: ProcessKey, uid: u32) -> Option<&str> {
        name_of(&self.known.get(&key)?.users, uid)
    }

    /// The whole name of a thread that the kernel calls `comm`, and which connects to these
    /// `ports`, where its JVM or its log tells it.
    pub fn thread_name(
        &self,
        key: ProcessKey,
        tid: u32,
        comm: Comm,
        ports: &[u16],
    ) -> Option<String> {
        thread_name::of(self.inspection(key)?, tid, comm, ports)
    }

    /// What is known of a process; of one that became another program, of the latest.
    pub fn get(&self, key: ProcessKey) -> Option<&ProcessIdentity> {
        self.known.get(&key)?.identity.as_ref()
    }

    /// The same of the program that it was when its leader was called `comm`, where that is
    /// known and told from the latest.
    pub fn get_as(&self, key: ProcessKey, comm: Option<Comm>) -> Option<&ProcessIdentity> {
        let entry = self.known.get(&key)?;
        let latest = entry.identity.as_ref();
        let is_it = |identity: &&ProcessIdentity| {
            comm.is_some_and(|comm| identity.name.as_bytes() == comm.as_bytes())
        };
        let known = latest.into_iter().chain(entry.former.iter().rev());
        known.into_iter().find(is_it).or(latest)
    }

    /// The program that opened a connection, or holds its socket.
    pub fn program_of(&self, connection: &Connection) -> Option<&ProcessIdentity> {
        let opener = connection.opener.and_then(|opener| opener.process_comm);
        let comm = opener.or(connection.holder.map(|holder| holder.comm));
        self.get_as(ProcessKey::of(connection)?, comm)
    }

    /// What a process was before it became another program, the latest last.
    pub fn former(&self, key: ProcessKey) -> &[ProcessIdentity] {
        self.known.get(&key).map_or(&[], |entry| &entry.former)
    }

    /// By pid the process that had it; `None` where several that did are known.
    pub fn by_pid(&self) -> HashMap<u32, Option<ProcessKey>> {
        let mut by_pid = HashMap::default();
        let known = self.known.iter();
        for (key, _) in known.filter(|(_, entry)| entry.identity.is_some()) {
            let only = by_pid.entry(key.pid);
            only.and_modify(|only| *only = None).or_insert(Some(*key));
        }
        by_pid
    }

    /// Whether `identity` is of a process that was known as another program until now.
    pub fn has_become(&self, identity: &ProcessIdentity) -> bool {
        let earlier = self.get(identity.key);
        earlier.is_some_and(|earlier| identity.is_another_program(earlier))
    }

    /// The label of a process, as in its row.
    pub fn label(&self, key: ProcessKey, comm: Option<Comm>) -> String {
        self.get_as(key, comm)
            .map_or_else(|| unnamed(comm), ProcessIdentity::label)
    }

    /// The row of a process: what `/proc` told of it, else what the kernel captured.
    pub fn row(&self, key: ProcessKey, comm: Option<Comm>, uid: Option<u32>) -> ProcessRow {
        let identity = self.get_as(key, comm);
        let placed = self.placed(key).unwrap_or_default();
        let name = identity.map_or_else(|| unnamed(comm), |identity| identity.name.clone());
        ProcessRow {
            pid: key.pid,
            start_ns: key.start_ns,
            label: identity.map_or_else(|| name.clone(), ProcessIdentity::label),
            name,
            uid,
            executable: identity.and_then(|identity| identity.executable.clone()),
            command: identity.map_or_else(Vec::new, |identity| identity.command.clone()),
            unit: placed.unit.map(str::to_owned),
            container: placed.container.map(str::to_owned),
            pod: placed.pod.map(str::to_owned),
            unit_of: placed.unit_of,
            pod_name: placed.pod_name.cloned(),
        }
    }

    /// Whether looking `key` up would be new: asks once for each process, as long as
    /// it is remembered that it was asked.
    pub fn first_sight(&mut self, key: ProcessKey) -> bool {
        if self.known.contains_key(&key) {
            return false;
        }
        self.enter(key, Entry::default());
        true
    }
}

fn note_user(users: &mut Vec<(u32, Option<String>)>, identity: &ProcessIdentity) {
    let placement = identity.placement.as_deref();
    let Some((uid, user)) = placement.and_then(|one| Some((one.uid?, one.user.clone()))) else {
        return;
    };
    users.retain(|(known, _)| *known != uid);
    users.push((uid, user));
    users.drain(..users.len().saturating_sub(MOST_USERS));
}

fn name_of(users: &[(u32, Option<String>)], uid: u32) -> Option<&str> {
    let mut users = users.iter();
    users.find(|(known, _)| *known == uid)?.1.as_deref()
}

/// What the kernel captured, where `/proc` told nothing.
fn unnamed(comm: Option<Comm>) -> String {
    comm.map_or_else(|| "?".to_owned(), |comm| comm.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pid: u32) -> ProcessKey {
        ProcessKey { pid, start_ns: 0 }
    }

    fn identity(pid: u32) -> ProcessIdentity {
        ProcessIdentity::new(key(pid), format!("name{pid}"), None, Vec::new())
    }

    #[test]
    fn the_one_that_was_entered_first_is_forgotten() {
        let mut registry = Registry::default();
        for pid in 0..3 * MOST_PROCESSES as u32 {
            registry.insert(identity(pid));
            assert!(registry.known.len() <= MOST_PROCESSES);
            assert!(registry.order.len() <= 2 * MOST_PROCESSES);
        }
        let last = 3 * MOST_PROCESSES as u32 - 1;
        assert!(registry.get(key(last)).is_some());
        assert!(registry.get(key(0)).is_none());
        assert!(registry.first_sight(key(0)));
        assert!(!registry.first_sight(key(0)));
    }

    fn program(pid: u32, name: &str) -> ProcessIdentity {
        let executable = Some(format!("/bin/{name}"));
        let command = vec![name.to_owned(), "-v".to_owned()];
        ProcessIdentity::new(key(pid), name.to_owned(), executable, command)
    }

    fn comm(name: &str) -> Option<Comm> {
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Comm::new(bytes))
    }

    #[test]
    fn a_process_that_became_another_program_is_both() {
        let mut registry = Registry::default();
        registry.insert(program(1, "nc"));
        registry.insert_inspection(Inspection {
            key: key(1),
            at_ns: 1,
            details: None,
            jvm: None,
            logs: None,
        });
        assert!(registry.has_become(&program(1, "java")));
        registry.insert(program(1, "java"));
        assert!(!registry.has_become(&program(1, "java")));
        assert!(registry.inspection(key(1)).is_none() && registry.inspected.is_empty());
        let named = |name| registry.row(key(1), comm(name), None);
        assert_eq!(named("nc").executable.as_deref(), Some("/bin/nc"));
        assert_eq!(named("java").executable.as_deref(), Some("/bin/java"));
        // A thread of the process may give its leader any name.
        assert_eq!(named("worker").label, "java");
        assert_eq!(registry.label(key(1), None), "java");
        assert_eq!(registry.former(key(1)).len(), 1);
        for number in 0..3 * MOST_FORMER {
            registry.insert(program(1, &format!("p{number}")));
        }
        assert_eq!(registry.former(key(1)).len(), MOST_FORMER);
    }

    #[test]
    fn each_connection_has_the_user_that_opened_it() {
        use crate::{ledger::test_connection::ended, outcome::Outcome, process::Placement};
        let as_user = |uid: Option<u32>, user: &str| {
            let mut identity = program(1, "app");
            identity.placement = Some(Box::new(Placement {
                uid,
                user: Some(user.to_owned()),
                ..Placement::default()
            }));
            identity
        };
        let mut connection = ended(1, 0, 0, Outcome::Refused);
        let opener = connection.opener.as_mut().unwrap();
        opener.thread.tgid = 1;
        opener.process_start_ns = None;
        let mut user_of = |registry: &Registry, uid: u32| {
            connection.opener.as_mut().unwrap().uid = uid;
            let placed = registry.placed_for(&connection).unwrap();
            placed.user.map(str::to_owned)
        };
        let mut registry = Registry::default();
        registry.insert(as_user(Some(0), "root"));
        assert_eq!(user_of(&registry, 0).as_deref(), Some("root"));
        assert_eq!(user_of(&registry, 1000), None, "not seen as that one");
        registry.insert(as_user(Some(1000), "app"));
        assert_eq!(user_of(&registry, 0).as_deref(), Some("root"));
        assert_eq!(user_of(&registry, 1000).as_deref(), Some("app"));
        assert_eq!(registry.user_name(key(1), 1000), Some("app"));
        let mut earlier = Registry::default();
        earlier.insert(as_user(None, "root"));
        assert_eq!(user_of(&earlier, 1000).as_deref(), Some("root"));
    }

    #[test]
    fn of_very_many_inspections_the_oldest_makes_room() {
        let mut registry = Registry::default();
        let most = MOST_INSPECTIONS as u32;
        let look = |pid, at_ns| Inspection {
            key: key(pid),
            at_ns,
            details: None,
            jvm: None,
            logs: None,
        };
        for pid in 0..=most {
            registry.insert_inspection(look(pid, 1));
            registry.insert_inspection(look(pid, 2));
        }
        assert!(registry.inspection(key(0)).is_none());
        assert!((1..=most).all(|pid| registry.inspection(key(pid)).is_some()));
    }

    #[test]
    fn entered_again_it_is_not_the_first_any_more() {
        let mut registry = Registry::default();
        registry.insert(identity(1));
        for pid in 2..=MOST_PROCESSES as u32 {
            registry.insert(identity(pid));
        }
        registry.insert(identity(1));
        registry.insert(identity(MOST_PROCESSES as u32 + 1));
        assert!(registry.get(key(1)).is_some());
        assert!(registry.get(key(2)).is_none());
        for _ in 0..5 * MOST_PROCESSES {
            registry.insert(identity(1));
        }
        assert!(registry.order.len() <= 2 * MOST_PROCESSES);
        assert!(registry.get(key(1)).is_some());
    }
}

// SPDX-License-Identifier: MIT
//! Whose the connections of a cluster are, by all names that are known.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    case::STARTED_BY,
    cluster::{Cluster, Owner, Part},
    who::{ThreadName, Who},
};
use crate::{
    connection::{Comm, Parent},
    inspection::{Details, web_application},
    ledger::{Destination, group::NamedThread},
    process::{ProcessKey, java_name, jvm::Launch},
    registry::Registry,
    text,
};

/// More processes than these are not compared with each other.
const COMPARED: usize = 16;
/// Digits of a container's id that `docker ps` and `crictl ps` show of 64.
const ID: usize = 12;

/// Whom they belong to; `threads` of its `processes` opened them.
pub(super) fn who(
    registry: &Registry,
    owner: Owner,
    cluster: &Cluster<'_>,
    processes: &[ProcessKey],
    threads: u64,
) -> Who {
    let newest = cluster.parts.iter();
    let newest = newest.max_by_key(|part| part.tally().first_seen_ns);
    let latest = newest.and_then(|part| part.key.process);
    let comm = newest.and_then(|part| part.flow.process_comm);
    let label = || latest.map_or_else(String::new, |process| registry.label(process, comm));
    match (owner, processes) {
        (Owner::Peer(Destination::Client { host, .. }), _) => Who::RemoteHost {
            host: host.to_string(),
        },
        (Owner::Peer(Destination::Server(address)), _) => Who::RemoteHost {
            host: address.to_string(),
        },
        (Owner::Process(_), [process]) => match only_thread(&cluster.parts) {
            Some((tid, comm)) => Who::Thread {
                process: *process,
                label: label(),
                tid,
                name: name(registry, *process, tid, comm),
            },
            None => Who::Process {
                process: *process,
                label: label(),
                threads,
                name: common_name(registry, *process, &cluster.parts),
            },
        },
        _ => Who::Programs {
            label: label(),
            uid: cluster.parts.first().and_then(|part| part.flow.uid),
            processes: processes.len() as u64,
            latest: latest.unwrap_or(ProcessKey {
                pid: 0,
                start_ns: 0,
            }),
        },
    }
}

/// Where they run, in words: what the instance, unit, container, pod and web application are
/// called. Nothing where the processes differ.
pub(super) fn runs_in(
    registry: &Registry,
    who: &Who,
    processes: &[ProcessKey],
    parts: &[Part<'_>],
) -> Vec<String> {
    let mut places = places(registry, processes);
    places.extend(starter(registry, parts));
    if let Some(application) = web_application(registry, who) {
        places.push(format!("web application {application}"));
    }
    places
}

/// Who started them, where their processes were young: nearly all of them.
fn starter(registry: &Registry, parts: &[Part<'_>]) -> Option<String> {
    let mut by_parent: BTreeMap<Parent, u64> = BTreeMap::new();
    let mut all = 0;
    for part in parts {
        let opened = part.tally().opened();
        all += opened;
        if let Some(parent) = part.flow.parent {
            *by_parent.entry(parent).or_default() += opened;
        }
    }
    let (parent, opened) = by_parent.iter().max_by_key(|(_, opened)| **opened)?;
    if opened * 10 >= all * 9 {
        let label = registry.label(ProcessKey::of_parent(*parent), Some(parent.comm));
        return Some(format!("{STARTED_BY}pid {} {label}", parent.tgid));
    }
    let known: u64 = by_parent.values().sum();
    // A script that is itself started again and again.
    let same_name = by_parent.keys().all(|other| other.comm == parent.comm);
    // Of those that were older it is not known.
    let is_of_most = known * 2 > all;
    (same_name && is_of_most).then(|| match by_parent.len() {
        1 => format!(
            "most of them {STARTED_BY}pid {} {}",
            parent.tgid, parent.comm
        ),
        several => format!(
            "{}{STARTED_BY}{} processes named {}",
            match known * 10 >= all * 9 {
                true => "",
                false => "most of them ",
            },
            text::count(several as u64),
            parent.comm
        ),
    })
}

fn web_application(registry: &Registry, who: &Who) -> Option<String> {
    let Who::Thread { process, name, .. } = who else {
        return None;
    };
    web_application::of(registry.inspection(*process)?, name.full.as_ref()?)
}

fn places(registry: &Registry, processes: &[ProcessKey]) -> Vec<String> {
    let places = processes.iter().take(COMPARED);
    let places = places.map(|process| places_of(registry, *process));
    let mut places: BTreeSet<_> = places.filter(|places| !places.is_empty()).collect();
    match (places.pop_first(), places.is_empty()) {
        (Some(places), true) => places,
        _ => Vec::new(),
    }
}

fn places_of(registry: &Registry, process: ProcessKey) -> Vec<String> {
    let inspection = registry.inspection(process);
    let jvm = inspection.and_then(|inspection| inspection.jvm.as_ref());
    let base = jvm.and_then(|jvm| jvm.catalina_base.clone()).or_else(|| {
        let identity = registry.get(process)?;
        let launch = Launch::of(&identity.command);
        launch.property("catalina.base").map(str::to_owned)
    });
    let placed = registry.placed(process).unwrap_or_default();
    let named = |what, id: Option<&str>| id.map(|id| format!("{what} {id}"));
    let unit = placed.unit.map(|unit| placed.unit_of.unit(unit));
    let container = placed.container.map(|id| id.get(..ID).unwrap_or(id));
    let pod = match placed.pod_name {
        Some(name) => Some(name.words()),
        None => named("pod", placed.pod),
    };
    let places = [
        named("catalina.base", base.as_deref()),
        unit,
        named("container", container),
        pod,
        registry.details(process).and_then(Details::namespace_words),
    ];
    places.into_iter().flatten().collect()
}

fn name(registry: &Registry, process: ProcessKey, tid: u32, comm: Comm) -> ThreadName {
    ThreadName {
        comm: comm.to_string(),
        is_cut: java_name::may_be_cut(comm.as_bytes()),
        full: registry.thread_name(process, tid, comm),
    }
}

/// What all of its threads that are known by name are called.
fn common_name(registry: &Registry, process: ProcessKey, parts: &[Part<'_>]) -> Option<ThreadName> {
    let threads = parts.iter().flat_map(Part::named_threads);
    let mut names = threads.map(|NamedThread { tid, comm, .. }| name(registry, process, tid, comm));
    let mut common = names.next()?;
    for other in names {
        if other.comm != common.comm {
            return None;
        }
        if other.full != common.full {
            common.full = None;
            common.is_cut = true;
        }
    }
    Some(common)
}

/// The thread that opened nearly all of them.
fn only_thread(parts: &[Part<'_>]) -> Option<(u32, Comm)> {
    let mut by_tid: Vec<NamedThread> = Vec::new();
    for thread in parts.iter().flat_map(Part::named_threads) {
        match by_tid.iter_mut().find(|known| known.tid == thread.tid) {
            Some(known) => known.connections += thread.connections,
            None => by_tid.push(thread),
        }
    }
    let all: u64 = parts.iter().map(|part| part.tally().opened()).sum();
    let busiest = by_tid.into_iter();
    let busiest = busiest.max_by_key(|thread| thread.connections)?;
    (busiest.connections * 10 >= all * 9).then_some((busiest.tid, busiest.comm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::test_case::{diagnosed, every, only},
        ledger::test_connection::{by, name as name_of},
        outcome::Outcome,
        process::ProcessIdentity,
    };

    fn tomcat(pid: u32, base: &str) -> ProcessIdentity {
        let command = [
            "java",
            &format!("-Dcatalina.base={base}"),
            "org.apache.catalina.startup.Bootstrap",
        ];
        let command = command.map(str::to_owned).to_vec();
        ProcessIdentity::new(ProcessKey::new(pid, 0), "java".to_owned(), None, command)
    }

    #[test]
    fn where_processes_run_is_said_unless_they_differ() {
        let mut registry = Registry::default();
        for (pid, base) in [(1, "/srv/shop"), (2, "/srv/shop"), (3, "/srv/news")] {
            registry.insert(tomcat(pid, base));
        }
        let places_of = |pids: &[u32]| {
            let processes = pids.iter().map(|pid| ProcessKey::new(*pid, 0));
            places(&registry, &processes.collect::<Vec<_>>())
        };
        assert_eq!(places_of(&[1, 2]), ["catalina.base /srv/shop"]);
        assert_eq!(places_of(&[1, 99]), ["catalina.base /srv/shop"]);
        assert!(places_of(&[1, 3]).is_empty());
        assert!(places_of(&[99]).is_empty());
    }

    /// Ten processes that open a connection each, of so many of which it is known who started
    /// them.
    fn started_by(known: usize, parents: u32) -> Vec<String> {
        let all = every(1_000, 10, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        let all = all.into_iter().zip(100..).enumerate();
        let all = all.map(|(place, (one, pid))| {
            let mut one = by(one, pid, pid, "nc");
            if let Some(opener) = one.opener.as_mut().filter(|_| place < known) {
                opener.parent = Some(Parent {
                    tgid: 7 + place as u32 % parents,
                    start_ns: 0,
                    comm: name_of("check.sh"),
                });
            }
            one
        });
        let finding = only(diagnosed(&all.collect::<Vec<_>>()));
        finding.who.runs_in
    }

    #[test]
    fn who_started_one_of_ten_did_not_start_most_of_them() {
        assert_eq!(started_by(10, 1), ["started by pid 7 check.sh"]);
        assert_eq!(started_by(7, 1), ["most of them started by pid 7 check.sh"]);
        assert!(started_by(1, 1).is_empty());
        assert!(started_by(3, 3).is_empty());
        let of_most = ["most of them started by 3 processes named check.sh"];
        assert_eq!(started_by(7, 3), of_most);
        assert_eq!(started_by(10, 3), ["started by 3 processes named check.sh"]);
    }
}

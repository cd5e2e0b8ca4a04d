// SPDX-License-Identifier: MIT
//! Whose the connections of a cluster are, by all names that are known.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    case::STARTED_BY,
    cluster::{Cluster, Owner, Part},
    who::{HostRow, PidRow, ThreadName, Who},
};
use crate::{
    connection::{Comm, Parent},
    inspection::{Details, web_application},
    ledger::{Destination, group::NamedThread},
    process::{ProcessKey, java_name, jvm::Launch},
    registry::Registry,
    text,
};

/// More threads than these are not asked for their whole names.
const NAMED: usize = 16;
/// Digits of a container's id that `docker ps` and `crictl ps` show of 64.
const ID: usize = 12;
/// The process that adopts those whose parent has ended, besides what it starts itself: which of
/// the two it was nobody tells.
const INIT: u32 = 1;

/// Whom they belong to; `threads` of its `processes` opened them.
pub(super) fn who(
    registry: &Registry,
    owner: Owner,
    cluster: &Cluster<'_>,
    processes: &[ProcessKey],
    threads: u64,
    netns: Option<u32>,
) -> Who {
    let newest = cluster.parts.iter();
    let newest = newest.max_by_key(|part| part.tally().first_seen_ns);
    let latest = newest.and_then(|part| part.key.process);
    let comm = newest.and_then(|part| part.flow.process_comm);
    let label = || latest.map_or_else(String::new, |process| registry.label(process, comm));
    match (owner, processes) {
        (Owner::Peer(Destination::Client { host, .. }), _) => match hosts(&cluster.parts) {
            hosts if hosts.len() > 1 => Who::RemoteHosts { hosts, netns },
            _ => Who::RemoteHost {
                host: host.to_string(),
                netns,
            },
        },
        (Owner::Peer(Destination::Server { address, .. }), _) => Who::RemoteHost {
            host: address.to_string(),
            netns,
        },
        (Owner::Process(_), [process]) => match only_thread(&cluster.parts) {
            Some((tid, comm)) => Who::Thread {
                process: *process,
                label: label(),
                tid,
                name: name(registry, *process, tid, comm, &ports(&cluster.parts)),
            },
            None => Who::Process {
                process: *process,
                label: label(),
                threads,
                is_exact: !cluster.parts.iter().any(|part| part.flow.threads_left_out),
                name: common_name(registry, *process, &cluster.parts, threads),
            },
        },
        _ => Who::Programs {
            label: label(),
            is_name_of_all: have_one_label(registry, &cluster.parts),
            comm: comm.map_or_else(label, |comm| comm.to_string()),
            uid: common_user(&cluster.parts),
            processes: processes.len() as u64,
            busiest: busiest(&cluster.parts),
            latest: latest.unwrap_or(ProcessKey {
                pid: 0,
                start_ns: 0,
            }),
        },
    }
}

/// The remote hosts of some parts, the one with most connections first.
fn hosts(parts: &[Part<'_>]) -> Vec<HostRow> {
    let mut opened: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for part in parts {
        if let Destination::Client { host, .. } = part.key.destination {
            *opened.entry(host).or_default() += part.tally().opened();
        }
    }
    let hosts = opened.into_iter().map(|(host, connections)| HostRow {
        host: host.to_string(),
        connections,
    });
    let mut hosts: Vec<_> = hosts.collect();
    hosts.sort_by_key(|one| Reverse(one.connections));
    hosts
}

/// Whoever of several processes opened as many would have been a finding alone.
const MANY_OF_ONE: u64 = 3;

/// Of the processes of some parts those that opened many, the one with most connections first.
fn busiest(parts: &[Part<'_>]) -> Vec<PidRow> {
    let mut opened: BTreeMap<ProcessKey, u64> = BTreeMap::new();
    for part in parts {
        if let Some(process) = part.key.process {
            *opened.entry(process).or_default() += part.tally().opened();
        }
    }
    let many = opened
        .into_iter()
        .filter(|(_, count)| *count >= MANY_OF_ONE);
    let pids = many.map(|(process, connections)| PidRow {
        pid: process.pid,
        connections,
    });
    let mut pids: Vec<_> = pids.collect();
    pids.sort_by_key(|one| Reverse(one.connections));
    pids
}

/// Whether all of the processes have the same name, application included: of some nobody may
/// have seen which one they run.
fn have_one_label(registry: &Registry, parts: &[Part<'_>]) -> bool {
    let mut labels = parts.iter().filter_map(|part| {
        let label = |process| registry.label(process, part.flow.process_comm);
        part.key.process.map(label)
    });
    let first = labels.next();
    labels.all(|label| Some(label) == first)
}

/// Whether all of the processes have the same user, or those of none are known.
fn have_one_user(parts: &[Part<'_>]) -> bool {
    let mut users = parts.iter().map(|part| part.flow.uid);
    let first = users.next();
    users.all(|user| Some(user) == first)
}

/// Their user, where it is the same.
fn common_user(parts: &[Part<'_>]) -> Option<u32> {
    let first = parts.first()?;
    first.flow.uid.filter(|_| have_one_user(parts))
}

/// The name and the user of processes, where they have the same.
pub(super) fn of_all(registry: &Registry, parts: &[Part<'_>]) -> Option<(String, Option<u32>)> {
    let first = parts.first()?;
    let label = registry.label(first.key.process?, first.flow.process_comm);
    let are_alike = have_one_label(registry, parts) && have_one_user(parts);
    are_alike.then_some((label, first.flow.uid))
}

/// Where they run, in words: what the instance, unit, container, pod and web application are
/// called. Of several processes what is known of all of them, and the same.
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
        if let Some(parent) = part.flow.parent.filter(|parent| parent.tgid != INIT) {
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

/// What is known of each of the processes, and the same: of one of which it is unknown, it may
/// be another.
fn places(registry: &Registry, processes: &[ProcessKey]) -> Vec<String> {
    let Some((first, others)) = processes.split_first() else {
        return Vec::new();
    };
    let mut common = places_of(registry, *first);
    for other in others {
        if common.iter().all(Option::is_none) {
            return Vec::new();
        }
        for (common, place) in common.iter_mut().zip(places_of(registry, *other)) {
            if *common != place {
                *common = None;
            }
        }
    }
    common.into_iter().flatten().collect()
}

/// Its instance, unit, container, pod and namespaces, as far as they are known.
fn places_of(registry: &Registry, process: ProcessKey) -> [Option<String>; 5] {
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
    [
        named("catalina.base", base.as_deref()),
        unit,
        named("container", container),
        pod,
        registry.details(process).and_then(Details::namespace_words),
    ]
}

fn name(
    registry: &Registry,
    process: ProcessKey,
    tid: u32,
    comm: Comm,
    ports: &[u16],
) -> ThreadName {
    ThreadName {
        comm: comm.to_string(),
        is_cut: java_name::may_be_cut(comm.as_bytes()),
        full: registry.thread_name(process, tid, comm, ports),
    }
}

/// The ports of the servers of some parts.
fn ports(parts: &[Part<'_>]) -> Vec<u16> {
    let ports = parts.iter().map(|part| part.key.destination.port());
    let ports: BTreeSet<_> = ports.collect();
    ports.into_iter().collect()
}

/// What all of its threads are called, `all` in number; none where some are not told apart.
fn common_name(
    registry: &Registry,
    process: ProcessKey,
    parts: &[Part<'_>],
    all: u64,
) -> Option<ThreadName> {
    let mut threads: BTreeMap<u32, Comm> = BTreeMap::new();
    for part in parts {
        let of_part = part.flow.threads.iter();
        let of_part = of_part.filter(|(tid, _)| part.has_thread(**tid));
        threads.extend(of_part.map(|(tid, thread)| (*tid, thread.comm)));
    }
    let comm = *threads.values().next()?;
    let is_common = threads.values().all(|other| *other == comm);
    if !is_common || (threads.len() as u64) < all {
        return None;
    }
    let ports = ports(parts);
    let tids = threads.into_keys();
    let mut names = tids
        .take(NAMED)
        .map(|tid| name(registry, process, tid, comm, &ports));
    let mut common = names.next()?;
    let is_same = names.all(|other| other.full == common.full);
    if !is_same || (common.full.is_some() && all > NAMED as u64) {
        common.full = None;
        common.is_cut = true;
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
        diagnose::test_case::{diagnosed, diagnosed_with, every, only},
        ledger::test_connection::{by, name as name_of},
        outcome::Outcome,
        process::{Placement, ProcessIdentity},
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
        // Of the other one nobody knows where it runs.
        assert!(places_of(&[1, 99]).is_empty());
        assert!(places_of(&[1, 3]).is_empty());
        assert!(places_of(&[99]).is_empty());
    }

    #[test]
    fn of_a_place_of_one_of_two_it_is_said_what_both_have() {
        let mut registry = Registry::default();
        for (pid, unit) in [
            (1, "shop.service"),
            (2, "news.service"),
            (3, "shop.service"),
        ] {
            let mut one = tomcat(pid, "/srv/one");
            one.placement = Some(Box::new(Placement {
                unit: Some(unit.to_owned()),
                container: (pid == 1).then(|| "0123456789abcdef".to_owned()),
                ..Placement::default()
            }));
            registry.insert(one);
        }
        let places_of = |pids: &[u32]| {
            let processes = pids.iter().map(|pid| ProcessKey::new(*pid, 0));
            places(&registry, &processes.collect::<Vec<_>>())
        };
        assert_eq!(places_of(&[1, 2]), ["catalina.base /srv/one"]);
        assert_eq!(
            places_of(&[1, 3]),
            ["catalina.base /srv/one", "systemd unit shop.service"]
        );
    }

    /// Scripts of one interpreter, and one of which nobody has seen what it runs.
    #[test]
    fn processes_that_run_different_scripts_are_not_all_called_by_one() {
        let script = |pid: u32, script: &str| {
            let command = ["python3", script].map(str::to_owned).to_vec();
            ProcessIdentity::new(ProcessKey::new(pid, 0), "python3".to_owned(), None, command)
        };
        let named = |scripts: &[&str]| {
            let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
            let all = every(1_000, 4, silent).into_iter().zip(100..);
            let all: Vec<_> = all.map(|(one, pid)| by(one, pid, pid, "python3")).collect();
            let mut registry = Registry::default();
            for (pid, path) in (100..).zip(scripts) {
                let mut one = script(pid, path);
                let opener = all[pid as usize - 100].opener.unwrap();
                one.key = ProcessKey::new(pid, opener.process_start_ns.unwrap());
                registry.insert(one);
            }
            let who = only(diagnosed_with(&all, &registry)).who;
            (who.words, who.name_of_all)
        };
        let (words, name) = named(&["/srv/a.py"; 4]);
        assert!(
            words.starts_with("4 processes named python3 (a.py)"),
            "{words}"
        );
        assert_eq!(name, "python3 (a.py)");
        let mixed = ["/srv/a.py", "/srv/a.py", "/srv/a.py", "/srv/b.py"];
        let (words, name) = named(&mixed);
        assert!(
            words.starts_with("4 processes named python3 (uid"),
            "{words}"
        );
        assert!(
            words.ends_with("most recently pid 103 python3 (b.py)"),
            "{words}"
        );
        assert_eq!(name, "python3");
        let (words, _) = named(&mixed[..2]);
        assert!(
            words.starts_with("4 processes named python3 (uid"),
            "{words}"
        );
        assert!(words.ends_with("most recently pid 103"), "{words}");
    }

    #[test]
    fn threads_are_called_by_a_name_that_all_of_them_have() {
        let words = |comm: &dyn Fn(u32) -> &'static str| {
            let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
            let all = every(1_000, 30, silent).into_iter().zip(0..);
            let all = all.map(|(one, step)| {
                let mut one = by(one, 7, 100 + step % 10, comm(step % 10));
                one.opener.as_mut().unwrap().process_comm = Some(name_of("app"));
                one
            });
            only(diagnosed(&all.collect::<Vec<_>>())).who.words
        };
        let one = words(&|_| "worker");
        assert!(one.contains("(10 threads named \"worker\")"), "{one}");
        // Of so many only some are kept by name in a group.
        let last = words(&|step| if step < 2 { "worker7" } else { "worker" });
        assert!(last.contains("(10 threads)"), "{last}");
    }

    /// Ten processes that open a connection each, of so many of which it is known who started
    /// them.
    fn started_by(known: usize, parents: u32) -> Vec<String> {
        started_from(7, known, parents)
    }

    /// Their parents have pids from `first` on.
    fn started_from(first: u32, known: usize, parents: u32) -> Vec<String> {
        let all = every(1_000, 10, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        let all = all.into_iter().zip(100..).enumerate();
        let all = all.map(|(place, (one, pid))| {
            let mut one = by(one, pid, pid, "nc");
            if let Some(opener) = one.opener.as_mut().filter(|_| place < known) {
                opener.parent = Some(Parent {
                    tgid: first + place as u32 % parents,
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

    /// A script started them in the background, and has ended; or it is a service.
    #[test]
    fn process_1_may_have_adopted_what_it_has_for_children() {
        assert!(started_from(1, 10, 1).is_empty());
        assert_eq!(started_from(2, 10, 1), ["started by pid 2 check.sh"]);
        assert!(started_from(1, 10, 2).is_empty());
    }
}

// SPDX-License-Identifier: MIT
//! Many threads of one process, each with a few sockets, are one owner: a
//! client that is made for each request leaves a group for each of them else.
//! So are many processes of one name with a socket or two each: `nc` in a loop.

use std::collections::{BTreeMap, BTreeSet};

use super::{owner_row::OwnerRow, table::Group};

/// Threads of a process up to which each has a group of its own.
const THREADS_APART: usize = 3;

/// Sockets up to which a process is one of a program that is started for each
/// connection, and such processes up to which each has a group of its own.
const SOCKETS_OF_SHORT: u64 = 2;
const PROCESSES_APART: usize = 3;

/// Groups of one thread each, with those of a process to one peer made one
/// where there are many. A thread that has nine in ten sockets stays apart.
pub fn fold<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<Group> {
    let mut folded = Vec::new();
    let mut of_threads: BTreeMap<(OwnerRow, &str), Threads> = BTreeMap::new();
    for group in groups {
        if let Some(tid) = group.owner.tid() {
            let process = (group.owner.without_thread(), group.remote.as_str());
            add(of_threads.entry(process).or_default(), tid, group);
        } else {
            folded.push(group.clone());
        }
    }
    for ((process, _), threads) in of_threads {
        let mut threads: Vec<_> = threads.into_values().collect();
        threads.sort_by_key(|group| std::cmp::Reverse(group.count));
        let total: u64 = threads.iter().map(|group| group.count).sum();
        let leads = |group: &Group| group.count * 10 >= total * 9;
        let apart = usize::from(threads.first().is_some_and(leads));
        let (leader, others) = threads.split_at(apart);
        folded.extend_from_slice(leader);
        if others.len() > THREADS_APART {
            folded.extend(merged(&process, others));
        } else {
            folded.extend_from_slice(others);
        }
    }
    fold_processes(folded)
}

/// Sockets of the threads of one process to one peer, by thread id.
type Threads = BTreeMap<u32, Group>;

/// A thread that renames itself (`PR_SET_NAME`) is one thread, with the name that it had last.
fn add(threads: &mut Threads, tid: u32, group: &Group) {
    let Some(known) = threads.get_mut(&tid) else {
        threads.insert(tid, group.clone());
        return;
    };
    if group.last_left_ms >= known.last_left_ms {
        known.owner = group.owner.clone();
    }
    known.take(group);
}

/// Makes processes of one name with few sockets each one owner.
fn fold_processes(groups: Vec<Group>) -> Vec<Group> {
    let mut folded = Vec::new();
    let mut of_name: BTreeMap<(String, String), Vec<Group>> = BTreeMap::new();
    for group in groups {
        match &group.owner {
            OwnerRow::Traced { process, .. } if group.count <= SOCKETS_OF_SHORT => {
                let name = (process.clone(), group.remote.clone());
                of_name.entry(name).or_default().push(group);
            }
            _ => folded.push(group),
        }
    }
    for ((process, _), groups) in of_name {
        let pids: BTreeSet<u32> = groups
            .iter()
            .filter_map(|group| group.owner.pid())
            .collect();
        match pids.first() {
            Some(such_as) if pids.len() > PROCESSES_APART => {
                let owner = OwnerRow::TracedProcesses {
                    process,
                    processes: pids.len() as u64,
                    such_as: *such_as,
                };
                folded.extend(merged(&owner, &groups));
            }
            _ => folded.extend(groups),
        }
    }
    folded
}

fn merged(owner: &OwnerRow, threads: &[Group]) -> Option<Group> {
    let (first, others) = threads.split_first()?;
    let mut all = Group {
        owner: owner.clone(),
        threads: threads.len() as u64,
        ..first.clone()
    };
    for group in others {
        all.take(group);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(tid: Option<u32>, count: u64) -> Group {
        Group {
            owner: OwnerRow::Traced {
                pid: 42,
                start_ns: 0,
                process: "java".to_owned(),
                tid,
                thread: tid.map(|tid| format!("thread-{tid}")),
                java_thread: None,
            },
            threads: u64::from(tid.is_some()),
            remote: "192.0.2.1:2181".to_owned(),
            count,
            first_left_ms: 100 + tid.unwrap_or_default(),
            last_left_ms: 200 + tid.unwrap_or_default(),
        }
    }

    fn folded(groups: &[Group]) -> Vec<(Option<u32>, u64, u64)> {
        let folded = fold(groups.iter());
        let shape = folded.iter();
        shape
            .map(|group| (group.owner.tid(), group.threads, group.count))
            .collect()
    }

    #[test]
    fn few_threads_stay_apart_and_many_become_one() {
        let mut groups: Vec<_> = (1..=3).map(|tid| group(Some(tid), 1)).collect();
        assert_eq!(folded(&groups).len(), 3);
        groups.push(group(Some(4), 2));
        assert_eq!(folded(&groups), [(None, 4, 5)]);
        let all = &fold(groups.iter())[0];
        assert_eq!((all.first_left_ms, all.last_left_ms), (101, 204));
    }

    #[test]
    fn a_thread_that_renames_itself_is_one_thread_with_its_last_name() {
        let named = |name: &str, last_left_ms| {
            let mut group = group(Some(42), 1);
            if let OwnerRow::Traced { thread, .. } = &mut group.owner {
                *thread = Some(name.to_owned());
            }
            Group {
                last_left_ms,
                ..group
            }
        };
        let names = ["d", "a", "e", "b", "c"]
            .into_iter()
            .zip([40, 10, 50, 20, 30]);
        let mut groups: Vec<_> = names.map(|(name, left)| named(name, left)).collect();
        let folded_all = fold(groups.iter());
        let latest = named("e", 50).owner;
        assert_eq!((&folded_all[0].owner, folded_all[0].threads), (&latest, 1));
        assert_eq!(folded(&groups), [(Some(42), 1, 5)]);
        groups.extend((1..=2).map(|tid| group(Some(tid), 1)));
        assert_eq!(folded(&groups).len(), 3, "three threads are few");
    }

    #[test]
    fn a_thread_with_nine_in_ten_leads() {
        let mut groups: Vec<_> = (1..=4).map(|tid| group(Some(tid), 1)).collect();
        groups.push(group(Some(5), 36));
        assert_eq!(folded(&groups), [(Some(5), 1, 36), (None, 4, 4)]);
    }

    #[test]
    fn many_processes_of_one_name_with_a_socket_each_are_one_owner() {
        let of_process = |pid: u32, count| {
            let mut group = group(Some(pid), count);
            if let OwnerRow::Traced { pid: owner, .. } = &mut group.owner {
                *owner = pid;
            }
            group
        };
        let mut groups: Vec<_> = (1..=3).map(|pid| of_process(pid, 1)).collect();
        groups.push(of_process(9, 30));
        assert_eq!(folded(&groups).len(), 4, "three are few");
        groups.push(of_process(4, 2));
        let folded = fold(groups.iter());
        assert_eq!(folded.len(), 2);
        assert_eq!(folded[0].owner.pid(), Some(9));
        let owner = OwnerRow::TracedProcesses {
            process: "java".to_owned(),
            processes: 4,
            such_as: 1,
        };
        assert_eq!((&folded[1].owner, folded[1].count), (&owner, 5));
    }

    #[test]
    fn sockets_of_unknown_threads_are_never_mixed_with_others() {
        let mut groups: Vec<_> = (1..=4).map(|tid| group(Some(tid), 1)).collect();
        groups.push(group(None, 7));
        assert_eq!(folded(&groups), [(None, 0, 7), (None, 4, 4)]);
    }
}

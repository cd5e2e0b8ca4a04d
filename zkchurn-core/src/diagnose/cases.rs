// SPDX-License-Identifier: MIT
//! From the aggregate to cases: who belongs together.
//!
//! | connections | become |
//! |---|---|
//! | nearly all by one thread of a process | a case of that thread |
//! | by several threads of a process | a case of that process |
//! | one or two each by several processes of one name and user | one case of all of them |
//! | accepted from a remote host | a case of that host |
//!
//! Far ends of one process that end alike are one case: a client with a list of
//! servers goes through them in turn.

use std::collections::BTreeMap;

use crate::{
    connection::{Comm, Side},
    hash::HashMap,
    ledger::{
        Destination, Flow, FlowKey, Ledger,
        sessions::User,
        shape::{Ending, Spoken},
        sizes,
        tally::Tally,
    },
    process::{ProcessIdentity, ProcessKey, file_name, java_name},
    registry::Registry,
};

use super::{
    Depth,
    case::{Case, ClientThread, Runtime, SharedSession, Sibling, Tallied},
    protocol::Services,
    rhythm::Rhythm,
    shared::{Owner, SharedSessions},
    who::Who,
};

/// Processes with at most so many connections each are counted together.
const FEW: u64 = 2;
/// More cases than these are not compared with each other.
const MOST_RIVALS: usize = 16;
/// So many processes of one name are a program that is started again and again.
const MANY_PROCESSES: usize = 3;

/// The cases of this depth, busiest first, and how many were left out.
pub fn cases<'a>(
    ledger: &'a Ledger,
    registry: &'a Registry,
    window_ns: u64,
    depth: Depth,
) -> (Vec<Case<'a>>, u64) {
    let flows = ledger.flows();
    let services = Services::of(&flows);
    let (programs, flows) = split_programs(flows);
    let scope = Scope {
        ledger,
        services,
        registry,
        window_ns,
        of_process: by_process(&flows),
        shared: SharedSessions::of(&ledger.sessions),
    };
    let mut cases: Vec<_> = programs
        .into_iter()
        .map(|(program, members)| scope.of_programs(&program, &members))
        .collect();
    let (groups, left_out) = busiest(together(&flows), depth);
    for (group, members) in groups {
        cases.push(scope.of_one(group, &members));
    }
    introduce_rivals(&mut cases);
    cases.sort_by(|a, b| {
        let busier = b.tally.ended.cmp(&a.tally.ended);
        busier.then_with(|| a.destinations.cmp(&b.destinations))
    });
    (cases, left_out)
}

/// The groups with the most ended connections. They are chosen before their cases are
/// made, which takes most of the time.
fn busiest<'a>(
    groups: BTreeMap<Group, Vec<Member<'a>>>,
    depth: Depth,
) -> (Vec<(Group, Vec<Member<'a>>)>, u64) {
    let mut groups: Vec<_> = groups.into_iter().collect();
    let Depth::Busiest(most) = depth else {
        return (groups, 0);
    };
    let left_out = groups.len().saturating_sub(most);
    if left_out > 0 {
        let ended = |members: &[Member<'_>]| -> u64 {
            members.iter().map(|(_, flow)| flow.tally.ended).sum()
        };
        groups.sort_by_cached_key(|(_, members)| std::cmp::Reverse(ended(members)));
        groups.truncate(most);
    }
    (groups, left_out as u64)
}

/// Tells each case whose sessions go no further than the handshake of the others.
fn introduce_rivals(cases: &mut [Case<'_>]) {
    let candidates: Vec<_> = cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.most(case.shapes().count_exact(sizes::is_handshake_alone)))
        .map(|(index, case)| (index, case.destinations.clone(), case.who.words()))
        .take(MOST_RIVALS)
        .collect();
    for (index, destinations, _) in &candidates {
        let others = candidates.iter().filter(|(other, theirs, _)| {
            other != index
                && theirs
                    .iter()
                    .any(|one| destinations.binary_search(one).is_ok())
        });
        cases[*index].rivals = others.map(|(_, _, words)| words.clone()).collect();
    }
}

type Member<'a> = (&'a FlowKey, &'a Flow);

/// Processes that are alike: same name, same user, same peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ProgramKey {
    comm: Option<Comm>,
    uid: Option<u32>,
    destination: Destination,
}

/// Takes the short-lived processes of one name out of the flows.
fn split_programs<'a>(
    flows: Vec<Member<'a>>,
) -> (Vec<(ProgramKey, Vec<Member<'a>>)>, Vec<Member<'a>>) {
    let mut by_program: BTreeMap<ProgramKey, Vec<Member<'a>>> = BTreeMap::new();
    let mut others = Vec::new();
    for (key, flow) in flows {
        if key.process.is_none() || flow.tally.opened() > FEW || flow.tally.opened() == 0 {
            others.push((key, flow));
            continue;
        }
        let program = ProgramKey {
            comm: flow.process_comm,
            uid: flow.uid,
            destination: key.destination,
        };
        by_program.entry(program).or_default().push((key, flow));
    }
    let mut programs = Vec::new();
    for (program, mut members) in by_program {
        if members.len() >= MANY_PROCESSES {
            members.sort_by_key(|(_, flow)| flow.tally.first_seen_ns);
            programs.push((program, members));
        } else {
            others.extend(members);
        }
    }
    (programs, others)
}

/// What is one case: a process or a remote host, its only thread, and an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    process: Option<ProcessKey>,
    /// Set for remote hosts, which are never put together.
    host: Option<Destination>,
    tid: Option<u32>,
    ending: Option<Ending>,
}

fn together<'a>(flows: &[Member<'a>]) -> BTreeMap<Group, Vec<Member<'a>>> {
    let mut groups: BTreeMap<Group, Vec<Member<'a>>> = BTreeMap::new();
    for (key, flow) in flows {
        let group = Group {
            process: key.process,
            host: key.process.is_none().then_some(key.destination),
            tid: only_thread(flow),
            ending: flow.tally.shapes.main_ending(),
        };
        groups.entry(group).or_default().push((key, flow));
    }
    groups
}

/// The thread that opened nearly all of them.
fn only_thread(flow: &Flow) -> Option<u32> {
    let (tid, busiest) = flow.busiest_thread()?;
    let is_one = busiest.tally.opened() * 10 >= flow.tally.opened() * 9;
    (is_one && !flow.threads_left_out).then_some(tid)
}

/// The flows of each process, in their order.
fn by_process<'a>(flows: &[Member<'a>]) -> HashMap<ProcessKey, Vec<Member<'a>>> {
    let mut of_process: HashMap<_, Vec<_>> = HashMap::default();
    for (key, flow) in flows {
        if let Some(process) = key.process {
            of_process.entry(process).or_default().push((*key, *flow));
        }
    }
    of_process
}

/// What all cases are made from. Whatever a case asks for by process or host is
/// ordered by it beforehand: there may be thousands of cases.
struct Scope<'a> {
    ledger: &'a Ledger,
    registry: &'a Registry,
    window_ns: u64,
    of_process: HashMap<ProcessKey, Vec<Member<'a>>>,
    services: Services,
    shared: SharedSessions,
}

impl<'a> Scope<'a> {
    fn of_programs(&self, program: &ProgramKey, members: &[Member<'a>]) -> Case<'a> {
        let tally = absorbed(members);
        let latest = members.iter().rev().find_map(|(key, _)| key.process);
        let latest = latest.unwrap_or(ProcessKey {
            pid: 0,
            start_ns: 0,
        });
        let newest = members.last().map(|(key, flow)| self.label(key, flow));
        let client_thread = self.client_thread(None, members);
        let destinations = vec![program.destination];
        Case {
            who: Who::Programs {
                label: newest.unwrap_or_default(),
                uid: program.uid,
                processes: members.len() as u64,
                latest,
            },
            side: program.destination.side(),
            protocol: self.services.protocol(&destinations, client_thread),
            destinations,
            rhythm: Rhythm::of(&tally.gap),
            runtime: self.runtime(members),
            client_thread,
            threads: members.len() as u64,
            logs: Vec::new(),
            siblings: Vec::new(),
            rivals: Vec::new(),
            shared: self.shared(members),
            window_ns: self.window_ns,
            tally,
        }
    }

    fn of_one(&self, group: Group, members: &[Member<'a>]) -> Case<'a> {
        let mut tally = absorbed(members);
        if let Tallied::Several(tally) = &mut tally
            && let Some(walk) = group.process.and_then(|process| self.ledger.walk(process))
        {
            tally.gap = walk.gap.clone();
        }
        let mut destinations: Vec<_> = members.iter().map(|(key, _)| key.destination).collect();
        destinations.sort();
        let side = destinations.first().map_or(Side::Client, Destination::side);
        let inspection = group
            .process
            .and_then(|process| self.registry.inspection(process));
        let logs = inspection.and_then(|inspection| inspection.logs.as_ref());
        let client_thread = self.client_thread(group.tid, members);
        Case {
            who: self.who(group, members),
            side,
            rhythm: Rhythm::of(&tally.gap),
            runtime: self.runtime(members),
            client_thread,
            protocol: self.services.protocol(&destinations, client_thread),
            threads: threads(members),
            logs: logs.map_or_else(Vec::new, |logs| logs.findings.iter().collect()),
            siblings: self.siblings(group, &destinations),
            rivals: Vec::new(),
            shared: self.shared(members),
            window_ns: self.window_ns,
            destinations,
            tally,
        }
    }

    /// The other peers of the same process; `ours` is sorted.
    fn siblings(&self, group: Group, ours: &[Destination]) -> Vec<Sibling> {
        let flows = group
            .process
            .and_then(|process| self.of_process.get(&process));
        let flows = flows.into_iter().flatten();
        flows
            .filter(|(key, _)| ours.binary_search(&key.destination).is_err())
            .map(|(key, flow)| Sibling {
                destination: key.destination,
                working: working(&flow.tally),
            })
            .collect()
    }

    fn who(&self, group: Group, members: &[Member<'_>]) -> Who {
        let Some(process) = group.process else {
            return Who::RemoteHost {
                host: match group.host {
                    Some(Destination::Client { host, .. }) => host.to_string(),
                    Some(Destination::Server(address)) => address.to_string(),
                    None => String::new(),
                },
            };
        };
        let label = members
            .first()
            .map(|(key, flow)| self.label(key, flow))
            .unwrap_or_default();
        match group.tid {
            Some(tid) => Who::Thread {
                process,
                label,
                tid,
                comm: comm_of(tid, members),
            },
            None => Who::Process {
                process,
                label,
                threads: threads(members),
            },
        }
    }

    fn label(&self, key: &FlowKey, flow: &Flow) -> String {
        key.process.map_or_else(String::new, |process| {
            self.registry.label(process, flow.process_comm)
        })
    }

    fn runtime(&self, members: &[Member<'_>]) -> Runtime {
        let kinds = members.iter().map(|(key, flow)| {
            let Some(process) = key.process else {
                return Runtime::Unknown;
            };
            let inspection = self.registry.inspection(process);
            if inspection.is_some_and(|inspection| inspection.jvm.is_some()) {
                return Runtime::Jvm;
            }
            if let Some(identity) = self.registry.get(process) {
                let executable = identity.executable.as_deref().map(file_name);
                return match executable.or(identity.command.first().map(|first| file_name(first))) {
                    Some("java") => Runtime::Jvm,
                    Some(_) => Runtime::Other,
                    None => runtime_by_comm(flow),
                };
            }
            runtime_by_comm(flow)
        });
        kinds
            .max_by_key(|runtime| *runtime != Runtime::Unknown)
            .unwrap_or(Runtime::Unknown)
    }

    /// The sessions of these processes or hosts that several clients got.
    fn shared(&self, members: &[Member<'_>]) -> Vec<SharedSession> {
        let owners = members.iter().map(|(key, _)| Owner::of_flow(key));
        let shared = self.shared.of_owners(owners).into_iter();
        shared
            .take(MOST_RIVALS)
            .map(|(id, users)| SharedSession {
                id: *id,
                users: users
                    .iter()
                    .map(|(user, uses)| (self.user(*user), uses.granted))
                    .collect(),
            })
            .collect()
    }

    fn user(&self, user: User) -> String {
        match user {
            User::Thread { process, tid } => {
                let label = self.registry.get(process).map(ProcessIdentity::label);
                let label = label.map_or_else(String::new, |label| format!(" {label}"));
                format!("pid {}{label} thread {tid}", process.pid)
            }
            User::Host(host) => format!("remote host {host}"),
        }
    }

    /// Whether a thread dump, or else the thread's name, tells ZooKeeper's client.
    fn client_thread(&self, tid: Option<u32>, members: &[Member<'_>]) -> ClientThread {
        let mut by_name = false;
        for (key, flow) in members {
            let jvm = key
                .process
                .and_then(|process| self.registry.inspection(process)?.jvm.as_ref());
            for (this, thread) in &flow.threads {
                if tid.is_some_and(|tid| tid != *this) {
                    continue;
                }
                let dumped = jvm.and_then(|jvm| jvm.thread(*this));
                if dumped.is_some_and(|thread| {
                    thread.doubt.is_none()
                        && thread
                            .stack
                            .iter()
                            .any(|frame| frame.contains("org.apache.zookeeper.ClientCnxn"))
                }) {
                    return ClientThread::ByStack;
                }
                by_name |= java_name::may_be_send_thread(thread.comm.as_bytes());
            }
        }
        match by_name {
            true => ClientThread::ByName,
            false => ClientThread::NotSeen,
        }
    }
}

fn runtime_by_comm(flow: &Flow) -> Runtime {
    match flow.process_comm {
        Some(comm) if comm.as_bytes() == b"java" => Runtime::Jvm,
        Some(comm) if !comm.is_empty() => Runtime::Other,
        _ => Runtime::Unknown,
    }
}

/// In the order of their first connections.
fn absorbed<'a>(members: &[Member<'a>]) -> Tallied<'a> {
    if let [(_, flow)] = members {
        return Tallied::One(&flow.tally);
    }
    let mut tallies: Vec<_> = members.iter().map(|(_, flow)| &flow.tally).collect();
    tallies.sort_by_key(|tally| tally.first_seen_ns);
    let mut all = Box::<Tally>::default();
    for tally in tallies {
        all.absorb(tally);
    }
    Tallied::Several(all)
}

fn threads(members: &[Member<'_>]) -> u64 {
    if let [(_, flow)] = members {
        return flow.threads.len() as u64;
    }
    let mut tids: Vec<_> = members
        .iter()
        .flat_map(|(_, flow)| flow.threads.keys().copied())
        .collect();
    tids.sort_unstable();
    tids.dedup();
    tids.len() as u64
}

fn comm_of(tid: u32, members: &[Member<'_>]) -> String {
    let mut threads = members
        .iter()
        .filter_map(|(_, flow)| flow.threads.get(&tid));
    threads
        .next()
        .map_or_else(String::new, |thread| thread.comm.to_string())
}

fn working(tally: &Tally) -> u64 {
    let answered = tally
        .shapes
        .count(|_, spoken| matches!(spoken, Spoken::Both | Spoken::Server));
    answered + tally.open() + tally.older.open()
}

// SPDX-License-Identifier: MIT
//! From a cluster to a case: all that is known of those whose connections they are.

use std::{borrow::Cow, collections::BTreeSet, mem::discriminant, net::IpAddr};

use crate::{
    connection::Side,
    hash::HashMap,
    inspection::{Inspection, logs::LogFinding},
    ledger::{
        Destination, Flow, FlowKey, Ledger,
        apart::Apart,
        distribution::Distribution,
        manner::Way,
        open_then::{HeldThen, OpenThen},
        server_ends::{Falls, FallsOfServers, ServerEnds},
        sessions::User,
        shape::{Ending, Spoken},
        shares::InPart,
        starts::{self, Starts},
        takeovers::{Client, Taken, TakenOfClients, Takeovers},
        tally::{FirstCloseKey, Older, Tally},
    },
    process::{ProcessIdentity, ProcessKey, file_name, java_name},
    registry::Registry,
};

use super::{
    Beside, Window,
    case::{Case, ClientThread, Runtime, SharedSession, Sibling, Tallied},
    cluster::{Cluster, Member, Owner, Part},
    looked::Looked,
    naming,
    network::Network,
    protocol::Services,
    rhythm::Rhythm,
    rhythms::TwoRhythms,
    runs::are_runs,
    shared::{self, SharedSessions},
};

/// More cases than these are not compared with each other.
const MOST_RIVALS: usize = 16;

/// What all cases are made from. Whatever a case asks for by process or host is
/// ordered by it beforehand: there may be thousands of cases.
pub(super) struct Scope<'a> {
    registry: &'a Registry,
    in_part: &'a InPart,
    server_ends: &'a ServerEnds,
    falls: FallsOfServers,
    open_then: Cow<'a, OpenThen>,
    takeovers: &'a Takeovers,
    taken: TakenOfClients,
    window: Window,
    of_process: HashMap<ProcessKey, Vec<Member<'a>>>,
    /// What is not judged.
    beside: HashMap<FlowKey, &'a Flow>,
    services: Services,
    shared: SharedSessions,
    rivals: Vec<Rival>,
    /// Remote hosts, by address.
    remote_hosts: Apart<Destination>,
}

/// Somebody with sessions that go no further than the handshake.
struct Rival {
    owner: Owner,
    peers: BTreeSet<Destination>,
    /// Who it is, in words.
    who: String,
    /// From the first start to the latest end.
    span: Option<(u64, u64)>,
}

fn remote_hosts(flows: &[Member<'_>]) -> Apart<Destination> {
    let peers = flows.iter().filter(|(key, _)| key.process.is_none());
    let peers = peers.map(|(key, _)| key.destination);
    Apart::of(peers.map(|peer| (peer.anywhere(), peer.netns())))
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        registry: &'a Registry,
        flows: &[Member<'a>],
        window: Window,
    ) -> Self {
        let mut of_process: HashMap<_, Vec<_>> = HashMap::default();
        for (key, flow) in flows {
            if let Some(process) = key.process {
                of_process.entry(process).or_default().push((*key, *flow));
            }
        }
        let mut scope = Self {
            registry,
            in_part: &ledger.in_part,
            server_ends: &ledger.server_ends,
            falls: ledger.server_ends.falls(),
            open_then: Cow::Borrowed(&ledger.open_then),
            takeovers: &ledger.takeovers,
            taken: ledger.takeovers.counted(),
            window,
            of_process,
            beside: HashMap::default(),
            services: Services::of(flows),
            shared: SharedSessions::of(&ledger.sessions),
            rivals: Vec::new(),
            remote_hosts: remote_hosts(flows),
        };
        for (key, flow) in flows {
            let group = None;
            if scope.is_client_by_stack(&Part { key, flow, group }) {
                scope.services.has_client(&key.destination);
            }
        }
        scope
    }

    /// Knowing what was traced `beside` the connections that are judged: of that the `flows`.
    pub(super) fn beside(mut self, beside: Option<&Beside<'_>>, flows: &[Member<'a>]) -> Self {
        let Some(beside) = beside else {
            return self;
        };
        for (key, flow) in flows {
            self.beside.insert(**key, *flow);
            if let Some(process) = key.process {
                let of_process = self.of_process.entry(process).or_default();
                of_process.push((*key, *flow));
            }
        }
        self.services.absorb(Services::of(flows));
        for connection in beside.open() {
            self.services.hold(&Destination::of(connection));
        }
        let of_all = self.server_ends.clone().and(&beside.ledger.server_ends);
        self.falls = of_all.falls();
        let mut open_then = self.open_then.into_owned().and(&beside.ledger.open_then);
        beside.open().for_each(|one| open_then.observe(one));
        self.open_then = Cow::Owned(open_then);
        let takeovers = self.takeovers.clone().and(&beside.ledger.takeovers);
        self.taken = takeovers.counted();
        self
    }

    /// The network namespace of remote hosts, where one of them has the same address in another
    /// one, too.
    fn told_apart(&self, owner: Owner, cluster: &Cluster<'_>) -> Option<u32> {
        let Owner::Peer(_) = owner else {
            return None;
        };
        let mut peers = cluster.parts.iter().map(|part| part.key.destination);
        peers.find_map(|peer| self.remote_hosts.netns(&peer.anywhere(), peer.netns()))
    }

    /// Notes whose sessions go no further than the handshake.
    pub(super) fn introduce(&mut self, owner: Owner, clusters: &[Cluster<'a>]) {
        for cluster in clusters {
            let alone = |part: &Part<'_>| {
                part.group
                    .is_some_and(|(_, group)| group.manner.way == Way::HandshakeAlone)
            };
            if self.rivals.len() < MOST_RIVALS && cluster.parts.iter().all(alone) {
                let peers = cluster.parts.iter().map(|part| part.key.destination);
                let threads = threads(&cluster.parts);
                let processes = cluster.processes();
                let netns = self.told_apart(owner, cluster);
                let who = naming::who(self.registry, owner, cluster, &processes, threads, netns);
                self.rivals.push(Rival {
                    owner,
                    peers: peers.collect(),
                    who: who.words(),
                    span: cluster.span(),
                });
            }
        }
    }

    pub(super) fn case(&self, owner: Owner, cluster: &Cluster<'a>) -> Case<'a> {
        let parts = &cluster.parts;
        let processes = cluster.processes();
        let destinations = parts.iter().map(|part| part.key.destination);
        let mut destinations: Vec<_> = destinations.collect();
        destinations.sort_unstable();
        destinations.dedup();
        let tally = absorbed(parts);
        let starts = Starts::together(
            parts
                .iter()
                .filter_map(|part| Some(&part.group.as_ref()?.1.starts)),
        );
        let is_of_peer = matches!(owner, Owner::Peer(_));
        let (gaps, rhythm) = match is_of_peer && destinations.len() > 1 {
            true => rhythm_of_each(cluster),
            false => {
                let gaps = gaps(parts);
                let rhythm = Rhythm::of(&gaps);
                (gaps, rhythm)
            }
        };
        let may_be_two = is_of_peer && destinations.len() == 1 && rhythm.is_irregular();
        let flows = self.flows(parts);
        let client_thread = self.client_thread(parts);
        let older_open = flows.iter().map(|flow| flow.tally.older.in_use()).sum();
        let older_held = flows.iter().map(|flow| flow.tally.older.held).sum::<u64>();
        let established: u64 = flows.iter().map(|flow| flow.tally.established).sum();
        let expired: u64 = flows.iter().map(|flow| flow.tally.handshakes.expired).sum();
        let threads = threads(parts);
        let netns = self.told_apart(owner, cluster);
        let who = naming::who(self.registry, owner, cluster, &processes, threads, netns);
        Case {
            runs_in: naming::runs_in(self.registry, &who, &processes, parts),
            who,
            side: destinations.first().map_or(Side::Client, Destination::side),
            rhythm,
            is_rhythm_of_late: is_of_late(&starts, &tally),
            two_rhythms: may_be_two.then(|| TwoRhythms::of(&starts)).flatten(),
            gaps,
            runtime: self.runtime(parts),
            client_thread,
            protocol: self.services.protocol(&destinations, client_thread),
            peers_serve: self.services.serve(&destinations),
            peers_answer_tls: self.services.answer_tls(&destinations),
            held_then: self.held_then(parts, &destinations, &processes),
            falls: self.falls(&destinations),
            refused_while_away: parts.iter().map(|part| self.refused_while_away(part)).sum(),
            threads,
            logs: match owner {
                Owner::Peer(_) => self.server_logs(&destinations),
                Owner::Process(_) | Owner::Program(_) => self.logs(&processes),
            },
            looked: match owner {
                Owner::Peer(_) => Looked::of_servers(self.servers(&destinations)),
                Owner::Process(_) | Owner::Program(_) => Looked::of(
                    processes
                        .iter()
                        .filter_map(|process| self.registry.inspection(*process)),
                ),
            },
            network: match owner {
                Owner::Peer(_) => {
                    let servers: Vec<_> = self.servers(&destinations).collect();
                    Network::of(servers.iter().copied(), servers.len())
                }
                Owner::Process(_) | Owner::Program(_) => Network::of(
                    processes
                        .iter()
                        .filter_map(|process| self.registry.inspection(*process)),
                    processes.len(),
                ),
            },
            siblings: self.siblings(&processes, &destinations),
            rivals: self.rivals_of(owner, &processes, &destinations, cluster.span()),
            taken: self.taken(&destinations, &processes),
            shared: self.shared(parts),
            open: older_open + flows.iter().map(|flow| flow.tally.open()).sum::<u64>(),
            older_open,
            older: (flows.iter().map(|flow| flow.tally.older.seen).sum::<u64>())
                .saturating_sub(older_held),
            older_held,
            in_flight: in_flight(&flows, self.window.length_ns),
            established_beside: established.saturating_sub(tally.established),
            ended_beside: flows
                .iter()
                .map(|flow| flow.tally.ended)
                .sum::<u64>()
                .saturating_sub(tally.ended),
            closed_here: flows
                .iter()
                .map(|flow| flow.tally.first_close.get(FirstCloseKey::Us))
                .sum(),
            held: held(parts),
            // Of several processes one may stand still while another goes on.
            went_on_meanwhile: processes.len() == 1 && went_on_meanwhile(&flows, &tally),
            expired_beside: expired.saturating_sub(tally.handshakes.expired),
            turned_away_beside: flows
                .iter()
                .map(|flow| turned_away(&flow.tally))
                .sum::<u64>()
                .saturating_sub(turned_away(&tally)),
            span_ns: cluster
                .span()
                .map(|(from, until)| until.saturating_sub(from)),
            window_ns: self.window.length_ns,
            is_of_part: self.window.is_of_part,
            idle_ns: parts
                .iter()
                .filter_map(Part::latest_start)
                .max()
                .map(|last| self.window.end_ns.saturating_sub(last)),
            // What was there before the trace was not started for these.
            are_runs: self.with_older(&processes, |older| older.seen > 0) * 2
                <= processes.len() as u64
                && are_runs(parts),
            lost_older: self.with_older(&processes, |older| older.ended > 0),
            ended_ago_ns: cluster
                .span()
                .map(|(_, last)| self.window.end_ns.saturating_sub(last)),
            goes_on_otherwise: cluster
                .span()
                .is_some_and(|(_, last)| goes_on_otherwise(parts, &flows, last)),
            got_through_since: got_through_since(parts, &flows),
            in_part: parts
                .iter()
                .any(|part| self.in_part.has(part.key, part.flow)),
            destinations,
            tally,
        }
    }

    /// The flows of some parts, each once, with all else that was traced of their owner.
    fn flows(&self, parts: &[Part<'a>]) -> Vec<&'a Flow> {
        let mut flows: Vec<_> = parts.iter().map(|part| (part.key, part.flow)).collect();
        flows.sort_by_key(|(key, _)| **key);
        flows.dedup_by_key(|(key, _)| **key);
        let beside = flows.iter().filter_map(|(key, _)| self.beside.get(key));
        let beside: Vec<_> = beside.copied().collect();
        let flows = flows.into_iter().map(|(_, flow)| flow);
        flows.chain(beside).collect()
    }

    /// Of several peers those of the one that went away most often, if all did.
    fn falls(&self, destinations: &[Destination]) -> Option<Falls> {
        let falls: Option<Vec<_>> = destinations
            .iter()
            .map(|destination| self.falls.at(destination))
            .collect();
        falls?.into_iter().max_by_key(|falls| falls.moments)
    }

    /// Those of the processes that had such connections before the trace, to whichever peer.
    fn with_older(&self, processes: &[ProcessKey], had: impl Fn(&Older) -> bool) -> u64 {
        let of = |process| self.of_process.get(process).into_iter().flatten();
        let processes = processes.iter();
        let with = processes.filter(|process| of(process).any(|(_, flow)| had(&flow.tally.older)));
        with.count() as u64
    }

    /// Refused connections of a part, where its server had gone away as they began: as far as
    /// their starts are kept, which stand for the others.
    fn refused_while_away(&self, part: &Part<'_>) -> u64 {
        let Some((_, group)) = part.group.filter(|(_, one)| one.manner.way == Way::Refused) else {
            return 0;
        };
        let peer = &part.key.destination;
        let kept = Starts::together(std::iter::once(&group.starts));
        let away = kept.iter().filter(|at| self.falls.is_away(peer, **at));
        let away = away.count() as u64;
        let opened = part.tally().opened();
        match kept.len() as u64 {
            0 => 0,
            kept => opened.saturating_mul(away) / kept,
        }
    }

    /// How many were open to these peers as they turned connections of the parts away.
    fn held_then(
        &self,
        parts: &[Part<'_>],
        destinations: &[Destination],
        processes: &[ProcessKey],
    ) -> Option<HeldThen> {
        let mut held = HeldThen::default();
        for peer in destinations {
            let of_peer = parts.iter().filter(|part| part.key.destination == *peer);
            let groups = of_peer.filter_map(|part| part.group);
            let turned_away = groups.filter(|(_, group)| group.manner.way.is_turned_away());
            let moments = Starts::together(turned_away.map(|(_, group)| &group.starts));
            if moments.is_empty() {
                continue;
            }
            let then = self.open_then.at(peer, &moments, processes)?;
            held.all += then.all;
            held.own += then.own;
        }
        Some(held)
    }

    /// What became of their connections, of each process, or of a remote host.
    fn taken(&self, destinations: &[Destination], processes: &[ProcessKey]) -> Taken {
        let mut sum = Taken::default();
        for peer in destinations {
            let host = match peer {
                Destination::Client { host, .. } => Some(Client::Host(*host)),
                Destination::Server { .. } => None,
            };
            let processes = processes.iter().map(|process| Client::Process(*process));
            for client in processes.chain(host) {
                let taken = self.taken.at(peer, client);
                sum.ended += taken.ended;
                sum.taken += taken.taken;
            }
        }
        sum
    }

    /// Others whose sessions go no further than the handshake at the same peers, at the same
    /// time: one that came after another had gone took nothing from it.
    fn rivals_of(
        &self,
        owner: Owner,
        processes: &[ProcessKey],
        destinations: &[Destination],
        span: Option<(u64, u64)>,
    ) -> Vec<String> {
        let meets =
            |peers: &BTreeSet<Destination>| destinations.iter().any(|one| peers.contains(one));
        let is_meanwhile = |other: Option<(u64, u64)>| match (span, other) {
            (Some((from, until)), Some((begins, ends))) => from < ends && begins < until,
            _ => false,
        };
        // Of several processes of one program the owner is that of the first of them.
        let is_of_it = |rival: &Rival| match rival.owner {
            Owner::Process(process) => processes.contains(&process),
            Owner::Peer(peer) => destinations.contains(&peer),
            other @ Owner::Program(_) => other == owner,
        };
        let others = self.rivals.iter();
        others
            .filter(|rival| !is_of_it(rival) && meets(&rival.peers) && is_meanwhile(rival.span))
            .map(|rival| rival.who.clone())
            .collect()
    }

    /// What their logs say, each line once.
    fn logs(&self, processes: &[ProcessKey]) -> Vec<&'a LogFinding> {
        let mut logs: Vec<&LogFinding> = Vec::new();
        for process in processes {
            let inspection = self.registry.inspection(*process);
            let search = inspection.and_then(|inspection| inspection.logs.as_ref());
            for finding in search.iter().flat_map(|search| &search.findings) {
                if !logs.contains(&finding) {
                    logs.push(finding);
                }
            }
        }
        logs
    }

    /// The servers of this host that these remote hosts connected to.
    fn servers(&self, clients: &[Destination]) -> impl Iterator<Item = &'a Inspection> {
        let mut ports: Vec<_> = clients
            .iter()
            .filter_map(|client| match client {
                Destination::Client { port, .. } => Some(*port),
                Destination::Server { .. } => None,
            })
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let registry = self.registry;
        ports
            .into_iter()
            .flat_map(move |port| registry.servers_at(port))
    }

    /// What the servers' logs say of these remote hosts, and of all of their clients.
    fn server_logs(&self, clients: &[Destination]) -> Vec<&'a LogFinding> {
        let is_here = |address: IpAddr| {
            let mut clients = clients.iter();
            clients.any(
                |client| matches!(client, Destination::Client { host, .. } if *host == address),
            )
        };
        let logs = self
            .servers(clients)
            .filter_map(|server| server.logs.as_ref());
        let logs: Vec<_> = logs.filter(|logs| !logs.files.is_empty()).collect();
        // Several may listen at a port, in network namespaces of their own: then what holds
        // for all clients of one may be of another's.
        let is_only = logs.len() == 1;
        let is_of_one = |finding: &&LogFinding| finding.client.map_or(is_only, is_here);
        let findings = logs.iter().flat_map(|logs| &logs.findings);
        findings.filter(is_of_one).collect()
    }

    /// The other peers of the same process.
    fn siblings(&self, processes: &[ProcessKey], ours: &[Destination]) -> Vec<Sibling> {
        let only = match processes.len() {
            1 => processes.first(),
            _ => None,
        };
        let flows = only.and_then(|process| self.of_process.get(process));
        let flows = flows.into_iter().flatten();
        let others = flows.filter(|(key, _)| ours.binary_search(&key.destination).is_err());
        let mut siblings: Vec<Sibling> = Vec::new();
        for (key, flow) in others {
            let working = working(&flow.tally);
            let mut known = siblings.iter_mut();
            // What a filter selects of it, and what it leaves out.
            match known.find(|known| known.destination == key.destination) {
                Some(known) => known.working += working,
                None => siblings.push(Sibling {
                    destination: key.destination,
                    working,
                }),
            }
        }
        siblings
    }

    /// What makes two processes instances of one program: name, executable and command
    /// line. None where the command line is not known.
    pub(super) fn program(
        &self,
        process: ProcessKey,
    ) -> Option<(String, Option<String>, Vec<String>)> {
        let identity = self.registry.get(process)?;
        (!identity.command.is_empty()).then(|| {
            (
                identity.label(),
                identity.executable.clone(),
                identity.command.clone(),
            )
        })
    }

    /// The name and the user of these processes, if they have the same.
    pub(super) fn name_of_all(&self, cluster: &Cluster<'_>) -> Option<(String, Option<u32>)> {
        naming::of_all(self.registry, &cluster.parts)
    }

    fn runtime(&self, parts: &[Part<'_>]) -> Runtime {
        let kinds = parts.iter().map(|part| {
            let Some(process) = part.key.process else {
                return Runtime::Unknown;
            };
            let inspection = self.registry.inspection(process);
            if inspection.is_some_and(|inspection| inspection.jvm.is_some()) {
                return Runtime::Jvm;
            }
            if let Some(identity) = self.registry.get_as(process, part.flow.process_comm) {
                let executable = identity.executable.as_deref().map(file_name);
                return match executable.or(identity.command.first().map(|first| file_name(first))) {
                    Some("java") => Runtime::Jvm,
                    Some(_) => Runtime::Other,
                    None => runtime_by_comm(part.flow),
                };
            }
            runtime_by_comm(part.flow)
        });
        kinds
            .rev()
            .find(|runtime| *runtime != Runtime::Unknown)
            .unwrap_or(Runtime::Unknown)
    }

    /// The sessions of these processes or hosts that several clients got.
    fn shared(&self, parts: &[Part<'_>]) -> Vec<SharedSession> {
        let owners = parts.iter().map(|part| shared::Owner::of_flow(part.key));
        let shared = self.shared.of_owners(owners).into_iter();
        shared
            .take(MOST_RIVALS)
            .map(|session| session.told(|user| self.client_of(user), |user| self.user(user)))
            .collect()
    }

    /// A client of the JVM keeps its thread; elsewhere any thread may serve the next
    /// connection of the same client, so the process stands for all of them.
    fn client_of(&self, user: User) -> User {
        match user {
            User::Thread { process, .. } if !self.is_jvm(process) => {
                User::Thread { process, tid: 0 }
            }
            user => user,
        }
    }

    fn is_jvm(&self, process: ProcessKey) -> bool {
        let flows = self.of_process.get(&process).into_iter().flatten();
        let parts: Vec<_> = flows
            .map(|(key, flow)| Part {
                key,
                flow,
                group: None,
            })
            .collect();
        self.runtime(&parts) == Runtime::Jvm
    }

    fn user(&self, user: User) -> String {
        match user {
            User::Thread { process, tid: 0 } => {
                let label = self.registry.get(process).map(ProcessIdentity::label);
                let label = label.map_or_else(String::new, |label| format!(" {label}"));
                format!("pid {}{label}", process.pid)
            }
            User::Thread { process, tid } => {
                let label = self.registry.get(process).map(ProcessIdentity::label);
                let label = label.map_or_else(String::new, |label| format!(" {label}"));
                format!("pid {}{label} thread {tid}", process.pid)
            }
            User::Host { address, .. } => format!("remote host {address}"),
        }
    }

    /// Whether a thread dump, or else the thread's name, tells ZooKeeper's client.
    fn client_thread(&self, parts: &[Part<'_>]) -> ClientThread {
        let is_by_stack = parts.iter().any(|part| self.is_client_by_stack(part));
        // What one thread of several does is not what all of them do.
        if is_by_stack && !parts.iter().any(|part| self.has_another_stack(part)) {
            return ClientThread::ByStack;
        }
        let by_name = parts.iter().any(|part| {
            let mut threads = part.named_threads();
            threads.any(|thread| java_name::may_be_send_thread(thread.comm.as_bytes()))
        });
        match by_name {
            true => ClientThread::ByName,
            false => ClientThread::NotSeen,
        }
    }

    /// Whether the dump shows another thread of the part's, whole, without ZooKeeper's client.
    fn has_another_stack(&self, part: &Part<'_>) -> bool {
        let process = part.key.process;
        let inspection = process.and_then(|process| self.registry.inspection(process));
        let dumped = inspection.and_then(|inspection| inspection.jvm.as_ref());
        dumped.is_some_and(|jvm| {
            let mut threads = jvm.threads.iter().filter(|one| part.has_thread(one.tid));
            threads.any(|thread| {
                let is_whole = thread.doubt.is_none() && thread.frames_left_out == 0;
                let mut frames = thread.stack.iter();
                is_whole && !thread.stack.is_empty() && !frames.any(|frame| is_of_client(frame))
            })
        })
    }

    /// Whether the dump shows ZooKeeper's client in one of the part's threads.
    fn is_client_by_stack(&self, part: &Part<'_>) -> bool {
        let process = part.key.process;
        let inspection = process.and_then(|process| self.registry.inspection(process));
        let dumped = inspection.and_then(|inspection| inspection.jvm.as_ref());
        dumped.is_some_and(|jvm| {
            jvm.threads.iter().any(|thread| {
                thread.doubt.is_none()
                    && part.has_thread(thread.tid)
                    && thread.stack.iter().any(|frame| is_of_client(frame))
            })
        })
    }
}

fn is_of_client(frame: &str) -> bool {
    frame.contains("org.apache.zookeeper.ClientCnxn")
}

/// The time between the starts of connections, the latest of them.
fn gaps(parts: &[Part<'_>]) -> Distribution {
    match parts {
        [
            Part {
                flow, group: None, ..
            },
        ] => flow.tally.gap.clone(),
        _ => {
            let groups = parts.iter().filter_map(|part| part.group);
            let starts = Starts::together(groups.map(|(_, group)| &group.starts));
            starts::gaps(&starts)
        }
    }
}

/// Likewise between those of each remote host, and the rhythm that each of them has: the time
/// from one host's to another's is no rhythm of anybody, nor are two periods a back-off.
fn rhythm_of_each(cluster: &Cluster<'_>) -> (Distribution, Rhythm) {
    let mut all = Distribution::default();
    let mut patterns = Vec::new();
    for host in cluster.by_peer() {
        let gaps = gaps(&host.parts);
        patterns.push(discriminant(&Rhythm::of(&gaps).pattern));
        all.absorb(&gaps);
    }
    let rhythm = Rhythm::of(&all);
    let of_all = discriminant(&rhythm.pattern);
    match patterns.iter().all(|one| *one == of_all) {
        true => (all, rhythm),
        false => (all, rhythm.without_pattern()),
    }
}

/// Whether connections of these flows that are none of the parts' began later, and ended.
fn goes_on_otherwise(parts: &[Part<'_>], flows: &[&Flow], time_ns: u64) -> bool {
    let mut groups = flows.iter().flat_map(|flow| flow.groups.iter());
    groups.any(|(_, group)| {
        let mut own = parts.iter().filter_map(|part| part.group);
        group.manner.way != Way::Open
            && group.starts.latest() > Some(time_ns)
            && !own.any(|(_, one)| std::ptr::eq(one, group))
    })
}

/// Connections of these flows that got through after the latest refusal among the parts, where
/// the starts of all of them are kept.
fn got_through_since(parts: &[Part<'_>], flows: &[&Flow]) -> Option<u64> {
    let groups = parts.iter().filter_map(|part| part.group);
    let refused = groups.filter(|(_, group)| group.manner.way == Way::Refused);
    let Some(last) = refused.filter_map(|(_, group)| group.starts.latest()).max() else {
        return Some(0);
    };
    let groups = flows.iter().flat_map(|flow| flow.groups.iter());
    let through = groups.filter(|(_, group)| group.manner.way.is_through());
    through
        .map(|(_, group)| group.starts.count_after(last))
        .sum()
}

/// Connections in CLOSE_WAIT.
fn held(parts: &[Part<'_>]) -> u64 {
    let held = parts.iter().filter(|part| {
        part.group
            .is_some_and(|(_, group)| group.manner.way == Way::HeldOpen)
    });
    held.map(|part| part.tally().opened()).sum()
}

/// Whether one of these flows began a connection while the longest of those that were
/// closed late was in CLOSE_WAIT.
fn went_on_meanwhile(flows: &[&Flow], tally: &Tally) -> bool {
    // What began as it ended may be the same program that goes on after a pause.
    const MARGIN_NS: u64 = 100_000_000;
    let Some((from, until)) = tally.longest_late else {
        return false;
    };
    let meanwhile = from.saturating_add(MARGIN_NS)..until.saturating_sub(MARGIN_NS);
    let mut groups = flows.iter().flat_map(|flow| flow.groups.iter());
    groups.any(|(_, group)| group.starts.has_one_in(&meanwhile))
}

fn runtime_by_comm(flow: &Flow) -> Runtime {
    match flow.process_comm {
        Some(comm) if comm.as_bytes() == b"java" => Runtime::Jvm,
        Some(comm) if !comm.is_empty() => Runtime::Other,
        _ => Runtime::Unknown,
    }
}

/// In the order of their first connections; a case has its gaps from elsewhere.
fn absorbed<'a>(parts: &[Part<'a>]) -> Tallied<'a> {
    if let [part] = parts {
        return Tallied::One(part.tally());
    }
    let mut tallies: Vec<_> = parts.iter().map(Part::tally).collect();
    tallies.sort_by_key(|tally| tally.first_seen_ns);
    let mut all = Box::<Tally>::default();
    for tally in tallies {
        all.absorb_all_but_gaps(tally);
    }
    Tallied::Several(all)
}

/// Connections that a server refused, or closed without an answer, as one that starts does.
fn turned_away(tally: &Tally) -> u64 {
    tally.shapes.count(|ending, spoken| match ending {
        Ending::Refused => true,
        Ending::ClosedByServer | Ending::ResetByServer => spoken == Spoken::Client,
        _ => false,
    })
}

/// How many connections that end are open on average: their rate times their lifetime
/// (Little 1961), rounded up.
fn in_flight(flows: &[&Flow], window_ns: u64) -> u64 {
    let lived = flows.iter().map(|flow| {
        let lived = &flow.tally.established_for;
        lived.mean().unwrap_or_default() * lived.count() as f64
    });
    (lived.sum::<f64>() / window_ns.max(1) as f64).ceil() as u64
}

/// Whether the starts that are kept are some of the latest, and at least twice as far from each
/// other, or at most half as far, as all of them on average.
fn is_of_late(kept: &[u64], tally: &Tally) -> bool {
    let (Some(from), Some(until), Some(first)) = (kept.first(), kept.last(), tally.first_seen_ns)
    else {
        return false;
    };
    let count = kept.len() as u64;
    if count >= tally.opened() {
        return false;
    }
    let mean = |from: u64, count: u64| until.saturating_sub(from) / (count - 1).max(1);
    let (late, all) = (mean(*from, count), mean(first, tally.opened()));
    late >= all.saturating_mul(2) || late.saturating_mul(2) <= all
}

/// The threads of some parts, each once; at least, where some were not told apart.
fn threads(parts: &[Part<'_>]) -> u64 {
    let by_number = parts.iter().map(Part::threads).max().unwrap_or_default();
    let [first, others @ ..] = parts else {
        return by_number;
    };
    if others.is_empty() {
        return by_number;
    }
    if others.iter().all(|part| part.key == first.key) {
        let tids = first.flow.threads.keys();
        let has = |tid: &&u32| parts.iter().any(|part| part.has_thread(**tid));
        return by_number.max(tids.filter(has).count() as u64);
    }
    let mut known: Vec<_> = parts
        .iter()
        .flat_map(|part| {
            let tids = part.flow.threads.keys();
            let process = part.key.process;
            tids.filter(|tid| part.has_thread(**tid))
                .map(move |tid| (process, *tid))
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    by_number.max(known.len() as u64)
}

fn working(tally: &Tally) -> u64 {
    let answered = tally
        .shapes
        .count(|_, spoken| matches!(spoken, Spoken::Both | Spoken::Server));
    answered + tally.open() + tally.older.in_use()
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, diagnosed_with, every, only},
        },
        inspection::{
            Details, Inspection,
            jvm::{Dump, JavaThread, Jvm, JvmKind},
        },
        ledger::test_connection::{MS, by, name},
        outcome::Outcome,
        process::ProcessKey,
        registry::Registry,
    };

    const SILENT: (u64, u64, Outcome) = (0, 0, Outcome::ClosedByUsBeforeAnyByte);

    fn dumped(tid: u32, frame: &str) -> JavaThread {
        JavaThread {
            tid,
            inner_tid: tid,
            name: "java".to_owned(),
            state: None,
            stack: vec![frame.to_owned()],
            frames_left_out: 0,
            doubt: None,
        }
    }

    /// A JVM before 9 calls all of its threads alike.
    #[test]
    fn the_stack_of_one_thread_is_not_that_of_all() {
        let confidence = |other: &str| {
            let silent = every(1_700, 12, SILENT).into_iter().zip(0..);
            let silent = silent.map(|(one, step)| by(one, 7, 8 + step % 2, "java"));
            let silent: Vec<_> = silent.collect();
            let start_ns = silent[0].opener.unwrap().process_start_ns.unwrap();
            let client = "org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1290)";
            let mut registry = Registry::default();
            registry.insert_inspection(Inspection {
                key: ProcessKey::new(7, start_ns),
                at_ns: 0,
                details: Some(Details::default()),
                jvm: Some(Jvm {
                    kind: JvmKind::HotSpot,
                    catalina_base: None,
                    flags: Vec::new(),
                    inner_pid: 7,
                    dump: Dump::Taken {
                        threads: 20,
                        started_attach: false,
                    },
                    tasks: Vec::new(),
                    threads: vec![dumped(8, client), dumped(9, other)],
                    jstack: String::new(),
                }),
                logs: None,
            });
            let findings = diagnosed_with(&silent, &registry);
            findings.iter().map(|one| one.confidence).max()
        };
        let client = "org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1290)";
        assert_eq!(confidence(client), Some(Confidence::Certain));
        let check = confidence("com.example.HealthCheck.connect(HealthCheck.java:7)");
        assert_ne!(check, Some(Confidence::Certain));
    }

    /// Only the latest starts are kept.
    #[test]
    fn a_rhythm_of_late_is_not_said_of_all() {
        let rhythm = |first_period_ms: u64| {
            let mut all = every(first_period_ms, 400, SILENT);
            let later = every(1_000, 200, SILENT).into_iter().map(|mut one| {
                let by_ns = 401 * first_period_ms * MS;
                for at in [&mut one.established_ns, &mut one.left_established_ns] {
                    *at = at.map(|at| at + by_ns);
                }
                one.ended_ns = one.ended_ns.map(|at| at + by_ns);
                one.local_close_ns = one.local_close_ns.map(|at| at + by_ns);
                one.started_ns += by_ns;
                one.socket += by_ns;
                one
            });
            all.extend(later);
            for one in &mut all {
                one.opener.as_mut().unwrap().thread.comm = name("app");
            }
            only(diagnosed(&all)).rhythm.expect("there is one")
        };
        assert_eq!(rhythm(1_000), "every 1.00 s");
        assert_eq!(rhythm(10), "every 1.00 s (the latest of them)");
    }
}

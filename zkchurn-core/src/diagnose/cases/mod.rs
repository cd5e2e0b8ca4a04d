// SPDX-License-Identifier: MIT
//! From a cluster to a case: all that is known of those whose connections they are.
//!
//! | file | has |
//! |---|---|
//! | `others` | what others did at the same peers, and the same ones elsewhere |
//! | `inspected` | what looks at the processes brought |
//! | `counted` | numbers of the connections themselves |

mod counted;
mod inspected;
mod others;

use std::{borrow::Cow, collections::BTreeSet};

use self::counted::{
    absorbed, balance, gaps, goes_on_otherwise, got_through_since, held, in_flight, is_of_late,
    returning, rhythm_of_each, threads, turned_away, waiting, went_on_meanwhile,
};
use super::{
    Beside, Window,
    case::{Balance, Case},
    cluster::{Cluster, Member, Owner, Part},
    looked::Looked,
    naming,
    network::Network,
    protocol::Services,
    rhythm::Rhythm,
    rhythms::TwoRhythms,
    runs::{are_runs, run_again},
    shared::SharedSessions,
};
use crate::{
    connection::{Comm, Side},
    hash::HashMap,
    ledger::{
        Destination, Flow, FlowKey, Ledger,
        apart::Apart,
        common_ends::MomentsOfPorts,
        manner::Way,
        open_then::{OpenThen, Staying},
        server_ends::FallsOfServers,
        shares::InPart,
        starts::Starts,
        takeovers::TakenOfClients,
        tally::{FirstCloseKey, Tally},
    },
    process::ProcessKey,
    registry::Registry,
};

/// More cases than these are not compared with each other.
const MOST_RIVALS: usize = 16;

/// What all cases are made from. Whatever a case asks for by process or host is
/// ordered by it beforehand: there may be thousands of cases.
pub(super) struct Scope<'a> {
    registry: &'a Registry,
    in_part: &'a InPart,
    of_all: OfAll<'a>,
    window: Window,
    of_process: HashMap<ProcessKey, Vec<Member<'a>>>,
    /// Accepted connections that are older than the trace and ended: the process that holds such a
    /// one is known, and of those that came since none is.
    older_accepted_ended: HashMap<Destination, u64>,
    /// Connections that are open, by the name of their process and the peer.
    open_by_name: HashMap<(Comm, Destination), u64>,
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

fn older_accepted_ended(flows: &[Member<'_>]) -> HashMap<Destination, u64> {
    let mut ended = HashMap::default();
    for (key, flow) in flows {
        if key.process.is_some() && key.destination.side() == Side::Server {
            *ended.entry(key.destination).or_default() += flow.tally.older.ended;
        }
    }
    ended
}

/// When servers went away, when connections ended together, whose sessions others got, and what
/// was open when: of all that was traced.
struct OfAll<'a> {
    falls: FallsOfServers,
    common_moments: MomentsOfPorts,
    taken: TakenOfClients,
    open_then: Cow<'a, OpenThen>,
}

fn of_all<'a>(ledger: &'a Ledger, beside: Option<&Beside<'_>>) -> OfAll<'a> {
    let Some(beside) = beside else {
        return OfAll {
            falls: ledger.server_ends.falls(),
            common_moments: ledger.common_ends.moments(),
            taken: ledger.takeovers.counted(),
            open_then: Cow::Borrowed(&ledger.open_then),
        };
    };
    let others = beside.ledger;
    let mut open_then = ledger.open_then.clone().and(&others.open_then);
    beside.open().for_each(|one| open_then.observe(one));
    let common_ends = ledger.common_ends.clone().and(&others.common_ends);
    OfAll {
        falls: ledger.server_ends.clone().and(&others.server_ends).falls(),
        common_moments: common_ends.moments(),
        taken: ledger.takeovers.clone().and(&others.takeovers).counted(),
        open_then: Cow::Owned(open_then),
    }
}

fn open_by_name(flows: &[Member<'_>]) -> HashMap<(Comm, Destination), u64> {
    let mut open = HashMap::default();
    for (key, flow) in flows {
        if let (Some(comm), Some(_)) = (flow.process_comm, key.process) {
            let of_flow = flow.tally.open() + flow.tally.older.in_use();
            if of_flow > 0 {
                *open.entry((comm, key.destination)).or_default() += of_flow;
            }
        }
    }
    open
}

fn remote_hosts(flows: &[Member<'_>]) -> Apart<Destination> {
    let peers = flows.iter().filter(|(key, _)| key.process.is_none());
    let peers = peers.map(|(key, _)| key.destination);
    Apart::of(peers.map(|peer| (peer.anywhere(), peer.netns())))
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        beside: Option<&Beside<'_>>,
        registry: &'a Registry,
        flows: &[Member<'a>],
        window: Window,
    ) -> Self {
        let of_all = of_all(ledger, beside);
        let mut of_process: HashMap<_, Vec<_>> = HashMap::default();
        for (key, flow) in flows {
            if let Some(process) = key.process {
                of_process.entry(process).or_default().push((*key, *flow));
            }
        }
        let mut scope = Self {
            registry,
            in_part: &ledger.in_part,
            of_all,
            window,
            of_process,
            older_accepted_ended: older_accepted_ended(flows),
            open_by_name: open_by_name(flows),
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
        let [held, just_half_closed] = held(parts);
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
        let reconnects = flows.iter().map(|flow| flow.tally.handshakes.reconnects);
        let reconnects: u64 = reconnects.sum();
        let threads = threads(parts);
        let netns = self.told_apart(owner, cluster);
        let who = naming::who(self.registry, owner, cluster, &processes, threads, netns);
        let comes_again = self.comes_again(parts, &destinations);
        let older_accepted_ended = self.of_owner_accepted(owner, &destinations);
        let balance = balance(&flows, older_accepted_ended);
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
            peers_answer: self.services.answer(&destinations),
            peers_answer_tls: self.services.answer_tls(&destinations),
            peers_answer_in_plaintext: self.services.answer_in_plaintext(&destinations),
            held_then: self.held_then(parts, &destinations, &processes),
            falls: self.falls(&destinations),
            common_moments: destinations
                .first()
                .and_then(|first| self.of_all.common_moments.at(first)),
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
            taken: self.taken(&destinations, &processes, TakenOfClients::at),
            taken_sessions: self.taken(&destinations, &processes, TakenOfClients::of_sessions_at),
            shared: self.shared(parts),
            open: older_open + flows.iter().map(|flow| flow.tally.open()).sum::<u64>(),
            older_open,
            older: (flows.iter().map(|flow| flow.tally.older.seen).sum::<u64>())
                .saturating_sub(older_held),
            older_held,
            older_held_since: flows.iter().map(|flow| flow.tally.older.held_since).sum(),
            older_accepted_ended,
            in_flight: in_flight(&flows, self.window.length_ns),
            staying: self.staying(parts, &tally, &destinations, &processes, balance),
            returning: returning(parts),
            waiting: waiting(&flows, self.window.end_ns),
            balance,
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
            held,
            just_half_closed,
            // Of several processes one may stand still while another goes on.
            went_on_meanwhile: processes.len() == 1 && went_on_meanwhile(&flows, &tally),
            reconnects_beside: reconnects.saturating_sub(tally.handshakes.reconnects),
            older_ended_elsewhere: self.older_ended_elsewhere(&processes, &destinations),
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
            is_damaged: self.window.is_damaged,
            idle_ns: parts
                .iter()
                .filter_map(Part::latest_start)
                .max()
                .map(|last| self.window.end_ns.saturating_sub(last)),
            // What was there before the trace was not started for these.
            are_runs: self.with_older(&processes, |older| older.seen > 0) * 2
                <= processes.len() as u64
                && !comes_again
                && are_runs(parts),
            run_again: run_again(self.registry, parts, self.window.end_ns),
            comes_again,
            open_of_name: self.open_of_name(parts, &destinations),
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

    /// Older connections of remote hosts that ended at these ports, where a process here held them.
    fn of_owner_accepted(&self, owner: Owner, destinations: &[Destination]) -> u64 {
        let Owner::Peer(_) = owner else {
            return 0;
        };
        let ended = destinations.iter();
        let ended = ended.filter_map(|peer| self.older_accepted_ended.get(peer));
        ended.sum()
    }

    /// What stays open beside what ends; asked only where some of both is, as it takes a look at
    /// each that is open to the peers.
    fn staying(
        &self,
        parts: &[Part<'_>],
        tally: &Tally,
        destinations: &[Destination],
        processes: &[ProcessKey],
        balance: Balance,
    ) -> Option<Staying> {
        let is_of_open = parts.iter().any(|part| match part.group {
            Some(_) => part.is_of(Way::Open),
            None => part.flow.tally.open() > 0,
        });
        if !is_of_open || balance.ended == 0 || tally.established == 0 {
            return None;
        }
        let open_then = &self.of_all.open_then;
        open_then.staying(destinations, processes, self.window.end_ns)
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

// SPDX-License-Identifier: MIT
//! Connections aggregated by process, destination and thread, in bounded
//! memory. No clock, no I/O: time is what the records say.

pub mod apart;
mod comers;
pub mod common_ends;
pub mod counts;
pub mod distribution;
pub mod evicted;
pub mod group;
pub mod handshakes;
mod histogram;
pub mod manner;
pub mod open_then;
pub(crate) mod order;
pub mod protocol;
pub mod server_ends;
pub mod sessions;
pub mod shape;
pub mod shares;
pub mod sizes;
pub mod source;
pub mod starts;
pub mod takeovers;
pub mod tally;
#[cfg(test)]
pub mod test_connection;

use std::{
    collections::{HashSet, hash_map::Entry},
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use crate::{
    connection::{Comm, Connection, Opener, Parent, Side, Stage},
    hash::HashMap,
    outcome::Outcome,
    process::ProcessKey,
};
use comers::Comers;
use common_ends::CommonEnds;
use evicted::Evicted;
use group::{Groups, Place};
use open_then::OpenThen;
use protocol::Signs;
use server_ends::ServerEnds;
use sessions::Sessions;
use shares::{Holder, InPart, Shares};
use takeovers::Takeovers;
use tally::Tally;

/// Most flows that are told apart. A further one takes the place of one that has
/// been quiet for long, of one of whoever has most, or of one that came less often;
/// else it is counted in [`Ledger::beyond`].
pub const MOST_FLOWS: usize = 4096;
/// Most network namespaces that are remembered.
pub const MOST_NAMESPACES: usize = 1024;
/// Most threads that are told apart, over all flows; likewise.
pub const MOST_THREADS: usize = 8192;
/// Most groups that are told apart, over all flows. Of a further one the connections are
/// in a group for the rest of their flow.
pub const MOST_GROUPS: usize = 8192;

/// The peer, as far as connections to it are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Destination {
    /// Of connections that this host opens: the server.
    Server {
        address: SocketAddr,
        /// Of a loopback address the inode of its network namespace: another one has another
        /// server there.
        netns: Option<u32>,
    },
    /// Of connections that this host accepts: the remote host, and the local
    /// port that it connects to.
    Client {
        /// The remote host.
        host: IpAddr,
        /// The local port.
        port: u16,
        /// Inode of the network namespace of that port: another one has another server there.
        netns: Option<u32>,
    },
}

impl Destination {
    /// The server's port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Server { address, .. } => address.port(),
            Self::Client { port, .. } => *port,
        }
    }

    pub(crate) fn of(connection: &Connection) -> Self {
        match connection.side {
            Side::Client => Self::Server {
                address: connection.remote,
                netns: connection
                    .netns
                    .filter(|_| connection.remote.ip().is_loopback()),
            },
            Side::Server => Self::Client {
                host: connection.remote.ip(),
                port: connection.local.port(),
                netns: connection.netns,
            },
        }
    }

    /// The same in whichever network namespace.
    #[must_use]
    pub fn anywhere(mut self) -> Self {
        match &mut self {
            Self::Server { netns, .. } | Self::Client { netns, .. } => *netns = None,
        }
        self
    }

    /// The inode of its network namespace, as far as that tells it from others.
    pub fn netns(&self) -> Option<u32> {
        match self {
            Self::Server { netns, .. } | Self::Client { netns, .. } => *netns,
        }
    }

    /// Which side this host is.
    pub fn side(&self) -> Side {
        match self {
            Self::Server { .. } => Side::Client,
            Self::Client { .. } => Side::Server,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { address, .. } => write!(formatter, "{address}"),
            Self::Client { host, port, .. } => write!(formatter, "{host} -> :{port}"),
        }
    }
}

/// What connections are counted together by: one process and one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// The opening process; none for accepted connections.
    pub process: Option<ProcessKey>,
    /// The peer.
    pub destination: Destination,
}

/// One thread of a flow.
#[derive(Clone, Debug, Default)]
pub struct ThreadTally {
    /// Latest name of the thread.
    pub comm: Comm,
    /// Its connections.
    pub tally: Tally,
    /// The groups that it has connections in: a bit for each [`Place`].
    pub groups: u32,
}

impl ThreadTally {
    /// Whether it had no connection in this group yet; from now on it has.
    fn is_new_in(&mut self, place: Place) -> bool {
        let bit = 1 << place;
        let is_new = self.groups & bit == 0;
        self.groups |= bit;
        is_new
    }
}

/// All connections of one process to one peer.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Name of the process's leader, as the kernel captured it.
    pub process_comm: Option<Comm>,
    /// Real user id of the latest opener.
    pub uid: Option<u32>,
    /// Those of earlier ones, where they were others.
    pub earlier_uids: Vec<u32>,
    /// Who started the process, where it was young.
    pub parent: Option<Parent>,
    /// All connections.
    pub tally: Tally,
    /// The connections by opening thread.
    pub threads: HashMap<u32, Box<ThreadTally>>,
    /// Whether further threads were not told apart.
    pub threads_left_out: bool,
    /// The connections by how they behaved; those that ended or are listed as open.
    pub groups: Groups,
    /// Records ended since the last interval.
    pub ended_in_interval: u64,
    /// Ended lately, the last second counting most: [`Ledger::churning_now`] halves it.
    lately: u64,
    /// How many had ended when that was done last.
    ended_then: u64,
    /// Whether they speak ZooKeeper.
    pub signs: Signs,
}

/// Attempts to connect whose SYN nobody has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub attempts: u64,
    /// At least so many of them for long.
    pub long: u64,
    /// Those of them that were there as the trace ended: the last record of others may be lost.
    pub listed: u64,
    /// Whether one that began later was established.
    pub got_through_since: bool,
}

/// What one ended connection counts in [`Flow::lately`], so that halves are told apart.
const LATELY: u64 = 1 << 16;

/// A process that churns, and its threads that connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Churning {
    pub process: ProcessKey,
    /// The connecting threads, busiest first.
    pub tids: Vec<u32>,
}

/// The aggregate over a trace.
///
/// What is large is boxed in the maps: where entries come and go, a map of bounded
/// length takes up to four slots for each of them, sooner or later (docs/adr/0013).
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Shared with the copies that a report on the way is made of ([`Pipeline::report_at`]), until
    /// either side changes one.
    ///
    /// [`Pipeline::report_at`]: crate::pipeline::Pipeline::report_at
    flows: HashMap<FlowKey, Arc<Flow>>,
    threads: usize,
    groups: usize,
    /// Earliest time at which looking for quiet ones is worth it again.
    next_sweep_ns: u64,
    /// Who gives way where nobody is quiet: flows, and threads.
    shares_of_flows: Shares,
    shares_of_threads: Shares,
    /// Who has no row, and comes again and again.
    comers: Comers,
    /// The network namespaces that connections were in.
    namespaces: HashSet<u32>,
    latest_namespace: Option<u32>,
    /// Who used which session, where handshakes were captured.
    pub sessions: Sessions,
    /// When servers ended connections, and refused some.
    pub server_ends: ServerEnds,
    /// When connections that were accepted here ended together.
    pub common_ends: CommonEnds,
    /// Whose sessions may have gone to another client.
    pub takeovers: Takeovers,
    /// How many were open to a peer at a moment.
    pub open_then: OpenThen,
    /// All connections.
    pub total: Tally,
    /// Connections of flows beyond [`MOST_FLOWS`].
    pub beyond: Tally,
    /// What was told apart once and had to make room (docs/adr/0013).
    pub evicted: Evicted,
    /// Whose connections are in `beyond` or `evicted`, too.
    pub in_part: InPart,
}

impl Ledger {
    /// Takes one record into account.
    pub fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        self.total.observe(connection, outcome);
        self.note_namespace(connection.netns);
        self.sessions.observe(connection);
        self.server_ends.observe(connection, outcome);
        self.common_ends.observe(connection);
        self.open_then.observe(connection);
        self.takeovers.observe(connection, outcome);
        let key = FlowKey {
            process: ProcessKey::of(connection),
            destination: Destination::of(connection),
        };
        let place = match self.count(&key, connection, outcome) {
            Some(counted) => counted.place,
            None => {
                if self.flows.len() >= MOST_FLOWS && !self.make_room(&key, connection) {
                    self.in_part.note(Holder::of_connection(&key, connection));
                    self.beyond.observe(connection, outcome);
                    return;
                }
                self.flows.insert(key, Arc::default());
                let counted = self.count(&key, connection, outcome);
                counted.and_then(|counted| counted.place)
            }
        };
        if let Some(opener) = connection.opener {
            self.count_thread(&key, &opener, place, connection, outcome);
        }
    }

    /// Counts a record in its flow; `None` where there is none yet.
    fn count(
        &mut self,
        key: &FlowKey,
        connection: &Connection,
        outcome: Outcome,
    ) -> Option<Counted> {
        let flow = Arc::make_mut(self.flows.get_mut(key)?);
        let before = flow.groups.count();
        let has_room = self.groups < MOST_GROUPS;
        let place = flow
            .groups
            .observe(connection, outcome, &flow.tally, has_room);
        self.groups += flow.groups.count() - before;
        flow.tally.observe(connection, outcome);
        flow.signs.observe(connection, outcome);
        let is_over = matches!(connection.stage, Stage::Ended | Stage::FoundClosed);
        flow.ended_in_interval += u64::from(is_over);
        if let Some(holder) = connection.holder {
            flow.note_user(holder.uid);
            flow.process_comm = flow.process_comm.or(Some(holder.comm));
        }
        Some(Counted { place })
    }

    fn count_thread(
        &mut self,
        key: &FlowKey,
        opener: &Opener,
        place: Option<Place>,
        connection: &Connection,
        outcome: Outcome,
    ) {
        if self.threads >= MOST_THREADS && !self.knows_thread(key, opener) {
            self.make_room_for_thread(key, connection);
        }
        let Some(flow) = self.flows.get_mut(key).map(Arc::make_mut) else {
            return;
        };
        flow.note_user(opener.uid);
        flow.process_comm = opener.process_comm;
        flow.parent = flow.parent.or(opener.parent);
        let has_room = self.threads < MOST_THREADS;
        if let Some(thread) = flow.thread(opener.thread.tid, has_room, &mut self.threads) {
            thread.comm = opener.thread.comm;
            thread.tally.observe(connection, outcome);
            if let Some(place) = place
                && thread.is_new_in(place)
            {
                flow.groups.count_thread(place);
            }
        }
    }

    fn knows_thread(&self, key: &FlowKey, opener: &Opener) -> bool {
        let flow = self.flows.get(key);
        flow.is_some_and(|flow| flow.threads.contains_key(&opener.thread.tid))
    }

    fn note_namespace(&mut self, netns: Option<u32>) {
        // Nearly all connections of a host are in the same one.
        if netns != self.latest_namespace && self.namespaces.len() < MOST_NAMESPACES {
            self.namespaces.extend(netns);
            self.latest_namespace = netns;
        }
    }

    /// Inodes of the network namespaces that connections were in.
    pub fn namespaces(&self) -> &HashSet<u32> {
        &self.namespaces
    }

    /// The flows, busiest first: most ended connections, then most opened,
    /// then by key so that the order never depends on the hash.
    pub fn flows(&self) -> Vec<(&FlowKey, &Flow)> {
        let flows = self.flows.iter();
        let mut flows: Vec<_> = flows.map(|(key, flow)| (key, &**flow)).collect();
        // Cached: what is compared lies scattered in memory.
        flows.sort_by_cached_key(|(key, flow)| (flow.tally.busyness(), **key));
        flows
    }

    /// The processes that churn most: with at least `least` ended connections,
    /// at most `most` of them, each with its threads, busiest first.
    pub fn churning(&self, least: u64, most: usize) -> Vec<Churning> {
        let mut churning: Vec<Churning> = Vec::new();
        for (key, flow) in self.flows() {
            let Some(process) = key.process else { continue };
            if flow.tally.ended < least {
                continue;
            }
            let tids = flow.busiest_threads().into_iter().map(|(tid, _)| tid);
            if let Some(known) = churning.iter_mut().find(|known| known.process == process) {
                known.tids.extend(tids);
            } else if churning.len() < most {
                let tids = tids.collect();
                churning.push(Churning { process, tids });
            }
        }
        churning
    }

    /// The processes that churn most at present, worst first: of those that `wanted`
    /// names and that have at least `least` ended connections, at most `most`. To be asked
    /// regularly: at each call what ended before counts half.
    pub fn churning_now(
        &mut self,
        least: u64,
        most: usize,
        wanted: impl Fn(ProcessKey) -> bool,
    ) -> Vec<Churning> {
        let mut sums: HashMap<ProcessKey, (u64, u64)> = HashMap::default();
        for (key, flow) in &mut self.flows {
            let flow = Arc::make_mut(flow);
            let new = flow.tally.ended.saturating_sub(flow.ended_then);
            flow.ended_then = flow.tally.ended;
            flow.lately = flow.lately / 2 + new.saturating_mul(LATELY);
            if let Some(process) = key.process {
                let sum = sums.entry(process).or_default();
                sum.0 = sum.0.saturating_add(flow.lately);
                sum.1 += flow.tally.ended;
            }
        }
        let mut sums: Vec<_> = sums
            .into_iter()
            .filter(|(process, (_, ended))| *ended >= least && wanted(*process))
            .collect();
        sums.sort_unstable_by_key(|(process, sum)| (std::cmp::Reverse(*sum), *process));
        let processes = sums.into_iter().take(most).map(|(process, _)| process);
        processes.map(|process| self.threads_of(process)).collect()
    }

    fn threads_of(&self, process: ProcessKey) -> Churning {
        let flows = self.flows.iter();
        let mut flows: Vec<_> = flows
            .filter(|(key, _)| key.process == Some(process))
            .collect();
        flows.sort_by_key(|(key, flow)| (flow.tally.busyness(), **key));
        let threads = flows.iter().flat_map(|(_, flow)| flow.busiest_threads());
        let tids = threads.map(|(tid, _)| tid).collect();
        Churning { process, tids }
    }

    /// How many processes have at least `least` ended connections, of those that `counts`
    /// names.
    pub fn count_churning(&self, least: u64, counts: impl Fn(ProcessKey) -> bool) -> u64 {
        let mut ended: HashMap<ProcessKey, u64> = HashMap::default();
        for (key, flow) in &self.flows {
            if let Some(process) = key.process {
                *ended.entry(process).or_default() += flow.tally.ended;
            }
        }
        let churning = ended.iter().filter(|(_, ended)| **ended >= least);
        churning.filter(|(process, _)| counts(**process)).count() as u64
    }

    pub fn flow(&self, key: &FlowKey) -> Option<&Flow> {
        self.flows.get(key).map(Arc::as_ref)
    }

    /// The flow with most ends since the last call, and their number; begins
    /// a new interval.
    pub fn take_busiest_of_interval(&mut self) -> Option<(FlowKey, u64)> {
        let busiest = self
            .flows
            .iter()
            .max_by_key(|(key, flow)| (flow.ended_in_interval, std::cmp::Reverse(**key)))
            .map(|(key, flow)| (*key, flow.ended_in_interval));
        for flow in self.flows.values_mut().map(Arc::make_mut) {
            flow.ended_in_interval = 0;
        }
        busiest.filter(|(_, ended)| *ended > 0)
    }
}

/// Where a record was counted in its flow.
struct Counted {
    /// The group; none for a record of a connection that goes on.
    place: Option<Place>,
}

/// Users of a flow that are told apart.
const MOST_UIDS: usize = 8;

impl Flow {
    /// Takes note of the user as whom a connection was opened.
    fn note_user(&mut self, uid: u32) {
        let earlier = self.uid.replace(uid).filter(|earlier| *earlier != uid);
        if let Some(earlier) = earlier
            && !self.earlier_uids.contains(&earlier)
            && self.earlier_uids.len() < MOST_UIDS
        {
            self.earlier_uids.push(earlier);
        }
    }

    /// The tally of a thread, a new one where there is room.
    fn thread(
        &mut self,
        tid: u32,
        has_room: bool,
        threads: &mut usize,
    ) -> Option<&mut ThreadTally> {
        match self.threads.entry(tid) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(new) if has_room => {
                *threads += 1;
                Some(new.insert(Box::default()))
            }
            Entry::Vacant(_) => {
                self.threads_left_out = true;
                None
            }
        }
    }

    /// The threads, busiest first.
    pub fn busiest_threads(&self) -> Vec<(u32, &ThreadTally)> {
        let mut threads: Vec<_> = self
            .threads
            .iter()
            .map(|(tid, tally)| (*tid, &**tally))
            .collect();
        threads.sort_by_cached_key(|(tid, thread)| (thread.tally.busyness(), *tid));
        threads
    }

    /// Attempts to connect that nobody has answered at `now_ns`, and how many of them at least have
    /// waited since a moment.
    pub fn waiting(&self, since_ns: u64, now_ns: u64) -> Waiting {
        // Since before the trace began.
        let older = self.tally.older.connecting;
        let open = || {
            let groups = self.groups.iter();
            groups.filter(|(_, group)| group.manner.way == manner::Way::Open)
        };
        // Once they are listed those count, each with its start.
        let is_listed = open().next().is_some();
        let (attempts, begun) = match is_listed {
            true => (
                open()
                    .map(|(_, group)| group.tally(&self.tally).connecting)
                    .sum(),
                open()
                    .map(|(_, group)| group.starts.count_after(since_ns))
                    .sum(),
            ),
            false => (self.tally.connecting, None),
        };
        let begun = begun.unwrap_or_else(|| self.tally.begun_after(since_ns, now_ns));
        Waiting {
            attempts: attempts + older,
            long: u64::saturating_sub(attempts, begun) + older,
            listed: if is_listed { attempts } else { 0 },
            got_through_since: attempts > 0 && self.tally.got_through_since(),
        }
    }

    /// The first of [`Self::busiest_threads`].
    pub fn busiest_thread(&self) -> Option<(u32, &ThreadTally)> {
        let threads = self.threads.iter().map(|(tid, thread)| (*tid, &**thread));
        threads.min_by_key(|(tid, thread)| (thread.tally.busyness(), *tid))
    }
}

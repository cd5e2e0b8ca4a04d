// SPDX-License-Identifier: MIT
//! What a rule looks at: the connections of one thread, process, program or remote
//! host, with all that is known of it.

use std::{net::IpAddr, ops::Deref};

use crate::{
    connection::Side,
    handshake::session::SessionId,
    inspection::{LogSignature, logs::LogFinding},
    ledger::{
        Destination, Waiting,
        common_ends::CommonMoments,
        distribution::Distribution,
        handshakes::Handshakes,
        open_then::{HeldThen, Staying},
        server_ends::Falls,
        shape::{Ending, Shapes, Spoken},
        sizes,
        takeovers::Taken,
        tally::{Range, Tally},
    },
};

use super::{
    evidence::{self, LogLine},
    looked::Looked,
    network::Network,
    protocol::{self, Protocol},
    rhythm::Rhythm,
    rhythms::TwoRhythms,
    who::Who,
};

/// What [`Case::runs_in`] says of whoever started a process.
pub(super) const STARTED_BY: &str = "started by ";

/// What kind of program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// A Java virtual machine.
    Jvm,
    /// Something else.
    Other,
    /// Not known: a remote host, or a process that was gone.
    Unknown,
}

/// Whether the connecting thread is that of ZooKeeper's Java client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientThread {
    /// A thread dump shows ZooKeeper's frames.
    ByStack,
    /// Its name looks like it.
    ByName,
    /// Nothing says so.
    NotSeen,
}

/// Connections of the same process to other peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// The peer.
    pub destination: Destination,
    /// Connections there that are open or were answered.
    pub working: u64,
}

/// A session that several clients got, one of them of this case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSession {
    pub id: SessionId,
    /// The clients in words, and how often each got it.
    pub users: Vec<(String, u64)>,
    /// Whether further ones were not told apart.
    pub users_left_out: bool,
    /// Whether two of them had it of the same server.
    pub is_of_one_server: bool,
    /// How often it went back to a client that had had it before another one.
    pub returns: u64,
}

/// The connections of one flow as the ledger has them, or of several added up.
#[derive(Clone, Debug)]
pub enum Tallied<'a> {
    /// Not copied.
    One(&'a Tally),
    /// Boxed: cases are many, and sorted.
    Several(Box<Tally>),
}

impl Deref for Tallied<'_> {
    type Target = Tally;

    fn deref(&self) -> &Tally {
        match self {
            Self::One(tally) => tally,
            Self::Several(tally) => tally,
        }
    }
}

/// Established connections that were opened in the trace, and those that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub opened: u64,
    /// Whenever they were opened.
    pub ended: u64,
}

impl Balance {
    /// How many more are open than when the trace began.
    pub fn more(self) -> u64 {
        self.opened.saturating_sub(self.ended)
    }

    /// Whether many more are opened than ended, beyond what chance does to those that each live for
    /// a while and are opened and closed equally often: two and a half standard deviations of the
    /// difference of two counts.
    pub fn grows(self) -> bool {
        let more = self.more();
        more.saturating_mul(more).saturating_mul(4) >= (self.opened + self.ended).saturating_mul(25)
    }
}

/// The connections of somebody to one peer, or in turn to several.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Whom it is about.
    pub who: Who,
    /// Where the process runs, in words.
    pub runs_in: Vec<String>,
    /// Which side this host is.
    pub side: Side,
    /// The peers.
    pub destinations: Vec<Destination>,
    /// The connections.
    pub tally: Tallied<'a>,
    /// Whether that may be a part of them, because some had to make room.
    pub in_part: bool,
    /// The time between the starts of successive ones, the latest of them.
    pub gaps: Distribution,
    pub rhythm: Rhythm,
    /// Whether that is the rhythm of late: earlier ones, whose starts are not kept, came in
    /// another one.
    pub is_rhythm_of_late: bool,
    /// Two in one, where the connections are those of a remote host.
    pub two_rhythms: Option<TwoRhythms>,
    /// What kind of program it is.
    pub runtime: Runtime,
    /// Whether the thread is known to be ZooKeeper's.
    pub client_thread: ClientThread,
    /// What is spoken at the peers.
    pub protocol: Protocol,
    /// Whether somebody was answered at the peers, or holds a connection to them.
    pub peers_serve: bool,
    /// Whether somebody was answered at the peers whose connection has ended.
    pub peers_answer: bool,
    /// Whether somebody was answered there who had begun with TLS.
    pub peers_answer_tls: bool,
    /// Whether somebody was answered there who had not.
    pub peers_answer_in_plaintext: bool,
    /// How often the peers, each of them, went away and ended all connections.
    pub falls: Option<Falls>,
    /// When most of what was accepted at this port ended together, whoever closed.
    pub common_moments: Option<CommonMoments>,
    /// Connections of the case that they refused from then until they served again.
    pub refused_while_away: u64,
    /// Connections that this host, or the remote host, held open to the same peers when the
    /// server turned these away; `None` where that is not known any more.
    pub held_then: Option<HeldThen>,
    /// How many threads opened them; 0 where that is not known.
    pub threads: u64,
    /// What the process's log says, most telling first.
    pub logs: Vec<&'a LogFinding>,
    /// How far zkchurn looked into its processes.
    pub looked: Looked,
    /// In which network namespace its end of the connections is.
    pub network: Network,
    /// The process's other peers.
    pub siblings: Vec<Sibling>,
    /// Others whose sessions at the same peer go no further than the handshake,
    /// in words.
    pub rivals: Vec<String>,
    /// Connections whose sessions may have gone to another client, by when they ended.
    pub taken: Taken,
    /// Likewise, of sessions on which more may have been said than the handshake.
    pub taken_sessions: Taken,
    /// Sessions that several clients got.
    pub shared: Vec<SharedSession>,
    /// Connections of the same owner to the same peers that are open.
    pub open: u64,
    /// Those of them that are older than the trace.
    pub older_open: u64,
    /// Connections of the same owner to the same peers on which both sides could send when the
    /// trace began.
    pub older: u64,
    /// Besides those, connections that the other side had closed before the trace began, and
    /// that this one holds open.
    pub older_held: u64,
    /// Those of the older ones that the other side closed during the trace, and this one holds open;
    /// they count as ended.
    pub older_held_since: u64,
    /// Older connections of remote hosts that ended, and that a process here held: beside the
    /// others.
    pub older_accepted_ended: u64,
    /// How many of those that end are open at any moment, on average.
    pub in_flight: u64,
    /// What the same owner had established to the same peers, and what of that has ended, older ones
    /// included.
    pub balance: Balance,
    /// What of it stays open beside what ends; `None` where that was not asked, or is not known.
    pub staying: Option<Staying>,
    /// Attempts of the same owner to the same peers whose SYN nobody has answered.
    pub waiting: Waiting,
    /// Threads with an open connection of this case, others of which ended: so does a client that
    /// comes back.
    pub returning: u64,
    /// Connections of the same owner to the same peers that are not of this case and
    /// were established.
    pub established_beside: u64,
    /// Connections of the same owner to the same peers that are not of this case and ended.
    pub ended_beside: u64,
    /// Connections of the same owner to the same peers that this host closed first.
    pub closed_here: u64,
    /// Connections of this case that the other side has closed and this one holds open.
    pub held: u64,
    /// Likewise, where the other side had closed less than a second before the trace ended.
    pub just_half_closed: u64,
    /// Whether the same process opened a connection while one of this case, which is over,
    /// was in CLOSE_WAIT: then it did not stand still meanwhile.
    pub went_on_meanwhile: bool,
    /// Requests of the same owner to the same peers for a session that it had, on connections that
    /// are not of this case.
    pub reconnects_beside: u64,
    /// Connections of the same processes to other peers that are older than the trace, and ended.
    pub older_ended_elsewhere: u64,
    /// Answers of the same peers to the same owner that a session has expired, on
    /// connections that are not of this case.
    pub expired_beside: u64,
    /// Connections of the same processes to the same peers that are not of this case, and that
    /// the server refused or closed without an answer.
    pub turned_away_beside: u64,
    /// From the first start to the latest end, nanoseconds.
    pub span_ns: Option<u64>,
    /// From the start of the latest of them to the end of the trace, nanoseconds.
    pub idle_ns: Option<u64>,
    /// Whether several processes may be runs of a program, by when they were started.
    pub are_runs: bool,
    /// Whether programs of several processes are seen to run again and again.
    pub run_again: bool,
    /// Connections to the same peers that are open, of whichever process of the same name.
    pub open_of_name: u64,
    /// Whether half of its threads or more opened others, too, to other peers or such as are open:
    /// so does a client that reconnects, maybe to the next server of its connect string.
    pub comes_again: bool,
    /// From the latest end of them to the end of the trace, nanoseconds.
    pub ended_ago_ns: Option<u64>,
    /// Whether others of the same owner to the same peers began after all of these had ended, and
    /// ended too.
    pub goes_on_otherwise: bool,
    /// Connections of the same owner to the same peers that were established and began after
    /// the latest of these was refused; `None` where they are too many to be counted.
    pub got_through_since: Option<u64>,
    /// Processes that had a connection before the trace, to whichever peer, which ended.
    pub lost_older: u64,
    /// Length of the trace in nanoseconds.
    pub window_ns: u64,
    /// Whether it is a part of a longer one that is looked at.
    pub is_of_part: bool,
    /// Whether parts of the recording are damaged, in which connections may have ended.
    pub is_damaged: bool,
}

impl Case<'_> {
    /// Whether each of several processes of one name opened one or two.
    pub fn has_few_of_each(&self) -> bool {
        match self.who {
            Who::Programs { processes, .. } => self.tally.opened() <= processes.saturating_mul(2),
            _ => false,
        }
    }

    /// Whether it is a program that is started for a connection or two, and ends. Workers that
    /// stay are several processes of one name as well.
    pub fn is_started_for_each(&self) -> bool {
        self.are_runs && self.has_few_of_each()
    }

    /// Whether processes that had a connection before the trace, and lost it, opened one each: so
    /// do clients that come back.
    pub fn is_return_of_each(&self) -> bool {
        match self.who {
            Who::Programs { processes, .. } => {
                self.tally.opened() <= processes && self.lost_older * 3 >= processes * 2
            }
            _ => false,
        }
    }

    /// Connections whose first request the server refused, by their sizes, with which it ends
    /// them. A client that closes as soon as it has the refusal may be first; that is no other
    /// end where the server was first often enough.
    pub fn first_requests_refused(&self) -> u64 {
        const FEWEST: u64 = 3;
        let by_server = self.shapes().count_by_size(sizes::is_refused_by_server);
        let by_client = self.shapes().count_by_size(|shape| {
            shape.ending == Ending::ClosedByClient
                && sizes::is_first_request_refused(shape.client_bytes, shape.server_bytes)
        });
        match by_server >= FEWEST && by_server * 2 >= by_client {
            true => by_server + by_client,
            false => by_server,
        }
    }

    /// Who started its processes, in words, where that is known.
    pub fn starter(&self) -> Option<&str> {
        let places = self.runs_in.iter().map(String::as_str);
        places.into_iter().find(|place| place.contains(STARTED_BY))
    }

    /// Connections of the same owner to the same peers that were established during the trace.
    pub fn got_through(&self) -> u64 {
        self.balance.opened
    }

    /// How the ended connections went.
    pub fn shapes(&self) -> &Shapes {
        &self.tally.shapes
    }

    /// Connections that ended.
    pub fn ended(&self) -> u64 {
        self.tally.shapes.ended()
    }

    /// What was said first, where it was captured of most connections.
    pub fn handshakes(&self) -> Option<&Handshakes> {
        let handshakes = &self.tally.handshakes;
        let spoke = self
            .shapes()
            .count(|_, spoken| matches!(spoken, Spoken::Client | Spoken::Both));
        let is_captured = handshakes.connections > 0 && handshakes.connections * 3 >= spoke * 2;
        is_captured.then_some(handshakes)
    }

    /// How often one is opened, in words, where there is a rhythm.
    pub fn rhythm_words(&self) -> Option<String> {
        if let Some(two) = &self.two_rhythms {
            return Some(two.words());
        }
        let mut words = self.rhythm.words(self.runtime)?;
        if self.hosts() > 1 {
            words.push_str(" by each of them");
        }
        if self.is_rhythm_of_late {
            words.push_str(" (the latest of them)");
        }
        Some(words)
    }

    /// Payload bytes that the client sent, whichever side was traced.
    pub fn client_bytes(&self) -> Range {
        match self.side {
            Side::Client => self.tally.payload_out,
            Side::Server => self.tally.payload_in,
        }
    }

    /// Payload bytes that the server sent.
    pub fn server_bytes(&self) -> Range {
        match self.side {
            Side::Client => self.tally.payload_in,
            Side::Server => self.tally.payload_out,
        }
    }

    /// Whether a client can have sent so much before it was answered.
    pub fn can_be_request(&self, bytes: u64) -> bool {
        let sends_at_once = self.client_thread != ClientThread::NotSeen;
        sizes::is_connect_request(bytes) || (sends_at_once && sizes::is_request_with_more(bytes))
    }

    /// The server's port; of several that of the first.
    pub fn port(&self) -> u16 {
        self.destinations.first().map_or(0, Destination::port)
    }

    /// A command that asks the server's host, in backticks: behind 127.0.0.1 the server has the
    /// client's network namespace.
    pub fn at_server(&self, command: &str) -> String {
        let is_loopback = |one: &Destination| match one {
            Destination::Server { address, .. } => address.ip().to_canonical().is_loopback(),
            Destination::Client { .. } => true,
        };
        match self.destinations.iter().all(is_loopback) {
            true => self.network.command(command),
            false => format!("`{command}`"),
        }
    }

    /// Whether it is about a remote host, or several: no process and no thread is known.
    pub fn is_remote_host(&self) -> bool {
        matches!(self.who, Who::RemoteHost { .. } | Who::RemoteHosts { .. })
    }

    /// What all is that something is denied of: no sentence denies what a part of a trace leaves
    /// out.
    pub fn traced(&self) -> &'static str {
        match self.is_of_part {
            true => "in this part of the trace",
            false => "that was traced",
        }
    }

    /// That nobody was served at the peers, and what follows.
    pub fn nobody_was_served(&self, so: &str) -> String {
        format!("nobody {} was served there: {so}", self.traced())
    }

    /// How many remote hosts it is about, 1 where it is about none.
    pub fn hosts(&self) -> u64 {
        match &self.who {
            Who::RemoteHosts { hosts, .. } => hosts.len() as u64,
            _ => 1,
        }
    }

    /// What names the process behind a remote host: a trace there, which may be here.
    pub fn trace_there(&self) -> &'static str {
        let is_here = |host: &str| host.parse().is_ok_and(|host: IpAddr| host.is_loopback());
        let is_loopback = match &self.who {
            Who::RemoteHost { host, .. } => is_here(host),
            Who::RemoteHosts { hosts, .. } => hosts.iter().all(|one| is_here(&one.host)),
            _ => false,
        };
        match (is_loopback, self.hosts()) {
            (true, _) => "zkchurn on this host without --side server",
            (false, 1) => "zkchurn on that host",
            (false, _) => "zkchurn on one of these hosts",
        }
    }

    /// Whether `count` is nearly all of the ended connections: nine in ten.
    pub fn nearly_all(&self, count: u64) -> bool {
        count > 0 && count * 10 >= self.ended() * 9
    }

    /// Whether `count` is most of the ended connections: two in three.
    pub fn most(&self, count: u64) -> bool {
        count > 0 && count * 3 >= self.ended() * 2
    }

    /// A line of the process's log, of one of these signatures, that was written
    /// while the connections were: the one that tells most about them.
    pub fn logged(&self, signatures: &[LogSignature]) -> Option<LogLine<'_>> {
        evidence::best(self, signatures)
    }

    /// Likewise one that was written before the trace.
    pub fn logged_before(&self, signatures: &[LogSignature]) -> Option<LogLine<'_>> {
        evidence::best_before(self, signatures)
    }

    /// Whether a peer has this port.
    pub fn has_port(&self, port: u16) -> bool {
        protocol::ports(self).contains(&port)
    }

    /// Connections older than the trace that the other side has closed and this one holds open.
    pub fn all_older_held(&self) -> u64 {
        self.older_held + self.older_held_since
    }

    /// Whether the same process has a peer at this port that is none of the case's.
    pub fn is_port_of_sibling(&self, port: u16) -> bool {
        let mut siblings = self.siblings.iter();
        siblings.any(|sibling| match sibling.destination {
            Destination::Server { address, .. } => address.port() == port,
            Destination::Client { .. } => false,
        })
    }

    /// The program's name.
    pub fn label(&self) -> &str {
        match &self.who {
            Who::Thread { label, .. }
            | Who::Process { label, .. }
            | Who::Programs { label, .. } => label,
            Who::RemoteHost { .. } | Who::RemoteHosts { .. } => "",
        }
    }

    /// The same of the process as a whole: of older connections nobody knows the thread.
    #[must_use]
    pub fn without_thread(mut self) -> Self {
        self.who = match self.who {
            Who::Thread { process, label, .. } | Who::Process { process, label, .. } => {
                Who::Process {
                    process,
                    label,
                    threads: 0,
                    is_exact: true,
                    name: None,
                }
            }
            other => other,
        };
        self
    }

    /// Whether one thread opened them.
    pub fn is_one_thread(&self) -> bool {
        matches!(self.who, Who::Thread { .. })
    }

    /// Whether each, or nearly each, is from a thread or process of its own.
    pub fn is_new_one_each_time(&self) -> bool {
        match self.who {
            _ if self.comes_again => false,
            // Of one thread each, as many threads as processes say no more than the processes do.
            Who::Programs { processes, .. } => {
                self.are_runs && processes * 2 >= self.tally.opened()
                    || self.threads > processes && self.threads * 10 >= self.tally.opened() * 6
            }
            Who::Process { threads, .. } => threads * 10 >= self.tally.opened() * 6,
            _ => false,
        }
    }
}

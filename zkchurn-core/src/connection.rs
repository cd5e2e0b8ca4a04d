// SPDX-License-Identifier: MIT
//! A connection as zkchurn speaks of it: owned, checked, and interpreted.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use zkchurn_common::state;

use crate::{
    ending::{self, Ending, Reset},
    handshake::Handshake,
    traffic::{FIRST_WINDOW, Traffic},
};

/// Name of a task, as the kernel holds it: up to 15 bytes of any value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Comm {
    bytes: [u8; 16],
}

impl Comm {
    /// Takes the name up to the first NUL.
    pub fn new(mut bytes: [u8; 16]) -> Self {
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(16);
        bytes[length..].fill(0);
        Self { bytes }
    }

    /// The bytes before the first NUL.
    pub fn as_bytes(&self) -> &[u8] {
        let length = self.bytes.iter().position(|byte| *byte == 0);
        &self.bytes[..length.unwrap_or(16)]
    }

    /// Whether the name is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes[0] == 0
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::text::write_printable(formatter, self.as_bytes())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

/// Where in its life a connection was when the record was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has just been established.
    Established,
    Ended,
    /// It was open, or connecting, when the record was made; more is to come.
    SeenOpen,
    /// It was still open, or still connecting, when the trace ended.
    Open,
    /// It had left ESTABLISHED, but had not reached CLOSE when the trace ended:
    /// an orphan in FIN_WAIT2, or the kernel skipped the program at its last
    /// step (a recursion miss).
    Closing,
    /// Its socket was found closed when the table was walked: the kernel had skipped the
    /// program at its end. It is over, and what is missing of it is unknown.
    FoundClosed,
}

impl Stage {
    /// Whether a later record tells more: the connection has neither ended nor is the
    /// trace over.
    pub const fn goes_on(self) -> bool {
        matches!(self, Self::Established | Self::SeenOpen)
    }
}

/// What earlier records told of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// There was none: this record tells of its beginning, too.
    Nothing,
    /// That it was connecting.
    Connecting,
    /// That it was established.
    Established,
}

/// Which side of the connection the traced socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// This host opened it.
    Client,
    /// This host accepted it.
    Server,
}

/// A thread, by what the kernel knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Process id (the kernel's tgid).
    pub tgid: u32,
    /// Thread id.
    pub tid: u32,
    /// Name of the thread.
    pub comm: Comm,
}

/// The thread and process that opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opener {
    pub thread: Thread,
    /// Real user id.
    pub uid: u32,
    /// Id of the cgroup in the v2 hierarchy.
    pub cgroup: u64,
    /// Name of the process's leader.
    pub process_comm: Option<Comm>,
    /// Start of the process, nanoseconds since boot.
    pub process_start_ns: Option<u64>,
    /// Who started the process; known of one that was young when it connected.
    pub parent: Option<Parent>,
}

/// The process that started another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Parent {
    /// Process id (the kernel's tgid).
    pub tgid: u32,
    /// Its start, nanoseconds since boot.
    pub start_ns: u64,
    /// Name of its leader.
    pub comm: Comm,
}

/// The process that holds the socket of a connection older than the trace. Who
/// opened it, and which thread uses it, cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Process id (the kernel's tgid).
    pub tgid: u32,
    /// Owner of the socket.
    pub uid: u32,
    /// Name of the process's leader.
    pub comm: Comm,
    /// Start of the process, nanoseconds since boot.
    pub process_start_ns: u64,
}

/// One connection. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Socket cookie, or the socket's address in the kernel.
    pub socket: u64,
    /// Whether `socket` is the cookie, which `ss -e` shows as `sk:`.
    pub socket_is_cookie: bool,
    /// Why the record was made.
    pub stage: Stage,
    /// What earlier records told of it; `None` in recordings of the time when each
    /// establishment had a record.
    pub told: Option<Told>,
    /// Which side the socket is.
    pub side: Side,
    /// Local address; the port is 0 until the connection is established.
    pub local: SocketAddr,
    /// Remote address, v4-mapped ones as IPv4.
    pub remote: SocketAddr,
    /// Whether the socket is `AF_INET6`.
    pub ipv6_socket: bool,
    /// Inode of the network namespace.
    pub netns: Option<u32>,
    /// Who called connect.
    pub opener: Option<Opener>,
    /// Whether the connection is older than the trace: its beginnings are those
    /// of the trace, and its lifetimes are at least what they say.
    pub before_start: bool,
    /// Who holds the socket of a connection older than the trace.
    pub holder: Option<Holder>,
    /// Who closed, shut down or aborted this side.
    pub closer: Option<Thread>,
    /// When connect was called; for an accepted connection, when it was established.
    pub started_ns: u64,
    /// When it became ESTABLISHED.
    pub established_ns: Option<u64>,
    /// When it left ESTABLISHED.
    pub left_established_ns: Option<u64>,
    /// When this side closed.
    pub local_close_ns: Option<u64>,
    /// When the socket reached CLOSE.
    pub ended_ns: Option<u64>,
    /// When it was seen open, for a record that was made of the table.
    pub seen_open_ns: Option<u64>,
    /// What the kernel counted.
    pub traffic: Traffic,
    /// The socket's error at the end, a positive errno; 0 is none.
    pub error: Option<u32>,
    /// An error that the kernel noted without ending the connection for it, likewise: of
    /// a connect, the ICMP message that answered the SYN.
    pub soft_error: Option<u32>,
    /// What was so when the socket reached CLOSE.
    pub ending: Option<Ending>,
    /// Set of the states that were seen, see [`state::bit`].
    pub states_seen: u16,
    /// The state that was left for CLOSE.
    pub state_left: u8,
    /// What both sides said first, where that was captured; only of a
    /// connection that has ended or is listed as open.
    pub handshake: Option<Handshake>,
}

/// Which side ended the ESTABLISHED state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstClose {
    /// This host sent the first FIN or RST.
    Us,
    /// The peer sent the first FIN or RST.
    Peer,
    /// Neither: the kernel gave up (timeout, unreachable).
    Kernel,
}

impl Connection {
    /// Whether its two ends are one socket, by a simultaneous open (RFC 9293, 3.5).
    pub fn connects_to_itself(&self) -> bool {
        self.local == self.remote
    }

    /// Whether it was ESTABLISHED. A connection failed only if it was not. Where the
    /// kernel skipped the program at that step, the later ones tell.
    pub fn was_established(&self) -> bool {
        self.established_ns.is_some()
            || self.sent_fin()
            || self.got_fin()
            || self.state_left == state::ESTABLISHED
    }

    /// Whether this side sent a FIN before the peer's came.
    pub fn sent_fin(&self) -> bool {
        self.saw(state::FIN_WAIT1)
            || matches!(
                self.state_left,
                state::FIN_WAIT1 | state::FIN_WAIT2 | state::CLOSING
            )
    }

    fn got_fin(&self) -> bool {
        self.saw(state::CLOSE_WAIT)
            || matches!(self.state_left, state::CLOSE_WAIT | state::LAST_ACK)
    }

    /// How long the connection was ESTABLISHED: until the first FIN or RST of
    /// either side. `close(2)` may come seconds later and is not used.
    pub fn established_for_ns(&self) -> Option<u64> {
        let left = self.left_established_ns?;
        Some(left.saturating_sub(self.established_ns?))
    }

    /// The latest step of its life that the record tells of.
    pub fn latest_ns(&self) -> u64 {
        let latest = self.ended_ns.or(self.established_ns);
        latest.unwrap_or(self.started_ns)
    }

    /// The latest moment of which the record knows, that at which it was seen open included.
    pub fn last_moment_ns(&self) -> u64 {
        let later = [
            self.established_ns,
            self.left_established_ns,
            self.local_close_ns,
            self.seen_open_ns,
            self.ended_ns,
        ];
        let later = later.into_iter().flatten();
        later.fold(self.started_ns, u64::max)
    }

    /// From connect to ESTABLISHED, or to the failure.
    pub fn connecting_for_ns(&self) -> Option<u64> {
        let until = match self.was_established() {
            true => self.established_ns,
            false => self.ended_ns,
        };
        Some(until?.saturating_sub(self.started_ns))
    }

    /// Which side closed first, once the connection has left ESTABLISHED.
    pub fn first_close(&self) -> Option<FirstClose> {
        match (self.sent_fin(), self.got_fin()) {
            (true, false) => return Some(FirstClose::Us),
            // With MPTCP either side may close before its subflows see a FIN.
            (_, true) => {
                let is_ours = self.local_close_ns.is_some()
                    && self.local_close_ns <= self.left_established_ns;
                return Some(if is_ours {
                    FirstClose::Us
                } else {
                    FirstClose::Peer
                });
            }
            (false, false) => {}
        }
        self.left_established_ns?;
        if self.ending.is_some_and(Ending::is_silent) {
            return Some(FirstClose::Us);
        }
        match (self.error?, self.reset()) {
            (_, Some(Reset::Sent)) => Some(FirstClose::Us),
            (_, Some(Reset::Received)) => Some(FirstClose::Peer),
            // The error is gone: whether it was a RST is not known.
            (0, None) => None,
            _ => Some(FirstClose::Kernel),
        }
    }

    /// Which way a RST ended the connection, where the kernel tells.
    ///
    /// A refused connect is left out: the same error comes from an ICMP answer.
    pub fn reset(&self) -> Option<Reset> {
        if self.stage != Stage::Ended || !self.was_established() {
            return None;
        }
        let unread = self.traffic.unread.unwrap_or(0);
        ending::reset(self.error?, self.state_left, self.ending, unread)
    }

    /// Whether a RST came while what the program had written waited here, with nothing on its way
    /// that could have been answered. What nf_send_reset of a REJECT rule in OUTPUT answers does
    /// not count as sent: the hook fails with EPERM (net/ipv4/tcp_output.c, `tcp_write_xmit`).
    /// A program that holds a part back (TCP_CORK), or a peer whose window is full, looks the same.
    pub fn is_reset_before_sending(&self) -> bool {
        let Traffic {
            unsent, in_flight, ..
        } = self.traffic;
        self.reset() == Some(Reset::Received)
            && unsent.is_some_and(|unsent| unsent > 0)
            && in_flight == Some(0)
    }

    /// Whether such a RST was sent by somebody else in the peer's name: the peer has never taken so
    /// much that its window can be full.
    pub fn is_reset_in_peers_name(&self) -> bool {
        let sent = self.traffic.payload_out;
        self.is_reset_before_sending() && sent.is_some_and(|sent| sent < FIRST_WINDOW)
    }

    /// The error that ended it; of a connect that failed without one, the error that ICMP
    /// had answered.
    pub fn told_error(&self) -> Option<u32> {
        let soft = self.soft_error.filter(|_| !self.was_established());
        let is_one = |errno: &u32| *errno != 0;
        self.error.filter(is_one).or(soft.filter(is_one))
    }

    /// Whether the process that closed is another than the one that opened: the
    /// socket was inherited or passed on (unix(7), `SCM_RIGHTS`).
    pub fn closed_by_other_process(&self) -> Option<Thread> {
        let opener = self
            .opener
            .map(|opener| opener.thread.tgid)
            .or(self.holder.map(|holder| holder.tgid))?;
        self.closer.filter(|closer| closer.tgid != opener)
    }

    /// Whether the kernel keeps a TIME_WAIT socket of the connection: it ended
    /// after this side's FIN, without a RST (RFC 9293, 3.3.2) and not because no
    /// answer of the peer got through any more.
    pub fn leaves_time_wait(&self) -> bool {
        !matches!(self.stage, Stage::Established | Stage::SeenOpen)
            && self.sent_fin()
            && self.reset().is_none()
            && self.error.unwrap_or(0) == 0
    }

    /// For how many nanoseconds the peer has sent no more (its FIN has come) and this side,
    /// which has not closed, has held its socket open. Whether it is used cannot be told:
    /// the peer may still read. None of any other connection.
    pub fn held_in_close_wait_for_ns(&self) -> Option<u64> {
        let is_held = self.stage == Stage::Closing
            && self.saw(state::CLOSE_WAIT)
            && !self.saw(state::LAST_ACK)
            && self.local_close_ns.is_none();
        let since = self.left_established_ns.filter(|_| is_held)?;
        Some(self.seen_open_ns?.saturating_sub(since))
    }

    /// Whether it was half-closed before the trace began, in CLOSE_WAIT: what came of it later,
    /// the peer's FIN did not.
    pub fn was_half_closed_before(&self) -> bool {
        let left = self.left_established_ns;
        self.before_start
            && self.saw(state::CLOSE_WAIT)
            && left.is_some_and(|at| at <= self.started_ns)
    }

    /// From when to when the socket was in CLOSE_WAIT: the peer's FIN, and the close of this
    /// side or the peer's RST. None unless the peer closed first and the connection is over.
    pub fn in_close_wait(&self) -> Option<(u64, u64)> {
        let is_over = self.stage == Stage::Ended && self.got_fin();
        let since = self.left_established_ns.filter(|_| is_over)?;
        if self.first_close() != Some(FirstClose::Peer) {
            return None;
        }
        Some((since, self.local_close_ns.or(self.ended_ns)?))
    }

    fn saw(&self, state: u8) -> bool {
        self.states_seen & state::bit(state) != 0
    }

    /// The remote address without its port: what a server groups by.
    pub fn remote_ip(&self) -> IpAddr {
        self.remote.ip()
    }
}

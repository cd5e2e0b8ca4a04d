// SPDX-License-Identifier: MIT
//! A connection as zkchurn speaks of it: owned, checked, and interpreted.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use zkchurn_common::state;

use crate::{handshake::Handshake, traffic::Traffic};

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
    /// It was open, or connecting, when the table was walked; more is to come.
    SeenOpen,
    /// It was still open, or still connecting, when the trace ended.
    Open,
    /// It had left ESTABLISHED, but had not reached CLOSE when the trace ended:
    /// an orphan in FIN_WAIT2, or the kernel skipped the program at its last
    /// step (a recursion miss).
    Closing,
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

/// Which way a RST went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// The peer sent it.
    Received,
    /// This host sent it.
    Sent,
}

/// errno values that the kernel leaves in `sk_err` (include/uapi/asm-generic/errno.h).
pub mod errno {
    /// Write to a connection whose peer has reset it after its FIN.
    pub const EPIPE: u32 = 32;
    /// No route to the network.
    pub const ENETUNREACH: u32 = 101;
    /// Aborted from outside (`ss -K`).
    pub const ECONNABORTED: u32 = 103;
    /// RST received.
    pub const ECONNRESET: u32 = 104;
    /// No answer.
    pub const ETIMEDOUT: u32 = 110;
    /// RST in answer to the SYN.
    pub const ECONNREFUSED: u32 = 111;
    /// The host is down.
    pub const EHOSTDOWN: u32 = 112;
    /// No route to the host, or no answer to ARP.
    pub const EHOSTUNREACH: u32 = 113;

    /// The symbolic name.
    pub fn name(errno: u32) -> Option<&'static str> {
        Some(match errno {
            EPIPE => "EPIPE",
            ENETUNREACH => "ENETUNREACH",
            ECONNABORTED => "ECONNABORTED",
            ECONNRESET => "ECONNRESET",
            ETIMEDOUT => "ETIMEDOUT",
            ECONNREFUSED => "ECONNREFUSED",
            EHOSTDOWN => "EHOSTDOWN",
            EHOSTUNREACH => "EHOSTUNREACH",
            _ => return None,
        })
    }
}

impl Connection {
    /// Whether ESTABLISHED was seen. A connection failed only if it was not.
    pub fn was_established(&self) -> bool {
        self.established_ns.is_some()
    }

    /// How long the connection was ESTABLISHED: until the first FIN or RST of
    /// either side. `close(2)` may come seconds later and is not used.
    pub fn established_for_ns(&self) -> Option<u64> {
        let left = self.left_established_ns?;
        Some(left.saturating_sub(self.established_ns?))
    }

    /// From connect to ESTABLISHED, or to the failure.
    pub fn connecting_for_ns(&self) -> Option<u64> {
        let until = self.established_ns.or(self.ended_ns)?;
        Some(until.saturating_sub(self.started_ns))
    }

    /// Which side closed first, once the connection has left ESTABLISHED.
    pub fn first_close(&self) -> Option<FirstClose> {
        self.left_established_ns?;
        if self.saw(state::FIN_WAIT1) {
            return Some(FirstClose::Us);
        }
        if self.saw(state::CLOSE_WAIT) {
            return Some(FirstClose::Peer);
        }
        match self.error? {
            0 | errno::ECONNABORTED => Some(FirstClose::Us),
            errno::ECONNRESET | errno::EPIPE => Some(FirstClose::Peer),
            _ => Some(FirstClose::Kernel),
        }
    }

    /// Which way a RST ended the connection, where the kernel tells.
    ///
    /// `tcp_reset` sets the error before it changes the state; a close with
    /// unread data and SO_LINGER 0 leave it at 0 (net/ipv4/tcp.c,
    /// `__tcp_close`, `tcp_disconnect`). A refused connect is left out: the
    /// same error comes from an ICMP answer.
    pub fn reset(&self) -> Option<Reset> {
        if self.stage != Stage::Ended || !self.was_established() {
            return None;
        }
        match (self.error?, self.state_left) {
            (errno::ECONNRESET | errno::EPIPE, _) => Some(Reset::Received),
            (0, state::ESTABLISHED | state::CLOSE_WAIT | state::FIN_WAIT1) => Some(Reset::Sent),
            (errno::ECONNABORTED, _) => Some(Reset::Sent),
            _ => None,
        }
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
    /// after this side's FIN, without a RST (RFC 9293, 3.3.2).
    pub fn leaves_time_wait(&self) -> bool {
        !matches!(self.stage, Stage::Established | Stage::SeenOpen)
            && self.saw(state::FIN_WAIT1)
            && self.reset().is_none()
    }

    fn saw(&self, state: u8) -> bool {
        self.states_seen & state::bit(state) != 0
    }

    /// The remote address without its port: what a server groups by.
    pub fn remote_ip(&self) -> IpAddr {
        self.remote.ip()
    }
}

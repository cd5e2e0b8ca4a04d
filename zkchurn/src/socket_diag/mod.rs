// SPDX-License-Identifier: MIT
//! The host's TCP sockets as the kernel lists them (`NETLINK_SOCK_DIAG`, what
//! `ss` uses), in every network namespace, and the processes that hold them.

use std::net::SocketAddr;

/// One socket (`struct inet_diag_msg`, include/uapi/linux/inet_diag.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagSocket {
    /// Socket cookie; a TIME_WAIT socket has that of the socket it follows.
    pub cookie: u64,
    /// Inode of the network namespace.
    pub netns: u32,
    /// TCP state, `zkchurn_common::state`; 6 is TIME_WAIT.
    pub state: u8,
    /// Local address, a v4-mapped one as IPv4.
    pub local: SocketAddr,
    /// Remote address, a v4-mapped one as IPv4.
    pub remote: SocketAddr,
    /// Whether the socket is `AF_INET6`.
    pub ipv6_socket: bool,
    /// Owner's user id; 0 for a TIME_WAIT socket, which has no owner.
    pub uid: u32,
    /// Inode of the socket; 0 when no process holds it.
    pub inode: u32,
    /// Time until the socket's timer expires, milliseconds; for TIME_WAIT the
    /// time left.
    pub expires_ms: u32,
}

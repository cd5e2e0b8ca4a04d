// SPDX-License-Identifier: MIT
//! The bytes of one connection as they cross the ring buffer.
//!
//! The kernel program keeps one [`ConnectionRecord`] for each open socket in
//! its table, fills it in as the connection lives, and copies it to the ring
//! buffer when the connection is established and when it ends. The record is
//! the same in a recording file. Numbers are little-endian (the object is
//! built for `bpfel`), addresses and ports in network byte order; there is no
//! padding that is not named.
//!
//! The program stores what it saw and does not interpret it: who closed first
//! and which way a RST went are derived by the reader from `states_seen`,
//! `state_left` and `error`.

/// Length of a task's name in the kernel, the closing NUL included
/// (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LENGTH: usize = 16;

/// Size of [`ConnectionRecord`] in bytes.
pub const RECORD_SIZE: usize = 216;

/// `kind`: the connection has just been established.
pub const KIND_ESTABLISHED: u8 = 1;
/// `kind`: the connection has ended.
pub const KIND_ENDED: u8 = 2;
/// `kind`: the connection was still in the table when the trace ended. Made by
/// the reader from the table, never by the kernel program.
pub const KIND_OPEN: u8 = 3;

/// `side`: this host opened the connection.
pub const SIDE_OPENED: u8 = 1;
/// `side`: this host accepted the connection.
pub const SIDE_ACCEPTED: u8 = 2;

/// `family`: the socket is `AF_INET` (include/linux/socket.h).
pub const FAMILY_INET: u8 = 2;
/// `family`: the socket is `AF_INET6`; its addresses may still be v4-mapped.
pub const FAMILY_INET6: u8 = 10;

/// Bits of `known`: which optional fields hold a value that was really read.
pub mod known {
    /// `socket` is the socket cookie; otherwise it is the socket's address.
    pub const COOKIE: u32 = 1 << 0;
    /// `payload_out`
    pub const PAYLOAD_OUT: u32 = 1 << 1;
    /// `payload_in`
    pub const PAYLOAD_IN: u32 = 1 << 2;
    /// `error`
    pub const ERROR: u32 = 1 << 3;
    /// `netns`
    pub const NETNS: u32 = 1 << 4;
    /// `retransmits`
    pub const RETRANSMITS: u32 = 1 << 5;
    /// `smoothed_rtt_us`
    pub const SMOOTHED_RTT: u32 = 1 << 6;
    /// `opener_start_ns`
    pub const OPENER_START: u32 = 1 << 7;
    /// `process_comm`
    pub const PROCESS_COMM: u32 = 1 << 8;
    /// `opener_*`: the thread that called connect. Not for accepted connections.
    pub const OPENER: u32 = 1 << 9;
    /// `closer_*`: the thread that closed or shut down this side.
    pub const CLOSER: u32 = 1 << 10;
    /// The connection is older than the trace: `started_ns` and
    /// `established_ns` are when tracing began. Made by the reader.
    pub const BEFORE_START: u32 = 1 << 11;
    /// `opener_tgid`, `opener_uid`, `opener_start_ns` and `process_comm` are of
    /// the process that holds the socket of such a connection, found in /proc;
    /// no thread is known.
    pub const HOLDER: u32 = 1 << 12;
}

/// One connection. Times are nanoseconds of `CLOCK_MONOTONIC`; 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ConnectionRecord {
    /// Socket cookie, or the address of the `struct sock` where the kernel has
    /// no cookie for tracing programs (see [`known::COOKIE`]).
    pub socket: u64,
    /// The connecting thread entered SYN_SENT; for an accepted connection the
    /// same as `established_ns`.
    pub started_ns: u64,
    /// The connection became ESTABLISHED.
    pub established_ns: u64,
    /// The connection left ESTABLISHED: the first FIN or RST of either side.
    pub left_established_ns: u64,
    /// This side closed or shut down its sending direction.
    pub local_close_ns: u64,
    /// The socket reached CLOSE.
    pub ended_ns: u64,
    /// Payload bytes sent, each counted once; SYN and FIN not counted.
    pub payload_out: u64,
    /// Payload bytes received in order; the FIN not counted.
    pub payload_in: u64,
    /// Id of the opener's cgroup in the v2 hierarchy.
    pub opener_cgroup: u64,
    /// Start of the opening process, nanoseconds since boot (`CLOCK_BOOTTIME`).
    pub opener_start_ns: u64,
    /// The opening process: what user space calls the pid.
    pub opener_tgid: u32,
    /// The opening thread.
    pub opener_tid: u32,
    /// Real user id of the opening thread.
    pub opener_uid: u32,
    /// The closing process.
    pub closer_tgid: u32,
    /// The closing thread.
    pub closer_tid: u32,
    /// Inode number of the socket's network namespace.
    pub netns: u32,
    /// `sk_err` when the socket reached CLOSE: a positive errno, or 0.
    pub error: u32,
    /// Smoothed round-trip time in microseconds.
    pub smoothed_rtt_us: u32,
    /// Segments that were sent again, SYN included.
    pub retransmits: u32,
    /// Bit set: see [`known`].
    pub known: u32,
    /// Local address as IPv6, v4-mapped for IPv4.
    pub local_address: [u8; 16],
    /// Remote address as IPv6, v4-mapped for IPv4.
    pub remote_address: [u8; 16],
    /// Name of the opening thread.
    pub opener_comm: [u8; COMM_LENGTH],
    /// Name of the opening process's leader.
    pub process_comm: [u8; COMM_LENGTH],
    /// Name of the closing thread.
    pub closer_comm: [u8; COMM_LENGTH],
    /// Local port, network byte order.
    pub local_port: [u8; 2],
    /// Remote port, network byte order.
    pub remote_port: [u8; 2],
    /// [`KIND_ESTABLISHED`], [`KIND_ENDED`] or [`KIND_OPEN`].
    pub kind: u8,
    /// [`SIDE_OPENED`] or [`SIDE_ACCEPTED`].
    pub side: u8,
    /// Bit set of the states that zkchurn saw the socket enter
    /// ([`bit`](crate::state::bit)); FIN_WAIT2 and CLOSING are not looked at.
    pub states_seen: u16,
    /// [`FAMILY_INET`] or [`FAMILY_INET6`].
    pub family: u8,
    /// The state that was left for CLOSE.
    pub state_left: u8,
    /// Always 0.
    pub reserved: [u8; 6],
}

const _: () = {
    assert!(size_of::<ConnectionRecord>() == RECORD_SIZE);
    assert!(align_of::<ConnectionRecord>() == 8);
    assert!(core::mem::offset_of!(ConnectionRecord, opener_tgid) == 80);
    assert!(core::mem::offset_of!(ConnectionRecord, local_address) == 120);
    assert!(core::mem::offset_of!(ConnectionRecord, local_port) == 200);
    assert!(core::mem::offset_of!(ConnectionRecord, states_seen) == 206);
    assert!(core::mem::offset_of!(ConnectionRecord, reserved) + 6 == RECORD_SIZE);
};

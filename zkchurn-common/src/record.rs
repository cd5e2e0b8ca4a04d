// SPDX-License-Identifier: MIT
//! The bytes of one connection as they cross the ring buffer.
//!
//! The kernel program keeps one [`ConnectionRecord`] for each open socket in
//! its table, fills it in as the connection lives, and copies it to the ring
//! buffer when the connection ends. Of most connections this is the only record.
//! One more comes before it where somebody waits for it: of a process's first
//! connection, of the first after a pause, and of those that stay open
//! (docs/adr/0023). The record is the same in a recording file. Addresses and ports are in
//! network byte order, other numbers little-endian; there is no padding that is not named.
//! [`wire`](crate::wire) says how the record may change.
//!
//! What is known once a connection is established comes first: earlier versions
//! published a prefix of [`ESTABLISHED_SIZE`] bytes at that moment, and recordings
//! hold them.
//!
//! The program stores what it saw and does not interpret it: who closed first
//! and which way a RST went are derived by the reader from `states_seen`,
//! `state_left` and `error`.

use crate::wire::{RecordHeader, tag};

/// Length of a task's name in the kernel, the closing NUL included
/// (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LENGTH: usize = 16;

/// Size of [`ConnectionRecord`] in bytes.
pub const RECORD_SIZE: usize = 296;
/// Size in bytes of its front that earlier versions published when a connection was
/// established.
pub const ESTABLISHED_SIZE: usize = 176;
/// `header.version`. Version 1 was 216 bytes long and had no header; only
/// recordings hold it.
pub const RECORD_VERSION: u16 = 2;

/// `stage`: the connection has just been established, or is older than the trace. Of
/// newer connections only in recordings of earlier versions.
pub const STAGE_ESTABLISHED: u8 = 1;
/// `stage`: the connection has ended.
pub const STAGE_ENDED: u8 = 2;
/// `stage`: the connection was still in the table when the trace ended; the
/// last record of this socket. Made by the reader from the table, never by the
/// kernel program.
pub const STAGE_OPEN_AT_END: u8 = 3;
/// `stage`: the connection was open, or connecting, at `until_ns`; further records of
/// this socket follow. Made by the kernel program as the connection begins, or by the
/// reader when it walks the table.
pub const STAGE_SEEN_OPEN: u8 = 4;
/// `stage`: the connection was in the table, and at `until_ns` its socket had been closed
/// for a while: the kernel had skipped the program at its end. When and how it ended is
/// unknown beyond what the record's other fields tell; it is the last one of this socket.
pub const STAGE_FOUND_CLOSED: u8 = 5;

/// `told`: no record of this connection came before.
pub const TOLD_NOTHING: u8 = 0;
/// `told`: an earlier record told of it, before it was established.
pub const TOLD_CONNECTING: u8 = 1;
/// `told`: an earlier record told of it, and that it was established.
pub const TOLD_ESTABLISHED: u8 = 2;

/// `side`: this host opened the connection.
pub const SIDE_OPENED: u8 = 1;
/// `side`: this host accepted the connection.
pub const SIDE_ACCEPTED: u8 = 2;

/// `family`: the socket is `AF_INET` (include/linux/socket.h).
pub const FAMILY_INET: u8 = 2;
/// `family`: the socket is `AF_INET6`; its addresses may still be v4-mapped.
pub const FAMILY_INET6: u8 = 10;

/// Declares the bits of `known`, each with the last of the fields that it
/// vouches for: in a shorter record, which lacks that field, the bit does not count.
macro_rules! known {
    ($( $(#[$doc:meta])* $name:ident = $bit:literal => $field:ident, )*) => {
        /// Bits of `known`: which optional fields hold a value that was really
        /// read. All others say nothing, whatever they hold.
        pub mod known {
            use super::ConnectionRecord;

            $( $(#[$doc])* pub const $name: u32 = 1 << $bit; )*

            /// Each bit with the length of the shortest record that can have it.
            const NEEDED: &[(u32, usize)] = &[$( (
                $name,
                core::mem::offset_of!(ConnectionRecord, $field)
                    + size(|record| &record.$field),
            ), )*];

            const fn size<T>(_: fn(&ConnectionRecord) -> &T) -> usize {
                size_of::<T>()
            }

            /// The bits that a record of `length` bytes can have.
            pub const fn within(length: usize) -> u32 {
                let mut bits = 0;
                let mut at = 0;
                while at < NEEDED.len() {
                    if NEEDED[at].1 <= length {
                        bits |= NEEDED[at].0;
                    }
                    at += 1;
                }
                bits
            }
        }
    };
}

known! {
    /// `socket` is the socket cookie; otherwise it is the socket's address.
    COOKIE = 0 => socket,
    /// `payload_out`
    PAYLOAD_OUT = 1 => payload_out,
    /// `payload_in`
    PAYLOAD_IN = 2 => payload_in,
    /// `error`
    ERROR = 3 => error,
    /// `netns`
    NETNS = 4 => netns,
    /// `retransmits`
    RETRANSMITS = 5 => retransmits,
    /// `smoothed_rtt_us`
    SMOOTHED_RTT = 6 => smoothed_rtt_us,
    /// `opener_start_ns`
    OPENER_START = 7 => opener_start_ns,
    /// `process_comm`
    PROCESS_COMM = 8 => process_comm,
    /// `opener_*`: the thread that called connect. Not for accepted connections.
    OPENER = 9 => opener_uid,
    /// `closer_*`: the thread that closed or shut down this side.
    CLOSER = 10 => closer_tid,
    /// The connection is older than the trace: `started_ns` and
    /// `established_ns` are when tracing began. Made by the reader.
    BEFORE_START = 11 => established_ns,
    /// `opener_tgid`, `opener_uid`, `opener_start_ns` and `process_comm` are of
    /// the process that holds the socket of such a connection, found in /proc;
    /// no thread is known.
    HOLDER = 12 => opener_uid,
    /// `congestion_window`
    CONGESTION_WINDOW = 13 => congestion_window,
    /// `bytes_retransmitted`
    BYTES_RETRANSMITTED = 14 => bytes_retransmitted,
    /// `segments_out`
    SEGMENTS_OUT = 15 => segments_out,
    /// `soft_error`
    SOFT_ERROR = 16 => soft_error,
    /// `acked` and `in_flight`
    ACKED = 17 => in_flight,
    /// `unsent`
    UNSENT = 18 => unsent,
    /// `unread`
    UNREAD = 19 => unread,
    /// `parent_tgid`
    PARENT = 20 => parent_tgid,
    /// `parent_start_ns`
    PARENT_START = 21 => parent_start_ns,
    /// `parent_comm`
    PARENT_COMM = 22 => parent_comm,
    /// `interface`
    INTERFACE = 23 => interface,
    /// `ending`
    ENDING = 24 => ending,
    /// `told`. Without it a record is of the time when each establishment had a record.
    TOLD = 25 => told,
}

/// Bits of `ending`: what was so when the socket reached CLOSE.
pub mod ending {
    /// Receiving was shut down: by this side, or with the peer's FIN (`RCV_SHUTDOWN`).
    pub const RECEIVE_SHUT: u16 = 1 << 0;
    /// Sending was shut down: close(2) and shutdown(2) set it first (`SEND_SHUTDOWN`).
    pub const SEND_SHUT: u16 = 1 << 1;
    /// The peer's FIN has arrived (`SOCK_DONE`).
    pub const PEER_FIN: u16 = 1 << 2;
    /// A thread held the socket's lock, so it happened in that thread; otherwise in softirq.
    pub const IN_THREAD: u16 = 1 << 3;
    /// No `struct socket`: nobody had accepted it yet, or it was closed before.
    pub const NO_DESCRIPTOR: u16 = 1 << 4;
    /// No packet waited to be read: close(2) throws them away first.
    pub const NOTHING_QUEUED: u16 = 1 << 5;
    /// Segments with data arrived after this side had closed, and none was taken.
    pub const DATA_REJECTED: u16 = 1 << 6;
    /// The kernel was sending again, or asking whether the peer is still there.
    pub const RETRYING: u16 = 1 << 7;
    /// A subflow of an MPTCP connection.
    pub const MPTCP: u16 = 1 << 8;
    /// SO_LINGER with time 0, or TCP_LINGER2 below 0: close(2) sends a RST.
    pub const LINGER_ABORTS: u16 = 1 << 9;
    /// The socket had a source port.
    pub const LOCAL_PORT: u16 = 1 << 10;
    /// The socket was in repair mode (TCP_REPAIR): nothing is sent.
    pub const REPAIR: u16 = 1 << 11;
}

/// One connection. Times are nanoseconds of `CLOCK_MONOTONIC`; 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "zerocopy",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout,
        zerocopy::Immutable
    )
)]
#[repr(C)]
pub struct ConnectionRecord {
    /// Tag, version and length.
    pub header: RecordHeader,
    /// Socket cookie, or the address of the `struct sock` where the kernel has
    /// no cookie for tracing programs (see [`known::COOKIE`]).
    pub socket: u64,
    /// The connecting thread entered SYN_SENT; for an accepted connection the
    /// same as `established_ns`.
    pub started_ns: u64,
    /// The connection became ESTABLISHED.
    pub established_ns: u64,
    /// Id of the opener's cgroup in the v2 hierarchy.
    pub opener_cgroup: u64,
    /// Start of the opening process, nanoseconds since boot (`CLOCK_BOOTTIME`).
    pub opener_start_ns: u64,
    /// Start of its parent at connect, likewise.
    pub parent_start_ns: u64,
    /// Local address as IPv6, v4-mapped for IPv4.
    pub local_address: [u8; 16],
    /// Remote address as IPv6, v4-mapped for IPv4.
    pub remote_address: [u8; 16],
    /// Name of the opening thread.
    pub opener_comm: [u8; COMM_LENGTH],
    /// Name of the opening process's leader.
    pub process_comm: [u8; COMM_LENGTH],
    /// Name of its parent's leader at connect.
    pub parent_comm: [u8; COMM_LENGTH],
    /// The opening process: what user space calls the pid.
    pub opener_tgid: u32,
    /// The opening thread.
    pub opener_tid: u32,
    /// Real user id of the opening thread.
    pub opener_uid: u32,
    /// The opening process's parent at connect.
    pub parent_tgid: u32,
    /// Inode number of the socket's network namespace.
    pub netns: u32,
    /// Index of the interface that the socket is bound to, 0 for none: the scope
    /// of link-local addresses.
    pub interface: u32,
    /// Bit set: see [`known`].
    pub known: u32,
    /// Local port, network byte order.
    pub local_port: [u8; 2],
    /// Remote port, network byte order.
    pub remote_port: [u8; 2],
    /// [`STAGE_ESTABLISHED`], [`STAGE_ENDED`], [`STAGE_OPEN_AT_END`], [`STAGE_SEEN_OPEN`] or
    /// [`STAGE_FOUND_CLOSED`].
    pub stage: u8,
    /// [`SIDE_OPENED`] or [`SIDE_ACCEPTED`].
    pub side: u8,
    /// Bit set of the states that zkchurn saw the socket enter
    /// ([`bit`](crate::state::bit)); FIN_WAIT2 and CLOSING are not looked at.
    pub states_seen: u16,
    /// [`FAMILY_INET`] or [`FAMILY_INET6`].
    pub family: u8,
    /// The state that was left for CLOSE.
    pub state_left: u8,
    /// Bit set: see [`ending`].
    pub ending: u16,
    /// The connection left ESTABLISHED: the first FIN or RST of either side.
    pub left_established_ns: u64,
    /// This side closed or shut down its sending direction.
    pub local_close_ns: u64,
    /// What the record tells up to: when the socket reached CLOSE, or when an
    /// open one was seen.
    pub until_ns: u64,
    /// Payload bytes sent, each counted once; SYN and FIN not counted. Only in records of
    /// before `acked` was filled.
    pub payload_out: u64,
    /// Payload bytes received in order; the FIN not counted.
    pub payload_in: u64,
    /// What the peer acknowledged (`bytes_acked`): the FIN counted, and the SYN of an
    /// opened connection.
    pub acked: u64,
    /// Bytes of payload that were sent again.
    pub bytes_retransmitted: u64,
    /// Name of the closing thread.
    pub closer_comm: [u8; COMM_LENGTH],
    /// The closing process.
    pub closer_tgid: u32,
    /// The closing thread.
    pub closer_tid: u32,
    /// `sk_err` when the socket reached CLOSE: a positive errno, or 0.
    pub error: u16,
    /// `sk_err_soft` likewise: an error that the kernel told nobody, such as an
    /// ICMP answer to a SYN.
    pub soft_error: u16,
    /// Smoothed round-trip time in microseconds.
    pub smoothed_rtt_us: u32,
    /// Segments that were sent again, SYN included.
    pub retransmits: u32,
    /// Congestion window in segments (`snd_cwnd`).
    pub congestion_window: u32,
    /// Segments sent, SYN and those sent again included; 0 says that no SYN left.
    pub segments_out: u32,
    /// What was sent and not acknowledged, counted as in `acked` (`snd_nxt - snd_una`).
    pub in_flight: u32,
    /// What was written and never sent (`write_seq - snd_nxt`).
    pub unsent: u32,
    /// What was received and never read (`rcv_nxt - copied_seq`).
    pub unread: u32,
    /// What earlier records told of this connection: [`TOLD_NOTHING`],
    /// [`TOLD_CONNECTING`] or [`TOLD_ESTABLISHED`].
    pub told: u8,
    /// Always 0.
    pub reserved: [u8; 7],
}

/// A value of the table: a record in progress, and what only the kernel program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "zerocopy",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout,
        zerocopy::Immutable
    )
)]
#[repr(C)]
pub struct TableEntry {
    /// The record, to be published at the end.
    pub record: ConnectionRecord,
    /// Address of the `struct sock`, 0 where the program has not met it yet. It never
    /// leaves the table.
    pub address: u64,
    /// Not 0: the socket was found closed once.
    pub found_closed: u64,
}

/// Size of [`TableEntry`] in bytes.
pub const ENTRY_SIZE: usize = RECORD_SIZE + 16;

impl ConnectionRecord {
    /// The header of a record that is whole.
    pub const HEADER: RecordHeader = RecordHeader {
        tag: tag::CONNECTION,
        version: RECORD_VERSION,
        length: RECORD_SIZE as u32,
    };
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<ConnectionRecord>() == RECORD_SIZE);
    assert!(size_of::<TableEntry>() == ENTRY_SIZE);
    assert!(align_of::<ConnectionRecord>() == 8);
    assert!(offset_of!(ConnectionRecord, socket) == 8);
    assert!(offset_of!(ConnectionRecord, local_address) == 56);
    assert!(offset_of!(ConnectionRecord, opener_tgid) == 136);
    assert!(offset_of!(ConnectionRecord, known) == 160);
    assert!(offset_of!(ConnectionRecord, states_seen) == 170);
    assert!(offset_of!(ConnectionRecord, ending) == 174);
    assert!(offset_of!(ConnectionRecord, left_established_ns) == ESTABLISHED_SIZE);
    assert!(offset_of!(ConnectionRecord, closer_comm) == 232);
    assert!(offset_of!(ConnectionRecord, error) == 256);
    assert!(offset_of!(ConnectionRecord, told) == 288);
    assert!(offset_of!(ConnectionRecord, reserved) + 7 == RECORD_SIZE);
    // The ring buffer aligns what it holds to 8 bytes.
    assert!(RECORD_SIZE.is_multiple_of(8) && ESTABLISHED_SIZE.is_multiple_of(8));
};

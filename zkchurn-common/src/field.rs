// SPDX-License-Identifier: MIT
//! Which fields of kernel structures the program reads.
//!
//! No offset is fixed at compile time. At start the loader looks every field
//! up (in `/sys/kernel/btf/vmlinux`, or in the tracepoint's `format` file) and
//! writes the offsets into two arrays of globals, indexed by the enums below.
//! Adding a field means adding a line here and reading it in the program.

/// The offset of a field that the running kernel does not have, or has with
/// another size. The program leaves out what needs it.
pub const ABSENT: u32 = u32::MAX;

/// Where a field is found in the kernel's BTF, and how wide it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSource {
    /// The structure, or for [`FieldKind::EnumValue`] the enumeration.
    pub type_name: &'static str,
    /// The member's path, dot-separated; anonymous members are looked through.
    pub path: &'static str,
    /// How the looked-up number is to be understood.
    pub kind: FieldKind,
}

/// What is looked up for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A member's byte offset; the member must have this many bytes.
    Member {
        /// Size in bytes that the program reads.
        size: u32,
    },
    /// The value of an enumerator.
    EnumValue,
    /// A bit field of one bit: its offset in bits from the structure's start. It lies in the
    /// byte at an eighth of that, at the bit that the remainder says (little-endian).
    Bit,
}

/// Declares an enum of slots with the place where each is found.
macro_rules! fields {
    ($(#[$enum_doc:meta])* $name:ident: $source_type:ty { $( $(#[$doc:meta])* $field:ident = $source:expr ),* $(,)? }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum $name { $( $(#[$doc])* $field ),* }

        impl $name {
            /// All fields, in the order of their slots.
            pub const ALL: &'static [Self] = &[ $( Self::$field ),* ];
            /// Number of slots.
            pub const COUNT: usize = Self::ALL.len();

            /// Where the field is found.
            pub const fn source(self) -> $source_type {
                match self { $( Self::$field => $source ),* }
            }
        }
    };
}

const fn member(type_name: &'static str, path: &'static str, size: u32) -> FieldSource {
    FieldSource {
        type_name,
        path,
        kind: FieldKind::Member { size },
    }
}

fields! {
    /// Fields of `struct sock` and its neighbours, found through BTF.
    ///
    /// All members of `struct sock_common` lie at the start of `struct sock`
    /// (include/net/sock.h: `__sk_common` is its first member).
    SocketField: FieldSource {
        /// Address family of the socket: `AF_INET` or `AF_INET6`.
        Family = member("sock", "__sk_common.skc_family", 2),
        /// Remote port, network byte order.
        RemotePort = member("sock", "__sk_common.skc_dport", 2),
        /// Local port, host byte order; cleared before the change to CLOSE
        /// when the kernel chose it (`inet_put_port`).
        LocalPort = member("sock", "__sk_common.skc_num", 2),
        /// Local port, network byte order; survives the change to CLOSE.
        LocalPortKept = member("inet_sock", "inet_sport", 2),
        /// Remote IPv4 address, network byte order.
        RemoteV4 = member("sock", "__sk_common.skc_daddr", 4),
        /// Local IPv4 address, network byte order.
        LocalV4 = member("sock", "__sk_common.skc_rcv_saddr", 4),
        /// Remote IPv6 address.
        RemoteV6 = member("sock", "__sk_common.skc_v6_daddr", 16),
        /// Local IPv6 address.
        LocalV6 = member("sock", "__sk_common.skc_v6_rcv_saddr", 16),
        /// TCP state.
        State = member("sock", "__sk_common.skc_state", 1),
        /// Pointer to the network namespace.
        Net = member("sock", "__sk_common.skc_net", 8),
        /// Inode number of a network namespace, inside `struct net`.
        NetInode = member("net", "ns.inum", 4),
        /// IP protocol number; a 16-bit member since 5.6.
        Protocol = member("sock", "sk_protocol", 2),
        /// The pending error, a positive errno.
        Error = member("sock", "sk_err", 4),
        /// Socket flags, a bit set.
        Flags = member("sock", "__sk_common.skc_flags", 8),
        /// Bit number in `Flags` that `tcp_fin` sets: the peer's FIN has arrived
        /// and is counted in `bytes_received`.
        FlagDone = FieldSource { type_name: "sock_flags", path: "SOCK_DONE", kind: FieldKind::EnumValue },
        /// Bit number in `Flags` that SO_LINGER sets.
        FlagLinger = FieldSource { type_name: "sock_flags", path: "SOCK_LINGER", kind: FieldKind::EnumValue },
        /// Time of SO_LINGER in ticks.
        LingerTime = member("sock", "sk_lingertime", 8),
        /// TCP_LINGER2; below 0 a FIN_WAIT2 is cut short by a RST.
        Linger2 = member("tcp_sock", "linger2", 4),
        /// An error that was not worth ending the connection for, a positive errno.
        SoftError = member("sock", "sk_err_soft", 4),
        /// Directions that are shut: RCV_SHUTDOWN 1, SEND_SHUTDOWN 2 (include/net/sock.h).
        Shutdown = member("sock", "sk_shutdown", 1),
        /// Not 0 while a thread holds the socket's lock: what happens then happens in
        /// that thread. In softirq it is 0.
        LockOwned = member("sock", "sk_lock.owned", 4),
        /// Pointer to the `struct socket` that descriptors refer to; null before
        /// accept(2) and after the last close.
        Socket = member("sock", "sk_socket", 8),
        /// Packets that wait to be read.
        ReceiveQueueLength = member("sock", "sk_receive_queue.qlen", 4),
        /// Messages for IP_RECVERR that wait to be read.
        ErrorQueueLength = member("sock", "sk_error_queue.qlen", 4),
        /// The first of them, a `struct sk_buff`.
        ErrorQueueFirst = member("sock", "sk_error_queue.next", 8),
        /// Room for the owner of a packet; in the error queue a `struct sock_exterr_skb`.
        PacketRoom = member("sk_buff", "cb", 48),
        /// The message itself, `struct sock_extended_err`: errno, then origin.
        ExtendedError = member("sock_exterr_skb", "ee", 16),
        /// The socket's cookie, 0 before it has one.
        Cookie = member("sock", "__sk_common.skc_cookie", 8),
        /// Index of the interface that the socket is bound to, or 0.
        Interface = member("sock", "__sk_common.skc_bound_dev_if", 4),
        /// Segments sent, SYN and those sent again included.
        SegmentsOut = member("tcp_sock", "segs_out", 4),
        /// Segments with data received (4.6+).
        DataSegmentsIn = member("tcp_sock", "data_segs_in", 4),
        /// What the peer acknowledged: of an opened connection with the SYN, and with the FIN.
        BytesAcked = member("tcp_sock", "bytes_acked", 8),
        /// First sequence number that is not acknowledged.
        SendUnacknowledged = member("tcp_sock", "snd_una", 4),
        /// Next sequence number to send.
        SendNext = member("tcp_sock", "snd_nxt", 4),
        /// Sequence number after all that was written.
        WriteSequence = member("tcp_sock", "write_seq", 4),
        /// Next sequence number that is expected.
        ReceiveNext = member("tcp_sock", "rcv_nxt", 4),
        /// First sequence number that the program has not read.
        CopiedSequence = member("tcp_sock", "copied_seq", 4),
        /// Whether the socket is in repair mode (TCP_REPAIR), in which it sends nothing.
        Repair = FieldSource { type_name: "tcp_sock", path: "repair", kind: FieldKind::Bit },
        /// Whether the socket is a subflow of an MPTCP connection (5.6+).
        IsMptcp = member("tcp_sock", "is_mptcp", 1),
        /// Pointer from an MPTCP socket to its first subflow.
        FirstSubflow = member("mptcp_sock", "first", 8),
        /// How often the kernel has sent the same segment again so far.
        Retries = member("inet_connection_sock", "icsk_retransmits", 1),
        /// How often it has asked whether the peer is still there.
        Probes = member("inet_connection_sock", "icsk_probes_out", 1),
        /// Bytes sent again (4.19+).
        BytesRetransmitted = member("tcp_sock", "bytes_retrans", 8),
        /// Bytes received in order; a received FIN counts as one.
        BytesReceived = member("tcp_sock", "bytes_received", 8),
        /// Segments sent again, SYN included.
        Retransmits = member("tcp_sock", "total_retrans", 4),
        /// Congestion window in segments.
        CongestionWindow = member("tcp_sock", "snd_cwnd", 4),
        /// Smoothed round-trip time in eighths of a microsecond.
        SmoothedRtt = member("tcp_sock", "srtt_us", 4),
        /// The process's leader, inside `struct task_struct`.
        GroupLeader = member("task_struct", "group_leader", 8),
        /// Start of a task in nanoseconds since boot (named so since 5.5).
        StartBoottime = member("task_struct", "start_boottime", 8),
        /// Pointer to the task that made a process, or to who took it over.
        RealParent = member("task_struct", "real_parent", 8),
        /// Id of a task's process.
        Tgid = member("task_struct", "tgid", 4),
        /// Flags of a task, a bit set.
        TaskFlags = member("task_struct", "flags", 4),
        /// Name of a task, 16 bytes.
        Comm = member("task_struct", "comm", 16),
    }
}

fields! {
    /// Fields of the classic tracepoint's record, found in its `format` file.
    ///
    /// All of them sit 8 bytes later on PREEMPT_RT kernels, which is why a
    /// program with fixed offsets prints pieces of a kernel pointer there. The
    /// source is the name in that file and the size in bytes
    /// (include/trace/events/sock.h, `TRACE_EVENT(inet_sock_set_state)`).
    TracepointField: (&'static str, u32) {
        /// Address of the `struct sock`.
        SocketAddress = ("skaddr", 8),
        /// State before.
        OldState = ("oldstate", 4),
        /// State after.
        NewState = ("newstate", 4),
        /// Local port, host byte order.
        LocalPort = ("sport", 2),
        /// Remote port, host byte order.
        RemotePort = ("dport", 2),
        /// Address family of the socket.
        Family = ("family", 2),
        /// IP protocol number.
        Protocol = ("protocol", 2),
        /// Local address as IPv6, v4-mapped for IPv4.
        LocalV6 = ("saddr_v6", 16),
        /// Remote address as IPv6, v4-mapped for IPv4.
        RemoteV6 = ("daddr_v6", 16),
    }
}

#[cfg(test)]
mod tests {
    use super::{SocketField, TracepointField};

    #[test]
    fn slots_follow_the_order_of_all() {
        for (slot, field) in SocketField::ALL.iter().enumerate() {
            assert_eq!(*field as usize, slot);
        }
        for (slot, field) in TracepointField::ALL.iter().enumerate() {
            assert_eq!(*field as usize, slot);
        }
    }
}

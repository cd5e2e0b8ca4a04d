// SPDX-License-Identifier: MIT
//! Globals that the loader sets before it loads the program.
//!
//! They live in `.rodata`, which is frozen before the verifier runs: the
//! verifier knows their values and removes the branches that they rule out.

/// Trace connections that this host opens to a traced port.
pub const SIDE_CLIENT: u32 = 1;
/// Trace connections that this host accepts on a traced port.
pub const SIDE_SERVER: u32 = 2;

/// Most processes that a trace can be limited to.
pub const MOST_PIDS: usize = 16;

/// Slot of the array `READER`: not 0 while the reader looks at the ring buffer only when it
/// is woken. The program sets it to 0 when it wakes it.
pub const READER_DOZES: u32 = 0;
/// Slot of the array `READER`: when the program last woke it for a new process,
/// nanoseconds of `CLOCK_MONOTONIC`.
pub const LAST_WOKEN: u32 = 1;
/// Slot of the array `READER`: not 0 once first bytes are to be captured, where the loader
/// set [`HANDSHAKES_ON_WISH`].
pub const READER_WANTS_HANDSHAKES: u32 = 2;
/// Number of slots.
pub const READER_SLOTS: u32 = 3;

/// First bytes are never captured.
pub const HANDSHAKES_NEVER: u32 = 0;
/// First bytes are captured of each connection.
pub const HANDSHAKES_ALWAYS: u32 = 1;
/// First bytes are captured of connections that begin once the reader wants them.
pub const HANDSHAKES_ON_WISH: u32 = 2;

/// Sockets that one run of the program `check_sockets` looks at: a raw tracepoint has so
/// many arguments at most (include/linux/filter.h, `MAX_BPF_FUNC_ARGS`).
pub const CHECKED_AT_ONCE: usize = 12;

/// Names of the globals and of the maps in the eBPF object.
pub mod names {
    /// `u32`: [`SIDE_CLIENT`](super::SIDE_CLIENT), [`SIDE_SERVER`](super::SIDE_SERVER) or both.
    pub const SIDES: &str = "SIDES";
    /// `[u32; MOST_PIDS]`: trace only connections opened by these processes, 0 behind them; all
    /// where the first is 0.
    pub const PIDS: &str = "PIDS";
    /// [`PortSet`](crate::ports::PortSet).
    pub const PORTS: &str = "PORTS";
    /// `[u32; SocketField::COUNT]`: see [`crate::field`].
    pub const SOCKET_LAYOUT: &str = "SOCKET_LAYOUT";
    /// `[u32; TracepointField::COUNT]`: see [`crate::field`].
    pub const TRACEPOINT_LAYOUT: &str = "TRACEPOINT_LAYOUT";
    /// `u32`: 1 where tracing programs may call `bpf_get_socket_cookie` (5.12 and later).
    pub const HAS_SOCKET_COOKIE: &str = "HAS_SOCKET_COOKIE";
    /// `u32`: [`HANDSHAKES_NEVER`](super::HANDSHAKES_NEVER) or another of these: whether the
    /// first bytes of each direction are to be captured.
    pub const HANDSHAKE: &str = "HANDSHAKE";
    /// Hash from socket cookie to how much of its handshake was captured.
    pub const HANDSHAKES: &str = "HANDSHAKES";
    /// The program for packets that leave a socket.
    pub const EGRESS_PROGRAM: &str = "handshake_egress";
    /// The program for packets that reach a socket.
    pub const INGRESS_PROGRAM: &str = "handshake_ingress";
    /// Hash from socket identity to the record in progress.
    pub const TRACKED: &str = "TRACKED";
    /// Ring buffer of finished records and of handshakes.
    pub const RECORDS: &str = "RECORDS";
    /// Per-CPU array of [`Loss`](crate::loss::Loss) counters.
    pub const LOSS: &str = "LOSS";
    /// The program for `tp_btf/inet_sock_set_state`.
    pub const TP_BTF_PROGRAM: &str = "inet_sock_set_state_btf";
    /// Array in which the reader tells the program how it waits and what it wants: see
    /// [`READER_DOZES`](super::READER_DOZES).
    pub const READER: &str = "READER";
    /// The program that looks whether sockets of the table are closed.
    pub const CHECK_PROGRAM: &str = "check_sockets";
    /// The programs for what the kernel skips that one for, and for what it skips each
    /// before them for.
    pub const SPARE_PROGRAMS: [&str; 2] =
        ["inet_sock_set_state_again", "inet_sock_set_state_third"];
    /// The program for the classic tracepoint `sock/inet_sock_set_state`.
    pub const TRACEPOINT_PROGRAM: &str = "inet_sock_set_state_classic";
    /// The tracepoint that they attach to.
    pub const TRACEPOINT: &str = "inet_sock_set_state";
    /// The tracepoint's category in tracefs.
    pub const TRACEPOINT_CATEGORY: &str = "sock";
}

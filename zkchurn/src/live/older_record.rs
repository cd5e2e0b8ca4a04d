// SPDX-License-Identifier: MIT
//! The record of a connection that is older than the trace, made of what the
//! kernel lists and `/proc` tells. No I/O.

use std::net::{IpAddr, SocketAddr};

use zkchurn_common::{
    record::{COMM_LENGTH, ConnectionRecord, FAMILY_INET, FAMILY_INET6, STAGE_ESTABLISHED, known},
    state::{self, CLOSE_WAIT, ESTABLISHED, SYN_SENT},
};

use zkchurn_core::decode::blank;

use crate::host::sock_diag::{DiagSocket, holders::Holder};

/// Makes the record; all its moments are the trace's begin, `now_ns`; `side` is
/// `SIDE_OPENED` or `SIDE_ACCEPTED`.
pub(super) fn record_of(
    socket: &DiagSocket,
    holder: Option<&Holder>,
    side: u8,
    now_ns: u64,
) -> ConnectionRecord {
    let is_established = socket.state != SYN_SENT;
    let mut known = known::COOKIE | known::NETNS | known::BEFORE_START | known::INTERFACE;
    if holder.is_some() {
        known |= known::HOLDER;
    }
    ConnectionRecord {
        socket: socket.cookie,
        started_ns: now_ns,
        established_ns: if is_established { now_ns } else { 0 },
        left_established_ns: if socket.state == CLOSE_WAIT {
            now_ns
        } else {
            0
        },
        opener_start_ns: holder.map_or(0, |holder| holder.key.start_ns),
        opener_tgid: holder.map_or(0, |holder| holder.key.pid),
        opener_uid: socket.uid,
        netns: socket.netns,
        interface: scope(socket.remote).max(scope(socket.local)),
        known,
        local_address: octets(socket.local),
        remote_address: octets(socket.remote),
        process_comm: holder.map_or([0; COMM_LENGTH], |holder| comm(&holder.comm)),
        local_port: socket.local.port().to_be_bytes(),
        remote_port: socket.remote.port().to_be_bytes(),
        stage: STAGE_ESTABLISHED,
        side,
        states_seen: states_seen(socket.state),
        family: if socket.ipv6_socket {
            FAMILY_INET6
        } else {
            FAMILY_INET
        },
        ..blank()
    }
}

fn states_seen(state: u8) -> u16 {
    match state {
        SYN_SENT => state::bit(SYN_SENT),
        CLOSE_WAIT => state::bit(ESTABLISHED) | state::bit(CLOSE_WAIT),
        _ => state::bit(ESTABLISHED),
    }
}

/// The interface of a link-local address.
fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V6(address) => address.scope_id(),
        SocketAddr::V4(_) => 0,
    }
}

fn octets(address: SocketAddr) -> [u8; 16] {
    match address.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The name as the kernel holds it: cut to leave room for the closing NUL.
fn comm(name: &str) -> [u8; COMM_LENGTH] {
    let mut comm = [0; COMM_LENGTH];
    let length = name.len().min(COMM_LENGTH - 1);
    comm[..length].copy_from_slice(&name.as_bytes()[..length]);
    comm
}

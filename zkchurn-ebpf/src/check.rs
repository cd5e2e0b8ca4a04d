// SPDX-License-Identifier: MIT
//! Whether sockets of the table are closed: the kernel may have skipped the programs at
//! their end, or refused to take an entry out (docs/adr/0023).
//!
//! The `struct sock` is read where it was. Its memory may hold anything by now, but
//! a cookie is given once, so memory that has it is this socket's, living or not.

use zkchurn_common::{
    field::SocketField,
    record::{STAGE_ENDED, STAGE_FOUND_CLOSED, TableEntry},
    state::{CLOSE, LISTEN},
};

use crate::{clock::now, globals, maps, socket::probe_at};

/// Younger entries are left alone: the program enters a connection before the kernel
/// writes its new state (net/ipv4/tcp.c, `tcp_set_state`).
const SETTLED_NS: u64 = 2_000_000_000;

/// Takes the connection out of the table if its socket was found closed twice, and tells
/// of it. Returns whether it is closed.
#[inline(always)]
pub(crate) fn check(key: u64) -> bool {
    let Some(entry) = maps::entry(key) else {
        return false;
    };
    let record = &mut entry.record;
    let now = now();
    if entry.address == 0 || now.saturating_sub(record.started_ns) < SETTLED_NS {
        return false;
    }
    if !is_closed(entry) {
        entry.found_closed = 0;
        return false;
    }
    // Once more at the next walk, in case that this CPU saw an old state.
    if entry.found_closed == 0 {
        entry.found_closed = now;
        return true;
    }
    if now.saturating_sub(entry.found_closed) < SETTLED_NS / 4 {
        return true;
    }
    let record = &mut entry.record;
    if record.stage == STAGE_ENDED {
        // Its end was published, and the table refused to let go of it.
        maps::forget(key);
        return true;
    }
    record.until_ns = now;
    record.stage = STAGE_FOUND_CLOSED;
    // Nobody else writes to a closed socket's entry. Where the ring buffer is full, the
    // next walk finds it again.
    if maps::publish_quietly(record) {
        maps::forget(key);
    }
    true
}

#[inline(always)]
fn is_closed(entry: &TableEntry) -> bool {
    let socket = entry.address as *const u8;
    if globals::socket_offset(SocketField::State).is_none() {
        return false;
    }
    let Some(state) = probe_at::<u8>(socket, SocketField::State) else {
        // Not even memory any more.
        return true;
    };
    if state == CLOSE || state == LISTEN {
        return true;
    }
    if globals::has_socket_cookie() {
        return probe_at::<u64>(socket, SocketField::Cookie)
            .is_some_and(|cookie| cookie != entry.record.socket);
    }
    // Without cookies what has been made of the memory since is told by the peer's port.
    let port = probe_at::<u16>(socket, SocketField::RemotePort);
    port.is_some_and(|port| port != u16::from_ne_bytes(entry.record.remote_port))
}

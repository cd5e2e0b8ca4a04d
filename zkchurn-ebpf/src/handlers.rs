// SPDX-License-Identifier: MIT
//! What each change of state adds to a connection's record.
//!
//! Every handler takes only what its transition can be trusted for: the
//! current thread in `tcp_connect` and `tcp_close`, which the thread itself
//! makes; the tuple once the connection is established; errors and byte
//! counts at the end.

use core::mem::MaybeUninit;

use zkchurn_common::{
    field::SocketField,
    loss::Loss,
    record::{
        ConnectionRecord, SIDE_ACCEPTED, SIDE_OPENED, STAGE_ENDED, TOLD_NOTHING, TableEntry, known,
    },
    state::{self, CLOSE, CLOSE_WAIT, ESTABLISHED, SYN_RECV, SYN_SENT, Transition},
};

use crate::{clock::now, ending, globals, maps, socket::Socket, task, words};

/// CLOSE to SYN_SENT, in the thread that called connect.
#[inline(always)]
pub(crate) fn tcp_connect<S: Socket>(socket: &S) {
    if globals::has_pids() && !globals::is_wanted(task::tgid()) {
        return;
    }
    let mut entry = MaybeUninit::uninit();
    let entry = new_entry(&mut entry, socket, SIDE_OPENED);
    let record = &mut entry.record;
    record.states_seen = state::bit(SYN_SENT);
    record_tuple(record, socket);
    ending::note_local_port(record, socket);
    task::record_opener(record);
    if maps::track(entry) {
        maps::publish_beginning(&mut entry.record);
    }
}

/// SYN_RECV to ESTABLISHED on the accepting side, in softirq. No thread has
/// anything to do with the connection yet.
#[inline(always)]
pub(crate) fn accepted<S: Socket>(socket: &S) {
    let mut entry = MaybeUninit::uninit();
    let entry = new_entry(&mut entry, socket, SIDE_ACCEPTED);
    let record = &mut entry.record;
    record.established_ns = record.started_ns;
    record.states_seen = state::bit(ESTABLISHED);
    record_tuple(record, socket);
    if maps::track(entry) {
        maps::publish_beginning(&mut entry.record);
    }
}

/// Whether this host opens the connection: one that connects at the same time as its peer, or
/// to itself, goes through SYN_RECV as an accepted one does (RFC 9293, 3.5).
#[inline(always)]
pub(crate) fn opens<S: Socket>(socket: &S) -> bool {
    maps::tracked(socket.identity()).is_some_and(|record| {
        record.side == SIDE_OPENED && record.states_seen == state::bit(SYN_SENT)
    })
}

/// SYN_RECV to FIN_WAIT1 on the accepting side: with Fast Open a server may have answered
/// and closed before the client's ACK came (RFC 7413).
#[inline(always)]
pub(crate) fn accepted_early<S: Socket>(socket: &S) {
    // What this host opens is in the table already, see `opens`.
    if maps::tracked(socket.identity()).is_none() {
        accepted(socket);
    }
}

/// SYN_SENT to ESTABLISHED on the opening side: the tuple is complete now.
#[inline(always)]
pub(crate) fn established<S: Socket>(socket: &S, old: u8) {
    let Some(entry) = maps::entry(socket.identity()) else {
        if old == SYN_RECV {
            maps::note_accepted_elsewhere(socket.identity());
        }
        return;
    };
    meet(entry, socket);
    let record = &mut entry.record;
    record.established_ns = now();
    record.states_seen |= state::bit(ESTABLISHED);
    record_tuple(record, socket);
}

/// To FIN_WAIT1 or LAST_ACK, in the thread that called close or shutdown.
#[inline(always)]
pub(crate) fn tcp_close<S: Socket>(socket: &S, transition: Transition, new: u8) {
    let Some(entry) = maps::entry(socket.identity()) else {
        // With a filter on the process this is the only moment that tells
        // whose socket it is.
        if globals::has_pids()
            && globals::is_wanted(task::tgid())
            && !maps::was_accepted_elsewhere(socket.identity())
        {
            maps::count(Loss::UnmatchedClose);
        }
        return;
    };
    meet(entry, socket);
    let record = &mut entry.record;
    let now = now();
    if transition == Transition::ActiveClose && record.left_established_ns == 0 {
        record.left_established_ns = now;
    }
    if record.local_close_ns == 0 {
        record.local_close_ns = now;
    }
    record.states_seen |= state::bit(new);
    ending::note_received(record, socket);
    // Softirq shuts down what a server closed before its handshake was complete.
    if ending::in_thread(socket) {
        task::record_closer(record);
    }
}

/// What happens to an MPTCP socket first and to its subflows later, by a worker of the
/// kernel: only here is the thread that calls close the current one.
#[inline(always)]
pub(crate) fn mptcp<S: Socket>(socket: &S, transition: Transition) {
    let Some(record) = socket.first_subflow().and_then(maps::tracked) else {
        return;
    };
    match transition {
        Transition::ActiveClose | Transition::PassiveClose | Transition::End
            if ending::in_thread(socket) && !task::is_of_kernel() =>
        {
            let now = now();
            if record.left_established_ns == 0 {
                record.left_established_ns = now;
            }
            if record.local_close_ns == 0 {
                record.local_close_ns = now;
            }
            task::record_closer(record);
        }
        Transition::PeerClose => {
            if record.left_established_ns == 0 {
                record.left_established_ns = now();
            }
            record.states_seen |= state::bit(CLOSE_WAIT);
        }
        _ => {}
    }
}

/// ESTABLISHED to CLOSE_WAIT: the peer's FIN came first.
#[inline(always)]
pub(crate) fn peer_close<S: Socket>(socket: &S) {
    let Some(entry) = maps::entry(socket.identity()) else {
        return;
    };
    meet(entry, socket);
    let record = &mut entry.record;
    if record.left_established_ns == 0 {
        record.left_established_ns = now();
    }
    record.states_seen |= state::bit(CLOSE_WAIT);
}

/// To CLOSE: the connection has ended, in whatever context.
#[inline(always)]
pub(crate) fn ended<S: Socket>(socket: &S, old: u8) {
    let identity = socket.identity();
    let Some(record) = maps::tracked(identity) else {
        // With both ports traced it may be the other end, whose peer happens to use one of
        // them as its own.
        let ports = [socket.local_port(), socket.remote_port()].map(globals::traces_port);
        if !globals::has_pids()
            && ports[0] != ports[1]
            && old != SYN_RECV
            && !maps::was_accepted_elsewhere(identity)
        {
            maps::count(Loss::UnmatchedClose);
        }
        return;
    };
    record.until_ns = now();
    record.states_seen |= state::bit(CLOSE);
    record.state_left = old;
    record.stage = STAGE_ENDED;
    if old == ESTABLISHED && record.left_established_ns == 0 {
        record.left_established_ns = record.until_ns;
    }
    ending::record_end(record, socket, old);
    maps::publish_ended(record);
    maps::forget(identity);
}

/// A connection older than the trace was entered by the reader, which does not know where
/// its socket is.
#[inline(always)]
fn meet<S: Socket>(entry: &mut TableEntry, socket: &S) {
    entry.address = socket.address() as u64;
}

#[inline(always)]
fn new_entry<'a, S: Socket>(
    room: &'a mut MaybeUninit<TableEntry>,
    socket: &S,
    side: u8,
) -> &'a mut TableEntry {
    let entry = words::clear(room);
    entry.address = socket.address() as u64;
    let record = &mut entry.record;
    record.header = ConnectionRecord::HEADER;
    record.told = TOLD_NOTHING;
    match socket.cookie() {
        Some(cookie) => {
            record.socket = cookie;
            record.known = known::COOKIE | known::TOLD;
        }
        None => {
            record.socket = socket.address() as u64;
            record.known = known::TOLD;
        }
    }
    record.started_ns = now();
    record.side = side;
    record.family = socket.family();
    if let Some(netns) = socket.netns() {
        record.netns = netns;
        record.known |= known::NETNS;
    }
    if let Some(interface) = socket.load(SocketField::Interface) {
        record.interface = interface;
        record.known |= known::INTERFACE;
    }
    entry
}

#[inline(always)]
fn record_tuple<S: Socket>(record: &mut ConnectionRecord, socket: &S) {
    let (local, remote) = socket.addresses();
    words::put(&mut record.local_address, local);
    words::put(&mut record.remote_address, remote);
    record.local_port = socket.local_port().to_be_bytes();
    record.remote_port = socket.remote_port().to_be_bytes();
}

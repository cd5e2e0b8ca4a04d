// SPDX-License-Identifier: MIT
//! What each change of state adds to a connection's record.
//!
//! Every handler takes only what its transition can be trusted for: the
//! current thread in `tcp_connect` and `tcp_close`, which the thread itself
//! makes; the tuple once the connection is established; errors and byte
//! counts at the end.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::bpf_ktime_get_ns;
use zkchurn_common::{
    field::SocketField,
    loss::Loss,
    record::{ConnectionRecord, SIDE_ACCEPTED, SIDE_OPENED, STAGE_ENDED, STAGE_ESTABLISHED, known},
    state::{self, CLOSE, CLOSE_WAIT, ESTABLISHED, SYN_SENT, Transition},
};

use crate::{globals, maps, socket::Socket, task, words};

/// CLOSE to SYN_SENT, in the thread that called connect.
#[inline(always)]
pub fn tcp_connect<S: Socket>(socket: &S) {
    let pid = globals::pid();
    if pid != 0 && pid != task::tgid() {
        return;
    }
    let mut record = MaybeUninit::uninit();
    let record = new_record(&mut record, socket, SIDE_OPENED);
    record.states_seen = state::bit(SYN_SENT);
    record_tuple(record, socket);
    task::record_opener(record);
    maps::track(record);
}

/// SYN_RECV to ESTABLISHED on the accepting side, in softirq. No thread has
/// anything to do with the connection yet.
#[inline(always)]
pub fn accepted<S: Socket>(socket: &S) {
    let mut record = MaybeUninit::uninit();
    let record = new_record(&mut record, socket, SIDE_ACCEPTED);
    record.established_ns = record.started_ns;
    record.states_seen = state::bit(ESTABLISHED);
    record.stage = STAGE_ESTABLISHED;
    record_tuple(record, socket);
    maps::track(record);
    maps::publish_established(record);
}

/// SYN_SENT to ESTABLISHED on the opening side: the tuple is complete now.
#[inline(always)]
pub fn established<S: Socket>(socket: &S) {
    let Some(record) = maps::tracked(socket.identity()) else {
        return;
    };
    record.established_ns = now();
    record.states_seen |= state::bit(ESTABLISHED);
    record.stage = STAGE_ESTABLISHED;
    record_tuple(record, socket);
    maps::publish_established(record);
}

/// To FIN_WAIT1 or LAST_ACK, in the thread that called close or shutdown.
#[inline(always)]
pub fn tcp_close<S: Socket>(socket: &S, transition: Transition, new: u8) {
    let Some(record) = maps::tracked(socket.identity()) else {
        // With a filter on the process this is the only moment that tells
        // whose socket it is.
        let pid = globals::pid();
        if pid != 0 && pid == task::tgid() {
            maps::count(Loss::UnmatchedClose);
        }
        return;
    };
    let now = now();
    if transition == Transition::ActiveClose {
        record.left_established_ns = now;
    }
    record.local_close_ns = now;
    record.states_seen |= state::bit(new);
    task::record_closer(record);
}

/// ESTABLISHED to CLOSE_WAIT: the peer's FIN came first.
#[inline(always)]
pub fn peer_close<S: Socket>(socket: &S) {
    let Some(record) = maps::tracked(socket.identity()) else {
        return;
    };
    record.left_established_ns = now();
    record.states_seen |= state::bit(CLOSE_WAIT);
}

/// To CLOSE: the connection has ended, in whatever context.
#[inline(always)]
pub fn ended<S: Socket>(socket: &S, old: u8) {
    let identity = socket.identity();
    let Some(record) = maps::tracked(identity) else {
        if globals::pid() == 0 {
            maps::count(Loss::UnmatchedClose);
        }
        return;
    };
    record.until_ns = now();
    record.states_seen |= state::bit(CLOSE);
    record.state_left = old;
    record.stage = STAGE_ENDED;
    if old == ESTABLISHED {
        record.left_established_ns = record.until_ns;
    }
    record_error(record, socket, old);
    record_traffic(record, socket);
    maps::publish_ended(record);
    maps::forget(identity);
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper has no arguments and no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

#[inline(always)]
fn new_record<'a, S: Socket>(
    room: &'a mut MaybeUninit<ConnectionRecord>,
    socket: &S,
    side: u8,
) -> &'a mut ConnectionRecord {
    let record = words::clear(room);
    record.header = ConnectionRecord::HEADER;
    match socket.cookie() {
        Some(cookie) => {
            record.socket = cookie;
            record.known = known::COOKIE;
        }
        None => record.socket = socket.address() as u64,
    }
    record.started_ns = now();
    record.side = side;
    record.family = socket.family();
    if let Some(netns) = socket.netns() {
        record.netns = netns;
        record.known |= known::NETNS;
    }
    record
}

#[inline(always)]
fn record_tuple<S: Socket>(record: &mut ConnectionRecord, socket: &S) {
    let (local, remote) = socket.addresses();
    words::put(&mut record.local_address, local);
    words::put(&mut record.remote_address, remote);
    record.local_port = socket.local_port().to_be_bytes();
    record.remote_port = socket.remote_port().to_be_bytes();
}

/// The pending error, and who ended the connection where that was the caller:
/// without an error a socket leaves SYN_SENT, ESTABLISHED or CLOSE_WAIT for
/// CLOSE only in the thread that gave up or aborted.
#[inline(always)]
fn record_error<S: Socket>(record: &mut ConnectionRecord, socket: &S, old: u8) {
    let Some(error) = socket.load::<u32>(SocketField::Error) else {
        return;
    };
    // An errno is below 4096 (include/linux/err.h, MAX_ERRNO).
    record.error = error as u16;
    record.known |= known::ERROR;
    if error == 0 && matches!(old, SYN_SENT | ESTABLISHED | CLOSE_WAIT) {
        record.local_close_ns = record.until_ns;
        task::record_closer(record);
    }
}

/// What the socket counted: payload, what was sent again, round-trip time, window.
#[inline(always)]
fn record_traffic<S: Socket>(record: &mut ConnectionRecord, socket: &S) {
    let Some(tcp) = socket.tcp() else {
        return;
    };
    if let Some(again) = tcp.load(SocketField::BytesRetransmitted) {
        record.bytes_retransmitted = again;
        record.known |= known::BYTES_RETRANSMITTED;
        if let Some(sent) = tcp.load::<u64>(SocketField::BytesSent) {
            record.payload_out = sent.saturating_sub(again);
            record.known |= known::PAYLOAD_OUT;
        }
    }
    if let Some(received) = tcp.load::<u64>(SocketField::BytesReceived)
        && let Some(fin) = peer_fin_counted(socket)
    {
        record.payload_in = received.saturating_sub(fin);
        record.known |= known::PAYLOAD_IN;
    }
    if let Some(retransmits) = tcp.load(SocketField::Retransmits) {
        record.retransmits = retransmits;
        record.known |= known::RETRANSMITS;
    }
    if let Some(segments) = tcp.load(SocketField::CongestionWindow) {
        record.congestion_window = segments;
        record.known |= known::CONGESTION_WINDOW;
    }
    if let Some(eighths) = tcp.load::<u32>(SocketField::SmoothedRtt) {
        record.smoothed_rtt_us = eighths >> 3;
        record.known |= known::SMOOTHED_RTT;
    }
}

/// 1 when the peer's FIN has arrived, which `bytes_received` counts as a byte.
///
/// `tcp_fin` (net/ipv4/tcp_input.c) sets SOCK_DONE for every FIN it takes. The
/// states do not tell: FIN_WAIT2 is also left for CLOSE without the peer's FIN.
#[inline(always)]
fn peer_fin_counted<S: Socket>(socket: &S) -> Option<u64> {
    let flags = socket.load::<u64>(SocketField::Flags)?;
    let bit = globals::socket_offset(SocketField::FlagDone)?;
    Some(flags >> (bit & 63) & 1)
}

// SPDX-License-Identifier: MIT
//! The first bytes of each direction of traced connections, and no more: up to
//! [`REQUEST_LIMIT`] of the client's and [`RESPONSE_LIMIT`] of the server's.
//!
//! Both programs always let the packet pass.

use aya_ebpf::{
    bindings::__sk_buff, helpers::bpf_ktime_get_ns, macros::cgroup_skb, programs::SkBuffContext,
};
use zkchurn_common::{
    handshake::{FROM_CLIENT, FROM_SERVER, HandshakeRecord, REQUEST_LIMIT, RESPONSE_LIMIT},
    loss::Loss,
    record::SIDE_OPENED,
    settings::{SIDE_CLIENT, SIDE_SERVER},
    state::LISTEN,
};

use crate::{
    globals, maps,
    packet::{Packet, Payload},
    progress::Direction,
};

/// The verdict of both programs.
const PASS: i32 = 1;

/// Which way a packet goes, seen from the traced socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

/// Packets that leave a socket (net/ipv4/ip_output.c, `ip_finish_output`).
#[cgroup_skb]
fn handshake_egress(context: SkBuffContext) -> i32 {
    capture(context.skb.skb, Way::Out);
    PASS
}

/// Packets that reach a socket (net/core/filter.c, `sk_filter_trim_cap`).
#[cgroup_skb]
fn handshake_ingress(context: SkBuffContext) -> i32 {
    capture(context.skb.skb, Way::In);
    PASS
}

/// Nearly all packets of a host concern other ports, and nearly all others are
/// past the handshake: ports first, then one look into the table.
#[inline(always)]
fn capture(buffer: *mut __sk_buff, way: Way) {
    let Some(packet) = Packet::new(buffer) else {
        return;
    };
    let opened = globals::traces(SIDE_CLIENT) && globals::traces_port(packet.remote_port());
    let accepted = globals::traces(SIDE_SERVER) && globals::traces_port(packet.local_port());
    if !(opened || accepted) {
        return;
    }
    let cookie = packet.cookie();
    let Some(progress) = maps::handshake(cookie) else {
        if way == Way::In && accepted {
            count_if_early(&packet);
        }
        return;
    };
    let is_request = (progress.side == SIDE_OPENED as u32) == (way == Way::Out);
    let (limit, from) = if is_request {
        (REQUEST_LIMIT as u32, FROM_CLIENT)
    } else {
        (RESPONSE_LIMIT as u32, FROM_SERVER)
    };
    let direction = match way {
        Way::Out => &mut progress.sent,
        Way::In => &mut progress.received,
    };
    if direction.captured >= limit {
        return;
    }
    let Some(payload) = packet.payload() else {
        return;
    };
    if !continues(&packet, direction, &payload, way) {
        return;
    }
    take(&packet, direction, &payload, cookie, limit, from);
}

/// Whether the payload is what comes next in its direction: not sent again, and
/// not ahead of something that was lost on the way.
#[inline(always)]
fn continues(packet: &Packet, direction: &Direction, payload: &Payload, way: Way) -> bool {
    if direction.captured != 0 {
        return payload.sequence == direction.next;
    }
    match way {
        // A socket sends its first byte first.
        Way::Out => true,
        Way::In => packet.expected() == Some(payload.sequence),
    }
}

/// Copies up to `limit` bytes of the direction, counted from its beginning.
#[inline(always)]
fn take(
    packet: &Packet,
    direction: &mut Direction,
    payload: &Payload,
    socket: u64,
    limit: u32,
    from: u8,
) {
    let captured = direction.captured;
    let length = payload.length.min(limit.wrapping_sub(captured));
    // SAFETY: every field is a number or an array of bytes, for which all
    // zeroes is a value.
    let mut record: HandshakeRecord = unsafe { core::mem::zeroed() };
    if packet
        .load_first(payload.start, &mut record.bytes, u64::from(length))
        .is_none()
    {
        return;
    }
    direction.captured = captured + length;
    direction.next = payload.sequence.wrapping_add(payload.length);
    record.header = HandshakeRecord::HEADER;
    record.socket = socket;
    // SAFETY: the helper has no arguments and no preconditions.
    record.at_ns = unsafe { bpf_ktime_get_ns() };
    record.payload = payload.length;
    record.length = length as u8;
    record.offset = captured as u8;
    record.direction = from;
    maps::publish_handshake(&record);
}

/// A packet with payload for the listening socket completes a connection that
/// has no socket of its own yet (net/ipv4/tcp_ipv4.c, `tcp_v4_rcv`).
#[inline(always)]
fn count_if_early(packet: &Packet) {
    if packet.state() == LISTEN && packet.payload().is_some() {
        maps::count(Loss::HandshakeBeforeAccept);
    }
}

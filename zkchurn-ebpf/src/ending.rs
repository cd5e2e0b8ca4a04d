// SPDX-License-Identifier: MIT
//! What is read of a socket as it reaches CLOSE: its error, what it counted, and what
//! tells why. The reader gives it a meaning.

use zkchurn_common::{
    field::SocketField,
    record::{ConnectionRecord, ending, known},
    state::{CLOSE_WAIT, ESTABLISHED, SYN_SENT},
};

use crate::{
    globals,
    socket::{Socket, TcpSocket, probe_at},
    task,
};

/// Whether what happens to the socket now happens in a thread that acts on it. Where the
/// kernel does not tell it is taken for granted.
#[inline(always)]
pub(crate) fn in_thread<S: Socket>(socket: &S) -> bool {
    let owned: u32 = socket.load(SocketField::LockOwned).unwrap_or(1);
    owned != 0
}

/// Enters the port that is bound before connect, and remembers the one of the socket's
/// former connection, for [`has_local_port`]: `inet_sport` is never cleared.
#[inline(always)]
pub(crate) fn note_local_port<S: Socket>(record: &mut ConnectionRecord, socket: &S) {
    record.soft_error = u16::from_be_bytes(record.local_port);
    if let Some(bound) = socket.load::<u16>(SocketField::LocalPort) {
        record.local_port = bound.to_be_bytes();
    }
}

/// Whether the kernel chose a source port, or one was bound.
#[inline(always)]
fn has_local_port<S: Socket>(record: &ConnectionRecord, socket: &S) -> bool {
    let port = socket.local_port();
    port != 0 && (port != record.soft_error || record.local_port != [0; 2])
}

/// Remembers what had been received when this side closed, for [`rejected_data`].
///
/// It is kept where the end will stand. `known` says that nothing stands there yet.
#[inline(always)]
pub(crate) fn note_received<S: Socket>(record: &mut ConnectionRecord, socket: &S) {
    if let Some(tcp) = socket.tcp() {
        record.payload_in = tcp.load(SocketField::BytesReceived).unwrap_or(0);
        record.unread = tcp.load(SocketField::DataSegmentsIn).unwrap_or(0);
    }
}

/// Enters what the socket tells at its end, on leaving state `old`.
///
/// All is read as of `struct tcp_sock`, which begins with `struct sock`: the classic
/// tracepoint's program would ask for the socket's address again for each field.
#[inline(always)]
pub(crate) fn record_end<S: Socket>(record: &mut ConnectionRecord, socket: &S, old: u8) {
    let has_port = has_local_port(record, socket);
    let Some(tcp) = socket.tcp() else {
        return;
    };
    record_circumstances(record, &tcp, has_port);
    record_error(record, &tcp, old);
    record_sequence(record, &tcp);
    record_received(record, &tcp);
    record_path(record, &tcp);
}

/// What was so at the end: `ending`.
#[inline(always)]
fn record_circumstances(record: &mut ConnectionRecord, tcp: &TcpSocket, has_port: bool) {
    let (Some(shut), Some(flags)) = (
        tcp.load::<u8>(SocketField::Shutdown),
        tcp.load::<u64>(SocketField::Flags),
    ) else {
        return;
    };
    // RCV_SHUTDOWN and SEND_SHUTDOWN are the lowest bits here too.
    record.ending = u16::from(shut) & (ending::RECEIVE_SHUT | ending::SEND_SHUT);
    let mut set_if = |bit: u16, is_so: bool| record.ending |= if is_so { bit } else { 0 };
    set_if(ending::LOCAL_PORT, has_port);
    set_if(ending::PEER_FIN, has_flag(flags, SocketField::FlagDone));
    let linger: u64 = tcp.load(SocketField::LingerTime).unwrap_or(1);
    let lingers_never = has_flag(flags, SocketField::FlagLinger) && linger == 0;
    set_if(ending::LINGER_ABORTS, lingers_never);
    let linger2: u32 = tcp.load(SocketField::Linger2).unwrap_or(0);
    set_if(ending::LINGER_ABORTS, linger2.cast_signed() < 0);
    let owned: u32 = tcp.load(SocketField::LockOwned).unwrap_or(1);
    set_if(ending::IN_THREAD, owned != 0);
    let descriptor: u64 = tcp.load(SocketField::Socket).unwrap_or(1);
    set_if(ending::NO_DESCRIPTOR, descriptor == 0);
    let queued: u32 = tcp.load(SocketField::ReceiveQueueLength).unwrap_or(1);
    set_if(ending::NOTHING_QUEUED, queued == 0);
    set_if(ending::RETRYING, is_some_other(tcp, SocketField::Retries));
    set_if(ending::RETRYING, is_some_other(tcp, SocketField::Probes));
    set_if(ending::MPTCP, is_some_other(tcp, SocketField::IsMptcp));
    set_if(ending::REPAIR, tcp.has_bit(SocketField::Repair));
    if rejected_data(record, tcp) {
        record.ending |= ending::DATA_REJECTED;
    }
    record.known |= known::ENDING;
}

#[inline(always)]
fn has_flag(flags: u64, number: SocketField) -> bool {
    globals::socket_offset(number).is_some_and(|bit| flags >> (bit & 63) & 1 != 0)
}

/// Whether a byte is there and not 0.
#[inline(always)]
fn is_some_other(tcp: &TcpSocket, field: SocketField) -> bool {
    let value: u8 = tcp.load(field).unwrap_or(0);
    value != 0
}

/// Whether data came after this side had closed that the kernel did not take: it answers
/// that with a RST, and calls `tcp_reset` as if it had received one
/// (net/ipv4/tcp_input.c, `tcp_rcv_state_process`, step 7).
#[inline(always)]
fn rejected_data(record: &ConnectionRecord, tcp: &TcpSocket) -> bool {
    let received: u64 = tcp.load(SocketField::BytesReceived).unwrap_or(u64::MAX);
    let segments: u32 = tcp
        .load(SocketField::DataSegmentsIn)
        .unwrap_or(record.unread);
    record.local_close_ns != 0 && received == record.payload_in && segments != record.unread
}

/// The pending errors, and who ended the connection where that was the caller: without
/// an error a socket leaves SYN_SENT, ESTABLISHED or CLOSE_WAIT for CLOSE only in the
/// thread that gave up or aborted, or that closed the listener before accept(2). In softirq
/// an error that is not there any more was taken by a thread that asks for SO_ERROR.
#[inline(always)]
fn record_error(record: &mut ConnectionRecord, tcp: &TcpSocket, old: u8) {
    let Some(error) = tcp.load::<u32>(SocketField::Error) else {
        return;
    };
    // An errno is below 4096 (include/linux/err.h, MAX_ERRNO).
    record.error = error as u16;
    record.known |= known::ERROR;
    if let Some(soft) = tcp.load::<u32>(SocketField::SoftError) {
        record.soft_error = soft as u16;
        record.known |= known::SOFT_ERROR;
    }
    if error != 0 || !matches!(old, SYN_SENT | ESTABLISHED | CLOSE_WAIT) {
        return;
    }
    if old == SYN_SENT && record.soft_error == 0 {
        record.soft_error = answered_by_icmp(tcp).unwrap_or(0);
    }
    if record.ending & (ending::IN_THREAD | ending::NO_DESCRIPTOR) != 0 {
        if record.local_close_ns == 0 {
            record.local_close_ns = record.until_ns;
        }
        task::record_closer(record);
    }
}

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6` (include/uapi/linux/errqueue.h).
const ORIGINS_ICMP: core::ops::RangeInclusive<u8> = 2..=3;

/// The errno of an ICMP message that answered the SYN. SO_ERROR takes `sk_err_soft` away,
/// while the message itself stays in the queue for IP_RECVERR (5.19 and later).
#[inline(always)]
fn answered_by_icmp(tcp: &TcpSocket) -> Option<u16> {
    if tcp.load::<u32>(SocketField::ErrorQueueLength)? == 0 {
        return None;
    }
    let packet = tcp.load::<*const u8>(SocketField::ErrorQueueFirst)?;
    let room = globals::socket_offset(SocketField::PacketRoom)?;
    let [errno, origin]: [u32; 2] =
        probe_at(packet.wrapping_add(room), SocketField::ExtendedError)?;
    ORIGINS_ICMP
        .contains(&(origin as u8))
        .then_some(errno as u16)
}

/// What was acknowledged, is in flight, and was never sent.
#[inline(always)]
fn record_sequence(record: &mut ConnectionRecord, tcp: &TcpSocket) {
    if let Some(segments) = tcp.load(SocketField::SegmentsOut) {
        record.segments_out = segments;
        record.known |= known::SEGMENTS_OUT;
    }
    let (Some(first), Some(next), Some(written)) = (
        tcp.load::<u32>(SocketField::SendUnacknowledged),
        tcp.load::<u32>(SocketField::SendNext),
        tcp.load::<u32>(SocketField::WriteSequence),
    ) else {
        return;
    };
    record.in_flight = next.wrapping_sub(first);
    record.unsent = written.wrapping_sub(next);
    record.known |= known::UNSENT;
    if let Some(acked) = tcp.load(SocketField::BytesAcked) {
        record.acked = acked;
        record.known |= known::ACKED;
    }
}

/// What was received, and what of it nobody read.
#[inline(always)]
fn record_received(record: &mut ConnectionRecord, tcp: &TcpSocket) {
    let Some(fin) = peer_fin_counted(tcp) else {
        return;
    };
    if let Some(received) = tcp.load::<u64>(SocketField::BytesReceived) {
        record.payload_in = received.saturating_sub(fin.into());
        record.known |= known::PAYLOAD_IN;
    }
    if let (Some(next), Some(read)) = (
        tcp.load::<u32>(SocketField::ReceiveNext),
        tcp.load::<u32>(SocketField::CopiedSequence),
    ) {
        let unread = next.wrapping_sub(read).wrapping_sub(fin);
        // A FIN that was read as the end of the stream is behind what was copied.
        record.unread = if unread.cast_signed() < 0 { 0 } else { unread };
        record.known |= known::UNREAD;
    }
}

/// What was sent again, round-trip time, window.
#[inline(always)]
fn record_path(record: &mut ConnectionRecord, tcp: &TcpSocket) {
    if let Some(again) = tcp.load(SocketField::BytesRetransmitted) {
        record.bytes_retransmitted = again;
        record.known |= known::BYTES_RETRANSMITTED;
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
fn peer_fin_counted(tcp: &TcpSocket) -> Option<u32> {
    let flags = tcp.load::<u64>(SocketField::Flags)?;
    let bit = globals::socket_offset(SocketField::FlagDone)?;
    Some((flags >> (bit & 63) & 1) as u32)
}

// SPDX-License-Identifier: MIT
//! From the bytes of a record to a [`Connection`], and back for tests and
//! benchmarks. Bytes are hostile until they have passed here.

use std::{
    mem::offset_of,
    net::{Ipv6Addr, SocketAddr},
};

use bytes::{Buf, BufMut};
use zkchurn_common::record::{
    ConnectionRecord, FAMILY_INET, FAMILY_INET6, KIND_ENDED, KIND_ESTABLISHED, KIND_OPEN,
    RECORD_SIZE, SIDE_ACCEPTED, SIDE_OPENED, known,
};

use crate::{
    connection::{Comm, Connection, Holder, Opener, Side, Stage, Thread},
    process::ProcessKey,
};

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not have the size of a record.
    #[error("a record has {RECORD_SIZE} bytes, not {0}")]
    Length(usize),
    /// The record's kind is none that this version knows.
    #[error("kind {0} of a record is unknown")]
    Kind(u8),
    /// The record's side is neither opened nor accepted.
    #[error("side {0} of a record is unknown")]
    Side(u8),
    /// The socket's family is neither IPv4 nor IPv6.
    #[error("address family {0} of a record is unknown")]
    Family(u8),
}

/// Reads the fields of a record in the order of [`ConnectionRecord`].
pub fn read_record(mut bytes: &[u8]) -> Result<ConnectionRecord, DecodeError> {
    if bytes.len() != RECORD_SIZE {
        return Err(DecodeError::Length(bytes.len()));
    }
    let from = &mut bytes;
    Ok(ConnectionRecord {
        socket: from.get_u64_le(),
        started_ns: from.get_u64_le(),
        established_ns: from.get_u64_le(),
        left_established_ns: from.get_u64_le(),
        local_close_ns: from.get_u64_le(),
        ended_ns: from.get_u64_le(),
        payload_out: from.get_u64_le(),
        payload_in: from.get_u64_le(),
        opener_cgroup: from.get_u64_le(),
        opener_start_ns: from.get_u64_le(),
        opener_tgid: from.get_u32_le(),
        opener_tid: from.get_u32_le(),
        opener_uid: from.get_u32_le(),
        closer_tgid: from.get_u32_le(),
        closer_tid: from.get_u32_le(),
        netns: from.get_u32_le(),
        error: from.get_u32_le(),
        smoothed_rtt_us: from.get_u32_le(),
        retransmits: from.get_u32_le(),
        known: from.get_u32_le(),
        local_address: array(from),
        remote_address: array(from),
        opener_comm: array(from),
        process_comm: array(from),
        closer_comm: array(from),
        local_port: array(from),
        remote_port: array(from),
        kind: from.get_u8(),
        side: from.get_u8(),
        states_seen: from.get_u16_le(),
        family: from.get_u8(),
        state_left: from.get_u8(),
        reserved: array(from),
    })
}

/// Writes a record in the form that [`read_record`] reads.
pub fn write_record(record: &ConnectionRecord, to: &mut impl BufMut) {
    to.put_u64_le(record.socket);
    to.put_u64_le(record.started_ns);
    to.put_u64_le(record.established_ns);
    to.put_u64_le(record.left_established_ns);
    to.put_u64_le(record.local_close_ns);
    to.put_u64_le(record.ended_ns);
    to.put_u64_le(record.payload_out);
    to.put_u64_le(record.payload_in);
    to.put_u64_le(record.opener_cgroup);
    to.put_u64_le(record.opener_start_ns);
    to.put_u32_le(record.opener_tgid);
    to.put_u32_le(record.opener_tid);
    to.put_u32_le(record.opener_uid);
    to.put_u32_le(record.closer_tgid);
    to.put_u32_le(record.closer_tid);
    to.put_u32_le(record.netns);
    to.put_u32_le(record.error);
    to.put_u32_le(record.smoothed_rtt_us);
    to.put_u32_le(record.retransmits);
    to.put_u32_le(record.known);
    to.put_slice(&record.local_address);
    to.put_slice(&record.remote_address);
    to.put_slice(&record.opener_comm);
    to.put_slice(&record.process_comm);
    to.put_slice(&record.closer_comm);
    to.put_slice(&record.local_port);
    to.put_slice(&record.remote_port);
    to.put_u8(record.kind);
    to.put_u8(record.side);
    to.put_u16_le(record.states_seen);
    to.put_u8(record.family);
    to.put_u8(record.state_left);
    to.put_slice(&record.reserved);
}

fn array<const N: usize>(from: &mut &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    from.copy_to_slice(&mut bytes);
    bytes
}

/// Decodes the bytes of one record.
///
/// # Errors
///
/// A record of another length, or with a kind, side or family that is unknown.
pub fn decode(bytes: &[u8]) -> Result<Connection, DecodeError> {
    let record = read_record(bytes)?;
    let is_known = |bit| record.known & bit != 0;
    Ok(Connection {
        socket: record.socket,
        socket_is_cookie: is_known(known::COOKIE),
        stage: match record.kind {
            KIND_ESTABLISHED => Stage::Established,
            KIND_ENDED => Stage::Ended,
            KIND_OPEN if record.left_established_ns != 0 => Stage::Closing,
            KIND_OPEN => Stage::Open,
            other => return Err(DecodeError::Kind(other)),
        },
        side: match record.side {
            SIDE_OPENED => Side::Client,
            SIDE_ACCEPTED => Side::Server,
            other => return Err(DecodeError::Side(other)),
        },
        local: address(record.local_address, record.local_port),
        remote: address(record.remote_address, record.remote_port),
        ipv6_socket: match record.family {
            FAMILY_INET => false,
            FAMILY_INET6 => true,
            other => return Err(DecodeError::Family(other)),
        },
        netns: is_known(known::NETNS).then_some(record.netns),
        opener: is_known(known::OPENER).then(|| opener(&record)),
        before_start: is_known(known::BEFORE_START),
        holder: is_known(known::HOLDER).then(|| Holder {
            tgid: record.opener_tgid,
            uid: record.opener_uid,
            comm: Comm::new(record.process_comm),
            process_start_ns: record.opener_start_ns,
        }),
        closer: is_known(known::CLOSER).then(|| Thread {
            tgid: record.closer_tgid,
            tid: record.closer_tid,
            comm: Comm::new(record.closer_comm),
        }),
        started_ns: record.started_ns,
        established_ns: moment(record.established_ns),
        left_established_ns: moment(record.left_established_ns),
        local_close_ns: moment(record.local_close_ns),
        ended_ns: moment(record.ended_ns),
        payload_out: is_known(known::PAYLOAD_OUT).then_some(record.payload_out),
        payload_in: is_known(known::PAYLOAD_IN).then_some(record.payload_in),
        retransmits: is_known(known::RETRANSMITS).then_some(record.retransmits),
        smoothed_rtt_us: is_known(known::SMOOTHED_RTT).then_some(record.smoothed_rtt_us),
        error: is_known(known::ERROR).then_some(record.error),
        states_seen: record.states_seen,
        state_left: record.state_left,
        handshake: None,
    })
}

fn opener(record: &ConnectionRecord) -> Opener {
    let is_known = |bit| record.known & bit != 0;
    Opener {
        thread: Thread {
            tgid: record.opener_tgid,
            tid: record.opener_tid,
            comm: Comm::new(record.opener_comm),
        },
        uid: record.opener_uid,
        cgroup: record.opener_cgroup,
        process_comm: is_known(known::PROCESS_COMM).then(|| Comm::new(record.process_comm)),
        process_start_ns: is_known(known::OPENER_START).then_some(record.opener_start_ns),
    }
}

fn moment(nanoseconds: u64) -> Option<u64> {
    (nanoseconds != 0).then_some(nanoseconds)
}

/// v4-mapped addresses become IPv4 ones: every socket of a JVM is IPv6.
fn address(octets: [u8; 16], port: [u8; 2]) -> SocketAddr {
    let ip = Ipv6Addr::from(octets).to_canonical();
    SocketAddr::new(ip, u16::from_be_bytes(port))
}

/// The process that opened or holds the connection of a record, without decoding the
/// rest: asked for every record, to look up those that are new.
pub fn process_of(bytes: &[u8]) -> Option<ProcessKey> {
    let word = |at: usize| bytes.get(at..at + 4).map(|mut word| word.get_u32_le());
    let known = word(offset_of!(ConnectionRecord, known))?;
    if known & (known::OPENER | known::HOLDER) == 0 {
        return None;
    }
    let at = offset_of!(ConnectionRecord, opener_start_ns);
    let start_ns = match known & (known::OPENER | known::OPENER_START) {
        known::OPENER => 0,
        _ => bytes.get(at..at + 8)?.get_u64_le(),
    };
    Some(ProcessKey::new(
        word(offset_of!(ConnectionRecord, opener_tgid))?,
        start_ns,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_same_process() {
        let bits = [known::OPENER, known::OPENER_START, known::HOLDER];
        for set in 0..1 << bits.len() {
            let mut record = read_record(&[0; RECORD_SIZE]).unwrap();
            record.opener_tgid = 42;
            record.opener_start_ns = 7_000_000_000;
            (record.kind, record.side) = (KIND_ENDED, SIDE_OPENED);
            record.family = FAMILY_INET;
            let in_set = bits.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            record.known = in_set.map(|(_, bit)| bit).sum();
            let mut bytes = Vec::new();
            write_record(&record, &mut bytes);
            let connection = decode(&bytes).unwrap();
            assert_eq!(process_of(&bytes), ProcessKey::of(&connection), "{set:b}");
        }
    }
}

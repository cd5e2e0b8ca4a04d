// SPDX-License-Identifier: MIT
//! The kernel's records as recordings of version 1 hold them: without a header, told
//! apart by the kind of their frame. They become today's records; nothing else knows them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
use zkchurn_common::{
    handshake::{HandshakeRecord, REQUEST_LIMIT},
    record::{COMM_LENGTH, ConnectionRecord, known},
};

use crate::decode::blank;

/// A connection's record: 216 bytes, frame kind 2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct ConnectionRecordV1 {
    socket: u64,
    started_ns: u64,
    established_ns: u64,
    left_established_ns: u64,
    local_close_ns: u64,
    ended_ns: u64,
    payload_out: u64,
    payload_in: u64,
    opener_cgroup: u64,
    opener_start_ns: u64,
    opener_tgid: u32,
    opener_tid: u32,
    opener_uid: u32,
    closer_tgid: u32,
    closer_tid: u32,
    netns: u32,
    error: u32,
    smoothed_rtt_us: u32,
    retransmits: u32,
    known: u32,
    local_address: [u8; 16],
    remote_address: [u8; 16],
    opener_comm: [u8; COMM_LENGTH],
    process_comm: [u8; COMM_LENGTH],
    closer_comm: [u8; COMM_LENGTH],
    local_port: [u8; 2],
    remote_port: [u8; 2],
    kind: u8,
    side: u8,
    states_seen: u16,
    family: u8,
    state_left: u8,
    reserved: [u8; 6],
}

/// The first bytes of a direction: 56 bytes, frame kind 8.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct HandshakeRecordV1 {
    socket: u64,
    at_ns: u64,
    payload: u32,
    bytes: [u8; REQUEST_LIMIT],
    length: u8,
    offset: u8,
    direction: u8,
    reserved: [u8; 5],
}

/// Size of a connection's record in bytes.
pub const CONNECTION_SIZE: usize = 216;
/// Size of the record of first bytes.
pub const HANDSHAKE_SIZE: usize = 56;

const _: () = {
    assert!(size_of::<ConnectionRecordV1>() == CONNECTION_SIZE);
    assert!(size_of::<HandshakeRecordV1>() == HANDSHAKE_SIZE);
};

/// The bits of `known` that there were.
const KNOWN: u32 = (known::HOLDER << 1) - 1;

/// Today's record of the same connection; `None` where the bytes are no such record.
pub fn connection(bytes: &[u8]) -> Option<ConnectionRecord> {
    let old = ConnectionRecordV1::read_from_bytes(bytes).ok()?;
    // What no kernel writes is not known, rather than cut to something that it was not.
    let (error, lost) = match u16::try_from(old.error) {
        Ok(error) => (error, 0),
        Err(_) => (0, known::ERROR),
    };
    Some(ConnectionRecord {
        socket: old.socket,
        started_ns: old.started_ns,
        established_ns: old.established_ns,
        opener_cgroup: old.opener_cgroup,
        opener_start_ns: old.opener_start_ns,
        local_address: old.local_address,
        remote_address: old.remote_address,
        opener_comm: old.opener_comm,
        process_comm: old.process_comm,
        opener_tgid: old.opener_tgid,
        opener_tid: old.opener_tid,
        opener_uid: old.opener_uid,
        netns: old.netns,
        known: old.known & KNOWN & !lost,
        local_port: old.local_port,
        remote_port: old.remote_port,
        stage: old.kind,
        side: old.side,
        states_seen: old.states_seen,
        family: old.family,
        state_left: old.state_left,
        left_established_ns: old.left_established_ns,
        local_close_ns: old.local_close_ns,
        until_ns: old.ended_ns,
        payload_out: old.payload_out,
        payload_in: old.payload_in,
        closer_comm: old.closer_comm,
        closer_tgid: old.closer_tgid,
        closer_tid: old.closer_tid,
        error,
        smoothed_rtt_us: old.smoothed_rtt_us,
        retransmits: old.retransmits,
        ..blank()
    })
}

/// Today's record of the same bytes; `None` where they are no such record.
pub fn handshake(bytes: &[u8]) -> Option<HandshakeRecord> {
    let old = HandshakeRecordV1::read_from_bytes(bytes).ok()?;
    Some(HandshakeRecord {
        header: HandshakeRecord::HEADER,
        socket: old.socket,
        at_ns: old.at_ns,
        payload: old.payload,
        bytes: old.bytes,
        length: old.length,
        offset: old.offset,
        direction: old.direction,
        reserved: [0; 5],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands where in recordings that people have.
    #[test]
    fn fields_are_where_they_were() {
        let bytes: Vec<u8> = (0..CONNECTION_SIZE).map(|at| at as u8).collect();
        let word = |at: usize| u64::read_from_bytes(&bytes[at..at + 8]).unwrap();
        let half = |at: usize| u32::read_from_bytes(&bytes[at..at + 4]).unwrap();
        let old = ConnectionRecordV1::read_from_bytes(&bytes).unwrap();
        let new = connection(&bytes).unwrap();
        assert_eq!(new.header, ConnectionRecord::HEADER);
        assert_eq!((new.socket, new.started_ns), (word(0), word(8)));
        assert_eq!(
            (new.established_ns, new.left_established_ns),
            (word(16), word(24))
        );
        assert_eq!((new.local_close_ns, new.until_ns), (word(32), word(40)));
        assert_eq!((new.payload_out, new.payload_in), (word(48), word(56)));
        assert_eq!(
            (new.opener_cgroup, new.opener_start_ns),
            (word(64), word(72))
        );
        assert_eq!((new.opener_tgid, new.opener_tid), (half(80), half(84)));
        assert_eq!((new.opener_uid, new.netns), (half(88), half(100)));
        assert_eq!((new.closer_tgid, new.closer_tid), (half(92), half(96)));
        assert_eq!(
            (new.smoothed_rtt_us, new.retransmits),
            (half(108), half(112))
        );
        assert_eq!(new.local_address, bytes[120..136]);
        assert_eq!(new.remote_address, bytes[136..152]);
        assert_eq!(new.opener_comm, bytes[152..168]);
        assert_eq!(new.process_comm, bytes[168..184]);
        assert_eq!(new.closer_comm, bytes[184..200]);
        assert_eq!([new.local_port, new.remote_port].concat(), bytes[200..204]);
        assert_eq!((new.stage, new.side, new.states_seen), (204, 205, 0xcfce));
        assert_eq!((new.family, new.state_left), (208, 209));
        // No errno has this value, and no bit behind the thirteenth was ever set.
        assert_eq!((old.error, new.error), (half(104), 0));
        assert_eq!(new.known, half(116) & 0x1fff & !known::ERROR);
        assert_eq!(old.reserved, bytes[210..]);
    }

    #[test]
    fn what_is_not_of_that_size_is_none() {
        for length in (0..300).filter(|length| *length != CONNECTION_SIZE) {
            assert!(connection(&vec![1; length]).is_none());
        }
        for length in (0..300).filter(|length| *length != HANDSHAKE_SIZE) {
            assert!(handshake(&vec![1; length]).is_none());
        }
        assert!(handshake(&[1; HANDSHAKE_SIZE]).is_some());
    }
}

// SPDX-License-Identifier: MIT
//! From the bytes of the ring buffer and of recordings to a record, and from
//! there to a [`Connection`]. Bytes are hostile until they have passed here.

pub mod names;

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use zerocopy::{FromBytes, FromZeros, IntoBytes};
use zkchurn_common::{
    handshake::{HANDSHAKE_RECORD_VERSION, HandshakeRecord},
    record::{
        ConnectionRecord, ESTABLISHED_SIZE, FAMILY_INET, FAMILY_INET6, RECORD_SIZE, RECORD_VERSION,
        SIDE_ACCEPTED, SIDE_OPENED, STAGE_ENDED, STAGE_ESTABLISHED, STAGE_FOUND_CLOSED,
        STAGE_OPEN_AT_END, STAGE_SEEN_OPEN, TOLD_CONNECTING, TOLD_ESTABLISHED, TOLD_NOTHING, known,
    },
    wire::{HEADER_SIZE, RecordHeader, tag},
};

use crate::{
    connection::{Connection, Holder, Opener, Parent, Side, Stage, Thread, Told},
    ending::Ending,
    process::ProcessKey,
    traffic::Traffic,
};

/// What the kernel program has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a record lives on the stack for a moment, and most are of connections"
)]
pub enum Record {
    /// Where a connection stands in its life.
    Connection(ConnectionRecord),
    /// The first bytes of a direction.
    Handshake(HandshakeRecord),
    /// A tag or version that only a newer zkchurn knows.
    Unknown(RecordHeader),
}

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is no room for a header.
    #[error("a record has at least {HEADER_SIZE} bytes, not {0}")]
    NoHeader(usize),
    /// The header names another length.
    #[error("a record of {found} bytes says that it has {said}")]
    Length {
        /// What its header says.
        said: u32,
        /// How many bytes there are.
        found: usize,
    },
    /// The record's stage is none that this version knows.
    #[error("stage {0} of a record is unknown")]
    Stage(u8),
    /// What earlier records told is nothing that this version knows.
    #[error("a record says that earlier ones told {0}, which is unknown")]
    Told(u8),
    /// The record's side is neither opened nor accepted.
    #[error("side {0} of a record is unknown")]
    Side(u8),
    /// The socket's family is neither IPv4 nor IPv6.
    #[error("address family {0} of a record is unknown")]
    Family(u8),
}

/// Reads a record by its header. Of a longer one than this version knows the rest
/// is left out; what a shorter one lacks is unknown.
///
/// # Errors
///
/// There is no header, or it names another length than that of `bytes`.
#[inline]
pub fn read(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (header, _) =
        RecordHeader::read_from_prefix(bytes).map_err(|_| DecodeError::NoHeader(bytes.len()))?;
    if header.length as usize != bytes.len() {
        return Err(DecodeError::Length {
            said: header.length,
            found: bytes.len(),
        });
    }
    Ok(match (header.tag, header.version) {
        (tag::CONNECTION, RECORD_VERSION) => Record::Connection(connection(bytes)),
        (tag::HANDSHAKE, HANDSHAKE_RECORD_VERSION) => Record::Handshake(front(bytes)),
        _ => Record::Unknown(header),
    })
}

/// Half of all records have this length.
const KNOWN_AT_ESTABLISHMENT: u32 = known::within(ESTABLISHED_SIZE);

#[inline]
fn connection(bytes: &[u8]) -> ConnectionRecord {
    let mut record: ConnectionRecord = front(bytes);
    record.known &= match bytes.len() {
        ESTABLISHED_SIZE => KNOWN_AT_ESTABLISHMENT,
        RECORD_SIZE.. => u32::MAX,
        shorter => known::within(shorter),
    };
    record
}

/// As much of a record as there is, and zeroes.
#[inline]
fn front<T: FromBytes + IntoBytes>(bytes: &[u8]) -> T {
    let mut record = T::new_zeroed();
    let room = record.as_mut_bytes();
    let length = room.len().min(bytes.len());
    room[..length].copy_from_slice(&bytes[..length]);
    record
}

/// A record of which nothing is known yet, for those that are not the kernel's.
pub fn blank() -> ConnectionRecord {
    ConnectionRecord {
        header: ConnectionRecord::HEADER,
        ..ConnectionRecord::new_zeroed()
    }
}

/// Interprets the record of a connection.
///
/// # Errors
///
/// Its stage, side or family is unknown.
pub fn decode(record: &ConnectionRecord) -> Result<Connection, DecodeError> {
    let is_known = |bit| record.known & bit != 0;
    let stage = stage(record)?;
    let interface = match is_known(known::INTERFACE) {
        true => record.interface,
        false => 0,
    };
    Ok(Connection {
        socket: record.socket,
        socket_is_cookie: is_known(known::COOKIE),
        stage,
        told: is_known(known::TOLD).then(|| told(record)).transpose()?,
        side: match record.side {
            SIDE_OPENED => Side::Client,
            SIDE_ACCEPTED => Side::Server,
            other => return Err(DecodeError::Side(other)),
        },
        local: address(record.local_address, record.local_port, interface),
        remote: address(record.remote_address, record.remote_port, interface),
        ipv6_socket: match record.family {
            FAMILY_INET => false,
            FAMILY_INET6 => true,
            other => return Err(DecodeError::Family(other)),
        },
        netns: is_known(known::NETNS).then_some(record.netns),
        opener: is_known(known::OPENER).then(|| opener(record)),
        before_start: is_known(known::BEFORE_START),
        holder: is_known(known::HOLDER).then(|| Holder {
            tgid: record.opener_tgid,
            uid: record.opener_uid,
            comm: names::comm(record.process_comm),
            process_start_ns: record.opener_start_ns,
        }),
        closer: is_known(known::CLOSER).then(|| Thread {
            tgid: record.closer_tgid,
            tid: record.closer_tid,
            comm: names::comm(record.closer_comm),
        }),
        started_ns: record.started_ns,
        established_ns: moment(record.established_ns),
        left_established_ns: moment(record.left_established_ns),
        local_close_ns: moment(record.local_close_ns),
        ended_ns: match stage {
            Stage::Ended => moment(record.until_ns),
            _ => None,
        },
        seen_open_ns: match stage {
            Stage::Ended | Stage::FoundClosed => None,
            _ => moment(record.until_ns),
        },
        traffic: Traffic::of(record),
        error: is_known(known::ERROR).then_some(record.error.into()),
        soft_error: is_known(known::SOFT_ERROR).then_some(record.soft_error.into()),
        ending: is_known(known::ENDING).then_some(Ending(record.ending)),
        states_seen: record.states_seen,
        state_left: record.state_left,
        handshake: None,
    })
}

fn stage(record: &ConnectionRecord) -> Result<Stage, DecodeError> {
    match record.stage {
        STAGE_ESTABLISHED => Ok(Stage::Established),
        STAGE_ENDED => Ok(Stage::Ended),
        STAGE_OPEN_AT_END if record.left_established_ns != 0 => Ok(Stage::Closing),
        STAGE_OPEN_AT_END => Ok(Stage::Open),
        STAGE_SEEN_OPEN => Ok(Stage::SeenOpen),
        STAGE_FOUND_CLOSED => Ok(Stage::FoundClosed),
        other => Err(DecodeError::Stage(other)),
    }
}

fn told(record: &ConnectionRecord) -> Result<Told, DecodeError> {
    match record.told {
        TOLD_NOTHING => Ok(Told::Nothing),
        TOLD_CONNECTING => Ok(Told::Connecting),
        TOLD_ESTABLISHED => Ok(Told::Established),
        other => Err(DecodeError::Told(other)),
    }
}

fn opener(record: &ConnectionRecord) -> Opener {
    let is_known = |bit| record.known & bit != 0;
    Opener {
        thread: Thread {
            tgid: record.opener_tgid,
            tid: record.opener_tid,
            comm: names::comm(record.opener_comm),
        },
        uid: record.opener_uid,
        cgroup: record.opener_cgroup,
        process_comm: is_known(known::PROCESS_COMM).then(|| names::comm(record.process_comm)),
        process_start_ns: is_known(known::OPENER_START).then_some(record.opener_start_ns),
        parent: parent(record),
    }
}

fn parent(record: &ConnectionRecord) -> Option<Parent> {
    const ALL: u32 = known::PARENT | known::PARENT_START | known::PARENT_COMM;
    (record.known & ALL == ALL).then(|| Parent {
        tgid: record.parent_tgid,
        start_ns: record.parent_start_ns,
        comm: names::comm(record.parent_comm),
    })
}

/// Who started the process of a record that opened a connection, where that is known.
pub fn parent_of(record: &ConnectionRecord) -> Option<ProcessKey> {
    let is_opened = record.known & known::OPENER != 0;
    parent(record)
        .filter(|_| is_opened)
        .map(ProcessKey::of_parent)
}

fn moment(nanoseconds: u64) -> Option<u64> {
    (nanoseconds != 0).then_some(nanoseconds)
}

fn address(octets: [u8; 16], port: [u8; 2], interface: u32) -> SocketAddr {
    socket_address(octets.into(), u16::from_be_bytes(port), interface)
}

/// v4-mapped addresses become IPv4 ones: every socket of a JVM is IPv6. A link-local one
/// means nothing without the index of its interface.
pub fn socket_address(ip: Ipv6Addr, port: u16, interface: u32) -> SocketAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            SocketAddrV6::new(ip, port, 0, interface).into()
        }
        ip => SocketAddr::new(ip, port),
    }
}

/// The process that opened or holds the connection of a record, without decoding the
/// rest: asked for every record, to look up those that are new.
pub fn process_of(record: &ConnectionRecord) -> Option<ProcessKey> {
    if record.known & (known::OPENER | known::HOLDER) == 0 {
        return None;
    }
    let start_ns = match record.known & (known::OPENER | known::OPENER_START) {
        known::OPENER => 0,
        _ => record.opener_start_ns,
    };
    Some(ProcessKey::new(record.opener_tgid, start_ns))
}

#[cfg(test)]
mod tests;

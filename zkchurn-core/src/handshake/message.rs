// SPDX-License-Identifier: MIT
//! What the first bytes of a direction are.

use std::ops::RangeInclusive;

use bytes::Buf;
use serde::Serialize;
use zkchurn_common::handshake::{REQUEST_LIMIT, RESPONSE_LIMIT};

use super::{
    Direction,
    session::{SessionId, Zxid},
    word::FourLetterWord,
};

/// A first message. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// ZooKeeper's client asks for a session
    /// (`org.apache.zookeeper.proto.ConnectRequest`). Whether it would take a
    /// read-only server stands behind its password and is not looked at.
    ConnectRequest {
        /// The session to go on with; 0 for a new one.
        session: SessionId,
        /// The session timeout that it asks for.
        timeout_ms: i32,
        /// The latest transaction that the client has seen.
        last_zxid: Zxid,
    },
    /// ZooKeeper's server answers (`org.apache.zookeeper.proto.ConnectResponse`).
    ConnectResponse {
        /// The session; 0 where there is none any more.
        session: SessionId,
        /// The session timeout that it grants.
        timeout_ms: i32,
    },
    /// The server answers with an error in place of a session: a
    /// `org.apache.zookeeper.proto.ReplyHeader` alone.
    ErrorReply {
        /// `KeeperException.Code`.
        error: i32,
    },
    /// The message begins as a ConnectRequest or ConnectResponse does, and the
    /// rest never came or was not recorded.
    Incomplete,
    /// A command of ZooKeeper's that needs no session.
    FourLetterWord {
        /// The command.
        word: FourLetterWord,
    },
    /// TLS begins (RFC 8446, 4.1.2).
    TlsClientHello,
    /// HTTP, a request or an answer.
    Http,
    /// Anything else.
    Other,
}

/// Lengths of a ConnectRequest or ConnectResponse: its fields with an empty
/// password at least, and no more than a password of odd clients could need.
const REQUEST_LENGTHS: RangeInclusive<u32> = 28..=1024;
const RESPONSE_LENGTHS: RangeInclusive<u32> = 20..=1024;
/// Length of a ReplyHeader.
const REPLY_HEADER: u32 = 16;
/// `protocolVersion` of all ZooKeepers so far.
const PROTOCOL_VERSION: u32 = 0;

/// Methods of HTTP (RFC 9110, 9.3) and the preface of HTTP/2, with the blank
/// behind them: four bytes at least.
pub const HTTP_METHODS: [&[u8]; 10] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"PRI ",
];

/// Another protocol's first four bytes, where ZooKeeper takes them for a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A TLS record (RFC 8446, 5.1: type, version).
    Tls,
    /// An HTTP request.
    Http,
}

impl Foreign {
    /// What a length says that was read where another protocol is spoken: ZooKeeper reads the
    /// first four bytes of a message as its length (`NIOServerCnxn.readLength`).
    pub fn of_length(length: u32) -> Option<Self> {
        let bytes = length.to_be_bytes();
        let begins = |method: &&[u8]| method.starts_with(&bytes);
        match bytes {
            [0x14..=0x17, 3, 0..=4, _] => Some(Self::Tls),
            _ if HTTP_METHODS.iter().any(begins) => Some(Self::Http),
            _ => None,
        }
    }
}

impl Message {
    /// What `bytes`, the first of `direction`, are.
    pub fn of(direction: Direction, bytes: &[u8]) -> Self {
        match direction {
            Direction::Client => Self::of_client(bytes),
            Direction::Server => Self::of_server(bytes),
        }
    }

    fn of_client(bytes: &[u8]) -> Self {
        if begins_handshake(bytes, &REQUEST_LENGTHS) {
            return connect_request(bytes).unwrap_or(Self::Incomplete);
        }
        if let Some(word) = FourLetterWord::of(bytes) {
            return Self::FourLetterWord { word };
        }
        if is_client_hello(bytes) {
            return Self::TlsClientHello;
        }
        if HTTP_METHODS.iter().any(|method| bytes.starts_with(method)) {
            return Self::Http;
        }
        Self::Other
    }

    fn of_server(bytes: &[u8]) -> Self {
        if begins_handshake(bytes, &RESPONSE_LENGTHS) {
            return connect_response(bytes).unwrap_or(Self::Incomplete);
        }
        if bytes.starts_with(b"HTTP/") {
            return Self::Http;
        }
        error_reply(bytes).unwrap_or(Self::Other)
    }

    /// Whether this is the answer that a session is no more
    /// (`org.apache.zookeeper.ClientCnxn.SendThread.onConnected`: no timeout).
    pub fn is_expired(&self) -> bool {
        matches!(
            self,
            Self::ConnectResponse { session, timeout_ms } if *timeout_ms <= 0 || session.0 == 0
        )
    }
}

/// Whether the length is one of `lengths` and the version, as far as it is
/// there, the only one.
fn begins_handshake(bytes: &[u8], lengths: &RangeInclusive<u32>) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    let version = PROTOCOL_VERSION.to_be_bytes();
    let seen = rest.len().min(version.len());
    lengths.contains(&u32::from_be_bytes(*length)) && rest[..seen] == version[..seen]
}

fn connect_request(bytes: &[u8]) -> Option<Message> {
    let mut fields = bytes.get(8..REQUEST_LIMIT)?;
    let last_zxid = Zxid(fields.get_i64());
    let timeout_ms = fields.get_i32();
    Some(Message::ConnectRequest {
        session: SessionId(fields.get_i64()),
        timeout_ms,
        last_zxid,
    })
}

fn connect_response(bytes: &[u8]) -> Option<Message> {
    let mut fields = bytes.get(8..RESPONSE_LIMIT)?;
    let timeout_ms = fields.get_i32();
    Some(Message::ConnectResponse {
        session: SessionId(fields.get_i64()),
        timeout_ms,
    })
}

/// Its length, then an xid, a zxid and the error.
fn error_reply(bytes: &[u8]) -> Option<Message> {
    let mut fields = bytes.get(..RESPONSE_LIMIT)?;
    let is_header = fields.get_u32() == REPLY_HEADER;
    fields.advance(4 + 8);
    let error = fields.get_i32();
    (is_header && error < 0).then_some(Message::ErrorReply { error })
}

/// A record of TLS's handshake protocol, of any version from SSL 3.0 on, whose
/// first message is a ClientHello.
fn is_client_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 0x03, 0..=4, _, _, 0x01, ..])
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT
//! ZooKeeper's messages, as far as the demo speaks them. Everything is
//! big-endian, and each message has its length in front.

use std::io::{Read, Write};

use anyhow::{Context, Result, ensure};
use zkchurn_lab::harness::zookeeper::{ConnectResponse, PASSWORD_SIZE, framed};

/// The transaction id of the only request that a session of the demo makes.
const XID: i32 = 1;
const CLOSE_SESSION: i32 = -11;
const PING_XID: i32 = -2;
const PING: i32 = 11;
/// Larger than anything the demo sends.
const MAX_LENGTH: usize = 1024;

/// `ConnectResponse` of a session like any other.
pub(super) fn connect_response() -> Vec<u8> {
    let granted = ConnectResponse {
        timeout_ms: 30_000,
        session: 0x0100_0135_cd50_0000,
        password: [0x5a; PASSWORD_SIZE],
    };
    granted.bytes()
}

/// `closeSession`: 12 bytes.
pub(super) fn close_session() -> Vec<u8> {
    request(XID, CLOSE_SESSION)
}

/// The reply to a request without a result: 20 bytes.
pub(super) fn reply(request: &[u8]) -> Vec<u8> {
    let xid = request.get(..4).unwrap_or(&[0; 4]);
    let mut body = Vec::from(xid);
    body.extend(1i64.to_be_bytes()); // zxid
    body.extend(0i32.to_be_bytes()); // no error
    framed(&body)
}

/// Whether a request ends its session.
pub(super) fn is_close_session(request: &[u8]) -> bool {
    request.get(4..8) == Some(&CLOSE_SESSION.to_be_bytes())
}

/// Whether a request is one that the demo's server knows.
pub(super) fn is_known(request: &[u8]) -> bool {
    is_close_session(request) || request == &self::request(PING_XID, PING)[4..]
}

/// Reads the length of the next message, which for a four-letter word is the
/// word. Nothing, where the peer has closed.
pub(super) fn read_head(from: &mut impl Read) -> Result<Option<[u8; 4]>> {
    let mut head = [0; 4];
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    Ok(Some(head))
}

/// Reads the message that a length announced.
pub(super) fn read_body(from: &mut impl Read, head: [u8; 4]) -> Result<Vec<u8>> {
    let length = usize::try_from(i32::from_be_bytes(head)).context("a negative length")?;
    ensure!(length <= MAX_LENGTH, "a message of {length} bytes");
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

/// Sends a message and reads the one that answers it. Returns the sizes of
/// both, length included.
pub(super) fn exchange(stream: &mut (impl Read + Write), message: &[u8]) -> Result<(usize, usize)> {
    stream.write_all(message)?;
    let head = read_head(stream)?.context("the server closed instead of answering")?;
    Ok((message.len(), head.len() + read_body(stream, head)?.len()))
}

fn request(xid: i32, kind: i32) -> Vec<u8> {
    framed(&[xid.to_be_bytes(), kind.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_long_as_zookeepers() {
        assert_eq!(close_session().len(), 12);
        assert_eq!(reply(&close_session()[4..]).len(), 20);
    }

    #[test]
    fn a_close_is_told_from_a_ping() {
        let ping = request(PING_XID, PING);
        assert!(is_close_session(&close_session()[4..]));
        assert!(!is_close_session(&ping[4..]));
        assert!(is_known(&ping[4..]) && is_known(&close_session()[4..]));
        assert!(!is_known(&request(1, 3)[4..]));
    }

    #[test]
    fn a_closed_peer_is_no_message_and_a_long_one_is_refused() {
        assert_eq!(read_head(&mut [].as_slice()).expect("readable"), None);
        assert!(read_body(&mut [].as_slice(), *b"GET ").is_err());
        assert!(read_body(&mut [].as_slice(), (-1i32).to_be_bytes()).is_err());
    }
}

// SPDX-License-Identifier: MIT
use proptest::prelude::*;

use super::*;

/// As `ConnectRequest.serialize` and `ConnectResponse.serialize` write them, up
/// to the session's id.
fn request(length: u32, last_zxid: i64, timeout_ms: i32, session: i64) -> Vec<u8> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(0u32.to_be_bytes());
    bytes.extend(last_zxid.to_be_bytes());
    bytes.extend(timeout_ms.to_be_bytes());
    bytes.extend(session.to_be_bytes());
    bytes
}

fn response(timeout_ms: i32, session: i64) -> Vec<u8> {
    let mut bytes = 37u32.to_be_bytes().to_vec();
    bytes.extend(0u32.to_be_bytes());
    bytes.extend(timeout_ms.to_be_bytes());
    bytes.extend(session.to_be_bytes());
    bytes
}

fn client(bytes: &[u8]) -> Message {
    Message::of(Direction::Client, bytes)
}

fn server(bytes: &[u8]) -> Message {
    Message::of(Direction::Server, bytes)
}

#[test]
fn a_request_with_and_without_the_read_only_flag() {
    for length in [44, 45] {
        assert_eq!(
            client(&request(length, 0x1_0000_0002, 30_000, 0x1_0000_135c_d500)),
            Message::ConnectRequest {
                session: SessionId(0x1_0000_135c_d500),
                timeout_ms: 30_000,
                last_zxid: Zxid(0x1_0000_0002),
            }
        );
    }
}

#[test]
fn an_answer_without_timeout_or_session_is_expired() {
    let granted = server(&response(4_000, 0x42));
    assert_eq!(
        granted,
        Message::ConnectResponse {
            session: SessionId(0x42),
            timeout_ms: 4_000
        }
    );
    assert!(!granted.is_expired());
    assert!(server(&response(0, 0)).is_expired());
    assert!(server(&response(-1, 0x42)).is_expired());
    assert!(server(&response(4_000, 0)).is_expired());
}

#[test]
fn a_message_that_breaks_off_is_incomplete() {
    let whole = request(45, 7, 30_000, 9);
    for length in 4..whole.len() {
        assert_eq!(client(&whole[..length]), Message::Incomplete, "{length}");
    }
    let whole = response(30_000, 9);
    for length in 4..whole.len() {
        assert_eq!(server(&whole[..length]), Message::Incomplete, "{length}");
    }
    assert_eq!(client(&whole[..3]), Message::Other);
}

#[test]
fn other_protocols_at_the_port() {
    assert_eq!(client(b"GET / HTTP/1.1\r\nHost: "), Message::Http);
    assert_eq!(client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Message::Http);
    assert_eq!(server(b"HTTP/1.1 400 Bad"), Message::Http);
    let hello = [
        0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
    ];
    assert_eq!(client(&hello), Message::TlsClientHello);
    assert_eq!(client(b"GETTING"), Message::Other);
    assert_eq!(client(b"\x16\x02junk"), Message::Other);
    assert_eq!(server(b"imok"), Message::Other);
    assert_eq!(client(b""), Message::Other);
    // A length that no handshake has, and a version that does not exist.
    assert_eq!(client(&request(12, 0, 0, 0)), Message::Other);
    assert_eq!(
        client(b"\x00\x00\x00\x2d\x00\x00\x00\x01rest"),
        Message::Other
    );
}

#[test]
fn the_form_in_json() {
    let json = serde_json::to_value(client(&request(45, 0, 30_000, 0x10f))).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "kind": "connect_request",
            "session": "0x10f",
            "timeout_ms": 30_000,
            "last_zxid": "0x0",
        })
    );
    let json = serde_json::to_value(client(b"ruok\n")).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"kind": "four_letter_word", "word": "ruok"})
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, from_client: bool) {
        let direction = if from_client { Direction::Client } else { Direction::Server };
        let _ = Message::of(direction, &bytes);
    }

    #[test]
    fn every_request_is_read_back(last_zxid: i64, timeout_ms: i32, session: i64) {
        prop_assert_eq!(
            client(&request(45, last_zxid, timeout_ms, session)),
            Message::ConnectRequest {
                session: SessionId(session),
                timeout_ms,
                last_zxid: Zxid(last_zxid),
            }
        );
    }
}

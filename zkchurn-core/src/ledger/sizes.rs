// SPDX-License-Identifier: MIT
//! What the sizes of payload tell, without a byte of it.

use super::shape::{Ending, Shape};

/// Where a size begins to tell something else than the sizes below it; see [`class`].
const CLASSES: [u64; 17] = [
    0,
    1,
    4,
    7,
    20,
    21,
    40,
    42,
    48,
    50,
    NOT_IN_WHITELIST,
    58,
    60,
    62,
    SMALL,
    LARGE_UNREAD,
    LARGE,
];

/// The least size of which everything here but [`is_session`] says the same as of this one.
/// There are few classes, so that a peer that sends many different sizes takes no memory.
pub fn class(bytes: u64) -> u64 {
    let below = CLASSES.partition_point(|first| *first <= bytes);
    CLASSES[below - 1]
}

/// A ConnectRequest with its length: 49 bytes, 48 from clients that know no
/// read-only mode (`ConnectRequest`, zookeeper.jute).
pub fn is_connect_request(bytes: u64) -> bool {
    matches!(bytes, 48 | 49)
}

/// A ConnectRequest and the small requests that a Java client sends behind it without
/// waiting for an answer: its digest, its watches (`ClientCnxn.SendThread.primeConnection`).
pub fn is_request_with_more(bytes: u64) -> bool {
    (62..LARGE_UNREAD).contains(&bytes)
}

/// A ConnectResponse with its length: 41 bytes, 40 without the read-only flag.
pub fn is_connect_response(bytes: u64) -> bool {
    matches!(bytes, 40 | 41)
}

/// A four-letter word (`FourLetterCommands`), maybe with a line's end.
pub fn is_four_letter_word(bytes: u64) -> bool {
    (4..=6).contains(&bytes)
}

/// The line "ruok is not executed because it is not in the whitelist." with its end, of any
/// word (`NopCommand`).
const NOT_IN_WHITELIST: u64 = 57;

/// A four-letter word that the server answered with nothing but that it does not execute it
/// (`4lw.commands.whitelist`).
pub fn is_refused_word(shape: &Shape) -> bool {
    is_four_letter_word(shape.client_bytes) && shape.server_bytes == NOT_IN_WHITELIST
}

/// A session was asked for and answered, and nothing else was said.
pub fn is_handshake_alone(shape: &Shape) -> bool {
    is_connect_request(shape.client_bytes) && is_connect_response(shape.server_bytes)
}

/// The ConnectResponse and one `ReplyHeader` without a result (20 bytes), to more than a
/// ConnectRequest and the end of a session (12 bytes: length, xid, type).
pub fn is_first_request_refused(client: u64, server: u64) -> bool {
    client > 49 + 12 && server.checked_sub(20).is_some_and(is_connect_response)
}

/// Likewise, and the server ended the connection: it insists on SASL, say.
pub fn is_refused_by_server(shape: &Shape) -> bool {
    matches!(shape.ending, Ending::ClosedByServer | Ending::ResetByServer)
        && is_first_request_refused(shape.client_bytes, shape.server_bytes)
}

/// A ConnectRequest that was answered by a `ReplyHeader` alone.
pub fn is_error_reply(client: u64, server: u64) -> bool {
    is_connect_request(client) && server == 20
}

/// More than a handshake went both ways: work was done.
pub fn is_work(shape: &Shape) -> bool {
    shape.client_bytes > 49 && shape.server_bytes > 41
}

/// Whether a client of ZooKeeper's can have sent so much where it was answered: a
/// ConnectRequest, and what follows it, of which the shortest are a ping and the close
/// of the session (12 bytes: length, xid, type).
pub fn can_be_of_client(bytes: u64) -> bool {
    is_connect_request(bytes) || bytes >= 48 + 12
}

/// Whether a server of ZooKeeper's can have: a ConnectResponse, and what follows it, of
/// which the shortest is a reply without a result (`ReplyHeader` with its length, 20
/// bytes).
pub fn can_be_of_server(bytes: u64) -> bool {
    is_connect_response(bytes) || bytes >= 40 + 20
}

/// Sizes that a session has and hardly anything else: one side's half of the handshake
/// alone, or besides the handshake nothing but pings and the close.
pub fn is_session(client: u64, server: u64) -> bool {
    is_connect_request(client)
        || is_connect_response(server)
        || is_idle(client.checked_sub(49), server.checked_sub(41))
        || is_idle(client.checked_sub(48), server.checked_sub(40))
}

/// Whether what followed the handshake was pings and the close, 12 bytes each, and their
/// replies, 20 bytes each. The last reply may have come too late.
fn is_idle(sent: Option<u64>, answered: Option<u64>) -> bool {
    let (Some(sent), Some(answered)) = (sent, answered) else {
        return false;
    };
    let (requests, replies) = (sent / 12, answered / 20);
    sent % 12 == 0 && answered % 20 == 0 && (replies == requests || replies + 1 == requests)
}

/// What one side sends of a TLS handshake that fails, in segments: SYN, ACK, a hello of two, a
/// certificate and an alert, FIN, and an ACK for each flight of the other side. OpenSSL that
/// does not trust a certificate has 7.
pub const MOST_OF_TLS_HANDSHAKE: u32 = 12;

/// `jute.maxbuffer` is 0xfffff by default (`BinaryInputArchive.maxBuffer`); what
/// is over half of it is no ordinary request or answer.
pub const LARGE: u64 = 512 * 1024;

/// The side that refuses a packet for its length reads no further and resets, so
/// the other has sent only what fits into the buffers: a handshake and small
/// requests never leave so much unread.
pub const LARGE_UNREAD: u64 = 32 * 1024;

/// A handshake and a few small requests, or their answers, have less.
pub const SMALL: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(client_bytes: u64, server_bytes: u64) -> Shape {
        Shape {
            ending: Ending::ClosedByServer,
            client_bytes,
            server_bytes,
        }
    }

    #[test]
    fn a_class_has_what_its_sizes_tell() {
        let sizes = (0..200).chain([LARGE_UNREAD - 1, LARGE_UNREAD, LARGE - 1, LARGE, u64::MAX]);
        for bytes in sizes.clone() {
            let least = class(bytes);
            assert!(least <= bytes && class(least) == least);
            let told = |bytes| {
                [
                    is_connect_request(bytes),
                    is_request_with_more(bytes),
                    is_connect_response(bytes),
                    is_four_letter_word(bytes),
                    can_be_of_client(bytes),
                    bytes >= SMALL,
                    bytes >= LARGE_UNREAD,
                    bytes >= LARGE,
                    bytes == 0,
                    bytes < 7,
                ]
            };
            assert_eq!(told(least), told(bytes), "{bytes}");
            for other in sizes.clone() {
                let told = |client, server| {
                    [
                        is_handshake_alone(&shape(client, server)),
                        is_refused_by_server(&shape(client, server)),
                        is_error_reply(client, server),
                        is_work(&shape(client, server)),
                        is_refused_word(&shape(client, server)),
                    ]
                };
                assert_eq!(
                    told(least, class(other)),
                    told(bytes, other),
                    "{bytes} {other}"
                );
            }
        }
    }
}

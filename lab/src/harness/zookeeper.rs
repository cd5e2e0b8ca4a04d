// SPDX-License-Identifier: MIT
//! The bytes with which a ZooKeeper session begins (`org.apache.zookeeper.proto`).
//! Everything is big-endian, and each message has its length in front.

/// A session's password is this long.
pub const PASSWORD_SIZE: usize = 16;

/// What a client says first.
#[derive(Clone, Copy, Debug)]
pub struct ConnectRequest {
    /// The last transaction that the client has seen.
    pub last_zxid: i64,
    /// The session timeout that it asks for.
    pub timeout_ms: i32,
    /// Its session; 0 asks for a new one.
    pub session: i64,
    /// The password of that session.
    pub password: [u8; PASSWORD_SIZE],
}

/// What the server answers.
#[derive(Clone, Copy, Debug)]
pub struct ConnectResponse {
    /// The timeout that it grants; 0 where the session has expired.
    pub timeout_ms: i32,
    /// The session; 0 where it has expired.
    pub session: i64,
    /// The password of that session.
    pub password: [u8; PASSWORD_SIZE],
}

impl Default for ConnectRequest {
    /// A client without a session, which has seen nothing.
    fn default() -> Self {
        Self {
            last_zxid: 0,
            timeout_ms: 30_000,
            session: 0,
            password: [0; PASSWORD_SIZE],
        }
    }
}

impl ConnectRequest {
    /// 49 bytes, length included.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(0_i32.to_be_bytes()); // protocol version
        body.extend(self.last_zxid.to_be_bytes());
        body.extend(self.timeout_ms.to_be_bytes());
        body.extend(self.session.to_be_bytes());
        body.extend(buffer(&self.password));
        body.push(0); // not read-only
        framed(&body)
    }
}

impl ConnectResponse {
    /// 41 bytes, length included.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(0_i32.to_be_bytes()); // protocol version
        body.extend(self.timeout_ms.to_be_bytes());
        body.extend(self.session.to_be_bytes());
        body.extend(buffer(&self.password));
        body.push(0); // not read-only
        framed(&body)
    }
}

fn buffer(bytes: &[u8; PASSWORD_SIZE]) -> Vec<u8> {
    [&16_i32.to_be_bytes(), bytes.as_slice()].concat()
}

/// A message with its length in front.
pub fn framed(body: &[u8]) -> Vec<u8> {
    // Every body is made by hand and is small.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_long_as_zookeepers() {
        let request = ConnectRequest::default().bytes();
        let response = ConnectResponse {
            timeout_ms: 30_000,
            session: 1,
            password: [0x5a; PASSWORD_SIZE],
        };
        let response = response.bytes();
        assert_eq!((request.len(), response.len()), (49, 41));
        assert_eq!(
            (&request[..4], &response[..4]),
            (&[0, 0, 0, 45][..], &[0, 0, 0, 37][..])
        );
    }
}

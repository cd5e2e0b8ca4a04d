// SPDX-License-Identifier: MIT
//! A server that speaks ZooKeeper's handshake, clients' requests, and what was
//! recorded of them.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    thread,
};

use tempfile::TempDir;
use zkchurn_common::handshake::{FROM_CLIENT, FROM_SERVER};
use zkchurn_core::{
    decode::{self, Record},
    frame::Frame,
    recording::reader::Reader,
};
use zkchurn_lab::harness::zookeeper::{ConnectRequest, ConnectResponse};

/// The password of every session; no record may hold four bytes of it. The
/// bytes are in no word that a recording may hold.
pub(crate) const PASSWORD: &[u8; 16] = b"\xf1q\xe7Z\xc3k\xd9X\xb5v\xabJ\x97w\x83Q";
/// The session that the server grants to a new handle.
pub(crate) const NEW_SESSION: i64 = 0x0100_0192_42b5_0000;
/// The session that the server says has expired.
pub(crate) const EXPIRED_SESSION: i64 = 0x666;
/// The timeout that the server grants, milliseconds.
pub(crate) const TIMEOUT: i32 = 4_000;

/// A client's request, for a session of its own or a new one.
pub(crate) fn request(session: i64) -> Vec<u8> {
    let request = ConnectRequest {
        last_zxid: 0x2_0000_0007,
        timeout_ms: 30_000,
        session,
        password: *PASSWORD,
    };
    request.bytes()
}

/// The server's answer.
pub(crate) fn response(session: i64, timeout_ms: i32) -> Vec<u8> {
    let response = ConnectResponse {
        timeout_ms,
        session,
        password: *PASSWORD,
    };
    response.bytes()
}

/// Serves connections one after the other, as ZooKeeper's server does: a
/// ConnectRequest is answered, `ruok` too, and anything else is not.
pub(crate) fn serve(listener: TcpListener, connections: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            if &length == b"ruok" {
                stream.write_all(b"imok").unwrap();
            } else if u32::from_be_bytes(length) == 45 {
                let mut rest = [0; 45];
                if stream.read_exact(&mut rest).is_err() {
                    continue;
                }
                let mut session = [0; 8];
                session.copy_from_slice(&rest[16..24]);
                let answer = match i64::from_be_bytes(session) {
                    EXPIRED_SESSION => response(0, 0),
                    0 => response(NEW_SESSION, TIMEOUT),
                    session => response(session, TIMEOUT),
                };
                stream.write_all(&answer).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    })
}

/// The recording of a trace.
pub(crate) struct Recording {
    directory: TempDir,
}

/// What one packet added, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Whether the client sent it.
    pub from_client: bool,
    /// Bytes of the direction that came before.
    pub offset: u8,
    /// The captured bytes, and nothing but zeroes behind them.
    pub bytes: Vec<u8>,
    /// Payload of the packet.
    pub payload: u32,
}

impl Recording {
    /// A place for a recording.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("trace.zkchurn")
    }

    /// Its path.
    pub(crate) fn path(&self) -> String {
        self.file().to_str().unwrap().to_owned()
    }

    /// All its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }

    /// The records of handshakes, in order.
    pub(crate) fn handshakes(&self) -> Vec<Recorded> {
        let bytes = self.bytes();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let mut found = Vec::new();
        let mut take = |frame: Frame<'_>| {
            if let Frame::Record(record) = frame
                && let Record::Handshake(record) = decode::read(record).unwrap()
            {
                let (bytes, rest) = record.bytes.split_at(record.length.into());
                assert!(rest.iter().all(|byte| *byte == 0), "{record:?}");
                assert!([FROM_CLIENT, FROM_SERVER].contains(&record.direction));
                found.push(Recorded {
                    from_client: record.direction == FROM_CLIENT,
                    offset: record.offset,
                    bytes: bytes.to_vec(),
                    payload: record.payload,
                });
            }
        };
        while reader.next_frame(&mut take).unwrap().is_some() {}
        found
    }

    /// Asserts that no record holds any four bytes of the password.
    pub(crate) fn assert_without_password(&self) {
        let bytes = self.bytes();
        for part in PASSWORD.windows(4) {
            let found = bytes.windows(4).any(|window| window == part);
            assert!(!found, "{:?} is recorded", String::from_utf8_lossy(part));
        }
    }
}

// SPDX-License-Identifier: MIT
//! The messages between zkchurn and its helpers: a length of four bytes, little-endian, and
//! as many bytes. What a helper reads was written by hostile processes, so its answers are
//! taken for hostile too: bounded, and no use is made of what was not asked for.

use std::{
    io::{self, ErrorKind, Read, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zkchurn_core::{
    elsewhere::Elsewhere,
    frame::Sides,
    inspection::{Inspection, logs::Moved},
    process::{ProcessIdentity, ProcessKey},
    recording::MAX_PAYLOAD,
};

use crate::host::{
    elsewhere::{self, data::SharedDevice},
    inspector::Request,
    listeners::Listener,
    logs::Searched,
    new_lines::{self, NewLines},
    proc::named::Named,
    sock_diag::{DiagSocket, holders::Holder},
};

/// Longest message: the longest look, which is cut to what a recording's frame holds, and
/// what stands around it.
pub const MOST_BYTES: usize = MAX_PAYLOAD + 64 * 1024;

/// Something to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Who a process is.
    Identify(ProcessKey),
    /// A closer look at a process.
    Inspect(Request),
    /// The host's TCP sockets.
    List(ListRequest),
    /// The same, and then who holds them. Of several processes that hold one, one of the given
    /// ones is named if it is among them.
    ListAndHolders(ListRequest, Vec<u32>),
    /// The processes that have this name.
    Named(String),
    /// Which ports but the traced ones have ZooKeeper connections.
    Elsewhere(elsewhere::Request),
    /// Who listens at these ports.
    Listeners(Vec<u16>),
    /// What has become of logs since they were searched.
    Whereabouts(Searched),
    /// What a log has got since the last look.
    NewLines(new_lines::Request),
    /// The same of a log that was found by a look at a process.
    LinesOfProcess(new_lines::Request),
    /// Which servers write their log to the device of one of these directories.
    SharedDevice(Vec<PathBuf>),
}

/// Which sockets are to be listed, and how long that may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRequest {
    /// As in [`Query`](crate::host::sock_diag::Query).
    pub ports: Vec<u16>,
    pub sides: Sides,
    pub states: u32,
    /// Network namespaces, besides our own; `None`: all that are found.
    pub namespaces: Option<Vec<u32>>,
    /// Milliseconds after which the listing is cut short, with a note.
    pub within_ms: u64,
}

/// A task with the number that its answers bear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub id: u64,
    pub task: Task,
}

/// An answer to a task, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub id: u64,
    /// Whether there is no more to come.
    pub last: bool,
    pub found: Found,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Who a process is; `None` where it is gone or cannot be read.
    Identity(Option<ProcessIdentity>),
    /// A closer look, or as far as it has come.
    Inspection(Box<Inspection>),
    /// Some of the sockets.
    Sockets {
        sockets: Vec<DiagSocket>,
        notes: Vec<String>,
    },
    /// Who holds some of them, by the inode of the socket.
    Holders {
        holders: Vec<(u32, Holder)>,
        notes: Vec<String>,
    },
    Named(Named),
    /// What other ports have.
    Elsewhere(Elsewhere),
    /// The processes that listen.
    Listeners(Vec<Listener>),
    /// How far the log is read now, and lines that were looked for.
    NewLines(NewLines),
    /// The servers that write to the same device.
    SharedDevice(Vec<SharedDevice>),
    /// The logs that are elsewhere now, or gone.
    Whereabouts(Vec<Moved>),
    /// It cannot be found out, and why, a clause.
    Failed(String),
}

/// The bytes of a message.
///
/// # Errors
///
/// It is longer than [`MOST_BYTES`].
pub fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - 4;
    if length > MOST_BYTES {
        return Err(ErrorKind::InvalidInput.into());
    }
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

/// Writes a message.
///
/// # Errors
///
/// As [`encode`], and what writing fails with.
pub fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

/// Reads the next message; `None` where the other side has ended.
///
/// # Errors
///
/// Reading fails, or what comes is no message.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut bytes = Vec::new();
    if !receive_bytes(from, &mut bytes)? {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// Reads the bytes of the next message; `false` where the other side has ended.
///
/// # Errors
///
/// As [`receive`].
pub fn receive_bytes(from: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST_BYTES {
        return Err(ErrorKind::InvalidData.into());
    }
    bytes.resize(length, 0);
    from.read_exact(bytes)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_sent_is_received() {
        let job = Job {
            id: 7,
            task: Task::Identify(ProcessKey::new(42, 0)),
        };
        let mut bytes = encode(&job).unwrap();
        bytes.extend(encode(&job).unwrap());
        let mut from = &bytes[..];
        for _ in 0..2 {
            assert_eq!(receive(&mut from).unwrap(), Some(job.clone()));
        }
        assert_eq!(receive::<Job>(&mut from).unwrap(), None);
    }

    #[test]
    fn a_message_that_is_too_long_is_neither_sent_nor_received() {
        let long = "x".repeat(MOST_BYTES);
        assert!(encode(&long).is_err());
        let length = (MOST_BYTES as u32 + 1).to_le_bytes();
        assert!(receive::<String>(&mut &length[..]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let mut from = &bytes[..];
            while let Ok(Some(_)) = receive::<Answer>(&mut from) {}
        }
    }
}

// SPDX-License-Identifier: MIT
//! One conversation with a JVM's attach socket: version 1 of the protocol, which
//! all JDKs from 8 to 25 speak (HotSpot: `AttachOperation`, `read_request`).

use std::{
    io::{self, ErrorKind, Read},
    os::{fd::AsRawFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to,
        send, socket_with, sockopt::socket_peercred,
    },
};

use super::AttachError;

/// Bytes of an answer that are taken: a dump has about 1 KiB a thread.
pub(super) const REPLY_LIMIT: usize = 32 << 20;

/// Version, command and three arguments, each with a zero after it. This is what
/// `jstack` sends.
const REQUEST: &[u8] = b"1\0threaddump\0\0\0\0";

/// Asks the JVM `pid`, whose socket this is, for a thread dump; connecting,
/// asking and the whole answer take at most `limit`.
pub(super) fn thread_dump(
    socket: &OwnedFd,
    pid: u32,
    limit: Duration,
) -> Result<Vec<u8>, AttachError> {
    let deadline = Instant::now() + limit;
    let mut connection = connect(socket, deadline)?;
    check_peer(&connection, pid)?;
    ask(&connection, deadline)?;
    parse(read_all(&mut connection, deadline)?)
}

/// Connects through the descriptor, not by the name, which may be another's by
/// now. Where the JVM's queue is full, connecting waits as long as sending may
/// (`unix_stream_connect`).
fn connect(socket: &OwnedFd, deadline: Instant) -> Result<UnixStream, AttachError> {
    let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let (family, flags) = (AddressFamily::UNIX, SocketFlags::CLOEXEC);
    let connection = socket_with(family, SocketType::STREAM, flags, None);
    let connection =
        UnixStream::from(connection.map_err(|errno| AttachError::Connect(errno.into()))?);
    let left = time_left(deadline)?;
    connection
        .set_write_timeout(Some(left))
        .and_then(|()| Ok(connect_to(&connection, &SocketAddrUnix::new(path)?)?))
        .map_err(|error| failed(error, AttachError::Connect))?;
    Ok(connection)
}

/// The kernel tells who listens: nobody can stand in for the JVM.
///
/// For a listener outside of our pid namespace the kernel answers 0, which
/// rustix must not be given: its `Pid` is never 0. [`super::thread_dump`] sees to
/// it that every process has an id here.
fn check_peer(connection: &UnixStream, pid: u32) -> Result<(), AttachError> {
    let peer = socket_peercred(connection);
    let peer = peer.map_err(|errno| AttachError::Connection(errno.into()))?;
    let found = peer.pid.as_raw_nonzero().get();
    if u32::try_from(found) == Ok(pid) {
        Ok(())
    } else {
        Err(AttachError::ForeignPeer(found))
    }
}

fn ask(connection: &UnixStream, deadline: Instant) -> Result<(), AttachError> {
    let left = time_left(deadline)?;
    // A peer that hangs up must not end us with SIGPIPE.
    let sent = connection
        .set_write_timeout(Some(left))
        .and_then(|()| Ok(send(connection, REQUEST, SendFlags::NOSIGNAL)?));
    match sent {
        Ok(length) if length == REQUEST.len() => Ok(()),
        Ok(_) => Err(AttachError::NoAnswer),
        // It hung up on us, as it does when it dislikes our credentials.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(AttachError::NoAnswer),
        Err(error) => Err(failed(error, AttachError::Connection)),
    }
}

fn read_all(connection: &mut UnixStream, deadline: Instant) -> Result<Vec<u8>, AttachError> {
    let mut answer = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        // A peer that sends a byte now and then must not start the time anew.
        let left = time_left(deadline)?;
        let read = connection
            .set_read_timeout(Some(left))
            .and_then(|()| connection.read(&mut part));
        match read {
            Ok(0) => return Ok(answer),
            Ok(length) if answer.len() + length > REPLY_LIMIT => return Err(AttachError::TooLong),
            Ok(length) => answer.extend_from_slice(part.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // It closed while something of ours was unread; what came, came.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(answer),
            Err(error) => return Err(failed(error, AttachError::Connection)),
        }
    }
}

/// The text after the line with the return code.
fn parse(answer: Vec<u8>) -> Result<Vec<u8>, AttachError> {
    if answer.is_empty() {
        return Err(AttachError::NoAnswer);
    }
    let end = answer.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or(AttachError::NotTheProtocol)?;
    let (code, text) = answer.split_at(end);
    let text = &text[1..];
    let code = std::str::from_utf8(code)
        .ok()
        .and_then(|code| code.parse().ok());
    match code.ok_or(AttachError::NotTheProtocol)? {
        0 => Ok(text.to_vec()),
        code => Err(AttachError::Refused {
            code,
            message: first_line(text),
        }),
    }
}

fn first_line(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()
}

fn time_left(deadline: Instant) -> Result<Duration, AttachError> {
    let left = deadline.saturating_duration_since(Instant::now());
    // A timeout of zero means none.
    if left < Duration::from_micros(1) {
        return Err(AttachError::TimedOut);
    }
    Ok(left)
}

fn failed(error: io::Error, otherwise: fn(io::Error) -> AttachError) -> AttachError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => AttachError::TimedOut,
        _ => otherwise(error),
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;

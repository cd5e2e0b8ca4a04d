// SPDX-License-Identifier: MIT
//! The only file here that talks to the kernel: one dump, on a socket of its
//! own, bounded in time.
//!
//! A dump needs no large receive buffer: the kernel makes the next datagram
//! only when there is room for it, up to 32 KiB and no more than the reader
//! offers (`netlink_dump`, net/netlink/af_netlink.c), so nothing is lost.

use std::{
    io,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{self, SocketAddrNetlink},
        recvfrom, sendto, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
};

use super::{
    DiagSocket, Query,
    reply::{self, Progress, ReplyError},
};

/// Bytes offered to each datagram; the kernel uses up to half of it.
const DATAGRAM_LIMIT: usize = 64 * 1024;

/// The kernel's netlink address; no process can have its port.
const KERNEL: SocketAddrNetlink = SocketAddrNetlink::new(0, 0);

/// How often an interrupted dump is made.
const ATTEMPTS: u32 = 3;

/// What a dump yielded.
#[derive(Debug)]
pub(super) struct Dump {
    /// The sockets, in the kernel's order.
    pub sockets: Vec<DiagSocket>,
    /// The table changed during each attempt.
    pub interrupted: bool,
}

/// A dump that failed on its way.
#[derive(Debug)]
pub(super) struct Failure {
    /// Why.
    pub error: DumpError,
    /// What had come until then.
    pub sockets: Vec<DiagSocket>,
}

/// Why a dump failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DumpError {
    /// The socket could not be made or used.
    #[error("no netlink socket: {0}")]
    Socket(#[source] io::Error),
    /// Time is up.
    #[error("the time limit is reached")]
    Late,
    /// A datagram longer than what was offered.
    #[error("the kernel's answer is truncated")]
    Cut,
    /// What the kernel said.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

impl DumpError {
    fn socket(error: Errno) -> Self {
        Self::Socket(error.into())
    }
}

/// Sends `request` in the namespace of this thread, which is `netns`, and reads
/// the answer until `deadline`. Sockets that `query` does not want are not kept:
/// a host may have a million others.
pub(super) fn dump(
    request: &[u8],
    query: &Query,
    netns: u32,
    deadline: Instant,
) -> Result<Dump, Failure> {
    repeat(|sockets| {
        dump_once(request, netns, deadline, |socket| {
            if query.wants(&socket) {
                sockets.push(socket);
            }
        })
    })
}

/// Repeats a dump that was interrupted, and keeps the last.
fn repeat(
    mut attempt: impl FnMut(&mut Vec<DiagSocket>) -> Result<Progress, DumpError>,
) -> Result<Dump, Failure> {
    let mut sockets = Vec::new();
    let mut interrupted = true;
    for _ in 0..ATTEMPTS {
        sockets.clear();
        match attempt(&mut sockets) {
            Ok(progress) => interrupted = progress.interrupted,
            Err(error) => return Err(Failure { error, sockets }),
        }
        if !interrupted {
            break;
        }
    }
    Ok(Dump {
        sockets,
        interrupted,
    })
}

fn dump_once(
    request: &[u8],
    netns: u32,
    deadline: Instant,
    mut found: impl FnMut(DiagSocket),
) -> Result<Progress, DumpError> {
    // A socket belongs to the namespace of the thread that makes it.
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )
    .map_err(DumpError::socket)?;
    set_time_limit(&socket, remaining(deadline)?)?;
    uninterrupted(|| sendto(&socket, request, SendFlags::empty(), &KERNEL))?;
    let mut buffer = vec![0; DATAGRAM_LIMIT];
    let mut rows = Vec::new();
    let mut progress = Progress::default();
    while !progress.done {
        remaining(deadline)?;
        let (length, from_kernel) = uninterrupted(|| receive(&socket, &mut buffer))?;
        if !from_kernel {
            continue;
        }
        let datagram = buffer.get(..length).ok_or(DumpError::Cut)?;
        if datagram.is_empty() {
            return Err(ReplyError::Malformed.into());
        }
        let read = reply::read(datagram, netns, &mut rows, &mut progress);
        rows.drain(..).for_each(&mut found);
        read?;
    }
    Ok(progress)
}

/// Length of the next datagram and whether the kernel sent it: another process
/// may send as well. With MSG_TRUNC the length is the datagram's, also where it
/// did not fit.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<(usize, bool), Errno> {
    let (_, length, sender) = recvfrom(socket, buffer, RecvFlags::TRUNC)?;
    let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
    Ok((
        length,
        sender.is_some_and(|sender| sender.pid() == KERNEL.pid()),
    ))
}

fn remaining(deadline: Instant) -> Result<Duration, DumpError> {
    let remaining = deadline.saturating_duration_since(Instant::now());
    match remaining.is_zero() {
        true => Err(DumpError::Late),
        false => Ok(remaining),
    }
}

/// A kernel that never answers costs at most the time that was left.
fn set_time_limit(socket: &OwnedFd, limit: Duration) -> Result<(), DumpError> {
    // The kernel counts microseconds, and 0 would mean for ever.
    let limit = limit.max(Duration::from_millis(1));
    for direction in [Timeout::Recv, Timeout::Send] {
        set_socket_timeout(socket, direction, Some(limit)).map_err(DumpError::socket)?;
    }
    Ok(())
}

/// Repeats a call that a signal interrupted.
fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, DumpError> {
    loop {
        match call() {
            Ok(value) => return Ok(value),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(DumpError::Late),
            Err(error) => return Err(DumpError::socket(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sock_diag::{
        Query,
        request::requests,
        row::{self, tests::V4},
    };
    use zkchurn_core::frame::Sides;

    /// Interrupted dumps, the last of `dumps` excepted; how many were made, how
    /// many sockets remain, and whether it still is interrupted.
    fn repeated(dumps: usize) -> (usize, usize, bool) {
        let mut made = 0;
        let socket = row::parse(&V4, 0).unwrap();
        let dump = repeat(|sockets| {
            made += 1;
            sockets.resize(made, socket);
            Ok(Progress {
                done: true,
                interrupted: made < dumps,
            })
        });
        let dump = dump.unwrap();
        (made, dump.sockets.len(), dump.interrupted)
    }

    #[test]
    fn an_interrupted_dump_is_repeated_a_few_times_and_the_last_counts() {
        assert_eq!(repeated(1), (1, 1, false));
        assert_eq!(repeated(3), (3, 3, false));
        assert_eq!(repeated(100), (3, 3, true));
    }

    #[test]
    fn a_signal_repeats_a_call_and_a_time_limit_ends_it() {
        let mut calls = [Errno::AGAIN, Errno::INTR].to_vec();
        let outcome: Result<(), _> = uninterrupted(|| Err(calls.pop().expect("not called again")));
        assert!(matches!(outcome, Err(DumpError::Late)));
    }

    #[test]
    fn a_dump_without_time_left_says_so() {
        let query = Query {
            ports: &[1],
            sides: Sides::Client,
            states: u32::MAX,
        };
        let failure = dump(&requests(&query)[0], &query, 0, Instant::now()).unwrap_err();
        assert!(matches!(failure.error, DumpError::Late));
    }

    #[test]
    fn a_request_that_the_kernel_refuses_is_an_error_and_no_empty_list() {
        let query = Query {
            ports: &[1],
            sides: Sides::Client,
            states: u32::MAX,
        };
        let [mut request, _] = requests(&query);
        // An address family that does not exist.
        request[16] = 250;
        let deadline = Instant::now() + Duration::from_secs(5);
        let failure = dump(&request, &query, 0, deadline).unwrap_err();
        let error = failure.error.to_string();
        assert!(error.contains("refused"), "{error}");
    }
}

// SPDX-License-Identifier: MIT
//! A thread dump by HotSpot's attach mechanism, spoken by ourselves: the JDK's
//! tools need not be there, and they would signal a JVM that dies of it.
//!
//! The JVM listens on `/tmp/.java_pid<pid>` in its own mount namespace, `pid`
//! being what it calls itself. It begins to do so when it finds the trigger file
//! `.attach_pid<pid>`, for which it looks when it gets `SIGQUIT` (HotSpot:
//! `attachListener_linux.cpp`, since JDK 22 `attachListener_posix.cpp`; `os.cpp`,
//! `signal_thread_entry`).
//!
//! Everything in the target's file system is done with its own credentials, so
//! that a hostile target can gain nothing by what it puts there.

mod credentials;
mod place;
mod protocol;

use std::{
    io, thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use self::place::{Place, Trigger};
use crate::host::proc::{files::own_pid_namespace, identity};
use zkchurn_core::process::ProcessKey;

/// How long a JVM may take to open its socket after the signal; the JDK's own
/// tools wait about as long (`sun.tools.attach.attachTimeout`, 10 s).
const SOCKET_WAIT: Duration = Duration::from_secs(6);
/// First and longest pause between two looks for the socket.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// How long connecting, asking and answering may take together.
const REPLY_WAIT: Duration = Duration::from_secs(5);

/// The JVM to attach to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub key: ProcessKey,
    /// Its pid as it knows it.
    pub inner_pid: u32,
    /// Its effective user.
    pub euid: u32,
    /// Its effective group.
    pub egid: u32,
}

/// What a JVM answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The thread dump.
    pub text: Vec<u8>,
    /// Whether the attach mechanism had to be started by `SIGQUIT`.
    pub started_attach: bool,
}

/// Why there is no thread dump. Each is a sentence about the JVM.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message is its documentation")]
pub enum AttachError {
    #[error("it ended")]
    Gone,
    #[error("{0}")]
    NotAllowed(String),
    #[error("its {what} cannot be opened: {source}")]
    Unreachable {
        what: &'static str,
        source: io::Error,
    },
    #[error("cannot switch to its uid/gid: {0}")]
    Credentials(#[source] io::Error),
    #[error("its attach socket cannot be trusted: it is {0}")]
    ForeignSocket(&'static str),
    #[error("the trigger file {0} exists and belongs to another user")]
    ForeignTrigger(String),
    #[error("the trigger file {name} cannot be created: {source}")]
    Trigger { name: String, source: io::Error },
    #[error("SIGQUIT cannot be sent to it: {0}")]
    Signal(#[source] io::Error),
    #[error("it did not open its attach socket within {} s after SIGQUIT", SOCKET_WAIT.as_secs())]
    NoSocket,
    #[error("its attach socket accepts no connection: {0}")]
    Connect(#[source] io::Error),
    #[error(
        "zkchurn runs in its own pid namespace and cannot verify who answers; run it in the \
         host's pid namespace"
    )]
    OwnPids,
    #[error("its attach socket belongs to another process ({0})")]
    ForeignPeer(i32),
    #[error("it did not answer within {} s", REPLY_WAIT.as_secs())]
    TimedOut,
    #[error("the connection to its attach socket failed: {0}")]
    Connection(#[source] io::Error),
    #[error("it closed the connection without an answer")]
    NoAnswer,
    #[error("its answer is longer than {} MiB", protocol::REPLY_LIMIT >> 20)]
    TooLong,
    #[error("it refused: code {code}, {message:?}")]
    Refused { code: i32, message: String },
    #[error("its answer does not follow the attach protocol")]
    NotTheProtocol,
}

/// Takes a thread dump. `may_send_quit` is asked only when the JVM does not
/// listen yet. Blocks for up to eleven seconds: six for the socket, five for the
/// answer.
pub fn thread_dump(
    target: &Target,
    may_send_quit: impl FnOnce() -> Result<(), String> + Send,
) -> Result<Reply, AttachError> {
    if own_pid_namespace() {
        return Err(AttachError::OwnPids);
    }
    let process = Process::open(target)?;
    credentials::with(target.euid, target.egid, || {
        let (socket, started_attach) = match process.place.socket()? {
            Some(socket) => (socket, false),
            None => {
                may_send_quit().map_err(AttachError::NotAllowed)?;
                (process.start_attach()?, true)
            }
        };
        let text = protocol::thread_dump(&socket, target.key.pid, REPLY_WAIT)?;
        Ok(Reply {
            text,
            started_attach,
        })
    })
    .map_err(AttachError::Credentials)?
}

/// The target, held so that none of it can become another's.
struct Process {
    pidfd: OwnedFd,
    place: Place,
}

impl Process {
    /// Opens the target, then checks that it is the process that was seen: its
    /// pid could not have passed to another one before and come back.
    fn open(target: &Target) -> Result<Self, AttachError> {
        let pid = i32::try_from(target.key.pid).ok().and_then(Pid::from_raw);
        let pidfd = pid
            .ok_or(Errno::SRCH)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
        let pidfd = pidfd.map_err(|errno| match errno {
            Errno::SRCH => AttachError::Gone,
            other => AttachError::Unreachable {
                what: "process",
                source: other.into(),
            },
        })?;
        let place = Place::open(target);
        if !lives(target.key) {
            return Err(AttachError::Gone);
        }
        Ok(Self {
            pidfd,
            place: place?,
        })
    }

    /// Makes the JVM listen. The trigger file goes when this returns.
    fn start_attach(&self) -> Result<OwnedFd, AttachError> {
        let _trigger = Trigger::put(&self.place)?;
        pidfd_send_signal(&self.pidfd, Signal::QUIT).map_err(|errno| match errno {
            Errno::SRCH => AttachError::Gone,
            other => AttachError::Signal(other.into()),
        })?;
        let deadline = Instant::now() + SOCKET_WAIT;
        let mut pause = FIRST_PAUSE;
        while Instant::now() < deadline {
            thread::sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
            if let Some(socket) = self.place.socket()? {
                return Ok(socket);
            }
            if self.has_ended() {
                return Err(AttachError::Gone);
            }
        }
        Err(AttachError::NoSocket)
    }

    /// Also where its parent has not waited for it, so that it is in `/proc` still.
    fn has_ended(&self) -> bool {
        let mut ended = [PollFd::new(&self.pidfd, PollFlags::IN)];
        poll(&mut ended, Some(&Timespec::default())).is_ok_and(|count| count > 0)
    }
}

fn lives(key: ProcessKey) -> bool {
    identity::read(key).is_some()
}

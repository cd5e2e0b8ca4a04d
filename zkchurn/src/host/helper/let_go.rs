// SPDX-License-Identifier: MIT
//! The end of the helpers, before the end of this process: those that outlive it are left to the
//! first process of the pid namespace, and in a container that one often waits for no child. Each
//! trace would leave some zombies there.
//!
//! A helper ends when its socket does. Threads that wait on our ends hold them open, whoever
//! closes them, so they are shut down, by their numbers. What was sent before is read before.
//!
//! One that somebody has stopped (SIGSTOP, a debugger) never gets to read that. It is killed, as it
//! would stay for ever: an agent's, with its lock on the directory, keeps the next agent out. Others
//! that take longer are left alone: they end what they have started, or wait for a file system, and
//! write what they were given once that answers.

use std::{
    fs, io,
    os::{fd::AsFd, fd::RawFd, unix::net::UnixStream},
    process::Child,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::sys::socket::{Shutdown, shutdown};
use rustix::{
    fs::fstat,
    process::{Pid, Signal, WaitOptions, kill_process, waitpid},
};

use super::process;

/// How long they are waited for: they have nothing left to do, or else hang.
const WITHIN: Duration = Duration::from_millis(100);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A helper that was started.
#[derive(Clone, Copy)]
struct Started {
    pid: Pid,
    /// Inode of our end of its socket.
    socket: u64,
}

static STARTED: Mutex<Vec<Started>> = Mutex::new(Vec::new());

/// Remembers a helper.
pub(super) fn remember(child: &Child, ours: &UnixStream) -> io::Result<()> {
    let started = Started {
        pid: Pid::from_child(child),
        socket: fstat(ours.as_fd())?.st_ino,
    };
    let mut all = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(started);
    Ok(())
}

/// Ends them, and waits a moment for those that do not hang. Nothing is written or asked after
/// this.
pub(crate) fn all() {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if started.is_empty() {
        return;
    }
    for (number, socket) in sockets() {
        if started.iter().any(|one| one.socket == socket) {
            let _ = shutdown(number, Shutdown::Write);
        }
    }
    await_end(&mut started);
    if kill_stopped(&started) {
        await_end(&mut started);
    }
}

/// Waits for them, and keeps those that have not ended.
fn await_end(started: &mut Vec<Started>) {
    let deadline = Instant::now() + WITHIN;
    loop {
        // An error: somebody has waited for it already.
        started.retain(|one| matches!(waitpid(Some(one.pid), WaitOptions::NOHANG), Ok(None)));
        if started.is_empty() || Instant::now() >= deadline {
            return;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Whether there were any. Nobody has waited for them, so their pids are still theirs.
fn kill_stopped(started: &[Started]) -> bool {
    let pid_of = |one: &Started| one.pid.as_raw_pid().cast_unsigned();
    let stopped = started
        .iter()
        .filter(|one| process::is_stopped(pid_of(one)));
    // One that is another user by now (`writer`) cannot be killed, and stays.
    let killed = stopped.map(|one| kill_process(one.pid, Signal::KILL));
    killed.fold(false, |any, result| any | result.is_ok())
}

/// The numbers of our open sockets, and their inodes (`sockfs_dname`, net/socket.c).
fn sockets() -> Vec<(RawFd, u64)> {
    let Ok(open) = fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let sockets = open.flatten().filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        let opened = fs::read_link(entry.path()).ok()?;
        let inode = opened.to_str()?.strip_prefix("socket:[")?;
        Some((number, inode.strip_suffix(']')?.parse().ok()?))
    });
    sockets.collect()
}

// SPDX-License-Identifier: MIT
//! A reader of our standard output that pauses, as `less` does, or a terminal after Ctrl-S: what is
//! written then waits in the kernel, and whoever has been told to end waits with it.

use std::{
    io::{self, Read as _, Write as _},
    os::{fd::AsFd, unix::net::UnixStream},
    process::exit,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::low_level::pipe;

use super::threads;

/// How long it may take nothing once this process shall end.
const PATIENCE: Duration = Duration::from_millis(1_500);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// From here on the first of these signals ends this process, with `code`, where the reader
/// then takes nothing any more. One that reads on gets all.
///
/// # Errors
///
/// The system grants no socket, no handler or no thread.
pub(super) fn end_without_it(signals: &[i32], code: i32) -> io::Result<()> {
    let (mut told, tell) = UnixStream::pair()?;
    for signal in signals {
        pipe::register(*signal, tell.try_clone()?)?;
    }
    threads::named("paused-reader").spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            wait_until_it_pauses();
            say();
            exit(code);
        }
    })?;
    Ok(())
}

fn wait_until_it_pauses() {
    let mut took_at = Instant::now();
    while took_at.elapsed() < PATIENCE {
        if takes_more(io::stdout()) {
            took_at = Instant::now();
        }
        sleep(LOOK_EVERY);
    }
}

/// Whether a write would not wait. What cannot be asked counts as that.
fn takes_more(to: impl AsFd) -> bool {
    let mut to = [PollFd::new(&to, PollFlags::OUT)];
    poll(&mut to, Some(&AT_ONCE)) != Ok(0)
}

fn say() {
    let mut messages = io::stderr();
    if takes_more(&messages) {
        let said =
            "zkchurn: ended: what reads the output has paused, and the rest of it is missing\n";
        let _ = messages.write_all(said.as_bytes());
    }
}

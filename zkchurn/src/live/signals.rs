// SPDX-License-Identifier: MIT
//! The signals that end a trace, and one that must not.

use std::path::Path;

use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::host::proc::status::Status;

/// The signals that end a trace.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where it was ignored from the start, as `nohup` does.
    hang_up: Option<Signal>,
    /// By itself it would end the process when a file grows beyond `ulimit -f`. Once it is
    /// taken over, the write fails instead, like one to a full disk (setrlimit(2)).
    _file_too_large: Signal,
}

impl Signals {
    /// Takes the signals over from now on.
    ///
    /// # Errors
    ///
    /// The system grants no handler.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: match is_ignored(process::Signal::HUP) {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
            _file_too_large: signal(SignalKind::from_raw(process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the next of them.
    pub async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = received(self.hang_up.as_mut()) => {}
        }
    }
}

/// Never comes back where the signal is not taken over.
async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether this process was told to ignore a signal by whoever started it.
fn is_ignored(signal: process::Signal) -> bool {
    Status::read(Path::new("/proc/self")).is_ok_and(|status| status.ignores(signal))
}

// SPDX-License-Identifier: MIT
//! The signals that end a trace, and one that must not.

use std::fs;

use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
            hang_up: match is_ignored(SignalKind::hangup()) {
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
fn is_ignored(signal: SignalKind) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, signal))
}

/// The line `SigIgn:` has a bit for each signal, the lowest for signal 1 (proc(5)).
fn ignores(status: &str, signal: SignalKind) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.as_raw_value() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000001001000\n";
        let file_too_large = SignalKind::from_raw(process::Signal::XFSZ.as_raw());
        assert!(ignores(status, SignalKind::pipe()) && ignores(status, file_too_large));
        assert!(!ignores(status, SignalKind::hangup()) && !ignores("", SignalKind::hangup()));
    }
}

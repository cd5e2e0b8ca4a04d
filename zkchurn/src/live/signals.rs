// SPDX-License-Identifier: MIT
//! The signals that end a trace, and one that must not.
//!
//! Whatever would end this process ends the trace with its report instead, and another one
//! after that changes nothing.

use std::{future::poll_fn, io, path::Path, task::Poll};

use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::host::{proc::status::Status, signal_list};

/// The signals that end a trace.
pub(super) struct Signals {
    ending: Vec<Signal>,
    _file_too_large: Signal,
}

/// The end of a trace by a signal. Once one has come, it has come.
pub(super) struct Stop {
    signals: Signals,
    has_come: bool,
}

impl Stop {
    /// Waits for these.
    pub(super) fn new(signals: Signals) -> Self {
        let has_come = false;
        Self { signals, has_come }
    }

    /// Waits until one has come.
    pub(super) async fn comes(&mut self) {
        if !self.has_come {
            self.signals.any().await;
            self.has_come = true;
        }
    }
}

/// The numbers of the signals that are taken over: not those that whoever started this process
/// wanted to be ignored, as `nohup` does with SIGHUP. A shell does it with SIGINT of
/// what runs behind `&`; that is taken over nevertheless, since nothing else stops it
/// with a report as handily. SIGHUP may be taken for something else.
pub(super) fn that_are_taken(hangup_is_taken: bool) -> Vec<i32> {
    let status = Status::read(Path::new("/proc/self")).ok();
    let asked = [process::Signal::INT, process::Signal::TERM].map(process::Signal::as_raw);
    let is_ignored = |number: i32| {
        let ignored = status.as_ref().map_or(0, |status| status.ignored);
        ignored >> (number - 1) & 1 == 1 && !asked.contains(&number)
    };
    let is_taken = |number: i32| hangup_is_taken && number == process::Signal::HUP.as_raw();
    let ending = signal_list::that_end();
    ending
        .filter(|number| !is_ignored(*number) && !is_taken(*number))
        .collect()
}

impl Signals {
    /// Takes [those](that_are_taken) over from now on.
    ///
    /// # Errors
    ///
    /// The system grants no handler.
    pub(super) fn new(hangup_is_taken: bool) -> io::Result<Self> {
        let ending = that_are_taken(hangup_is_taken).into_iter();
        let ending = ending.map(|number| signal(SignalKind::from_raw(number)));
        Ok(Self {
            ending: ending.collect::<io::Result<_>>()?,
            _file_too_large: signal(SignalKind::from_raw(signal_list::FILE_TOO_LARGE))?,
        })
    }

    /// Waits for the next of them.
    pub(super) async fn any(&mut self) {
        poll_fn(|context| {
            let mut ending = self.ending.iter_mut();
            match ending.any(|signal| signal.poll_recv(context).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

// SPDX-License-Identifier: MIT
//! The kernel program's own log, with `-vv`, in a thread of its own: a host that changes states
//! faster than lines are written would keep the loop of a trace from its records.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::host::{privilege::held, threads};

/// How often lines are looked for. The log holds 128 KiB (`AYA_LOGS` of aya-log-ebpf), and what
/// finds no room there is lost.
const EVERY: Duration = Duration::from_millis(20);

/// The thread that prints it.
pub struct OwnLog {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    ended: Receiver<()>,
}

impl OwnLog {
    /// Prints by `flush`, which writes out all that there is.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub(super) fn start(mut flush: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let (end, ended) = channel();
        let thread = threads::named("kernel-log").spawn(move || {
            // Its map is mapped, and needs no more.
            let _ = held::give_up_all();
            while !over.load(Ordering::Acquire) {
                flush();
                thread::park_timeout(EVERY);
            }
            // The program is detached: nothing comes behind what there is.
            flush();
            // Nobody may wait for it any more.
            let _ = end.send(());
        })?;
        Ok(Self {
            is_over,
            thread,
            ended,
        })
    }

    /// Prints what is left, now that the program is detached; whether that was done until
    /// `deadline`.
    pub fn finish(self, deadline: Instant) -> bool {
        self.is_over.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let left = deadline.saturating_duration_since(Instant::now());
        self.ended.recv_timeout(left) != Err(RecvTimeoutError::Timeout)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn what_is_left_is_printed_at_the_end() {
        let (say, said) = channel();
        let log = OwnLog::start(move || say.send(()).unwrap()).unwrap();
        assert!(log.finish(Instant::now() + Duration::from_secs(60)));
        assert!(said.try_iter().count() >= 1);
    }

    #[test]
    fn a_log_without_end_is_not_waited_for() {
        let (_release, hang) = sync_channel::<()>(0);
        let log = OwnLog::start(move || {
            let _ = hang.recv();
        })
        .unwrap();
        assert!(!log.finish(Instant::now() + Duration::from_millis(50)));
    }
}

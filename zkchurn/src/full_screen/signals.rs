// SPDX-License-Identifier: MIT
//! Signals while the view is shown: some end it, one stops it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH},
    flag::register,
    low_level::emulate_default_handler,
};

use super::wake::Waker;

/// Which of them came.
pub(super) struct Signals {
    ends: Arc<AtomicBool>,
    stops: Arc<AtomicBool>,
}

impl Signals {
    /// Takes over SIGTSTP, and with `ending` those that end the program; each of them wakes
    /// the loop.
    ///
    /// # Errors
    ///
    /// The system grants no handler.
    pub(super) fn take(ending: bool, waker: &Waker) -> io::Result<Self> {
        let signals = Self {
            ends: Arc::default(),
            stops: Arc::default(),
        };
        register(SIGTSTP, Arc::clone(&signals.stops))?;
        waker.wake_at(SIGTSTP)?;
        waker.wake_at(SIGWINCH)?;
        if ending {
            for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
                register(signal, Arc::clone(&signals.ends))?;
                waker.wake_at(signal)?;
            }
        }
        Ok(signals)
    }

    /// Whether one came that ends the view.
    pub(super) fn ends(&self) -> bool {
        self.ends.load(Ordering::SeqCst)
    }

    /// Whether SIGTSTP came since the last time.
    pub(super) fn stops(&self) -> bool {
        self.stops.swap(false, Ordering::SeqCst)
    }
}

/// Stops this process as Ctrl-Z does; comes back once it is continued.
pub(super) fn stop() {
    // It fails for signals that nobody may send only.
    let _ = emulate_default_handler(SIGTSTP);
}

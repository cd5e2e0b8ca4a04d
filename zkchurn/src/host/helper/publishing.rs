// SPDX-License-Identifier: MIT
//! Our side of the helper that replaces the file with metrics. It has one text at most, and
//! answers to it; nobody waits for that but the end, for a moment.

use std::{io, os::unix::ffi::OsStrExt, path::Path, sync::mpsc::Receiver, time::Duration};

use super::{
    process::Kind,
    recorder::{CREATE, DATA, Said},
    recording::{StartedRecorder, message},
};
use crate::host::outbox::{Outbox, Put};

/// Bytes that wait for the file system at most: more than a text ever has.
const MOST_WAITING: usize = 2 << 20;

/// The helper at work.
pub struct Publisher {
    outbox: Outbox,
    said: Receiver<Said>,
    /// Whether the helper has a text of which it has not said what became of it.
    is_waiting: bool,
}

/// Starts the helper, while this process still holds all that it needs.
///
/// # Errors
///
/// The system grants no process.
pub fn start() -> io::Result<StartedRecorder> {
    StartedRecorder::of(Kind::Publisher)
}

impl Publisher {
    /// Has the helper find the file's directory, and waits for that.
    ///
    /// # Errors
    ///
    /// There is none, or the file is another's ([`io::ErrorKind::AlreadyExists`]).
    pub fn open(helper: StartedRecorder, path: &Path) -> io::Result<Self> {
        let order = message(CREATE, path.as_os_str().as_bytes());
        let (outbox, said, _) = helper.opened(order, MOST_WAITING)?;
        Ok(Self {
            outbox,
            said,
            is_waiting: false,
        })
    }

    /// Has the file replaced by this text; `false` where the helper has not answered to the
    /// one before, or takes nothing any more.
    pub fn replace(&mut self, text: &[u8]) -> bool {
        if self.is_waiting {
            return false;
        }
        let put = self.outbox.put(message(DATA, text));
        self.is_waiting = matches!(put, Put::Taken);
        self.is_waiting
    }

    /// What became of the last text, if that is known by `within` from now: [`Said::Finished`],
    /// [`Said::Resumed`] or [`Said::Stopped`].
    pub fn answer(&mut self, within: Duration) -> Option<Said> {
        if !self.is_waiting {
            return None;
        }
        let said = self.said.recv_timeout(within).ok()?;
        self.is_waiting = false;
        Some(said)
    }

    /// Whether the helper has not answered yet.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }
}

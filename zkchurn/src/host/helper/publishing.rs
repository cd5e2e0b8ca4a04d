// SPDX-License-Identifier: MIT
//! Our side of the helpers that have metrics: one replaces a file, one serves them. Such a helper
//! has one text at most, and answers to it; nobody waits for that but the end, for a moment.

use std::{io, os::unix::ffi::OsStrExt, path::Path, sync::mpsc::Receiver, time::Duration};

use super::{
    process::Kind,
    recorder::{CREATE, DATA, Said},
    recording::{StartedRecorder, message},
    server::Listen,
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

/// The same of the helper that serves.
///
/// # Errors
///
/// As [`start`].
pub fn start_server() -> io::Result<StartedRecorder> {
    StartedRecorder::of(Kind::Server)
}

impl Publisher {
    /// Has the helper find the file's directory, and waits for that.
    ///
    /// # Errors
    ///
    /// There is none, or the file is another's ([`io::ErrorKind::AlreadyExists`]).
    pub fn open(helper: StartedRecorder, path: &Path) -> io::Result<Self> {
        Self::begin(helper, path.as_os_str().as_bytes())
    }

    /// Has the helper listen, and waits for that.
    ///
    /// # Errors
    ///
    /// It cannot listen there.
    pub fn listen(helper: StartedRecorder, listen: Listen) -> io::Result<Self> {
        Self::begin(helper, &serde_json::to_vec(&listen)?)
    }

    fn begin(helper: StartedRecorder, what: &[u8]) -> io::Result<Self> {
        let order = message(CREATE, what);
        let (outbox, said, _) = helper.opened(order, MOST_WAITING)?;
        Ok(Self {
            outbox,
            said,
            is_waiting: false,
        })
    }

    /// Hands over this text in the place of the last; `false` where the helper has not answered to the
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

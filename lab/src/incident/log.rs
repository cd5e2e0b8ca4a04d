// SPDX-License-Identifier: MIT
//! The client's own log: what it says about itself, read as it is written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use zkchurn_lab::harness::wait;

/// More than any step of the incident takes; a pause of the client is at
/// most 2.1 s.
const AT_MOST: Duration = Duration::from_secs(30);

/// The first connect has led to a session.
pub(crate) const SESSION: &str = "Session establishment complete on server";
/// The server is gone and the client has noticed.
pub(crate) const REFUSED: &str = "Connection refused";
/// The client has failed inside itself.
pub(crate) const CLASS_NOT_FOUND: &str =
    "NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
/// A connection was established. The client goes on to say that it will
/// initiate a session, which it may fail to do.
pub(crate) const ESTABLISHED: &str = "Socket connection established, initiating session";
/// An attempt begins.
pub(crate) const OPENING: &str = "Opening socket connection to server";

/// A log file and how far it has been read.
pub(crate) struct Log {
    path: PathBuf,
    read: usize,
}

impl Log {
    /// A log that may not have been begun yet.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read: 0,
        }
    }

    /// Waits for a line and returns it. What came before it is passed over.
    pub(crate) fn wait_for(&mut self, text: &str) -> Result<String> {
        let what = format!("\"{text}\" in {}", self.path.display());
        wait::until(&what, AT_MOST, || Ok(self.next_with(text)))
    }

    /// Waits for the next attempt and returns the port it came from.
    pub(crate) fn next_attempt(&mut self) -> Result<u16> {
        let line = self.wait_for(ESTABLISHED)?;
        client_port(&line).with_context(|| format!("no client port in the line {line:?}"))
    }

    /// Passes over what is there already.
    pub(crate) fn skip(&mut self) -> Result<()> {
        self.read = std::fs::metadata(&self.path)
            .with_context(|| format!("cannot read {}", self.path.display()))?
            .len()
            .try_into()?;
        Ok(())
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.read
    }

    /// The next line with this text, should it be there already. A line that
    /// is still being written is left for the next look.
    pub(crate) fn next_with(&mut self, text: &str) -> Option<String> {
        let content = std::fs::read_to_string(&self.path).ok()?;
        let unread = content.get(self.read..)?;
        let whole = &unread[..=unread.rfind('\n')?];
        for line in whole.split_inclusive('\n') {
            self.read += line.len();
            if line.contains(text) {
                return Some(line.trim_end().to_owned());
            }
        }
        None
    }
}

/// Waits for a text in a file.
pub(crate) fn wait_for_text(path: &Path, text: &str) -> Result<()> {
    wait::until(
        &format!("\"{text}\" in {}", path.display()),
        AT_MOST,
        || {
            let content = std::fs::read_to_string(path).unwrap_or_default();
            Ok(content.contains(text).then_some(()))
        },
    )
}

/// The client's port that a line tells.
pub(crate) fn client_port(line: &str) -> Option<u16> {
    let (_, client) = line.split_once("client: /")?;
    let (address, _) = client.split_once(',')?;
    address.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: &str = "INFO Socket connection established, initiating session, client: \
        /127.0.0.1:40562, server: localhost/127.0.0.1:2181";

    #[test]
    fn an_attempt_tells_its_port() {
        assert_eq!(client_port(ATTEMPT), Some(40562));
        assert_eq!(client_port("INFO Opening socket connection"), None);
    }

    #[test]
    fn lines_are_found_once_and_only_when_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("client.log");
        let mut log = Log::of(&path);
        let text = ESTABLISHED;
        assert_eq!(log.next_with(text), None);
        std::fs::write(&path, format!("x\n{ATTEMPT}\ny\n{ATTEMPT}")).expect("a file");
        assert_eq!(log.next_with(text).as_deref(), Some(ATTEMPT));
        assert_eq!(log.next_with(text), None);
        std::fs::write(&path, format!("x\n{ATTEMPT}\ny\n{ATTEMPT}\n")).expect("a file");
        assert_eq!(log.next_with(text).as_deref(), Some(ATTEMPT));
        assert_eq!(log.next_with(text), None);
    }
}

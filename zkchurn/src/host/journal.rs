// SPDX-License-Identifier: MIT
//! Messages in the journal, with their priority and what they are about in fields of their
//! own: the native protocol of systemd-journald (systemd.io/JOURNAL_NATIVE_PROTOCOL), a datagram
//! for each, and lines with a priority in front where nobody takes those (sd-daemon(3)).
//!
//! What there is of crates writes for a facade of logging, from the thread that logs, and without a
//! second way out. Values never have ends of lines here, so this is all of the protocol.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write},
    os::{
        linux::fs::MetadataExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use zkchurn_core::text::printable;

/// Where journald listens (systemd-journald.service(8)).
const SOCKET: &str = "/run/systemd/journal/socket";
/// Bytes of a value at most.
const LONGEST: usize = 16 << 10;
const PRIORITY: &str = "PRIORITY=";
const MESSAGE: &str = "MESSAGE=";

/// How much a message matters (syslog(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// It does not do what it was started for.
    Error = 3,
    /// Something is wrong, or there is churn.
    Warning = 4,
    /// Somebody may want to know it.
    Notice = 5,
    Info = 6,
}

/// What a message is about: a name of capitals, digits and `_`, and a value.
pub type Field = (&'static str, String);

/// Whether standard error goes to the journal: `JOURNAL_STREAM` (systemd.exec(5)) has its device
/// and inode. Whoever has redirected it wants the messages elsewhere.
pub fn is_standard_error() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let file = fs::metadata("/proc/self/fd/2");
    file.is_ok_and(|file| stream == format!("{}:{}", file.st_dev(), file.st_ino()))
}

/// A line on a stream that the journal reads.
pub fn line(priority: u8, message: &str) -> String {
    format!("<{priority}>{message}\n")
}

/// A message as the native protocol has it.
pub fn entry(priority: Priority, message: &str, fields: &[Field]) -> Vec<u8> {
    let mut entry = format!("{PRIORITY}{}\nSYSLOG_IDENTIFIER=zkchurn\n", priority as u8);
    let message = ("MESSAGE", message);
    let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in fields.chain([message]) {
        let value = &value[..value.floor_char_boundary(LONGEST)];
        // Writing to a text does not fail.
        let _ = writeln!(entry, "{name}={}", printable(value.as_bytes()));
    }
    entry.into_bytes()
}

/// Takes an entry at each write.
pub struct Journal<W> {
    socket: UnixDatagram,
    /// The stream, for what the socket does not take.
    stream: W,
}

impl<W: Write> Journal<W> {
    /// With a stream that the journal reads.
    ///
    /// # Errors
    ///
    /// The system grants no socket.
    pub fn beside(stream: W) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        Ok(Self { socket, stream })
    }
}

impl<W: Write> Write for Journal<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let address = SocketAddr::from_pathname(SOCKET)?;
        if self.socket.send_to_addr(entry, &address).is_err() {
            self.stream.write_all(plain(entry).as_bytes())?;
        }
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line can say of an entry.
fn plain(entry: &[u8]) -> String {
    let entry = String::from_utf8_lossy(entry);
    let value = |name| entry.lines().find_map(|line| line.strip_prefix(name));
    let priority = value(PRIORITY).and_then(|priority| priority.parse().ok());
    line(
        priority.unwrap_or(Priority::Warning as u8),
        value(MESSAGE).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_whatever_is_in_it() {
        let fields = [("ZKCHURN_FINDING", "refused\nPRIORITY=0".to_owned())];
        let entry = entry(Priority::Warning, "churn began: a\u{1b}[2Jb", &fields);
        let entry = String::from_utf8(entry).unwrap();
        let expected = "PRIORITY=4\nSYSLOG_IDENTIFIER=zkchurn\n\
                        ZKCHURN_FINDING=refused\\u{a}PRIORITY=0\nMESSAGE=churn began: a\\u{1b}[2Jb\n";
        assert_eq!(entry, expected);
        assert_eq!(plain(entry.as_bytes()), "<4>churn began: a\\u{1b}[2Jb\n");
    }

    #[test]
    fn a_message_has_a_bound() {
        let entry = entry(Priority::Info, &"ä".repeat(LONGEST), &[]);
        assert!(entry.len() < LONGEST + 100, "{}", entry.len());
    }

    #[test]
    fn it_is_no_journal_where_nothing_says_so() {
        assert!(!is_standard_error());
    }
}

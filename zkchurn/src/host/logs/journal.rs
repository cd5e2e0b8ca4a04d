// SPDX-License-Identifier: MIT
//! What the journal has of a process, read by `journalctl` (`helper/journalctl`): the format
//! of its files is systemd's own business.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    path::Path,
    process::{Child, ChildStdout},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::geteuid,
};
use serde::Deserialize;
use serde_json::Value;
use zkchurn_core::inspection::journal::JournalOf;

use super::tail::Tail;
use crate::host::helper::journalctl;

/// Entries that are read, the latest.
const ENTRIES: usize = 5_000;
/// Bytes of `journalctl`'s output that are read.
const BYTES: usize = 8 << 20;
/// Bytes of its complaints.
const COMPLAINT: u64 = 4_096;
/// Time for all of it.
const WITHIN: Duration = Duration::from_secs(3);
/// Where the journal is kept (systemd-journald.service(8)).
const DIRECTORIES: [&str; 2] = ["/var/log/journal", "/run/log/journal"];

/// What the journal has.
pub(super) struct Journal {
    /// The messages, a line of a message being one of the text.
    pub tail: Tail,
    /// What is missing, a sentence.
    pub note: Option<String>,
}

/// Reads the lines of a process that `started` then.
///
/// # Errors
///
/// A sentence that says why the journal could not be searched.
pub(super) fn read(of: &JournalOf, started: Option<Timestamp>) -> Result<Journal, String> {
    let why = |why: String| format!("The journal was not searched: {why}.");
    if !DIRECTORIES.iter().any(|path| Path::new(path).is_dir()) {
        let places = DIRECTORIES.join(" nor ");
        return Err(why(format!(
            "neither {places} is here (in a container: run zkchurn on the host)"
        )));
    }
    let child = journalctl::start(&arguments(of, started)).map_err(why)?;
    let printed = printed_by(child, Instant::now() + WITHIN)
        .map_err(|error| why(format!("what journalctl prints could not be read: {error}")))?;
    if let Some(complaint) = &printed.complaint {
        let remedy = if geteuid().is_root() {
            ""
        } else {
            "; run as root"
        };
        return Err(why(format!("journalctl says \"{complaint}\"{remedy}")));
    }
    let tail = messages(&printed.bytes, printed.is_whole);
    let note = note(of, &printed, tail.text.is_empty());
    Ok(Journal { tail, note })
}

fn note(of: &JournalOf, printed: &Printed, is_empty: bool) -> Option<String> {
    match (printed.is_whole, is_empty) {
        (false, _) => Some(format!(
            "journalctl did not print all that the journal has of {} within {} s and {} MiB: the \
             latest of it was searched.",
            of.owner,
            WITHIN.as_secs(),
            BYTES >> 20
        )),
        (true, false) => None,
        (true, true) if geteuid().is_root() => Some(format!(
            "The journal has no line of {} since the process started.",
            of.owner
        )),
        (true, true) => Some(format!(
            "The journal has no line of {} that this user may read: run as root.",
            of.owner
        )),
    }
}

/// The latest first, so that what a limit cuts off is the oldest.
fn arguments(of: &JournalOf, started: Option<Timestamp>) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--quiet",
        "--no-pager",
        "--reverse",
        "--all",
        "--output=json",
        "--output-fields=MESSAGE",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("--lines={ENTRIES}"));
    // Known to the second.
    arguments.extend(started.map(|at| format!("--since=@{}", at.as_second() - 1)));
    arguments.extend(of.matches.iter().cloned());
    arguments
}

/// What it printed.
struct Printed {
    bytes: Vec<u8>,
    /// Whether it ended by itself, before any limit.
    is_whole: bool,
    /// What it complained of, where it failed.
    complaint: Option<String>,
}

fn printed_by(mut child: Child, deadline: Instant) -> io::Result<Printed> {
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(mut stdout) => read_until(&mut stdout, &mut bytes, deadline),
        None => Ok(true),
    };
    if !matches!(read, Ok(true)) {
        child.kill()?;
    }
    let status = child.wait()?;
    let is_whole = read?;
    let mut complaint = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(COMPLAINT).read_to_end(&mut complaint)?;
    }
    let complaint = String::from_utf8_lossy(&complaint);
    let complaint = complaint.trim().lines().next().map(str::to_owned);
    let failed = complaint.or_else(|| (!status.success()).then(|| status.to_string()));
    Ok(Printed {
        complaint: failed.filter(|_| is_whole && bytes.is_empty()),
        bytes,
        is_whole,
    })
}

/// Reads up to the end, and says whether it was reached.
fn read_until(from: &mut ChildStdout, to: &mut Vec<u8>, deadline: Instant) -> io::Result<bool> {
    let mut piece = vec![0; 64 * 1024];
    while to.len() < BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut ready = [PollFd::from_borrowed_fd(from.as_fd(), PollFlags::IN)];
        match poll(&mut ready, Some(&left)) {
            Ok(0) => return Ok(false),
            Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match from.read(&mut piece)? {
            0 => return Ok(true),
            read => to.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
    Ok(false)
}

/// An entry, as `--output=json` prints it (systemd.journal-fields(7),
/// <https://systemd.io/JOURNAL_EXPORT_FORMATS/>).
#[derive(Deserialize)]
struct Entry {
    /// Text; an array of bytes where it is not printable; an array of those where the entry
    /// has the field several times.
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
    /// Microseconds since 1970, in digits.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    written: Option<String>,
}

/// The messages of `printed`, which has the latest first: the oldest first. An entry that the
/// end may have cut is left out.
fn messages(printed: &[u8], is_whole: bool) -> Tail {
    let mut entries: Vec<&[u8]> = printed.split(|byte| *byte == b'\n').collect();
    if !is_whole {
        entries.pop();
    }
    let mut tail = Tail::default();
    let entries = entries.into_iter().rev();
    for entry in entries.filter_map(|line| serde_json::from_slice::<Entry>(line).ok()) {
        let message = entry.message.map(|value| bytes_of(&value));
        let Some(message) = message.filter(|message| !message.is_empty()) else {
            continue;
        };
        if let Some(written) = entry.written.and_then(|written| written.parse().ok()) {
            tail.written.push((tail.text.len(), written));
        }
        tail.text.extend(message);
        tail.text.push(b'\n');
    }
    tail.size = tail.text.len() as u64;
    tail
}

fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(parts) => {
            let byte = |part: &Value| part.as_u64().and_then(|byte| u8::try_from(byte).ok());
            match parts.iter().map(byte).collect() {
                Some(bytes) => bytes,
                None => parts.first().map(bytes_of).unwrap_or_default(),
            }
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As systemd 252 prints it.
    const PRINTED: &str = concat!(
        r#"{"__REALTIME_TIMESTAMP":"1795790957722476","__CURSOR":"s=8;i=3","_BOOT_ID":"d7","MESSAGE":"later","__MONOTONIC_TIMESTAMP":"3"}"#,
        "\n",
        r#"{"__REALTIME_TIMESTAMP":"1795790956712974","__CURSOR":"s=8;i=2","_BOOT_ID":"d7","MESSAGE":[97,27,91,49,109,98,9,99],"__MONOTONIC_TIMESTAMP":"2"}"#,
        "\n",
        r#"{"__REALTIME_TIMESTAMP":"1795790956712973","__CURSOR":"s=8;i=1","_BOOT_ID":"d7","MESSAGE":"first\n\tat x","__MONOTONIC_TIMESTAMP":"1"}"#,
        "\n",
    );

    #[test]
    fn messages_come_the_oldest_first_with_the_journals_own_time() {
        let tail = messages(PRINTED.as_bytes(), true);
        let text = String::from_utf8(tail.text.clone()).unwrap();
        assert_eq!(text, "first\n\tat x\na\u{1b}[1mb\tc\nlater\n");
        let at = |words: &str| tail.written_at(text.find(words).unwrap());
        assert_eq!(at("first"), Some(1_795_790_956_712_973));
        assert_eq!(at("at x"), at("first"));
        assert_eq!(at("later"), Some(1_795_790_957_722_476));
        assert_eq!(tail.size, text.len() as u64);
    }

    #[test]
    fn what_a_limit_may_have_cut_is_no_entry() {
        let cut = &PRINTED.as_bytes()[..PRINTED.len() - 20];
        let text = String::from_utf8(messages(cut, false).text).unwrap();
        assert_eq!(text, "a\u{1b}[1mb\tc\nlater\n");
        let cut = &PRINTED.as_bytes()[..PRINTED.len() - 1];
        let text = String::from_utf8(messages(cut, false).text).unwrap();
        assert_eq!(text, "a\u{1b}[1mb\tc\nlater\n");
    }

    #[test]
    fn of_a_field_that_is_there_several_times_the_first_is_read() {
        let printed = r#"{"MESSAGE":["one","two"]}"#;
        assert_eq!(messages(printed.as_bytes(), true).text, b"one\n");
    }

    proptest! {
        #[test]
        fn no_output_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200), is_whole: bool) {
            let tail = messages(&bytes, is_whole);
            prop_assert!(tail.text.len() <= bytes.len() + 1);
        }
    }
}

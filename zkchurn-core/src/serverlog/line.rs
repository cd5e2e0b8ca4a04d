// SPDX-License-Identifier: MIT
//! The parts of a line, in the layouts that ZooKeeper's log has in the field.
//!
//! | layout | where from |
//! |---|---|
//! | `TIME [myid:1] - INFO  [thread:Class@1] - message` | conf/log4j.properties of 3.4 to 3.7, conf/logback.xml from 3.8 |
//! | `TIME - INFO  [thread:Class@1] - message` | up to 3.3, and Debian |
//! | `TIME INFO org.apache.zookeeper.Class: message` | Cloudera, Ambari |
//! | `[TIME] INFO message (org.apache.zookeeper.Class)` | ZooKeeper as Kafka brings it |
//!
//! In front there may be what journald, Docker or Kubernetes add.

use memchr::memmem;

use super::moment::Stamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The beginning of a record.
    Record(Record<'a>),
    /// A line of a stack trace: an exception (`java.io.IOException: …`).
    Exception(&'a [u8]),
    /// Another line that goes on with a record.
    Continuation,
    /// Nothing.
    Blank,
    /// Not of a ZooKeeper server's log.
    Foreign,
}

/// The beginning of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When.
    pub stamp: Stamp,
    /// How grave.
    pub level: Level,
    /// The thread; empty in layouts without.
    pub thread: &'a [u8],
    pub message: &'a [u8],
}

/// Levels of log4j and logback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// The levels as they are written.
pub const LEVELS: [(&str, Level); 6] = [
    ("TRACE", Level::Trace),
    ("DEBUG", Level::Debug),
    ("INFO", Level::Info),
    ("WARN", Level::Warn),
    ("ERROR", Level::Error),
    ("FATAL", Level::Fatal),
];

/// How far into a line its layout is looked for.
const HEAD: usize = 1024;

/// Takes a line apart.
pub fn read(line: &[u8]) -> Line<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.first() {
        None => return Line::Blank,
        // Most lines are frames of stack traces; they are done with here.
        Some(b'\t') => return Line::Continuation,
        _ => {}
    }
    if let Some(record) = record(line) {
        return Line::Record(record);
    }
    // Before a prefix is looked for, because these are many.
    if names_exception(line) {
        return Line::Exception(line);
    }
    match within_prefix(line) {
        Some(inner) => bare(inner),
        None => bare(line),
    }
}

fn bare(line: &[u8]) -> Line<'_> {
    if let Some(record) = record(line) {
        Line::Record(record)
    } else if line.iter().all(u8::is_ascii_whitespace) {
        Line::Blank
    } else if line.first().is_some_and(u8::is_ascii_whitespace)
        || line.starts_with(b"Caused by: ")
        || line.starts_with(b"Suppressed: ")
    {
        Line::Continuation
    } else if names_exception(line) {
        Line::Exception(line)
    } else {
        Line::Foreign
    }
}

fn record(line: &[u8]) -> Option<Record<'_>> {
    let bracketed = line.strip_prefix(b"[").unwrap_or(line);
    let stamp = Stamp::at_start(bracketed)?;
    let rest = after_time(bracketed)?;
    let rest = rest.strip_prefix(b"]").unwrap_or(rest);
    let rest = after_myid(rest.trim_ascii_start());
    let (level, rest) = level(rest)?;
    let (thread, message) = message(rest.trim_ascii_start());
    Some(Record {
        stamp,
        level,
        thread,
        message,
    })
}

/// Behind the time, its milliseconds and its zone.
fn after_time(line: &[u8]) -> Option<&[u8]> {
    let rest = line.get(19..)?;
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b']'))?;
    // `.249000000+01:00` is the longest.
    (end <= 16).then(|| rest.get(end..))?
}

fn after_myid(rest: &[u8]) -> &[u8] {
    let rest = match rest.strip_prefix(b"[myid:") {
        Some(id) => {
            let id = id.get(..64).unwrap_or(id);
            let length = memchr::memchr(b']', id).map_or(0, |end| b"[myid:".len() + end + 1);
            rest.get(length..).unwrap_or_default()
        }
        None => rest,
    };
    let rest = rest.trim_ascii_start();
    rest.strip_prefix(b"- ").unwrap_or(rest)
}

fn level(rest: &[u8]) -> Option<(Level, &[u8])> {
    let (_, level) = LEVELS
        .iter()
        .find(|(name, _)| rest.starts_with(name.as_bytes()))?;
    let (name, _) = LEVELS.get(*level as usize)?;
    let rest = rest.get(name.len()..)?;
    rest.starts_with(b" ").then_some((*level, rest))
}

/// The thread and the message.
fn message(rest: &[u8]) -> (&[u8], &[u8]) {
    let head = rest.get(..HEAD).unwrap_or(rest);
    if rest.starts_with(b"[") {
        // memchr, because a searcher for so short a word costs more than it gains.
        let closing = |mark: &[u8]| {
            let at = |at: &usize| head.get(*at..).is_some_and(|rest| rest.starts_with(mark));
            memchr::memchr_iter(b']', head).find(at)
        };
        let end = closing(b"] - ").or_else(|| closing(b"] "));
        if let Some(end) = end {
            let after = rest.get(end + 2..).unwrap_or_default();
            let after = after.strip_prefix(b"- ").unwrap_or(after);
            return (thread(rest.get(1..end).unwrap_or_default()), after);
        }
    }
    // `org.apache.zookeeper.server.NIOServerCnxn: message`, with or without `- `.
    let rest = rest.strip_prefix(b"- ").unwrap_or(rest);
    match memmem::find(head, b": ") {
        Some(end) if is_class(rest.get(..end).unwrap_or_default()) => {
            (b"", rest.get(end + 2..).unwrap_or_default())
        }
        _ => (b"", rest),
    }
}

/// `thread:Class@line`; a thread's name may hold colons itself.
fn thread(bracketed: &[u8]) -> &[u8] {
    match memchr::memrchr(b':', bracketed) {
        Some(end) => bracketed.get(..end).unwrap_or_default(),
        None => bracketed,
    }
}

fn is_class(name: &[u8]) -> bool {
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.contains(&b'.')
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'))
}

/// `java.io.IOException: …`, `EndOfStreamException: …`.
fn names_exception(line: &[u8]) -> bool {
    let head = line.get(..HEAD).unwrap_or(line);
    let name = memchr::memchr(b':', head).map_or(head, |end| head.get(..end).unwrap_or_default());
    let named = name.ends_with(b"Exception") || name.ends_with(b"Error");
    (named && !name.contains(&b' ')) || is_class(name)
}

/// The line as the server wrote it, where something put its own in front.
fn within_prefix(line: &[u8]) -> Option<&[u8]> {
    let head = line.get(..HEAD.min(160)).unwrap_or(line);
    let behind = |mark: &[u8]| {
        let at = memmem::find(head, mark)?;
        line.get(at + mark.len()..)
    };
    match line.first()? {
        // Kubernetes (CRI): `2026-11-25T04:13:01.249000000Z stdout F …`; Docker
        // with --timestamps has the time alone.
        b'0'..=b'9' if Stamp::at_start(line).is_some() => behind(b" stdout F ")
            .or_else(|| behind(b" stderr F "))
            .or_else(|| behind(b"]: "))
            .or_else(|| behind(b"Z ")),
        // journald and syslog: `Nov 25 04:13:01 host java[123]: …`; journalctl
        // without `-o cat` writes this. Compose: `zookeeper-1  | …`.
        byte if byte.is_ascii_alphanumeric() => behind(b"]: ").or_else(|| behind(b" | ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<(Level, String, String)> {
        match read(line.as_bytes()) {
            Line::Record(record) => {
                assert!(record.stamp.moment().is_some(), "{line}");
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                Some((record.level, text(record.thread), text(record.message)))
            }
            _ => None,
        }
    }

    const THREAD: &str = "NIOWorkerThread-1";

    #[test]
    fn the_layouts_of_the_field() {
        let with_thread = [
            "2026-11-25 04:13:01,249 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
            "2026-11-25 04:13:01.249 [myid:3] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception\r",
            "2026-11-25 04:13:01,249 - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
            "Nov 25 04:13:01 zk1 zookeeper[812]: 2026-11-25 04:13:01,249 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
            "2026-11-25T04:13:01+0000 zk1 java[812]: 2026-11-25 04:13:01,249 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
            "2026-11-25T04:13:01.249000000Z stdout F 2026-11-25 04:13:01,249 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
            "2026-11-25T04:13:01.249000000Z 2026-11-25 04:13:01,249 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
            "zookeeper-1  | 2026-11-25 04:13:01,249 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@374] - Unexpected exception",
        ];
        let expected = |thread: &str| {
            let message = "Unexpected exception".to_owned();
            Some((Level::Warn, thread.to_owned(), message))
        };
        for line in with_thread {
            assert_eq!(parts(line), expected(THREAD), "{line}");
        }
        let without = "2026-11-25 04:13:01,249 WARN org.apache.zookeeper.server.NIOServerCnxn: Unexpected exception";
        assert_eq!(parts(without), expected(""));
        let (level, _, message) = parts(
            "[2026-11-25 04:13:01,249] INFO Accepted socket connection from /10.0.0.1:1 (org.apache.zookeeper.server.NIOServerCnxnFactory)",
        )
        .unwrap();
        assert_eq!(level, Level::Info);
        assert!(message.starts_with("Accepted socket connection from /10.0.0.1:1 "));
    }

    #[test]
    fn names_with_brackets_of_a_quorum_member() {
        let line = "2026-11-25 04:13:01,249 [myid:1] - INFO  [QuorumPeer[myid=1](plain=/0.0.0.0:2181)(secure=disabled):QuorumPeer@1] - LOOKING";
        assert_eq!(parts(line).unwrap().2, "LOOKING");
    }

    #[test]
    fn lines_that_go_on_and_lines_of_others() {
        let cases: [(&[u8], Line<'_>); 9] = [
            (
                b"\tat java.lang.Thread.run(Thread.java:1)",
                Line::Continuation,
            ),
            (b"    at x.Y.z(Y.java:1)", Line::Continuation),
            (b"Caused by: java.io.IOException: x", Line::Continuation),
            (
                b"Nov 25 04:13:01 zk1 java[812]:         at x.Y.z(Y.java:1)",
                Line::Continuation,
            ),
            (
                b"java.io.IOException: Len error 5",
                Line::Exception(b"java.io.IOException: Len error 5"),
            ),
            (b"", Line::Blank),
            (b"  \r", Line::Blank),
            (b"\0\0\0", Line::Foreign),
            (b"ZooKeeper JMX enabled by default", Line::Foreign),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line:?}");
        }
    }
}

// SPDX-License-Identifier: MIT
//! The parts of a line, whatever layout it has.
//!
//! ```text
//! line ─> [escapes, NULs] ─> [prefix of syslog, engine, …]* ─> header ─> message
//!                        └─> JSON, logfmt ──────────────────────┘
//! ```
//!
//! ZooKeeper's own layout is tried first, because nearly all lines have it.

use memchr::memmem;

use super::{
    class::{self, Class, Classes},
    cleaned,
    header::{self, Outer},
    json, logfmt,
    moment::Stamp,
    piece::{Piece, Pieces},
    prefix,
    signature::{self, MESSAGES},
    time, xml,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The beginning of a record.
    Record(Record<'a>),
    /// A record, and the exception that the same line holds.
    RecordWithException(Record<'a>, &'a [u8]),
    /// A line of a stack trace: an exception (`java.io.IOException: …`).
    Exception(&'a [u8]),
    /// Another line that goes on with a record.
    Continuation,
    /// Syslog: the record before came so many times more.
    Repeated(u64),
    /// Syslog or the journal left so many lines out.
    Lost(u64),
    /// Nothing.
    Blank,
    /// Not of a ZooKeeper server's log, or of a layout that is not understood.
    Foreign(&'a [u8]),
}

/// The beginning of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When.
    pub stamp: Stamp,
    /// How grave; `None` where the layout does not tell.
    pub level: Option<Level>,
    /// The thread; empty in layouts without.
    pub thread: &'a [u8],
    /// Whose class wrote it, where the layout tells.
    pub class: Option<Class>,
    pub message: &'a [u8],
    /// How many times it came: more than once where syslog counted.
    pub times: u64,
}

/// Levels of log4j, logback and java.util.logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// What java.util.logging and others call them. Java speaks the language of the host
/// (`sun.util.logging.resources.logging_*`): German, French, Spanish, Italian, Portuguese,
/// Chinese, Japanese and Korean.
const OTHER_LEVELS: [(&str, Level); 32] = [
    ("FINEST", Level::Trace),
    ("FINER", Level::Debug),
    ("FINE", Level::Debug),
    ("CONFIG", Level::Debug),
    ("INFORMATION", Level::Info),
    ("NOTICE", Level::Info),
    ("WARNING", Level::Warn),
    ("SEVERE", Level::Error),
    ("WARNUNG", Level::Warn),
    ("SCHWERWIEGEND", Level::Error),
    ("INFOS", Level::Info),
    ("AVERTISSEMENT", Level::Warn),
    ("GRAVE", Level::Error),
    ("INFORMACIÓN", Level::Info),
    ("ADVERTENCIA", Level::Warn),
    ("INFORMAZIONI", Level::Info),
    ("AVVERTENZA", Level::Warn),
    ("INFORMAÇÕES", Level::Info),
    ("ADVERTÊNCIA", Level::Warn),
    ("信息", Level::Info),
    ("警告", Level::Warn),
    ("严重", Level::Error),
    ("資訊", Level::Info),
    ("嚴重", Level::Error),
    ("情報", Level::Info),
    ("重大", Level::Error),
    ("정보", Level::Info),
    ("경고", Level::Warn),
    ("심각", Level::Error),
    ("VARNING", Level::Warn),
    ("ALLVARLIG", Level::Error),
    ("致命的", Level::Error),
];

impl Level {
    /// The level that a word is, all in capitals or all small.
    pub fn named(word: &[u8]) -> Option<Self> {
        if !(4..=16).contains(&word.len()) {
            return None;
        }
        let one_case = !word.iter().any(u8::is_ascii_lowercase)
            || !word.iter().any(u8::is_ascii_uppercase) && word.is_ascii();
        let is = |(name, _): &&(&str, Self)| name.as_bytes().eq_ignore_ascii_case(word);
        let mut levels = LEVELS.iter().chain(&OTHER_LEVELS);
        levels
            .find(is)
            .filter(|_| one_case)
            .map(|(_, level)| *level)
    }
}

/// How far into a line ZooKeeper's own header may reach.
const HEAD: usize = 1024;

/// Prefixes in front of each other: an engine's, a shipper's, syslog's.
const PREFIXES: usize = 4;

/// Takes lines apart. Keeps what it had to write anew until the next line.
#[derive(Debug, Default)]
pub struct Reader {
    cleaned: Vec<u8>,
    fields: Option<json::Fields>,
    classes: Classes,
    pieces: Pieces,
}

impl Reader {
    /// Takes a line apart.
    pub fn read<'l>(&'l mut self, line: &'l [u8]) -> Line<'l> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None => return Line::Blank,
            // Most lines are frames of stack traces; they are done with here.
            Some(b'\t') => return Line::Continuation,
            Some(b'0'..=b'9') => {
                if let Some(record) = of_zookeeper(line, &mut self.classes) {
                    return Line::Record(record);
                }
            }
            // Before a prefix is looked for, because these are many.
            _ if names_exception(line) => return Line::Exception(line),
            _ => {}
        }
        let Self {
            cleaned,
            fields,
            pieces,
            ..
        } = self;
        let line = cleaned::bare(line);
        let line = if cleaned::has_escapes(line) {
            cleaned::without_escapes(line, cleaned);
            cleaned.as_slice()
        } else {
            line
        };
        let mut piece = None;
        let line = read(line, fields, &mut piece);
        match piece.is_some_and(|piece| pieces.goes_on(piece)) {
            true => Line::Continuation,
            false => line,
        }
    }
}

/// A line without escapes.
fn read<'l>(
    line: &'l [u8],
    fields: &'l mut Option<json::Fields>,
    piece: &mut Option<Piece>,
) -> Line<'l> {
    let mut outer = Outer::default();
    let mut rest = line;
    let mut may_be_name = true;
    for _ in 0..PREFIXES {
        match rest.first() {
            Some(b'{') if rest.ends_with(b"}") => {
                if let Some(found) = json::read(rest) {
                    piece.get_or_insert(found.piece());
                    return of_json(fields.insert(found), outer, line);
                }
            }
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'@' => {
                if let Some(record) = of_logfmt(rest, &outer) {
                    return Line::Record(record);
                }
            }
            _ => {}
        }
        if let Some(line) = read_plain(rest, &outer) {
            return line;
        }
        let Some(found) = prefix::strip(rest, may_be_name) else {
            break;
        };
        if !found.stamp.is_unknown() {
            outer.stamp = found.stamp;
        }
        may_be_name &= !found.has_time;
        // That of the outermost: whoever wrote the file last split the line last.
        *piece = piece.or(found.piece);
        rest = found.rest;
        if let Some(line) = of_syslog(rest, &outer) {
            return line;
        }
    }
    unheaded(rest)
}

/// What is behind all prefixes of a line that say where it comes from.
pub(super) fn behind_prefixes(line: &[u8]) -> &[u8] {
    let mut rest = line;
    let mut may_be_name = true;
    for _ in 0..PREFIXES {
        let is_header = rest.starts_with(b"{") || read_plain(rest, &Outer::default()).is_some();
        // No name begins with a digit.
        if is_header && rest.first().is_some_and(u8::is_ascii_digit) {
            break;
        }
        let Some(found) = prefix::strip(rest, may_be_name) else {
            break;
        };
        // `[pod/zk-0/zk]` looks like a part of a header, and has a whole one behind it.
        let is_name = !found.has_time
            && found
                .rest
                .first()
                .is_some_and(|first| first.is_ascii_digit() || *first == b'[');
        if is_header && !is_name {
            break;
        }
        may_be_name &= !found.has_time;
        rest = found.rest;
    }
    rest
}

/// A line that begins with a header, and not with a prefix.
fn read_plain<'l>(line: &'l [u8], outer: &Outer) -> Option<Line<'l>> {
    match line.first()? {
        b'<' => {
            if let Some(line) = xml::read(line) {
                return Some(line);
            }
        }
        byte if byte.is_ascii_digit() => {
            if let Some(record) = of_zookeeper(line, &mut Classes::default()) {
                return Some(Line::Record(record));
            }
        }
        _ => {}
    }
    header::read(line, outer).map(Line::Record)
}

/// A line without a header.
fn unheaded(line: &[u8]) -> Line<'_> {
    if line.iter().all(u8::is_ascii_whitespace) {
        Line::Blank
    } else if line.trim_ascii_start().starts_with(b"\"") {
        // An element of a list: no line of a stack trace is one.
        Line::Foreign(line)
    } else if line.first().is_some_and(u8::is_ascii_whitespace)
        || line.starts_with(b"Caused by: ")
        || line.starts_with(b"Suppressed: ")
    {
        Line::Continuation
    } else if names_exception(line) {
        Line::Exception(line)
    } else {
        Line::Foreign(line)
    }
}

/// What syslog and the journal write about other lines.
fn of_syslog<'l>(line: &'l [u8], outer: &Outer) -> Option<Line<'l>> {
    if let Some(rest) = line.strip_prefix(b"message repeated ") {
        let (times, rest) = number(rest)?;
        let inner = rest
            .strip_prefix(b" times: [")?
            .strip_suffix(b"]")?
            .trim_ascii_start();
        return match read_plain(inner, outer)? {
            Line::Record(record) => Some(Line::Record(Record { times, ..record })),
            _ => None,
        };
    }
    if let Some(rest) = line.strip_prefix(b"last message repeated ") {
        let (times, rest) = number(rest)?;
        return (rest == b" times").then_some(Line::Repeated(times));
    }
    let lost = line
        .strip_prefix(b"Suppressed ")
        .or_else(|| line.strip_prefix(b"imjournal: "))
        .or_else(|| line.strip_prefix(b"imuxsock lost "))?;
    let (lines, rest) = number(lost)?;
    (rest.starts_with(b" messages from ") || rest.starts_with(b" messages lost "))
        .then_some(Line::Lost(lines))
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    // As many as RateLogger can write; more would be made up.
    let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((u64::from(number), rest))
}

/// What the field of the message says, with what the other fields tell; `line` is the whole.
fn of_json<'l>(fields: &'l json::Fields, outer: Outer, line: &'l [u8]) -> Line<'l> {
    let outer = Outer {
        stamp: match fields.stamp.is_unknown() {
            true => outer.stamp,
            false => fields.stamp,
        },
        level: fields.level.or(outer.level),
    };
    let Some(message) = fields.message() else {
        return Line::Foreign(line);
    };
    // Only the first line is a record: the others go on with it.
    let message = message.trim_ascii_end();
    let end = memchr::memchr(b'\n', message).unwrap_or(message.len());
    let (first, below) = message.split_at(end);
    let below = below.trim_ascii_start();
    let first = first.strip_suffix(b"\r").unwrap_or(first);
    let stack = fields.stack.as_deref().unwrap_or(below);
    let logger = fields.logger.as_deref().and_then(class::named);
    let inner = match logger {
        // The logger wrote the fields: the message is all that there is.
        Some(_) => None,
        None => inner(first, &outer),
    };
    let record = match inner {
        Some(Line::Record(record)) => record,
        Some(other) => return other,
        None if logger.is_some() || fields.level.is_some() => Record {
            stamp: outer.stamp,
            level: outer.level,
            thread: fields.thread.as_deref().unwrap_or_default(),
            class: logger,
            message: first,
            times: 1,
        },
        None => return unheaded(first),
    };
    match stack.is_empty() {
        true => Line::Record(record),
        false => Line::RecordWithException(record, stack),
    }
}

/// A whole line within a field.
fn inner<'l>(line: &'l [u8], outer: &Outer) -> Option<Line<'l>> {
    if line.first() == Some(&b'\t') {
        return Some(Line::Continuation);
    }
    let plain = Outer {
        level: None,
        ..*outer
    };
    read_plain(line, &plain).or_else(|| {
        let rest = prefix::strip(line, true)?.rest;
        of_syslog(rest, &plain).or_else(|| read_plain(rest, &plain))
    })
}

fn of_logfmt<'l>(line: &'l [u8], outer: &Outer) -> Option<Record<'l>> {
    let fields = logfmt::read(line)?;
    let level = fields.level.and_then(Level::named);
    let class = fields.logger.and_then(class::named);
    if level.is_none() && class.is_none() {
        return None;
    }
    let stamp = fields.time.and_then(time::at_start).map(|(stamp, _)| stamp);
    Some(Record {
        stamp: stamp.unwrap_or(outer.stamp),
        level,
        thread: fields.thread.unwrap_or_default(),
        class,
        message: fields.message?,
        times: 1,
    })
}

/// `TIME [myid:1] - INFO  [thread:Class@1] - message`: conf/log4j.properties of 3.4 to 3.7,
/// conf/logback.xml from 3.8; without `[myid:1]` up to 3.3, and in Debian.
fn of_zookeeper<'l>(line: &'l [u8], classes: &mut Classes) -> Option<Record<'l>> {
    let stamp = Stamp::at_start(line)?;
    let mut rest = line.get(23..)?.strip_prefix(b" ")?;
    if let Some(id) = rest.strip_prefix(b"[myid:") {
        let end = memchr::memchr(b']', id.get(..64).unwrap_or(id))?;
        rest = id.get(end + 1..)?.strip_prefix(b" ")?;
    }
    let rest = rest.strip_prefix(b"- ")?;
    let word = rest.get(..6)?;
    let (_, level) = LEVELS
        .iter()
        .find(|(name, _)| word.starts_with(name.as_bytes()))?;
    let rest = rest.get(5..)?.trim_ascii_start().strip_prefix(b"[")?;
    let head = rest.get(..HEAD).unwrap_or(rest);
    // Names of threads hold brackets: the first with a separator behind it is the last.
    let end = memchr::memchr_iter(b']', head).find(|at| {
        head.get(*at..)
            .is_some_and(|rest| rest.starts_with(b"] - "))
    })?;
    let inside = rest.get(..end)?;
    let colon = memchr::memrchr(b':', inside)?;
    let class = classes.with_line(inside.get(colon + 1..)?)?;
    Some(Record {
        stamp,
        level: Some(*level),
        thread: inside.get(..colon)?,
        class: Some(class),
        message: rest.get(end + 4..)?,
        times: 1,
    })
}

/// `java.io.IOException: …`, `EndOfStreamException: …`.
fn names_exception(line: &[u8]) -> bool {
    let head = line.get(..HEAD).unwrap_or(line);
    let name = memchr::memchr(b':', head).map_or(head, |end| head.get(..end).unwrap_or_default());
    (name.ends_with(b"Exception") || name.ends_with(b"Error"))
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'))
}

/// Whether one of the server's most frequent messages stands within this text, but not at its
/// beginning: then the header was misread, or a client's text holds it.
pub fn holds_message(text: &[u8]) -> bool {
    const FREQUENT: [&[u8]; 5] = [
        b"Accepted socket connection from /",
        b"Closed socket connection for client /",
        b"Unable to read additional data from client",
        b"Too many connections from /",
        b"Established session 0x",
    ];
    signature::find(MESSAGES, text).is_none()
        && FREQUENT
            .iter()
            .any(|message| memmem::find(text, message).is_some())
}

/// Whether a line that is not understood names a class of ZooKeeper's, or begins with one of
/// its server's messages.
pub fn names_class(line: &[u8]) -> Option<Class> {
    let holds = |word: &[u8]| memmem::find(line, word).is_some();
    if holds(b"ServerCnxn")
        || holds(b"org.apache.zookeeper.server")
        || holds(b"ZooKeeperServer")
        || signature::find(MESSAGES, line).is_some()
    {
        Some(Class::Server)
    } else if holds(b"ClientCnxn") || holds(b"org.apache.zookeeper") {
        Some(Class::Client)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<(Level, String, String)> {
        let mut reader = Reader::default();
        match reader.read(line.as_bytes()) {
            Line::Record(record) => {
                assert!(record.stamp.moment().is_some(), "{line}");
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                Some((record.level?, text(record.thread), text(record.message)))
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
        assert_eq!(message, "Accepted socket connection from /10.0.0.1:1");
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
            (b"\0\0\0", Line::Blank),
            (
                b"ZooKeeper JMX enabled by default",
                Line::Foreign(b"ZooKeeper JMX enabled by default"),
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(Reader::default().read(line), expected, "{line:?}");
        }
    }
}

// SPDX-License-Identifier: MIT
//! Where the message of a line begins: behind what a logger writes in front of it, in
//! whatever order.
//!
//! The line is read from its first byte on, one element after another: time, level,
//! `[thread]`, `(context)`, class, separators, numbers. The first word that is none of these
//! begins the message, and nothing behind it is looked at again, because that is where
//! texts of clients stand.

use super::{
    class::{self, Class},
    line::{Level, Record},
    moment::Stamp,
    signature::{self, MESSAGES},
    time,
};

/// How far into a line the message may begin.
const HEAD: usize = 1024;

/// Elements at most; the longest known layout has 9.
const ELEMENTS: usize = 24;

/// Methods of ZooKeeper's server, 3.4 to 3.9, that write the known messages. None is the first
/// word of a message.
const METHODS: [&[u8]; 20] = [
    b"run",
    b"doIO",
    b"doAccept",
    b"acceptConnection",
    b"closeSock",
    b"handleFailedRead",
    b"checkFourLetterWord",
    b"processConnectRequest",
    b"processPacket",
    b"processSasl",
    b"finishSessionInit",
    b"reopenSession",
    b"receiveMessage",
    b"channelActive",
    b"connectOne",
    b"rateLimitLog",
    b"enforceAuthentication",
    b"operationComplete",
    b"logEnv",
    b"expire",
];

/// What is known of a line before its header is read, from what stands around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub stamp: Stamp,
    pub level: Option<Level>,
}

impl Default for Outer {
    fn default() -> Self {
        Self {
            stamp: Stamp::UNKNOWN,
            level: None,
        }
    }
}

/// Reads the header of a line. `None` where it has none: then the line goes on with
/// another, or it is not understood.
pub(super) fn read<'l>(line: &'l [u8], outer: &Outer) -> Option<Record<'l>> {
    let mut header = Header::new(line, outer);
    while header.elements < ELEMENTS && header.element() {
        header.elements += 1;
    }
    header.record().or_else(|| in_another_language(line))
}

/// `févr. 29, 2024 11:59:30 PM x.y.Class run`: the first of the two lines of
/// java.util.logging, where its month is none that is known. The message is the next line.
fn in_another_language(line: &[u8]) -> Option<Record<'_>> {
    if line.len() > HEAD / 4 {
        return None;
    }
    let (head, method) = line.split_at(memchr::memrchr(b' ', line)?);
    let method = method.trim_ascii_start();
    let (date, name) = head.split_at(memchr::memrchr(b' ', head)?);
    let class = class::named(name.trim_ascii_start()).filter(|class| class.is_server())?;
    let year = memchr::memmem::find(date, b", 20")?;
    let clock = date.get(year + 6..)?.strip_prefix(b" ")?;
    let is_header = time::at_start(clock).is_some()
        && method
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_$<>".contains(byte));
    is_header.then_some(Record {
        stamp: Stamp::UNKNOWN,
        level: None,
        thread: b"",
        class: Some(class),
        message: b"",
        times: 1,
    })
}

struct Header<'l> {
    line: &'l [u8],
    rest: &'l [u8],
    elements: usize,
    stamp: Stamp,
    has_time: bool,
    level: Option<Level>,
    thread: Option<&'l [u8]>,
    class: Option<Class>,
    /// A separator was read since the class.
    class_is_closed: bool,
    /// Fields are separated by `|`.
    has_bars: bool,
}

impl<'l> Header<'l> {
    fn new(line: &'l [u8], outer: &Outer) -> Self {
        Self {
            line,
            rest: line.trim_ascii_start(),
            elements: 0,
            stamp: outer.stamp,
            has_time: !outer.stamp.is_unknown(),
            level: outer.level,
            thread: None,
            class: None,
            class_is_closed: false,
            has_bars: false,
        }
    }

    /// Reads one element, if the line goes on with one.
    fn element(&mut self) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let Some(first) = self.rest.first() else {
            return false;
        };
        if self.line.len() - self.rest.len() > HEAD {
            return false;
        }
        match first {
            b'[' => self.bracket(b'[', b']'),
            b'(' => self.bracket(b'(', b')'),
            b'{' => self.bracket(b'{', b'}'),
            b'<' => self.bracket(b'<', b'>'),
            b'-' | b'|' | b':' | b'~' | b'*' | b'#' | b'>' | b';' | b',' | b'=' => self.separator(),
            byte if byte.is_ascii_digit() => self.time() || self.number() || self.bundle(),
            byte if byte.is_ascii_alphabetic() || *byte == b'_' => self.time() || self.word(),
            // A level in another language.
            byte if !byte.is_ascii() => self.level.is_none() && self.word(),
            _ => false,
        }
    }

    /// A time; none behind the level, because a message may begin with one.
    fn time(&mut self) -> bool {
        let comes_late = self.class.is_some() || self.level.is_some();
        if self.class_is_closed || (self.has_time && comes_late) {
            return false;
        }
        let Some((stamp, length)) = time::at_start(self.rest) else {
            return false;
        };
        if !self.ends_at(length) {
            return false;
        }
        // The innermost is the logger's own; one without a date says less.
        if !stamp.is_unknown() {
            self.stamp = stamp;
        }
        self.has_time = true;
        // What stands before the time was put there by somebody else.
        self.thread = None;
        self.take(length);
        true
    }

    fn number(&mut self) -> bool {
        let length = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let stands_alone = matches!(self.rest.get(length), Some(b' ' | b'\t' | b'|'));
        if length > 12 || !stands_alone || self.class.is_some() {
            return false;
        }
        self.take(length);
        true
    }

    fn separator(&mut self) -> bool {
        // `*INFO*`.
        if let Some(marked) = self.rest.strip_prefix(b"*")
            && let Some(end) = memchr::memchr(b'*', marked.get(..12).unwrap_or(marked))
            && let (None, Some(level)) = (self.level, marked.get(..end).and_then(Level::named))
        {
            self.level = Some(level);
            self.take(end + 2);
            return true;
        }
        let is_mark = |byte: &&u8| {
            matches!(
                **byte,
                b'-' | b'|' | b':' | b'~' | b'*' | b'#' | b'>' | b';' | b',' | b'='
            )
        };
        let length = self.rest.iter().take_while(is_mark).count();
        let marks = self.rest.get(..length).unwrap_or_default();
        let stands_alone = self
            .rest
            .get(length)
            .is_none_or(|byte| matches!(byte, b' ' | b'\t'));
        if !(stands_alone || marks.contains(&b'|') || marks == b":") {
            return false;
        }
        self.has_bars |= marks.contains(&b'|');
        self.class_is_closed |= self.class.is_some();
        self.take(length);
        true
    }

    /// `[thread]`, `[INFO ]`, `(context)`, `[thread:Class@12]`.
    fn bracket(&mut self, open: u8, close: u8) -> bool {
        let Some(end) = closing(self.rest, open, close) else {
            return false;
        };
        let inside = self.rest.get(1..end).unwrap_or_default();
        // `[12 times] message` is RateLogger's message.
        if inside.ends_with(b" times") && inside.first().is_some_and(u8::is_ascii_digit) {
            return false;
        }
        let inside = inside.trim_ascii();
        if let Some(level) = Level::named(inside) {
            if self.level.is_some() {
                return false;
            }
            self.level = Some(level);
        } else if let Some((stamp, length)) = time::at_start(inside)
            && length == inside.len()
            && self.class.is_none()
        {
            if !stamp.is_unknown() {
                self.stamp = stamp;
            }
            self.has_time = true;
        } else {
            self.context(inside);
        }
        self.take(end + 1);
        true
    }

    fn context(&mut self, inside: &'l [u8]) {
        if inside.is_empty() || inside == b"{}" || inside.starts_with(b"myid") {
            return;
        }
        if self.class.is_none() {
            // `thread:Class@12`; the thread's name may hold colons itself.
            let split = memchr::memrchr(b':', inside);
            let behind = split.and_then(|colon| inside.get(colon + 1..));
            if let Some(class) = behind
                .filter(|name| name.contains(&b'@'))
                .and_then(class::named)
            {
                self.class = Some(class);
                self.thread = split.and_then(|colon| inside.get(..colon));
                return;
            }
            if let Some(class) = class::named(inside) {
                self.class = Some(class);
                return;
            }
        }
        if self.thread.is_none() && inside.iter().any(u8::is_ascii_alphabetic) {
            self.thread = Some(inside);
        }
    }

    fn word(&mut self) -> bool {
        let token = token(self.rest);
        let word = token
            .strip_suffix(b":")
            .or_else(|| token.strip_suffix(b","))
            .unwrap_or(token);
        if self.level.is_none()
            && let Some(level) = Level::named(word)
        {
            self.level = Some(level);
            self.take(token.len());
            return true;
        }
        if self.class.is_none()
            && let Some(class) = class::named(word)
        {
            self.class = Some(class);
            self.class_is_closed = token.len() > word.len();
            self.take(token.len());
            return true;
        }
        let behind = self
            .rest
            .get(token.len()..)
            .unwrap_or_default()
            .trim_ascii_start();
        if word.starts_with(b"myid") && word.iter().any(|byte| matches!(byte, b'=' | b':')) {
            self.take(token.len());
            return true;
        }
        self.method(token, behind) || self.bare_thread(token, behind)
    }

    /// `Class method - message`, `Class method` alone (java.util.logging), and
    /// `Class method message` with a method that writes messages which are known.
    fn method(&mut self, token: &[u8], behind: &[u8]) -> bool {
        let follows = self.class.is_some() && !self.class_is_closed;
        let ends = behind.is_empty() || behind.starts_with(b"- ") || METHODS.contains(&token);
        if !(follows
            && ends
            && token
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')))
        {
            return false;
        }
        // A second one is the message's first word.
        self.class_is_closed = true;
        self.take(token.len());
        true
    }

    /// `123 - org.apache.zookeeper - 3.4.14 |` behind the class: its bundle, in OSGi containers.
    fn bundle(&mut self) -> bool {
        let head = self.rest.get(..HEAD / 8).unwrap_or(self.rest);
        let Some(bar) =
            memchr::memchr(b'|', head).filter(|_| self.has_bars && self.class.is_some())
        else {
            return false;
        };
        let field = head.get(..bar).unwrap_or_default().trim_ascii();
        let is_name =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b' ');
        let dashes = memchr::memmem::find_iter(field, b" - ").count();
        if !(dashes == 2 && field.iter().all(is_name)) {
            return false;
        }
        self.take(bar);
        true
    }

    /// The name of a thread that stands without brackets: a single word, with the level or
    /// the class of a server behind it.
    fn bare_thread(&mut self, token: &'l [u8], behind: &[u8]) -> bool {
        if self.thread.is_some() || self.class.is_some() || !self.has_time {
            return false;
        }
        let behind = behind
            .strip_prefix(b": ")
            .or_else(|| behind.strip_prefix(b"- "))
            .or_else(|| behind.strip_prefix(b"|"))
            .unwrap_or(behind)
            .trim_ascii_start();
        let next = self::token(behind);
        let after = behind
            .get(next.len()..)
            .unwrap_or_default()
            .trim_ascii_start();
        let word = next.strip_suffix(b":").unwrap_or(next);
        let is_class = class::named(word) >= Some(Class::Shared);
        let is_closed = word.len() < next.len()
            || [&b"- "[..], b": ", b"|"]
                .iter()
                .any(|mark| after.starts_with(mark));
        // `Using org.apache.zookeeper.server.X as …` is a message.
        let is_name = token == b"main" || token.iter().any(|byte| !byte.is_ascii_alphabetic());
        let is_level = self.level.is_none() && Level::named(word).is_some();
        if !(is_name && (is_level || is_class) || is_class && is_closed) {
            return false;
        }
        self.thread = Some(token);
        self.take(token.len());
        true
    }

    fn ends_at(&self, length: usize) -> bool {
        self.rest.get(length).is_none_or(|byte| {
            matches!(byte, b' ' | b'\t' | b'|' | b'[' | b']' | b'-' | b',' | b':')
        })
    }

    fn take(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn record(mut self) -> Option<Record<'l>> {
        let mut message = self.rest.trim_ascii_end();
        if self.class.is_none()
            && self.level.is_some()
            && let Some(end) = class_at_end(message)
        {
            self.class = Some(end.class);
            self.thread = self.thread.or(end.thread);
            message = end.message;
        }
        let is_known = || {
            signature::find(MESSAGES, message).is_some()
                || message.starts_with(b"Server environment:")
        };
        let is_header = match (self.level.is_some(), self.class) {
            (true, Some(_)) => true,
            (true, None) => self.has_time || self.thread.is_some() || is_known(),
            (false, Some(class)) if class.is_server() => self.has_time || self.thread.is_some(),
            // Nothing but a time in front.
            (false, _) => self.class.is_none() && self.has_time && is_known(),
        };
        is_header.then(|| Record {
            stamp: self.stamp,
            level: self.level,
            thread: self.thread.unwrap_or_default(),
            class: self.class,
            message,
            times: 1,
        })
    }
}

/// Where the bracket at the beginning of `text` is closed.
fn closing(text: &[u8], open: u8, close: u8) -> Option<usize> {
    let mut depth = 0usize;
    let head = text.get(..HEAD / 2).unwrap_or(text);
    for (at, byte) in head.iter().enumerate() {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    // A name may hold a bracket that is never closed.
    memchr::memchr(close, head)
}

/// Up to the next blank, bar or bracket.
fn token(text: &[u8]) -> &[u8] {
    let head = text.get(..HEAD / 4).unwrap_or(text);
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'|' | b'[');
    let end = head.iter().position(ends).unwrap_or(head.len());
    match end {
        0 => head.get(..1).unwrap_or_default(),
        end => head.get(..end).unwrap_or_default(),
    }
}

/// What stands behind a message.
struct AtEnd<'l> {
    message: &'l [u8],
    class: Class,
    thread: Option<&'l [u8]>,
}

/// `message (org.apache.zookeeper.Class)`, as Kafka has it, `message (Class.java:12)`, and
/// `message (x.y.Class) [thread]`.
fn class_at_end(message: &[u8]) -> Option<AtEnd<'_>> {
    let (text, thread) = match message.strip_suffix(b"]") {
        Some(text) => {
            let open = memchr::memmem::rfind(text, b") [")?;
            (text.get(..=open)?, text.get(open + 3..))
        }
        None => (message, None),
    };
    let inside = text.strip_suffix(b")")?;
    let open = memchr::memmem::rfind(inside, b" (")?;
    let name = inside.get(open + 2..)?;
    if !name.contains(&b'.') {
        return None;
    }
    Some(AtEnd {
        message: inside.get(..open)?,
        class: class::named(name)?,
        thread,
    })
}

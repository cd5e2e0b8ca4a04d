// SPDX-License-Identifier: MIT
//! From lines to counts.
//!
//! The end of one connection may be recent_ends by up to three lines: why it ended, an
//! exception, and that its socket was closed. It is counted once: see
//! [`RecentEnds`] and [`Waiting`].

use super::{
    address::{self, Client},
    facts::LogFacts,
    kind::{self, Kind},
    line::{self, Line, Record},
    moment::{Clock, Moment},
    recent::{Reason, RecentEnds, Sessions, Waiting},
    signature::{self, EXCEPTIONS, MESSAGES, Meaning, Signature},
    tally::{Event, LogTally},
};
use crate::handshake::word::WORDS;

/// The part of the log that is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// From this moment on.
    pub since: Option<Moment>,
    /// Up to, and without, this moment.
    pub until: Option<Moment>,
}

impl Window {
    fn holds(&self, at: Option<Moment>) -> bool {
        let Some(at) = at else {
            return self.since.is_none() && self.until.is_none();
        };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// Counts lines.
#[derive(Default)]
pub struct Scanner {
    window: Window,
    clock: Clock,
    facts: LogFacts,
    tally: LogTally,
    recent_ends: RecentEnds,
    waiting: Waiting,
    sessions: Sessions,
    expected: Option<Expected>,
    /// The thread of the record whose exception is expected.
    thread: Vec<u8>,
}

/// The exception that the next line may hold.
#[derive(Clone, Copy)]
struct Expected {
    at: Option<Moment>,
    client: Option<Client>,
    /// `None` where the exception tells it.
    session: Option<u64>,
}

/// What a line says about one connection.
#[derive(Clone, Copy)]
struct Context<'l> {
    at: Option<Moment>,
    thread: &'l [u8],
    client: Option<Client>,
    session: Option<u64>,
}

impl Scanner {
    /// Counts what is in `window`.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    /// Takes the next line.
    pub fn line(&mut self, bytes: &[u8]) {
        let line = line::read(bytes);
        self.facts.line(&line);
        match line {
            Line::Record(record) => self.record(&record),
            Line::Exception(text) => self.exception(text),
            Line::Continuation | Line::Blank | Line::Foreign => {}
        }
        // An exception stands right below its record. Without one,
        // `Closing session 0x…` is no end of a connection, but a step of the end
        // of a session (`ZooKeeperServer.killSession`).
        if !matches!(line, Line::Record(_)) {
            self.expected = None;
        }
    }

    /// One file is over and another begins.
    pub fn end_of_file(&mut self) {
        self.expected = None;
    }

    /// The counts, and what was seen of the log.
    pub fn finish(mut self) -> (LogTally, LogFacts) {
        self.expected = None;
        for reason in self.waiting.take_all() {
            self.without_address(reason);
        }
        self.tally.histogram.finish();
        (self.tally, self.facts)
    }

    fn record(&mut self, record: &Record<'_>) {
        self.expected = None;
        let (times, message) = without_rate_logger(record.message);
        let Some(signature) = signature::find(MESSAGES, message) else {
            self.facts.message(record.message);
            return;
        };
        let at = self.clock.moment(&record.stamp);
        if !self.window.holds(at) {
            return;
        }
        let context = Context {
            at,
            thread: record.thread,
            client: client(signature, message),
            session: session(signature, message),
        };
        match signature.meaning {
            Meaning::Unexpected => self.expect(&context),
            Meaning::Broken => self.broken(message, &context),
            meaning => self.meaning(meaning, message, times, &context),
        }
    }

    /// The reason stands behind the session on this line (up to 3.5), or it is
    /// the exception on the next.
    fn broken(&mut self, message: &[u8], context: &Context<'_>) {
        let reason = signature::behind(message, "session 0x").and_then(|rest| {
            let rest = rest.get(hexadecimals(rest)..)?;
            // Up to 3.4.12: ` due to java.io.IOException: Len error 5`.
            signature::behind(rest, ": ")
        });
        match reason {
            Some(reason) => self.reason(reason, context),
            None => self.expect(context),
        }
    }

    fn expect(&mut self, context: &Context<'_>) {
        self.thread.clear();
        self.thread.extend_from_slice(context.thread);
        self.expected = Some(Expected {
            at: context.at,
            client: context.client,
            session: context.session,
        });
    }

    fn exception(&mut self, text: &[u8]) {
        let Some(expected) = self.expected.take() else {
            return;
        };
        let thread = std::mem::take(&mut self.thread);
        let context = Context {
            at: expected.at,
            thread: &thread,
            client: expected.client,
            session: expected.session,
        };
        // Behind the class.
        let text = memchr::memchr(b':', text).and_then(|colon| text.get(colon + 2..));
        let text = text.unwrap_or_default();
        // `Unexpected exception` alone has neither; only a known one counts then.
        if expected.session.is_some() || expected.client.is_some() {
            self.reason(text, &context);
        } else if let Some(signature) = signature::find(EXCEPTIONS, text) {
            self.known_reason(signature, text, &context);
        }
        self.thread = thread;
    }

    /// Why a connection broke.
    fn reason(&mut self, text: &[u8], context: &Context<'_>) {
        match signature::find(EXCEPTIONS, text) {
            Some(signature) => self.known_reason(signature, text, context),
            None => self.end(Kind::BrokenWithoutSession, 1, context),
        }
    }

    fn known_reason(&mut self, signature: &'static Signature, text: &[u8], context: &Context<'_>) {
        let context = Context {
            client: client(signature, text).or(context.client),
            session: session(signature, text).or(context.session),
            ..*context
        };
        self.meaning(signature.meaning, text, 1, &context);
    }

    fn meaning(&mut self, meaning: Meaning, text: &[u8], times: u64, context: &Context<'_>) {
        match meaning {
            Meaning::One(kind) if kind.is_end() => self.end(kind, 1, context),
            Meaning::One(kind) => self.no_end(kind, context),
            Meaning::ClientClosed => self.end(Kind::ClosedWithoutSession, 1, context),
            Meaning::SocketClosed => self.socket_closed(context),
            Meaning::Length(mark) => {
                let length = signature::behind(text, mark).and_then(number::<i32>);
                let kind = length.map_or(Kind::BadLength, kind::of_length);
                self.end(kind, 1, context);
            }
            Meaning::Word => self.word(text, context),
            Meaning::Limit => self.limit(text, times, context),
            Meaning::Broken | Meaning::Unexpected => {}
        }
    }

    fn no_end(&mut self, kind: Kind, context: &Context<'_>) {
        let event = Event {
            kind,
            times: 1,
            at: context.at,
        };
        let session = context.session.unwrap_or(0);
        if let Some(client) = context.client {
            self.sessions.learn(session, client.ip);
        }
        let known = context.client.map(|client| client.ip);
        self.tally.count_in_time(event);
        match known.or_else(|| self.sessions.of(session)) {
            Some(ip) => self.tally.count(ip, event),
            None => self.tally.count_without_address(event),
        }
    }

    /// The end of a connection, for a reason.
    fn end(&mut self, kind: Kind, times: u64, context: &Context<'_>) {
        let session = context.session.unwrap_or(0);
        let kind = match kind {
            Kind::ClosedWithoutSession | Kind::BrokenWithoutSession if session != 0 => {
                Kind::EndedWithSession
            }
            kind => kind,
        };
        let at = context.at;
        let event = Event { kind, times, at };
        match context.client {
            Some(client) => {
                self.sessions.learn(session, client.ip);
                if self.recent_ends.holds(client, at) {
                    return;
                }
                self.recent_ends.remember(client, at);
                self.tally.count(client.ip, event);
                self.tally.count_in_time(event);
            }
            None => {
                self.tally.count_in_time(event);
                let reason = Reason { kind, session, at };
                for given_up in self.waiting.put(context.thread, reason) {
                    self.without_address(given_up);
                }
            }
        }
    }

    /// A socket was closed: the end of a connection, if no line recent_ends it before.
    fn socket_closed(&mut self, context: &Context<'_>) {
        let session = context.session.unwrap_or(0);
        let mut waiting = self.waiting.take(context.thread);
        if let Some(other) = waiting.take_if(|reason| reason.session != session) {
            self.without_address(other);
        }
        let Some(client) = context.client else {
            if let Some(reason) = waiting {
                self.without_address(reason);
            }
            return;
        };
        match waiting {
            Some(reason) => self.tally.count(client.ip, reason.event()),
            None if self.recent_ends.forget(client, context.at) => {}
            None => {
                self.end(Kind::ClosedWithoutSession, 1, context);
                self.recent_ends.forget(client, context.at);
            }
        }
    }

    /// A reason whose address no line recent_ends; the session may tell it.
    fn without_address(&mut self, reason: Reason) {
        match self.sessions.of(reason.session) {
            Some(ip) => self.tally.count(ip, reason.event()),
            None => self.tally.count_without_address(reason.event()),
        }
    }

    fn word(&mut self, text: &[u8], context: &Context<'_>) {
        let word = text.get("Processing ".len()..).unwrap_or_default();
        let known = WORDS
            .iter()
            .position(|known| word.starts_with(known.as_bytes()));
        let address = context
            .client
            .and_then(|client| self.tally.address(client.ip));
        if let (Some(place), Some(address)) = (known, address) {
            address.words |= 1 << place;
        }
        self.end(Kind::FourLetterWord, 1, context);
    }

    /// A refusal at the limit ends no connection that had a thread, so it waits
    /// for no other line.
    fn limit(&mut self, text: &[u8], times: u64, context: &Context<'_>) {
        let event = Event {
            kind: Kind::LimitReached,
            times,
            at: context.at,
        };
        self.tally.count_in_time(event);
        let Some(client) = context.client else {
            self.tally.count_without_address(event);
            return;
        };
        self.tally.count(client.ip, event);
        let limit = signature::behind(text, "max is ").and_then(number::<u64>);
        if let Some(address) = self.tally.address(client.ip) {
            address.limit = limit.or(address.limit);
        }
    }
}

/// `[12 times] Message: …` is how `RateLogger` writes what came more than once
/// in 100 ms. The first is written alone, and the times are those after it.
fn without_rate_logger(message: &[u8]) -> (u64, &[u8]) {
    let (times, rest) = match message.strip_prefix(b"[") {
        Some(rest) => {
            let Some(times) = number::<u32>(rest) else {
                return (1, message);
            };
            match rest.get(decimals(rest)..).unwrap_or_default() {
                rest if rest.starts_with(b" times] ") => {
                    (u64::from(times), rest.get(8..).unwrap_or_default())
                }
                _ => return (1, message),
            }
        }
        None => (1, message),
    };
    match rest.strip_prefix(b"Message:") {
        Some(rest) => (times, rest.trim_ascii_start()),
        None => (times, rest),
    }
}

fn client(signature: &Signature, text: &[u8]) -> Option<Client> {
    let text = signature.behind(text, signature.address_after)?;
    address::read(text)
}

fn session(signature: &Signature, text: &[u8]) -> Option<u64> {
    let text = signature.behind(text, signature.session_after)?;
    let digits = text.get(..hexadecimals(text))?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn hexadecimals(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| !byte.is_ascii_hexdigit());
    end.unwrap_or(text.len())
}

fn decimals(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    end.unwrap_or(text.len())
}

/// The number that `text` begins with.
fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    let sign = usize::from(text.starts_with(b"-"));
    let digits = decimals(text.get(sign..)?);
    let digits = text.get(..sign + digits)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The first time in the beginning of a log.
pub fn first_moment(beginning: &[u8]) -> Option<Moment> {
    let mut lines = beginning.split(|byte| *byte == b'\n');
    lines.find_map(|bytes| match line::read(bytes) {
        Line::Record(record) => record.stamp.moment(),
        _ => None,
    })
}

// SPDX-License-Identifier: MIT
//! What single lines tell, each read with nothing but the lines right before it. So parts of
//! a log can be read side by side; [`Scanner`](super::scan::Scanner) puts together, in the
//! order of the log, what they tell.

use std::hash::{BuildHasher, Hash};

use super::{
    address::{self, Client},
    class::Class,
    facts::LogFacts,
    kind::{self, Kind},
    line::{Line, Reader, Record},
    moment::{Clock, Moment, Stamp},
    origin,
    signature::{self, EXCEPTIONS, MESSAGES, Meaning, Signature},
    unknown_counts,
};
use crate::handshake::word::WORDS;

/// So many lines before a line decide what it tells: the header of a record, its message,
/// its exception, and syslog's `last message repeated 3 times`.
pub const LINES_BEFORE: usize = 3;

/// What one line tells.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub what: What,
    pub at: Option<Moment>,
    pub thread: Thread,
    pub client: Option<Client>,
    pub session: Option<u64>,
    /// How many times.
    pub times: u64,
    /// Which message of the server's it is, by where that comes from.
    pub source: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Something that ends no connection.
    Event(Kind),
    /// The end of a connection, for a reason.
    End(Kind),
    /// The end of a connection, for whatever reason was told before.
    SocketClosed,
    /// A four-letter word, by its place in [`WORDS`] where it is known.
    Word(Option<u8>),
    /// A refusal at the limit that follows.
    Limit(Option<u64>),
    /// A refusal at the limit of all clients together, or another line on it.
    LimitOfAll(Option<u64>, Source),
    /// A connection with the server of this id broke.
    ElectionBroken(Option<u64>),
}

/// Which of the lines on one refusal at the limit of all it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// That of every server.
    Factory,
    /// The one that follows where the server uses NIO, its limited rate counted.
    Acceptor,
}

/// The name of a thread and its server as a hash; `None` in layouts without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thread(Option<u64>);

impl Thread {
    /// Equal names give equal values in every reader, so the hash has a fixed seed; clients
    /// do not name the server's threads.
    pub(super) fn named(name: &[u8]) -> Self {
        let hash = foldhash::quality::FixedState::default().hash_one(name);
        Self((!name.is_empty()).then_some(hash))
    }

    /// Whether the layout names threads.
    pub fn is_known(self) -> bool {
        self.0.is_some()
    }
}

/// Reads lines one after another.
#[derive(Default)]
pub struct LogReader {
    reader: Reader,
    pub state: State,
}

/// What is kept from one line to the next.
#[derive(Default)]
pub struct State {
    clock: Clock,
    pub facts: LogFacts,
    expected: Option<Expected>,
    header: Option<Header>,
    last: Option<Told>,
}

/// The exception that the next line may hold.
#[derive(Clone, Copy)]
struct Expected {
    context: Context,
    times: u64,
}

/// What a line says about one connection.
#[derive(Clone, Copy)]
struct Context {
    at: Option<Moment>,
    thread: Thread,
    client: Option<Client>,
    /// `None` where the exception tells it.
    session: Option<u64>,
    source: &'static str,
}

/// The first of two lines of a record: its message is the next
/// (`java.util.logging.SimpleFormatter`).
#[derive(Clone, Copy)]
struct Header {
    stamp: Stamp,
    thread: Thread,
    /// Of the server that wrote it, once that was asked for ([`origin`]).
    origin: Option<u64>,
    class: Option<Class>,
}

impl LogReader {
    /// Takes the next line.
    pub fn line(&mut self, bytes: &[u8]) -> Option<Told> {
        self.state.line(self.reader.read(bytes), bytes)
    }

    /// One file is over and another begins. Returns what was seen of it.
    pub fn end_of_file(&mut self) -> LogFacts {
        let facts = std::mem::take(&mut self.state).facts;
        self.state.facts = LogFacts::within(facts.window);
        facts
    }
}

impl State {
    fn line(&mut self, line: Line<'_>, bytes: &[u8]) -> Option<Told> {
        // An exception stands right below its record. Without one,
        // `Closing session 0x…` is no end of a connection, but a step of the end
        // of a session (`ZooKeeperServer.killSession`).
        let expected = self.expected.take();
        let header = self.header.take();
        let is_message = header.is_some() && is_bare(&line);
        let is_repeated = matches!(line, Line::Repeated(_));
        let message_of = header.filter(|_| is_message);
        self.facts
            .line(&line, message_of.map(|header| (header.class, header.stamp)));
        let told = match line {
            Line::Record(record) => match header.filter(|_| is_message) {
                Some(header) => self.message(record.message, record.times, header, bytes),
                None => self.record(&record, bytes),
            },
            Line::RecordWithException(record, text) => {
                let told = self.record(&record, bytes);
                match self.expected.take() {
                    Some(expected) => self.exception(text, &expected),
                    None => told,
                }
            }
            Line::Foreign(text) => header.and_then(|header| self.message(text, 1, header, bytes)),
            Line::Exception(text) => expected.and_then(|expected| self.exception(text, &expected)),
            Line::Repeated(times) => self.last.map(|told| Told { times, ..told }),
            Line::Continuation | Line::Blank | Line::Lost(_) => None,
        };
        // What was repeated is not repeated again: a chain of these would reach back too far.
        self.last = told.filter(|_| !is_repeated);
        told
    }

    fn record(&mut self, record: &Record<'_>, bytes: &[u8]) -> Option<Told> {
        if matches!(record.class, Some(Class::Other | Class::Client)) {
            return None;
        }
        let header = Header {
            stamp: record.stamp,
            thread: Thread::named(record.thread),
            origin: None,
            class: record.class,
        };
        if record.message.is_empty() && record.class.is_some() {
            self.header = Some(Header {
                origin: Some(origin::of(bytes)),
                ..header
            });
            return None;
        }
        self.message(record.message, record.times, header, bytes)
    }

    /// `bytes` are its line: the origin stands on the first of a record, not on that of its
    /// exception.
    fn message(
        &mut self,
        message: &[u8],
        times: u64,
        header: Header,
        bytes: &[u8],
    ) -> Option<Told> {
        let (rated, text) = without_rate_logger(message);
        let times = times.saturating_mul(rated);
        let Some(signature) = signature::find(MESSAGES, text) else {
            self.facts.message(message);
            return None;
        };
        self.facts.known += 1;
        let context = Context {
            at: self.clock.moment(&header.stamp),
            thread: match header.thread {
                Thread(Some(name)) => {
                    let origin = header.origin.unwrap_or_else(|| origin::of(bytes));
                    Thread(Some(name ^ origin))
                }
                unknown => unknown,
            },
            client: client(signature, text),
            session: session(signature, text),
            source: signature.source,
        };
        self.facts.has_begins |= self.facts.window.holds(context.at)
            && matches!(signature.meaning, Meaning::One(kind) if unknown_counts::BEGINS.contains(&kind));
        match signature.meaning {
            Meaning::Unexpected => self.expect(context, times),
            Meaning::Broken => self.broken(text, context, times),
            meaning => told(meaning, text, times, &context),
        }
    }

    /// The reason stands behind the session on this line (up to 3.5), or it is
    /// the exception on the next.
    fn broken(&mut self, message: &[u8], context: Context, times: u64) -> Option<Told> {
        let reason = signature::behind(message, "session 0x").and_then(|rest| {
            let rest = rest.get(hexadecimals(rest)..)?;
            // Up to 3.4.12: ` due to java.io.IOException: Len error 5`.
            signature::behind(rest, ": ")
        });
        match reason {
            Some(reason) => reason_told(reason, times, &context),
            None => self.expect(context, times),
        }
    }

    fn expect(&mut self, context: Context, times: u64) -> Option<Told> {
        self.expected = Some(Expected { context, times });
        None
    }

    fn exception(&mut self, text: &[u8], expected: &Expected) -> Option<Told> {
        // Of several lines the first; behind the class.
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let text = text.get(..end).unwrap_or_default();
        let text = memchr::memchr(b':', text).and_then(|colon| text.get(colon + 2..));
        let text = text.unwrap_or_default();
        let context = &expected.context;
        // `Unexpected exception` alone has neither; only a known one counts then.
        if context.session.is_some() || context.client.is_some() {
            reason_told(text, expected.times, context)
        } else {
            let signature = signature::find(EXCEPTIONS, text)?;
            known_reason(signature, text, expected.times, context)
        }
    }
}

/// Whether the line says nothing of its own about when and where it was written.
fn is_bare(line: &Line<'_>) -> bool {
    match line {
        Line::Record(record) => {
            record.stamp.is_unknown() && record.class.is_none() && record.thread.is_empty()
        }
        Line::Foreign(_) => true,
        _ => false,
    }
}

/// Why a connection broke.
fn reason_told(text: &[u8], times: u64, context: &Context) -> Option<Told> {
    match signature::find(EXCEPTIONS, text) {
        Some(signature) => known_reason(signature, text, times, context),
        None => Some(of(What::End(Kind::BrokenWithoutSession), times, context)),
    }
}

fn known_reason(
    signature: &'static Signature,
    text: &[u8],
    times: u64,
    context: &Context,
) -> Option<Told> {
    let context = Context {
        client: client(signature, text).or(context.client),
        session: session(signature, text).or(context.session),
        ..*context
    };
    told(signature.meaning, text, times, &context)
}

fn told(meaning: Meaning, text: &[u8], times: u64, context: &Context) -> Option<Told> {
    let what = match meaning {
        Meaning::One(kind) if kind.is_end() => What::End(kind),
        Meaning::One(kind) => What::Event(kind),
        Meaning::ClientClosed => What::End(Kind::ClosedWithoutSession),
        Meaning::SocketClosed => What::SocketClosed,
        Meaning::Length(mark) => {
            let length = signature::behind(text, mark).and_then(number::<i32>);
            What::End(length.map_or(Kind::BadLength, kind::of_length))
        }
        Meaning::Word => {
            let word = text.get("Processing ".len()..).unwrap_or_default();
            let place = WORDS
                .iter()
                .position(|known| word.starts_with(known.as_bytes()));
            What::Word(place.and_then(|place| u8::try_from(place).ok()))
        }
        Meaning::Limit => What::Limit(signature::behind(text, "max is ").and_then(number::<u64>)),
        Meaning::LimitOfAll => {
            let limit = signature::behind(text, "max is ").and_then(number::<u64>);
            What::LimitOfAll(limit, Source::Factory)
        }
        Meaning::LimitOfAllAgain => {
            let limit = signature::behind(text, "allowed is ").and_then(number::<u64>);
            What::LimitOfAll(limit, Source::Acceptor)
        }
        Meaning::ElectionBroken => {
            What::ElectionBroken(signature::behind(text, "for id ").and_then(number::<u64>))
        }
        Meaning::Broken | Meaning::Unexpected => return None,
    };
    Some(of(what, times, context))
}

fn of(what: What, times: u64, context: &Context) -> Told {
    Told {
        what,
        at: context.at,
        thread: context.thread,
        client: context.client,
        session: context.session,
        times,
        source: context.source,
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
    let mut reader = Reader::default();
    let mut lines = beginning.split(|byte| *byte == b'\n');
    lines.find_map(|bytes| match reader.read(bytes) {
        Line::Record(record) | Line::RecordWithException(record, _) => record.stamp.moment(),
        _ => None,
    })
}

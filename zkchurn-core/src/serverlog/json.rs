// SPDX-License-Identifier: MIT
//! A line that is a JSON object: the container engine's (`log`), the journal's (`MESSAGE`),
//! a cloud's export (`textPayload`, `jsonPayload`), or the logger's own (`message` beside
//! `level` and `logger`).
//!
//! A field that comes twice makes the line worthless: where a layout writes JSON without
//! escaping, a client's text could bring a second message.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    cleaned,
    line::Level,
    moment::Stamp,
    piece::{Marks, Piece},
    time,
};

/// Objects inside of objects that are looked into.
const DEPTH: usize = 4;

/// What was found.
#[derive(Debug)]
pub(super) struct Fields {
    /// By rank: the lower is the better.
    message: Option<(usize, Vec<u8>)>,
    /// What stands for each `{}` of the message (Logback's `JsonEncoder`).
    arguments: Vec<Vec<u8>>,
    marks: Marks,
    pub level: Option<Level>,
    pub logger: Option<Vec<u8>>,
    pub thread: Option<Vec<u8>>,
    pub stamp: Stamp,
    /// The exception: `class: text`, and the frames below it.
    pub stack: Option<Vec<u8>>,
}

impl Fields {
    /// What the line says.
    pub(super) fn message(&self) -> Option<&[u8]> {
        self.message.as_ref().map(|(_, text)| text.as_slice())
    }

    /// Whether it is a piece of a longer line.
    pub(super) fn piece(&self) -> Piece {
        self.marks.piece()
    }
}

/// Reads a line; `None` where it is no object, or one with a field twice. An engine keeps
/// the object that a logger writes as a text in one of its own.
pub(super) fn read(line: &[u8]) -> Option<Fields> {
    let outer = object(line)?;
    let whole_line = outer.message.as_ref().filter(|(rank, _)| *rank >= ENGINE);
    let inner = whole_line.and_then(|(_, text)| match text.trim_ascii() {
        text if text.starts_with(b"{") && text.ends_with(b"}") => object(text),
        _ => None,
    });
    let Some(inner) = inner.filter(|inner| inner.message.is_some()) else {
        return Some(outer);
    };
    Some(Fields {
        stamp: match inner.stamp.is_unknown() {
            true => outer.stamp,
            false => inner.stamp,
        },
        marks: outer.marks,
        ..inner
    })
}

fn object(line: &[u8]) -> Option<Fields> {
    let mut fields = Fields {
        message: None,
        arguments: Vec::new(),
        marks: Marks::default(),
        level: None,
        logger: None,
        thread: None,
        stamp: Stamp::UNKNOWN,
        stack: None,
    };
    let mut from = serde_json::Deserializer::from_slice(line);
    let object = Object {
        fields: &mut fields,
        within: Within::Nothing,
        depth: 0,
    };
    object.deserialize(&mut from).ok()?;
    from.end().ok()?;
    fields.fill_in();
    Some(fields)
}

/// What an object inside of the object is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Log,
    Thread,
    Exception,
    Instant,
}

/// Ranks of messages: what a logger may leave `{}` in, an engine's line, and the rest.
const TEMPLATE: usize = 1;
/// From here on the field holds a line as the program wrote it.
const ENGINE: usize = 3;
const LOG: usize = 4;
const OTHER: usize = 5;

/// What a field tells.
enum Role {
    Message(usize),
    Level,
    Logger,
    Thread,
    Time,
    Stack,
    ExceptionName,
    Arguments,
    Mark,
    Object(Within),
    Nothing,
}

fn role(key: &str, within: Within) -> Role {
    match (within, key) {
        (Within::Thread, "name") => Role::Thread,
        (Within::Thread, "thread") => Role::Object(Within::Thread),
        (Within::Exception, "stacktrace" | "stack_trace" | "extendedStackTrace" | "message") => {
            Role::Stack
        }
        (Within::Exception, "name" | "type" | "exception_class") => Role::ExceptionName,
        (Within::Thread | Within::Exception, _) => Role::Nothing,
        (Within::Instant, "epochSecond") => Role::Time,
        (Within::Instant, _) => Role::Nothing,
        (Within::Log, "level") => Role::Level,
        (Within::Log, "logger") => Role::Logger,
        (Within::Log, "stringValue") => Role::Message(TEMPLATE),
        (_, "formattedMessage") => Role::Message(0),
        (_, "message") => Role::Message(TEMPLATE),
        (_, "msg") => Role::Message(2),
        (_, "MESSAGE" | "@message") => Role::Message(ENGINE),
        (_, "log") => Role::Message(LOG),
        (
            _,
            "textPayload" | "line" | "_raw" | "short_message" | "content" | "body" | "text"
            | "LogEntry" | "LogMessage",
        ) => Role::Message(OTHER),
        (Within::Nothing, "arguments") => Role::Arguments,
        (
            _,
            "stream"
            | "_p"
            | "logtag"
            | "partial_message"
            | "partial_last"
            | "CONTAINER_PARTIAL_MESSAGE"
            | "_LINE_BREAK",
        ) => Role::Mark,
        (
            _,
            "level" | "log.level" | "severity" | "loglevel" | "logLevel" | "log_level"
            | "levelname",
        ) => Role::Level,
        (
            _,
            "logger" | "logger_name" | "loggerName" | "log.logger" | "class" | "className"
            | "class_name" | "category" | "source_class",
        ) => Role::Logger,
        (_, "thread" | "thread_name" | "threadName" | "process.thread.name" | "thread.name") => {
            Role::Thread
        }
        (
            _,
            "@timestamp"
            | "timestamp"
            | "time"
            | "ts"
            | "date"
            | "datetime"
            | "timeMillis"
            | "eventTime"
            | "__REALTIME_TIMESTAMP"
            | "asctime",
        ) => Role::Time,
        (_, "stack_trace" | "stacktrace" | "stackTrace" | "error.stack_trace" | "exc_info") => {
            Role::Stack
        }
        (_, "exception" | "thrown" | "throwable" | "error") => Role::Object(Within::Exception),
        (_, "instant") => Role::Object(Within::Instant),
        (
            _,
            "jsonPayload" | "result" | "_source" | "event" | "fields" | "data" | "record"
            | "attributes",
        ) => Role::Object(Within::Nothing),
        (_, "process") => Role::Object(Within::Thread),
        _ => Role::Nothing,
    }
}

struct Object<'f> {
    fields: &'f mut Fields,
    within: Within,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        let mut exception = None;
        while let Some(key) = map.next_key::<String>()? {
            let role = role(&key, self.within);
            if matches!(role, Role::Nothing) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if seen.contains(&key) {
                return Err(A::Error::custom("a field comes twice"));
            }
            if matches!(role, Role::Arguments) {
                self.fields.arguments = arguments(&map.next_value()?);
                seen.push(key);
                continue;
            }
            let text = map.next_value_seed(Value {
                fields: &mut *self.fields,
                within: match &role {
                    Role::Object(within) => *within,
                    Role::Message(_) => Within::Log,
                    Role::Stack => Within::Exception,
                    _ => Within::Thread,
                },
                depth: self.depth + 1,
            })?;
            match (role, text) {
                (Role::ExceptionName, Some(name)) => exception = Some(name),
                (Role::Mark, Some(text)) => self.fields.marks.field(&key, &text),
                (role, Some(text)) => self.fields.take(&role, text),
                (_, None) => {}
            }
            seen.push(key);
        }
        self.fields.complete(exception);
        Ok(())
    }
}

impl Fields {
    fn take(&mut self, role: &Role, text: Vec<u8>) {
        match role {
            Role::Message(rank) => self.take_message(*rank, &text),
            // Splunk's collector: the text itself, where others have an object.
            Role::Object(Within::Nothing) => self.take_message(OTHER, &text),
            Role::Level => self.level = self.level.or_else(|| Level::named(text.trim_ascii())),
            Role::Logger => self.logger = self.logger.take().or(Some(text)),
            Role::Thread => self.thread = self.thread.take().or(Some(text)),
            Role::Stack | Role::Object(Within::Exception) => {
                self.stack = self.stack.take().or(Some(text))
            }
            Role::Time if self.stamp.is_unknown() => self.stamp = moment(&text),
            _ => {}
        }
    }

    fn take_message(&mut self, rank: usize, text: &[u8]) {
        if self
            .message
            .as_ref()
            .is_some_and(|(known, _)| rank >= *known)
        {
            return;
        }
        if rank == LOG {
            self.marks.log(text);
        }
        let mut bare = Vec::new();
        cleaned::without_escapes(text, &mut bare);
        self.message = Some((rank, bare));
    }

    /// Puts the arguments into the message. Its beginning is never one: that is where a text
    /// counts.
    fn fill_in(&mut self) {
        let Some((TEMPLATE, template)) = &mut self.message else {
            return;
        };
        if self.arguments.is_empty() || template.starts_with(b"{}") {
            return;
        }
        let mut message = Vec::with_capacity(template.len());
        let mut rest = template.as_slice();
        for argument in &self.arguments {
            let Some(at) = memchr::memmem::find(rest, b"{}") else {
                break;
            };
            let (before, behind) = rest.split_at(at);
            message.extend_from_slice(before);
            message.extend_from_slice(argument);
            rest = behind.get(2..).unwrap_or_default();
        }
        message.extend_from_slice(rest);
        *template = message;
    }

    /// `name: message` where an exception comes in two fields.
    fn complete(&mut self, exception: Option<Vec<u8>>) {
        let Some(mut name) = exception else { return };
        if let Some(text) = self.stack.take() {
            if text.starts_with(&name) {
                self.stack = Some(text);
                return;
            }
            name.extend_from_slice(b": ");
            name.extend_from_slice(&text);
        }
        self.stack = Some(name);
    }
}

/// The elements of an array as texts.
fn arguments(value: &serde_json::Value) -> Vec<Vec<u8>> {
    let elements = value.as_array().into_iter().flatten();
    elements
        .map(|element| match element.as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => element.to_string().into_bytes(),
        })
        .collect()
}

fn moment(text: &[u8]) -> Stamp {
    if let Some((stamp, _)) = time::at_start(text)
        && !stamp.is_unknown()
    {
        return stamp;
    }
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.map_or(Stamp::UNKNOWN, time::of_number)
}

/// A string, a number as text, or an array of bytes (the journal's, for text that is no UTF-8);
/// an object is looked into.
struct Value<'f> {
    fields: &'f mut Fields,
    within: Within,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Option<Vec<u8>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.as_bytes().to_vec()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string().into_bytes()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string().into_bytes()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(format!("{number:.6}").into_bytes()))
    }

    fn visit_bool<E: Error>(self, is_so: bool) -> Result<Self::Value, E> {
        Ok(Some(is_so.to_string().into_bytes()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        while let Some(Byte(byte)) = array.next_element()? {
            bytes.extend(byte);
        }
        Ok(Some(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.depth >= DEPTH {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(None);
        }
        let object = Object {
            fields: self.fields,
            within: self.within,
            depth: self.depth,
        };
        object.visit_map(map)?;
        Ok(None)
    }
}

/// An element of an array: a byte, or something else.
struct Byte(Option<u8>);

impl<'de> serde::Deserialize<'de> for Byte {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        Ok(Self(
            value.as_u64().and_then(|number| u8::try_from(number).ok()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Option<String> {
        let fields = read(line.as_bytes())?;
        Some(String::from_utf8_lossy(fields.message()?).into_owned())
    }

    #[test]
    fn the_message_is_found_under_every_name() {
        for line in [
            r#"{"log":"x","stream":"stdout","time":"2026-11-25T04:13:01Z"}"#,
            r#"{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1795579981249000"}"#,
            r#"{"MESSAGE":[120]}"#,
            r#"{"jsonPayload":{"message":"x","level":"INFO"}}"#,
            r#"{"textPayload":"x","labels":{"message":"no"}}"#,
            r#"{"log":{"level":"INFO","logger":"a.B"},"message":"x"}"#,
        ] {
            assert_eq!(text(line).as_deref(), Some("x"), "{line}");
        }
    }

    /// `message` is an application's own, `log` the line of it that a container engine took.
    #[test]
    fn the_better_name_wins_wherever_it_stands() {
        for line in [
            r#"{"message":"x","log":"y"}"#,
            r#"{"log":"y","message":"x"}"#,
        ] {
            assert_eq!(text(line).as_deref(), Some("x"), "{line}");
        }
    }

    #[test]
    fn a_message_that_comes_twice_is_not_believed() {
        assert_eq!(text(r#"{"message":"got x", "message":"Accepted"}"#), None);
        assert_eq!(text(r#"{"message":"x"} {"message":"y"}"#), None);
        assert_eq!(text("[1]"), None);
        assert_eq!(text(&"{\"log\":".repeat(5000)), None);
    }

    #[test]
    fn logger_thread_level_time_and_exception() {
        let fields = read(
            br#"{"instant":{"epochSecond":1795579981,"nanoOfSecond":249},"thread":"T","level":"WARN","loggerName":"a.B","message":"m","thrown":{"name":"java.io.IOException","message":"Len error 5"}}"#,
        )
        .expect("an object");
        assert_eq!(fields.level, Some(Level::Warn));
        assert_eq!(fields.logger.as_deref(), Some(&b"a.B"[..]));
        assert_eq!(fields.thread.as_deref(), Some(&b"T"[..]));
        assert_eq!(
            fields.stack.as_deref(),
            Some(&b"java.io.IOException: Len error 5"[..])
        );
        assert!(fields.stamp.moment().is_some());
    }
}

// SPDX-License-Identifier: MIT
//! How messages begin that are of ZooKeeper's client, or of a JVM's own error.

use crate::inspection::signature;

/// What stands before an exception.
const BEFORE_AN_EXCEPTION: [&str; 12] = [
    "caused by: ",
    "suppressed: ",
    "wrapped by: ",
    "[circular reference: ",
    "exception: ",
    "error: ",
    "uncaught ",
    "panic: ",
    "unhandled exception: ",
    "fatal error: ",
    "nested exception is ",
    "reason: ",
];

/// How ZooKeeper's clients begin where no logger is named.
const OPENINGS: [&str; 27] = [
    "client session timed out",
    "unable to reconnect to zookeeper service",
    "unable to read additional data from server",
    "unexpected exception, tries",
    "opening socket connection to server",
    "socket connection established",
    "socket error occurred",
    "closing socket connection",
    "an exception was thrown while closing send thread",
    "endofstreamexception",
    "packet len",
    "sasl authentication",
    "sasl configuration failed",
    "illegal access: this web application",
    "the web application [",
    "session expired event received",
    "connection to server",
    "connection attempt unsuccessful",
    "initiating client connection",
    "zookeeper session",
    "zookeeper connection",
    "zookeeper quorum",
    "authentication failed",
    "connection dropped",
    // ClickHouse, .NET and Ruby.
    "code: 999. coordination::exception",
    "system.aggregateexception: one or more errors occurred. (except",
    "#<zookeeper::exceptions",
];

/// How an application's own word begins for what failed.
const FAILURES: [&str; 8] = [
    "could not ",
    "cannot ",
    "can't ",
    "failed ",
    "failure ",
    "unable ",
    "error ",
    "lost ",
];

/// Whether an application tells of a failure, with nothing in it that looks sent to it.
pub(super) fn is_of_failure(text: &str) -> bool {
    let lower = beginning(text);
    FAILURES.iter().any(|one| lower.starts_with(one))
        && !text.contains(['"', '\'', '`', '?', '=', '&', '%'])
}

/// The part of a message that is its writer's own; empty where that cannot be told.
pub(super) fn own_part(text: &str) -> &str {
    let mut length = 0;
    // As deep as causes are wrapped.
    for _ in 0..8 {
        let rest = &text[length..];
        if is_frame(rest) || is_opening(rest) {
            return text;
        }
        if let Some(before) = before_exception(rest) {
            length += before;
            continue;
        }
        let Some(exception) = Exception::of(rest) else {
            break;
        };
        if exception.is_of_client() || exception.writes_its_own_text() {
            return text;
        }
        length += exception.name.len();
        if !exception.may_wrap() {
            break;
        }
        match text[length..].strip_prefix(": ") {
            Some(_) => length += 2,
            None => break,
        }
    }
    // What is before an exception alone is none.
    let own = &text[..length];
    match own.is_empty() || own.contains("Exception") || own.contains("Error") {
        true => own,
        false => "",
    }
}

fn is_opening(text: &str) -> bool {
    let lower = beginning(text);
    OPENINGS.iter().any(|one| lower.starts_with(one))
        || signature::names_of_client().any(|name| lower.starts_with(name))
}

/// A frame of a stack: Java's and Node's, and Python's.
fn is_frame(text: &str) -> bool {
    let frame = text.trim_start();
    let is_java = frame.starts_with("at ") && frame.ends_with([')', ']']) && frame.contains('(');
    let is_indented = frame.len() < text.len();
    is_indented && (is_java || frame.starts_with("File \""))
}

/// How long the words are that stand before an exception.
fn before_exception(text: &str) -> Option<usize> {
    let lower = beginning(text);
    let mut words = BEFORE_AN_EXCEPTION.iter();
    if let Some(one) = words.find(|one| lower.starts_with(*one)) {
        return Some(one.len());
    }
    let quoted = text.strip_prefix("Exception in thread \"")?;
    let end = quoted.find("\" ")?;
    Some(text.len() - quoted.len() + end + 2)
}

/// Lower case, as much of it as a beginning can have.
fn beginning(text: &str) -> String {
    let end = text.floor_char_boundary(64);
    text[..end].to_ascii_lowercase()
}

/// The name that a line begins with: `java.lang.NoClassDefFoundError`.
struct Exception<'a> {
    name: &'a str,
}

impl<'a> Exception<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let is_part = |one: char| one.is_ascii_alphanumeric() || "_.$".contains(one);
        let end = text.find(|one| !is_part(one)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let is_one = ["Exception", "Error", "Throwable"]
            .iter()
            .any(|kind| name.ends_with(kind));
        let is_closed = rest.trim().is_empty() || rest.starts_with(": ") || rest.starts_with('\\');
        (is_one && is_closed).then_some(Self { name })
    }

    fn is_of_client(&self) -> bool {
        signature::names_client(self.name)
    }

    /// The JVM words them itself.
    fn writes_its_own_text(&self) -> bool {
        let of_applications = ["java.lang.AssertionError", "java.lang.Error"];
        let is_error = self.name.starts_with("java.lang.") && self.name.ends_with("Error");
        (is_error && !of_applications.contains(&self.name))
            || self.name == "java.lang.ClassNotFoundException"
    }

    /// Whether it tells its cause as its own text, as Java's wrappers do.
    fn may_wrap(&self) -> bool {
        let wrappers = ["java.", "javax.", "org.apache.", "org.springframework."];
        wrappers
            .iter()
            .any(|package| self.name.starts_with(package))
    }
}

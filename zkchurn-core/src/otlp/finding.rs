// SPDX-License-Identifier: MIT
//! A finding that begins, changes or ends, as an event.

use jiff::Timestamp;

use super::{
    attributes::{Attributes, any, shown},
    changes::{Change, News},
    message::{LogRecord, Value},
    severity::Severity,
    unix_ns,
};
use crate::diagnose;

/// What the kinds of events are called.
pub const BEGAN: &str = "zkchurn.finding.began";
/// Likewise.
pub const CHANGED: &str = "zkchurn.finding.changed";
/// Likewise.
pub const ENDED: &str = "zkchurn.finding.ended";

/// The record of what is new about a finding, seen at a moment.
pub(super) fn record(news: &News, at: Timestamp) -> LogRecord {
    let finding = &news.finding;
    let (event, severity) = match news.change {
        Change::Began => (BEGAN, severity(finding.severity)),
        Change::Changed => (CHANGED, severity(finding.severity)),
        Change::Quiet | Change::TraceEnded => (ENDED, Severity::Info),
    };
    let mut attributes = Attributes::default();
    attributes.text("zkchurn.finding.name", finding.name.id());
    attributes.text("zkchurn.finding.title", finding.title);
    attributes.text("zkchurn.finding.confidence", finding.confidence.word());
    attributes.text("zkchurn.finding.severity", finding.severity.word());
    attributes.text("zkchurn.finding.who", &*finding.who.words);
    attributes.texts("zkchurn.finding.destinations", &finding.destinations);
    attributes.int("zkchurn.finding.connections", Some(finding.connections));
    attributes.int(
        "zkchurn.finding.began_unix_ns",
        Some(news.began.as_nanosecond()),
    );
    attributes.text("zkchurn.finding.rhythm", finding.rhythm.as_deref());
    attributes.text(
        "zkchurn.finding.next",
        finding.next.first().map(String::as_str),
    );
    let why = match news.change {
        Change::Began | Change::Changed => None,
        Change::Quiet => Some("quiet"),
        Change::TraceEnded => Some("trace_ended"),
    };
    attributes.text("zkchurn.finding.end_reason", why);
    attributes.int("process.pid", finding.who.pid);
    attributes.text("zkchurn.process.label", &*finding.who.label);
    attributes.int("zkchurn.thread.tid", finding.who.tid);
    let thread = finding.who.thread.as_ref().or(finding.who.comm.as_ref());
    attributes.text("thread.name", thread.map(String::as_str));
    let seen = finding.seen.as_deref().unwrap_or(&finding.summary);
    let body = format!("{}, {}: {seen}", finding.title, finding.who.words);
    LogRecord {
        time_unix_nano: unix_ns(at),
        observed_time_unix_nano: unix_ns(at),
        severity_number: severity.number(),
        severity_text: severity.word().to_owned(),
        body: Some(any(Value::Text(shown(&body)))),
        attributes: attributes.all(),
        event_name: event.to_owned(),
    }
}

const fn severity(of: diagnose::Severity) -> Severity {
    match of {
        diagnose::Severity::Harmless => Severity::Info,
        diagnose::Severity::Wasteful => Severity::Warn,
        diagnose::Severity::Broken => Severity::Error,
    }
}

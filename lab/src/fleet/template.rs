// SPDX-License-Identifier: MIT
//! A line of a recording that becomes lines of many hosts: who, when and for how long is filled
//! in, all else stays as it was recorded.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blank {
    Received,
    Host,
    Boot,
    Run,
    Pid,
    Tid,
    Port,
    Address,
    Server,
    Started,
    Established,
    Closed,
    Ended,
    Connecting,
    Lived,
    At,
    Length,
    BegunInIt,
    EndedInIt,
    Open,
    Rtt,
}

/// In JSON a text of its own, so that nothing of a line can be taken for it.
const BLANKS: [(&str, Blank); 21] = [
    ("\"<received>\"", Blank::Received),
    ("\"<host>\"", Blank::Host),
    ("\"<boot>\"", Blank::Boot),
    ("\"<run>\"", Blank::Run),
    ("\"<pid>\"", Blank::Pid),
    ("\"<tid>\"", Blank::Tid),
    ("<port>", Blank::Port),
    ("<address>", Blank::Address),
    ("\"<server>\"", Blank::Server),
    ("\"<started>\"", Blank::Started),
    ("\"<established>\"", Blank::Established),
    ("\"<closed>\"", Blank::Closed),
    ("\"<ended>\"", Blank::Ended),
    ("\"<connecting>\"", Blank::Connecting),
    ("\"<lived>\"", Blank::Lived),
    ("\"<at>\"", Blank::At),
    ("\"<length>\"", Blank::Length),
    ("\"<begun in it>\"", Blank::BegunInIt),
    ("\"<ended in it>\"", Blank::EndedInIt),
    ("\"<open>\"", Blank::Open),
    ("\"<rtt>\"", Blank::Rtt),
];

/// What a line is filled with.
pub(super) struct Filling<'a> {
    pub host: &'a super::host::Host,
    /// Milliseconds of the day: when it began by the host's clock, and when the server got it.
    pub at_ms: u64,
    pub received_ms: u64,
    /// A random number that everything else follows from.
    pub random: u64,
    pub pid: u64,
    /// Of an interval.
    pub told: Told,
}

/// What an interval tells of its connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub length_ms: u64,
    pub opened: u64,
    pub ended: u64,
    pub open: u64,
}

/// A line with blanks.
pub(super) struct Template {
    parts: Vec<(String, Option<Blank>)>,
    connecting_ns: u64,
    lived_ns: u64,
    rtt_us: u64,
    /// From the close to the end.
    closing_ns: u64,
}

impl Template {
    /// Of a line of `--format json`.
    pub(super) fn of(line: &str) -> Result<Self> {
        let mut line: Value = serde_json::from_str(line)?;
        let number = |line: &Value, name: &str| line[name].as_u64().unwrap_or_default();
        let (connecting_ns, lived_ns) = (
            number(&line, "connecting_for_ns"),
            number(&line, "established_for_ns"),
        );
        let rtt_us = number(&line, "smoothed_rtt_us");
        let fields = line.as_object_mut().context("no object")?;
        for (name, blank) in [
            ("received", "<received>"),
            ("host", "<host>"),
            ("boot_id", "<boot>"),
            ("run_id", "<run>"),
        ] {
            fields.insert(name.to_owned(), json!(blank));
        }
        let is_connection = fields.get("type") == Some(&json!("connection"));
        let fill = |line: &mut Value, path: &str, blank: &str| {
            if let Some(value) = line.pointer_mut(path).filter(|value| !value.is_null()) {
                *value = json!(blank);
            }
        };
        let blanks: &[(&str, &str)] = match is_connection {
            true => &[
                ("/process/pid", "<pid>"),
                ("/thread/pid", "<pid>"),
                ("/closer/pid", "<pid>"),
                ("/thread/tid", "<tid>"),
                ("/closer/tid", "<tid>"),
                ("/local", "<address>:<port>"),
                ("/remote", "<server>"),
                ("/started", "<started>"),
                ("/established", "<established>"),
                ("/left_established", "<closed>"),
                ("/local_close", "<closed>"),
                ("/ended", "<ended>"),
                ("/connecting_for_ns", "<connecting>"),
                ("/established_for_ns", "<lived>"),
                ("/smoothed_rtt_us", "<rtt>"),
            ],
            false => &[
                ("/at", "<at>"),
                ("/length_ns", "<length>"),
                ("/opened", "<begun in it>"),
                ("/ended", "<ended in it>"),
                ("/open", "<open>"),
            ],
        };
        for (path, blank) in blanks {
            fill(&mut line, path, blank);
        }
        Ok(Self {
            parts: parts(&line.to_string()),
            connecting_ns,
            lived_ns,
            rtt_us,
            closing_ns: 2_000_000,
        })
    }

    /// Appends the line for a host and a moment.
    pub(super) fn write(&self, to: &mut String, filling: &Filling<'_>) {
        let Filling { host, random, .. } = filling;
        // Half as long up to one and a half times as long as it was recorded.
        let around = |ns: u64, bits: u64| ns / 2 + ns * (bits % 1024) / 1024;
        let connecting = around(self.connecting_ns, random >> 8);
        let lived = around(self.lived_ns, random >> 18);
        let closing = around(self.closing_ns, random >> 28);
        let began = filling.at_ms * 1_000_000 + random % 1_000_000;
        for (text, blank) in &self.parts {
            to.push_str(text);
            let Some(blank) = blank else { continue };
            let written = match blank {
                Blank::Received => write!(
                    to,
                    "\"{}\"",
                    Moment(filling.received_ms * 1_000_000).text(' ')
                ),
                Blank::Host => write!(to, "\"{}\"", host.name),
                Blank::Boot => write!(to, "\"{}\"", host.boot_id),
                Blank::Run => write!(to, "\"{}\"", host.run_id),
                Blank::Pid => write!(to, "{}", filling.pid),
                Blank::Tid => write!(to, "{}", filling.pid + 19),
                Blank::Port => write!(to, "{}", 32_768 + (random >> 38) % 28_000),
                Blank::Address => write!(to, "{}", host.address),
                Blank::Server => write!(to, "\"10.9.0.{}:2181\"", 1 + (random >> 54) % 3),
                Blank::Started | Blank::At => rfc3339(to, began),
                Blank::Established => rfc3339(to, began + connecting),
                Blank::Closed => rfc3339(to, began + connecting + lived),
                Blank::Ended => rfc3339(to, began + connecting + lived + closing),
                Blank::Connecting => write!(to, "{connecting}"),
                Blank::Lived => write!(to, "{lived}"),
                Blank::Length => write!(to, "{}", filling.told.length_ms * 1_000_000),
                Blank::BegunInIt => write!(to, "{}", filling.told.opened),
                Blank::EndedInIt => write!(to, "{}", filling.told.ended),
                Blank::Open => write!(to, "{}", filling.told.open),
                Blank::Rtt => write!(to, "{}", around(self.rtt_us, random >> 23)),
            };
            // A text takes everything.
            let _ = written;
        }
        to.push('\n');
    }
}

/// A line cut at its blanks.
fn parts(line: &str) -> Vec<(String, Option<Blank>)> {
    let mut parts = Vec::new();
    let mut rest = line;
    loop {
        let found = BLANKS
            .iter()
            .filter_map(|(text, blank)| rest.find(text).map(|at| (at, text.len(), *blank)));
        let Some((at, length, blank)) = found.min_by_key(|(at, ..)| *at) else {
            parts.push((rest.to_owned(), None));
            return parts;
        };
        let (before, from) = rest.split_at(at);
        parts.push((before.to_owned(), Some(blank)));
        rest = from.split_at(length).1;
    }
}

/// Nanoseconds since the day began.
#[derive(Clone, Copy)]
pub(super) struct Moment(pub u64);

impl Moment {
    /// To the second; `between` stands between date and time.
    pub(super) fn text(self, between: char) -> String {
        let seconds = self.0 / 1_000_000_000;
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let day = 24 + seconds / 86_400;
        format!("2026-11-{day:02}{between}{hour:02}:{minute:02}:{second:02}")
    }
}

fn rfc3339(to: &mut String, ns: u64) -> std::fmt::Result {
    write!(
        to,
        "\"{}.{:09}Z\"",
        Moment(ns).text('T'),
        ns % 1_000_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::host::Host;

    #[test]
    fn who_and_when_is_filled_in_and_the_rest_stays() {
        let recorded = r#"{"type":"connection","host":"vm","process":{"pid":7,"name":"java"},"thread":{"pid":7,"tid":9,"comm":"x"},"closer":null,"local":"127.0.0.1:4","remote":"127.0.0.1:2181","started":"2020","established":null,"ended":"2020","connecting_for_ns":100,"established_for_ns":null,"outcome":"refused"}"#;
        let template = Template::of(recorded).expect("a line");
        let host = Host::of(3, 12);
        let mut line = String::new();
        template.write(
            &mut line,
            &Filling {
                host: &host,
                at_ms: 3_600_000,
                received_ms: 86_400_000,
                random: 0,
                pid: 7,
                told: Told::default(),
            },
        );
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["host"], host.name.as_str());
        assert_eq!(line["run_id"], host.run_id.as_str());
        assert_eq!(line["process"]["pid"], 7);
        assert_eq!(line["process"]["name"], "java");
        assert_eq!(line["started"], "2026-11-24T01:00:00.000000000Z");
        assert_eq!(line["received"], "2026-11-25 00:00:00");
        assert_eq!(line["remote"], "10.9.0.1:2181");
        assert_eq!(line["connecting_for_ns"], 50);
        assert!(line["established"].is_null() && line["closer"].is_null());
        assert_eq!(line["outcome"], "refused");
    }
}

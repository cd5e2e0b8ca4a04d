// SPDX-License-Identifier: MIT
//! Other names for what a report may not tell when it leaves the house: hosts, addresses,
//! users, paths, command lines, and where a process runs. The same name stands for the same
//! thing everywhere, so that a report still makes sense (docs/adr/0033).
//!
//! It is done to frames, before anything is made of them: whatever is added to a report later
//! on has the other names, too.

mod addresses;
mod hosts;
mod names;
mod odd_paths;
mod programs;
mod text;
mod token;
mod users;

use std::mem::offset_of;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use zkchurn_common::{record::ConnectionRecord, wire::tag};

use crate::frame::{Frame, TraceStart};
use addresses::Addresses;
use names::{Kind, Names};
use programs::is_program;
use text::path_in;

/// What it does not know, for whoever passes the report on.
const NOT_KNOWN: &str = "redacted: hosts, addresses, users, paths, command lines, units, \
    containers and pods have other names here. Names of programs, applications, threads and \
    classes are the true ones, and so are other words of log lines: read those before you pass \
    this on";

/// Gives other names, the same ones for the same things.
#[derive(Debug, Default)]
pub struct Redactor {
    addresses: Addresses,
    names: Names,
    /// The traced ports: what stands in front of one is a host.
    ports: Vec<u16>,
    record: Vec<u8>,
}

impl Redactor {
    /// Hands the frame on with other names.
    pub fn frame<T>(&mut self, frame: Frame<'_>, take: impl FnOnce(Frame<'_>) -> T) -> T {
        match frame {
            Frame::Start(start) => {
                let start = self.start(start);
                take(Frame::Start(&start))
            }
            Frame::Record(bytes) => {
                let mut record = std::mem::take(&mut self.record);
                self.copy(bytes, &mut record);
                let taken = take(Frame::Record(&record));
                self.record = record;
                taken
            }
            Frame::Process(process) => {
                // By its command line, which does not stay.
                let mut process = process.clone();
                process.name_application();
                take(Frame::Process(&self.all(&process)))
            }
            Frame::Inspection(inspection) => take(Frame::Inspection(&self.all(inspection))),
            Frame::TimeWait(snapshot) => take(Frame::TimeWait(&self.all(snapshot))),
            Frame::Limitation(limitation) => take(Frame::Limitation(&self.all(limitation))),
            Frame::Elsewhere(elsewhere) => take(Frame::Elsewhere(&self.all(elsewhere))),
            Frame::Interval(mark) => take(Frame::Interval(mark)),
            Frame::End(mark) => take(Frame::End(mark)),
        }
    }

    fn start(&mut self, start: &TraceStart) -> TraceStart {
        self.ports.clone_from(&start.ports);
        let mut start = self.all(start);
        // They name a boot and a run of one host. Two recordings of one boot have to be known as such.
        let boot = start.boot_id.map(|boot| self.names.of(Kind::Boot, &boot));
        start.boot_id = boot;
        start.run_id = None;
        start.degraded.push(NOT_KNOWN.to_owned());
        start
    }

    /// The record with other addresses, and with names of tasks as other frames have them.
    fn copy(&mut self, bytes: &[u8], record: &mut Vec<u8>) {
        record.clear();
        record.extend_from_slice(bytes);
        if !record.starts_with(&tag::CONNECTION.to_le_bytes()) {
            return;
        }
        for at in [
            offset_of!(ConnectionRecord, local_address),
            offset_of!(ConnectionRecord, remote_address),
        ] {
            if let Some(address) = record
                .get_mut(at..at + 16)
                .and_then(|bytes| <&mut [u8; 16]>::try_from(bytes).ok())
            {
                self.addresses.replace(address);
            }
        }
        self.programs_of(record);
    }

    /// What a frame holds, with all its texts replaced by what their keys say they are.
    fn all<T: Clone + Serialize + DeserializeOwned>(&mut self, value: &T) -> T {
        let Ok(mut json) = serde_json::to_value(value) else {
            return value.clone();
        };
        self.learn(None, &json);
        self.value(None, &mut json);
        // A text in place of a text of the same form can be read again.
        serde_json::from_value(json).unwrap_or_else(|_| value.clone())
    }

    /// Notes the names, so that they are found in the texts beside them.
    fn learn(&mut self, key: Option<&str>, value: &Value) {
        match value {
            Value::String(text) => {
                let field = key.unwrap_or_default();
                self.learn_odd_path(field, text);
                self.learn_users(text);
                if is_program(field) {
                    self.names.learn_program(text);
                } else if is_prose(field) {
                    // A later line may tell of a name that an earlier one has alone.
                    self.words(text);
                }
                if let Some(kind) = key.and_then(Kind::of_key) {
                    self.names.learn(kind, text);
                    let first = text.split('.').next().unwrap_or_default();
                    if kind == Kind::Host && first.len() < text.len() {
                        self.names.learn(kind, first);
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.learn(key, value)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.learn(Some(name), value);
                }
            }
            _ => {}
        }
    }

    fn learn_odd_path(&mut self, key: &str, text: &str) {
        let path = match key {
            "command" | "flags" => path_in(text).map(|at| &text[at..]),
            _ if is_prose(key) => None,
            _ => Some(text),
        };
        self.names.paths.learn(path.unwrap_or_default());
    }

    fn value(&mut self, key: Option<&str>, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(key, text),
            Value::Array(arguments) if key == Some("command") => {
                // What it runs, and nothing of with what; a program may have put all into one.
                arguments.truncate(1);
                if let Some(Value::String(program)) = arguments.first_mut() {
                    *program = self.command(program);
                }
            }
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.value(key, value));
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.value(Some(name), value);
                }
            }
            _ => {}
        }
    }

    /// The program of a command line, without where it is.
    fn command(&mut self, program: &str) -> String {
        let first = program.split_whitespace().next().unwrap_or_default();
        let first = first.trim_end_matches(':');
        match (first.contains('/'), first.len() < program.len()) {
            // Nobody knows where the program ends, and its arguments begin.
            (true, true) => self.names.of(Kind::Path, program),
            (true, false) => self.names.of(Kind::Program, program),
            (false, _) => self.program(first),
        }
    }

    fn text(&mut self, key: Option<&str>, text: &str) -> String {
        let key = key.unwrap_or_default();
        match Kind::of_key(key) {
            // In place of a file there is the command that shows lines of the journal.
            Some(Kind::Path) if text.starts_with("journalctl ") => self.words(text),
            Some(kind) => self.names.of(kind, text),
            None if key == "flags" => self.argument(text),
            None if is_program(key) => self.program(text),
            None if is_prose(key) || !text.contains('/') => self.words(text),
            // Of a field that nobody has thought of here nothing is told.
            None => self.names.path(text),
        }
    }
}

/// Whether the field holds sentences, lines or names of programs and threads, which may have paths
/// among other words. What is no such field, and none that [`Kind::of_key`] knows, is replaced whole.
fn is_prose(key: &str) -> bool {
    const PROSE: [&str; 11] = [
        "degraded",
        "doubt",
        "kernel",
        "last",
        "meaning",
        "notes",
        "output_to",
        "record",
        "sentence",
        "stack",
        "state",
    ];
    PROSE.contains(&key) || is_program(key)
}

#[cfg(test)]
mod tests;

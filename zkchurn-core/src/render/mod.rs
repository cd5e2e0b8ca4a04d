// SPDX-License-Identifier: MIT
//! From data to output. A form takes data and a writer; it knows widths, colours and
//! units, and nothing else does. A new form is a file here, and a line in `form`.

mod form;
mod handshake;
pub mod html;
pub mod json;
mod json_text;
mod markdown;
mod several;
pub mod text;
mod time_wait;
mod words;

use std::io;

use jiff::Timestamp;

use crate::{
    clock::ClockPair,
    connection::Connection,
    diagnose::Finding,
    elsewhere::Elsewhere,
    filter::Subject,
    frame::TraceStart,
    inspection::Placed,
    outcome::Outcome,
    process::ProcessIdentity,
    report::{IntervalSummary, Report},
};

pub use form::{FORMS, Form, Options, named};

pub use several::Several;
pub use text::column::Column;
pub use time_wait::TimeWaitOnly;

/// One connection that ended, or that was open at the end, with its context.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLine<'a> {
    pub connection: &'a Connection,
    /// How it ended.
    pub outcome: Outcome,
    /// The opening process, where it could be identified.
    pub process: Option<&'a ProcessIdentity>,
    /// Where that process runs, once anybody has seen that.
    pub placed: Option<Placed<'a>>,
    /// Turns its times into times of day.
    pub clock: ClockPair,
}

/// Nothing has ended at the traced ports.
#[derive(Clone, Copy, Debug)]
pub struct ElsewhereLine<'a> {
    /// The traced ports, sides and processes.
    pub start: &'a TraceStart,
    pub elsewhere: &'a Elsewhere,
}

impl<'a> ConnectionLine<'a> {
    /// How it ended, or what it waits for, in a few words.
    pub fn label(&self) -> &'static str {
        match self.outcome {
            Outcome::StillOpen if !self.connection.was_established() => "no answer to its SYN yet",
            outcome => outcome.label(),
        }
    }

    /// What a filter looks at; the whole name of the thread, where the filter wants it and it
    /// is known.
    pub fn subject(&self, thread_name: Option<String>) -> Subject<'a> {
        Subject {
            connection: self.connection,
            outcome: self.outcome,
            process: self.process,
            placed: self.placed,
            thread_name,
        }
    }
}

/// What writes a trace as it goes on, and its report.
pub trait Renderer {
    /// The trace begins.
    ///
    /// # Errors
    ///
    /// What the output fails with; likewise below.
    fn start(&mut self, start: &TraceStart) -> io::Result<()>;
    /// A connection ended, or is still open at the end.
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()>;
    /// The accepting end of a connection that this host opened, too. It counts nowhere; only
    /// a form that has all that was recorded shows it.
    fn other_end(&mut self, _line: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    /// Whether intervals are shown at all: their leading finding takes time.
    fn shows_intervals(&self) -> bool {
        true
    }
    /// What was found of all that was traced until `at`, worst first: before each interval of a
    /// form that shows them, and before the report.
    fn found(&mut self, _findings: &[Finding], _at: Timestamp) -> io::Result<()> {
        Ok(())
    }
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()>;
    /// Nothing ended so far; what other ports have. A form that shows no intervals has it in
    /// its report.
    fn elsewhere(&mut self, _line: &ElsewhereLine<'_>) -> io::Result<()> {
        Ok(())
    }
    /// The trace is over.
    fn report(&mut self, report: &Report) -> io::Result<()>;
    /// The trace is over, and only its TIME_WAIT sockets are wanted.
    fn time_wait(&mut self, report: &Report) -> io::Result<()>;
    /// Hands buffered output to the system.
    fn flush(&mut self) -> io::Result<()>;
}

impl<R: Renderer + ?Sized> Renderer for Box<R> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        (**self).start(start)
    }
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        (**self).connection(line)
    }
    fn other_end(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        (**self).other_end(line)
    }
    fn shows_intervals(&self) -> bool {
        (**self).shows_intervals()
    }
    fn found(&mut self, findings: &[Finding], at: Timestamp) -> io::Result<()> {
        (**self).found(findings, at)
    }
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        (**self).interval(summary)
    }
    fn elsewhere(&mut self, line: &ElsewhereLine<'_>) -> io::Result<()> {
        (**self).elsewhere(line)
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        (**self).report(report)
    }
    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        (**self).time_wait(report)
    }
    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }
}

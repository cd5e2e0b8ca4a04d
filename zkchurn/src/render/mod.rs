// SPDX-License-Identifier: MIT
//! From data to output. A renderer takes data and a writer; it knows widths,
//! colours and units, and nothing else does.

mod handshake;
pub mod json;
mod json_text;
pub mod server_log;
pub mod text;
pub mod time_wait;

use std::io;

use crate::{
    clock::ClockPair,
    connection::Connection,
    frame::TraceStart,
    identify::ProcessIdentity,
    outcome::Outcome,
    report::{IntervalSummary, Report},
};

/// One connection that ended, or that was open at the end, with its context.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLine<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// How it ended.
    pub outcome: Outcome,
    /// The opening process, where it could be identified.
    pub process: Option<&'a ProcessIdentity>,
    /// Turns its times into times of day.
    pub clock: ClockPair,
}

/// A form of output. Adding one touches this folder and the choice in `cli`.
pub trait Renderer {
    /// The trace begins.
    ///
    /// # Errors
    ///
    /// What the output fails with; likewise below.
    fn start(&mut self, start: &TraceStart) -> io::Result<()>;
    /// A connection ended, or is still open at the end.
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()>;
    /// An interval is over.
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()>;
    /// The trace is over.
    fn report(&mut self, report: &Report) -> io::Result<()>;
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
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        (**self).interval(summary)
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        (**self).report(report)
    }
    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }
}

// SPDX-License-Identifier: MIT
//! The output of `zkchurn timewait`: of a whole trace only the table of sockets.

use std::io::{self, Write};

use super::{ConnectionLine, Renderer, json::Json, text::Text};
use crate::{
    frame::TraceStart,
    report::{IntervalSummary, Report},
};

/// A renderer that can write the TIME_WAIT sockets by themselves.
pub trait TimeWaitWriter {
    /// Writes them, with what limits the answer.
    ///
    /// # Errors
    ///
    /// What the output fails with.
    fn time_wait(&mut self, report: &Report) -> io::Result<()>;
}

/// Leaves out everything but the TIME_WAIT sockets.
pub struct TimeWaitOnly<R>(pub R);

impl<R: Renderer + TimeWaitWriter> Renderer for TimeWaitOnly<R> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.0.start(start)
    }
    fn connection(&mut self, _line: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.0.time_wait(report)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> TimeWaitWriter for Text<W> {
    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.write_time_wait(report)
    }
}

impl<W: Write> TimeWaitWriter for Json<W> {
    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.write_time_wait(report)
    }
}

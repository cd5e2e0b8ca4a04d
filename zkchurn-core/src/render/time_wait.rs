// SPDX-License-Identifier: MIT
//! The output of `zkchurn timewait`: of a whole trace only the table of sockets.

use std::io;

use super::{ConnectionLine, Renderer};
use crate::{
    frame::TraceStart,
    report::{IntervalSummary, Report},
};

/// Leaves out everything but the TIME_WAIT sockets.
pub struct TimeWaitOnly<R>(pub R);

impl<R: Renderer> Renderer for TimeWaitOnly<R> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.0.start(start)
    }
    fn connection(&mut self, _line: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    fn shows_intervals(&self) -> bool {
        false
    }
    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.0.time_wait(report)
    }
    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.0.time_wait(report)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

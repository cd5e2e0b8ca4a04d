// SPDX-License-Identifier: MIT
//! What two traces are compared by, collected while one is replayed: a renderer that writes
//! nothing.

use std::{cell::RefCell, io, rc::Rc};

use crate::{
    diff::Taken,
    frame::TraceStart,
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};

/// Collects from a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Collector(Rc<RefCell<Taken>>);

impl Collector {
    /// What was collected; complete once the trace has ended.
    pub fn take(&self) -> Taken {
        self.0.take()
    }
}

impl Renderer for Collector {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.0.borrow_mut().begin(start);
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        let mut taken = self.0.borrow_mut();
        taken.count(line.connection, line.outcome, line.process);
        Ok(())
    }

    fn other_end(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.0.borrow_mut().other_end(line.connection);
        Ok(())
    }

    fn shows_intervals(&self) -> bool {
        false
    }

    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.0.borrow_mut().end(report);
        Ok(())
    }

    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.report(report)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

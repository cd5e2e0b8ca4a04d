// SPDX-License-Identifier: MIT
//! Several forms of one trace at once.

use std::io;

use jiff::Timestamp;

use super::{ConnectionLine, ElsewhereLine, Renderer};
use crate::{
    diagnose::Finding,
    frame::TraceStart,
    report::{IntervalSummary, Report},
};

/// Hands everything to each of them.
pub struct Several(pub Vec<Box<dyn Renderer>>);

impl Several {
    fn each(&mut self, mut act: impl FnMut(&mut dyn Renderer) -> io::Result<()>) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|one| act(one.as_mut()))
    }
}

impl Renderer for Several {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.each(|one| one.start(start))
    }
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.each(|one| one.connection(line))
    }
    fn other_end(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.each(|one| one.other_end(line))
    }
    fn shows_intervals(&self) -> bool {
        self.0.iter().any(|one| one.shows_intervals())
    }
    fn found(&mut self, findings: &[Finding], at: Timestamp) -> io::Result<()> {
        self.each(|one| one.found(findings, at))
    }
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.each(|one| one.interval(summary))
    }
    fn elsewhere(&mut self, line: &ElsewhereLine<'_>) -> io::Result<()> {
        self.each(|one| one.elsewhere(line))
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.each(|one| one.report(report))
    }
    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.each(|one| one.time_wait(report))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.each(|one| one.flush())
    }
}

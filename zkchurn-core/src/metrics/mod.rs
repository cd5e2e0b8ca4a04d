// SPDX-License-Identifier: MIT
//! Counts for a system that watches many hosts (docs/reference/metrics.md): as few series as
//! were promised whatever churns, and none that shrinks while it is exported.
//!
//! | file | holds |
//! |---|---|
//! | `family` | what is counted of one process name and peer |
//! | `families` | which of them have series of their own |
//! | `findings` | what was found, without what tells apart one host's processes |
//! | `lost` | what could not be recorded |
//! | `exposition` | all of it as the text that Prometheus reads |

mod exposition;
mod families;
mod family;
mod findings;
mod lost;

use std::io;

use jiff::Timestamp;
use prometheus::proto::MetricFamily;

use crate::{
    diagnose::Finding,
    frame::TraceStart,
    outcome::Outcome,
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};
use families::Families;
use findings::Alike;
use lost::Lost;

/// Most process names and peers with series of their own; the rest is one of them, `_other`.
pub const MOST_FAMILIES: usize = 20;

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    families: Families,
    /// `None` before the first interval.
    open: Option<u64>,
    findings: Vec<Alike>,
    lost: Lost,
    limitations: u64,
    /// Version of the zkchurn that traces.
    version: String,
    /// When the trace began, nanoseconds since 1970.
    started_unix_ns: i128,
}

impl Metrics {
    /// A trace begins, or another goes on.
    pub(crate) fn start(&mut self, start: &TraceStart) {
        self.version.clone_from(&start.zkchurn);
        self.started_unix_ns = start
            .clock
            .timestamp(start.clock.monotonic_ns)
            .as_nanosecond();
        self.limitations = start.degraded.len() as u64;
    }

    /// A connection has ended.
    pub(crate) fn ends(&mut self, line: &ConnectionLine<'_>) {
        self.families.count(line);
    }

    /// What was found so far, worst first.
    pub(crate) fn found(&mut self, findings: &[Finding]) {
        self.findings = findings::of(findings);
    }

    /// An interval has.
    pub(crate) fn interval(&mut self, summary: &IntervalSummary) {
        self.open = Some(summary.established);
        self.limitations = summary.limitations;
        self.lost.count(&summary.loss);
    }

    /// The trace has.
    pub(crate) fn report(&mut self, report: &Report) {
        // What a report calls open is also what still connects: the last text after intervals
        // would have a step.
        self.open
            .get_or_insert(report.total.open + report.total.older.open);
        self.lost.count(&report.loss);
        self.limitations = report.degraded.len() as u64;
    }

    /// All that was counted so far, as data.
    pub(crate) fn families(&mut self) -> Vec<MetricFamily> {
        self.families.choose();
        exposition::all(self)
    }

    /// The same as text.
    fn text(&mut self) -> String {
        self.families.choose();
        exposition::of(self)
    }
}

/// Where the text goes.
pub trait Publish {
    /// Takes a text in the place of the one before.
    ///
    /// # Errors
    ///
    /// What the output fails with.
    fn publish(&mut self, text: &str) -> io::Result<()>;
    /// No text follows any more.
    fn end(&mut self) {}
}

/// Counts what a trace tells, and hands all of it over at each interval and at the end, as
/// text. A trace that goes on behind another goes on counting.
#[derive(Debug)]
pub struct Metering<P> {
    metrics: Metrics,
    publish: P,
}

impl<P: Publish> Metering<P> {
    /// Nothing is counted yet.
    pub fn new(publish: P) -> Self {
        Self {
            metrics: Metrics::default(),
            publish,
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.publish.publish(&self.metrics.text())
    }
}

impl<P: Publish> Renderer for Metering<P> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.metrics.start(start);
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        // One that is open at the end has not ended.
        if line.outcome != Outcome::StillOpen {
            self.metrics.ends(line);
        }
        Ok(())
    }

    fn found(&mut self, findings: &[Finding], _at: Timestamp) -> io::Result<()> {
        self.metrics.found(findings);
        Ok(())
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.metrics.interval(summary);
        self.hand_over()
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.metrics.report(report);
        self.hand_over()?;
        self.publish.end();
        Ok(())
    }

    fn time_wait(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

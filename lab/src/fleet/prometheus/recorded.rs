// SPDX-License-Identifier: MIT
//! What recordings of the tree tell of a health check, of churn and of intervals, as data that
//! zkchurn's own count of metrics takes.

use std::{fs::File, io, io::BufReader};

use anyhow::{Context, Result};
use jiff::Timestamp;
use zkchurn_core::{
    connection::Connection,
    diagnose::Finding,
    frame::TraceStart,
    outcome::Outcome,
    pipeline::{Pipeline, View},
    process::ProcessIdentity,
    recording::reader::Reader,
    render::{ConnectionLine, Renderer},
    replay::play,
    report::{IntervalSummary, Report},
};

use crate::fleet::{
    host::{Host, Planted},
    recordings,
};

/// Said where a recording is not what it was.
const NONE: &str = "a recording lacks what hosts tell";

/// A connection that ended.
pub(super) struct Ended {
    pub connection: Connection,
    pub outcome: Outcome,
    pub process: Option<ProcessIdentity>,
}

/// An interval, and what had been found by its end.
#[derive(Clone)]
pub(super) struct Interval {
    pub summary: IntervalSummary,
    pub findings: Vec<Finding>,
}

/// What hosts tell.
pub(super) struct Recorded {
    pub start: TraceStart,
    pub health_check: Ended,
    pub churn: Ended,
    interval: Interval,
    churning: Interval,
    leaking: Interval,
}

impl Recorded {
    /// Replays the recordings.
    pub(super) fn read() -> Result<Self> {
        let churn = Kept::of("incident")?;
        Ok(Self {
            start: churn.start.context("no start")?,
            health_check: Kept::of("kinds/ruok_in_a_pod")?.ended.context(NONE)?,
            churn: churn.ended.context(NONE)?,
            interval: Kept::of("kinds/healthy")?.interval.context(NONE)?,
            churning: churn.interval.context(NONE)?,
            leaking: Kept::of("kinds/handle_leak_java")?.interval.context(NONE)?,
        })
    }

    /// What a host tells of a minute.
    pub(super) fn interval(&self, host: &Host, minute_ms: u64) -> &Interval {
        match host.planted {
            Planted::Leaks => &self.leaking,
            _ if host.churns(minute_ms) => &self.churning,
            _ => &self.interval,
        }
    }
}

#[derive(Default)]
struct Kept {
    start: Option<TraceStart>,
    ended: Option<Ended>,
    found: Vec<Finding>,
    interval: Option<Interval>,
}

impl Kept {
    fn of(name: &str) -> Result<Self> {
        let path = recordings::named(name);
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut reader = Reader::new(BufReader::new(file))?;
        let mut kept = Self::default();
        let view = View {
            top: 1,
            time_wait_rows: false,
        };
        play(&mut reader, &mut Pipeline::new(Taking(&mut kept), view))?;
        Ok(kept)
    }
}

/// Keeps the first connection that ended, and the last interval: its finding is the surest.
struct Taking<'a>(&'a mut Kept);

impl Renderer for Taking<'_> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.0.start = Some(start.clone());
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        if self.0.ended.is_none() && line.outcome != Outcome::StillOpen {
            self.0.ended = Some(Ended {
                connection: *line.connection,
                outcome: line.outcome,
                process: line.process.cloned(),
            });
        }
        Ok(())
    }

    fn found(&mut self, findings: &[Finding], _at: Timestamp) -> io::Result<()> {
        self.0.found = findings.to_vec();
        Ok(())
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.0.interval = Some(Interval {
            summary: summary.clone(),
            findings: self.0.found.clone(),
        });
        Ok(())
    }

    fn report(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }

    fn time_wait(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

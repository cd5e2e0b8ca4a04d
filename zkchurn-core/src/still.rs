// SPDX-License-Identifier: MIT
//! A trace as it stands at one moment, apart from it: so that somebody else can write it down
//! in any form while the trace goes on.

use std::io;

use crate::{
    frame::{Mark, TraceStart},
    pipeline::{Pipeline, line_of},
    registry::Registry,
    render::Renderer,
    report::Report,
    tape::{Kept, MOST_EACH, Tape},
    text,
};

/// A trace at one moment.
#[derive(Clone, Debug)]
pub struct Still {
    start: TraceStart,
    /// The last connections of each process name and peer.
    kept: Vec<Kept>,
    registry: Registry,
    report: Report,
}

impl Still {
    /// The trace at `mark`, with the connections that `tape` has; `None` before it has begun.
    pub fn of<R: Renderer>(pipeline: &Pipeline<R>, tape: &Tape, mark: &Mark) -> Option<Self> {
        let start = pipeline.start()?.clone();
        let mut report = pipeline.report_at(mark)?;
        let kept = tape.in_order();
        let ended = report.total.ended + report.total.older.ended;
        report
            .degraded
            .push(said(ended.saturating_sub(kept.len() as u64)));
        Some(Self {
            start,
            kept,
            registry: pipeline.registry().clone(),
            report,
        })
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// What the output fails with.
    pub fn write(&self, to: &mut impl Renderer) -> io::Result<()> {
        to.start(&self.start)?;
        for kept in &self.kept {
            let connection = &kept.connection;
            let clock = self.start.clock;
            to.connection(&line_of(&self.registry, connection, kept.outcome, clock))?;
        }
        to.report(&self.report)?;
        to.flush()
    }
}

/// What a reader has to know of it, a sentence without its full stop.
fn said(missing: u64) -> String {
    let until = "written while the trace went on: it counts what had ended by then";
    match missing {
        0 => until.to_owned(),
        _ => format!(
            "{until}; its pictures lack {}, because the view keeps only the last {MOST_EACH} of each \
             process name and peer",
            text::counted(missing, "connection")
        ),
    }
}

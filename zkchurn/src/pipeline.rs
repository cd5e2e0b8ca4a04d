// SPDX-License-Identifier: MIT
//! Frames in, rendered lines and a report out. Live traces and replays run
//! exactly this.

use std::io;

use crate::{
    clock::rfc3339,
    connection::Stage,
    decode::decode,
    frame::{Frame, Mark, TraceStart},
    identify::{ProcessKey, registry::Registry},
    ledger::Ledger,
    outcome::Outcome,
    render::{ConnectionLine, Renderer},
    report::{self, Busiest, IntervalSummary, Loss, Report},
};

/// The state of one trace.
pub struct Pipeline<R> {
    renderer: R,
    top: usize,
    start: Option<TraceStart>,
    registry: Registry,
    ledger: Ledger,
    undecodable_records: u64,
    interval: IntervalStart,
    report: Option<Report>,
}

/// Where the running interval began.
#[derive(Clone, Copy, Debug, Default)]
struct IntervalStart {
    monotonic_ns: u64,
    opened: u64,
    ended: u64,
}

impl<R: Renderer> Pipeline<R> {
    /// A pipeline that renders with `renderer` and reports the `top` busiest.
    pub fn new(renderer: R, top: usize) -> Self {
        Self {
            renderer,
            top,
            start: None,
            registry: Registry::default(),
            ledger: Ledger::default(),
            undecodable_records: 0,
            interval: IntervalStart::default(),
            report: None,
        }
    }

    /// Takes the next frame. Frames before the start are left out: without it
    /// there is no clock.
    ///
    /// # Errors
    ///
    /// What the renderer's output fails with.
    pub fn accept(&mut self, frame: Frame<'_>) -> io::Result<()> {
        match frame {
            Frame::Start(start) => self.begin(start),
            Frame::Connection(bytes) => self.connection(bytes),
            Frame::Process(process) => {
                self.registry.insert(process.clone());
                Ok(())
            }
            Frame::Interval(mark) => self.end_interval(mark),
            Frame::End(mark) => self.end(mark),
        }
    }

    fn begin(&mut self, start: &TraceStart) -> io::Result<()> {
        self.interval.monotonic_ns = start.clock.monotonic_ns;
        self.start = Some(start.clone());
        self.renderer.start(start)
    }

    fn connection(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(start) = &self.start else {
            return Ok(());
        };
        let Ok(connection) = decode(bytes) else {
            self.undecodable_records += 1;
            return Ok(());
        };
        let outcome = Outcome::of(&connection);
        self.ledger.observe(&connection, outcome);
        if connection.stage == Stage::Established {
            return Ok(());
        }
        let process = ProcessKey::of(&connection).and_then(|key| self.registry.get(key));
        self.renderer.connection(&ConnectionLine {
            connection: &connection,
            outcome,
            process,
            clock: start.clock,
        })
    }

    fn end_interval(&mut self, mark: &Mark) -> io::Result<()> {
        let Some(start) = &self.start else {
            return Ok(());
        };
        let (opened, ended) = (self.ledger.total.opened(), self.ledger.total.ended);
        let busiest = self.ledger.take_busiest_of_interval();
        let summary = IntervalSummary {
            at: rfc3339(start.clock.timestamp(mark.monotonic_ns)),
            length_ns: mark.monotonic_ns.saturating_sub(self.interval.monotonic_ns),
            opened: opened.saturating_sub(self.interval.opened),
            ended: ended.saturating_sub(self.interval.ended),
            open: self.ledger.total.open(),
            busiest: busiest.and_then(|(key, ended)| {
                let family = self.ledger.family(&key)?;
                Some(Busiest {
                    process: key
                        .process
                        .map(|process| report::process_row(process, family, &self.registry)),
                    destination: key.destination.to_string(),
                    ended,
                })
            }),
            loss: self.loss(mark),
        };
        self.interval = IntervalStart {
            monotonic_ns: mark.monotonic_ns,
            opened,
            ended,
        };
        self.renderer.interval(&summary)
    }

    fn end(&mut self, mark: &Mark) -> io::Result<()> {
        let Some(start) = &self.start else {
            return Ok(());
        };
        let undecodable = self.undecodable_records;
        let report = report::build(
            start,
            mark,
            &self.ledger,
            &self.registry,
            undecodable,
            self.top,
        );
        self.renderer.report(&report)?;
        self.report = Some(report);
        self.renderer.flush()
    }

    fn loss(&self, mark: &Mark) -> Loss {
        Loss {
            kernel: mark.loss,
            undecodable_records: self.undecodable_records,
        }
    }

    /// Hands buffered output to the system.
    ///
    /// # Errors
    ///
    /// What the output fails with.
    pub fn flush(&mut self) -> io::Result<()> {
        self.renderer.flush()
    }

    /// Whether the trace has begun.
    pub fn has_begun(&self) -> bool {
        self.start.is_some()
    }

    /// Latest moment of which a frame told, for a recording without an end.
    pub fn latest_ns(&self) -> u64 {
        self.ledger
            .total
            .last_seen_ns
            .max(self.interval.monotonic_ns)
    }

    /// The report, once the trace has ended.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }
}

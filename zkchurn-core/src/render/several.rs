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

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;
    use crate::{
        clock::ClockPair,
        elsewhere::Elsewhere,
        frame::{Frame, Mark},
        ledger::test_connection::ended,
        outcome::Outcome,
        pipeline::{Pipeline, View},
        report::Loss,
    };

    const CLOCK: ClockPair = ClockPair {
        monotonic_ns: 0,
        realtime_ns: 0,
    };

    /// Notes what it is handed.
    #[derive(Clone, Default)]
    struct Noting(Rc<RefCell<Vec<&'static str>>>);

    impl Noting {
        fn note(&self, what: &'static str) -> io::Result<()> {
            self.0.borrow_mut().push(what);
            Ok(())
        }
    }

    impl Renderer for Noting {
        fn start(&mut self, _: &TraceStart) -> io::Result<()> {
            self.note("start")
        }
        fn connection(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
            self.note("connection")
        }
        fn other_end(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
            self.note("other end")
        }
        fn elsewhere(&mut self, _: &ElsewhereLine<'_>) -> io::Result<()> {
            self.note("elsewhere")
        }
        fn found(&mut self, _: &[Finding], _: Timestamp) -> io::Result<()> {
            self.note("found")
        }
        fn interval(&mut self, _: &IntervalSummary) -> io::Result<()> {
            self.note("interval")
        }
        fn report(&mut self, _: &Report) -> io::Result<()> {
            self.note("report")
        }
        fn time_wait(&mut self, _: &Report) -> io::Result<()> {
            self.note("TIME_WAIT")
        }
        fn flush(&mut self) -> io::Result<()> {
            self.note("flush")
        }
    }

    fn summary() -> IntervalSummary {
        IntervalSummary {
            at: String::new(),
            length_ns: 1,
            opened: 0,
            ended: 0,
            open: 0,
            established: 2,
            open_undecided: 0,
            filtered_out: None,
            busiest: None,
            leading: None,
            loss: Loss::default(),
            limitations: 0,
        }
    }

    /// Of a trace in which nothing happened.
    fn report() -> Report {
        let view = View {
            top: 1,
            time_wait_rows: false,
        };
        let mut pipeline = Pipeline::new(Several(Vec::new()), view);
        let start = TraceStart::of_port(2181, CLOCK);
        pipeline.accept(Frame::Start(&start)).unwrap();
        pipeline.report_at(&Mark::default()).unwrap()
    }

    #[test]
    fn each_is_handed_everything_in_its_order() {
        let (first, second) = (Noting::default(), Noting::default());
        let mut several = Several(vec![Box::new(first.clone()), Box::new(second.clone())]);
        let connection = ended(1, 4, 5, Outcome::Refused);
        let line = ConnectionLine {
            connection: &connection,
            outcome: Outcome::Refused,
            process: None,
            placed: None,
            clock: CLOCK,
        };
        let start = TraceStart::of_port(2181, CLOCK);
        several.start(&start).unwrap();
        several.connection(&line).unwrap();
        several.other_end(&line).unwrap();
        let elsewhere = Elsewhere::default();
        several
            .elsewhere(&ElsewhereLine {
                start: &start,
                elsewhere: &elsewhere,
            })
            .unwrap();
        several.found(&[], Timestamp::UNIX_EPOCH).unwrap();
        several.interval(&summary()).unwrap();
        let report = report();
        several.report(&report).unwrap();
        several.time_wait(&report).unwrap();
        several.flush().unwrap();
        let all = [
            "start",
            "connection",
            "other end",
            "elsewhere",
            "found",
            "interval",
            "report",
            "TIME_WAIT",
            "flush",
        ];
        assert_eq!(*first.0.borrow(), all);
        assert_eq!(*second.0.borrow(), all);
    }
}

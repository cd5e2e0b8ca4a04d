// SPDX-License-Identifier: MIT
//! How a trace without end forgets: a second pipeline begins with nothing counted, and takes
//! the place of the first once it has seen enough (docs/adr/0035). So what is diagnosed is
//! always the last ten to twenty minutes, and nothing grows with the weeks.

use zkchurn_core::{
    clock::ClockPair,
    frame::{Frame, Mark},
    pipeline::Pipeline,
    render::{Renderer, Several},
};

use crate::host::clock::clock_pair;

/// What the first pipeline has seen at least, but in the beginning: the finding of a slow
/// leak needs as much.
const AT_LEAST_NS: u64 = 600_000_000_000;

type Output = Pipeline<Box<dyn Renderer>>;

/// The pipeline that is next.
#[derive(Default)]
pub(super) struct Successor(Option<(Output, u64)>);

impl Successor {
    /// Takes any frame, behind the one whose place it takes in time.
    pub(super) fn take(&mut self, frame: Frame<'_>, present: &mut Output) {
        // What it writes to is nothing.
        if let Some((next, _)) = &mut self.0
            && !matches!(frame, Frame::End(_))
        {
            let _ = next.accept(frame);
        }
        if let Frame::Interval(mark) = frame {
            self.end_interval(mark, present);
        }
    }

    fn end_interval(&mut self, mark: &Mark, present: &mut Output) {
        let began_ns = match &self.0 {
            Some((_, began_ns)) => *began_ns,
            // The trace itself has only begun.
            None => present.start().map_or(0, |start| start.clock.monotonic_ns),
        };
        if mark.monotonic_ns.saturating_sub(began_ns) < AT_LEAST_NS {
            return;
        }
        if let Some((mut next, _)) = self.0.take() {
            next.take_over(present);
            *present = next;
        }
        let now = clock_pair();
        // Moments of records are those of one clock; the other is as of now.
        let clock = ClockPair {
            monotonic_ns: mark.monotonic_ns,
            realtime_ns: now.realtime_ns.saturating_sub(
                i64::try_from(now.monotonic_ns.saturating_sub(mark.monotonic_ns))
                    .unwrap_or_default(),
            ),
        };
        let nothing = Box::new(Several(Vec::new())) as Box<dyn Renderer>;
        let next = present.anew(clock, mark, nothing).ok();
        self.0 = next.map(|next| (next, mark.monotonic_ns));
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io, rc::Rc};

    use zerocopy::IntoBytes;
    use zkchurn_common::{
        record::{
            ConnectionRecord, FAMILY_INET, SIDE_OPENED, STAGE_ENDED, STAGE_ESTABLISHED,
            STAGE_SEEN_OPEN, TOLD_ESTABLISHED, TOLD_NOTHING, known,
        },
        state::{CLOSE, ESTABLISHED, FIN_WAIT2, SYN_SENT, bit},
    };
    use zkchurn_core::{
        decode::blank,
        frame::TraceStart,
        metrics::{Metering, Publish},
        pipeline::View,
        report::Report,
    };

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const CLOCK: ClockPair = ClockPair {
        monotonic_ns: SECOND,
        realtime_ns: 1_795_000_000_000_000_000,
    };

    /// The last text that was published.
    #[derive(Clone, Default)]
    struct Text(Rc<RefCell<String>>);

    impl Publish for Text {
        fn publish(&mut self, text: &str) -> io::Result<()> {
            self.0.replace(text.to_owned());
            Ok(())
        }
    }

    /// An agent's pipelines, with an interval each 10 s.
    struct Agent {
        present: Output,
        successor: Successor,
        text: Text,
        now_ns: u64,
    }

    impl Agent {
        fn start() -> Self {
            let text = Text::default();
            let renderer = Box::new(Metering::new(text.clone())) as Box<dyn Renderer>;
            let view = View {
                top: 10,
                time_wait_rows: false,
            };
            let mut agent = Self {
                present: Pipeline::new(renderer, view),
                successor: Successor::default(),
                text,
                now_ns: CLOCK.monotonic_ns,
            };
            agent.take(Frame::Start(&TraceStart::of_port(2181, CLOCK)));
            agent
        }

        fn take(&mut self, frame: Frame<'_>) {
            self.present.accept(frame).unwrap();
            self.successor.take(frame, &mut self.present);
        }

        fn record(&mut self, record: ConnectionRecord) {
            self.take(Frame::Record(record.as_bytes()));
        }

        fn passes(&mut self, seconds: u64) {
            for _ in 0..seconds / 10 {
                self.now_ns += 10 * SECOND;
                let mark = Mark {
                    monotonic_ns: self.now_ns,
                    ..Mark::default()
                };
                self.take(Frame::Interval(&mark));
            }
        }

        /// One that is established now and seen open by the walk of the table.
        fn opens(&mut self, socket: u64) -> ConnectionRecord {
            let record = ConnectionRecord {
                stage: STAGE_SEEN_OPEN,
                socket,
                started_ns: self.now_ns,
                established_ns: self.now_ns,
                until_ns: self.now_ns,
                side: SIDE_OPENED,
                family: FAMILY_INET,
                remote_port: 2181_u16.to_be_bytes(),
                known: known::COOKIE | known::TOLD,
                states_seen: bit(SYN_SENT) | bit(ESTABLISHED),
                told: TOLD_NOTHING,
                ..blank()
            };
            self.record(record);
            record
        }

        fn ends(&mut self, record: ConnectionRecord) {
            self.record(ConnectionRecord {
                stage: STAGE_ENDED,
                left_established_ns: self.now_ns,
                local_close_ns: self.now_ns,
                until_ns: self.now_ns,
                states_seen: record.states_seen | bit(FIN_WAIT2) | bit(CLOSE),
                state_left: FIN_WAIT2,
                told: TOLD_ESTABLISHED,
                ..record
            });
        }

        /// The sum of all series whose name begins so.
        fn exported(&self, series: &str) -> u64 {
            let text = self.text.0.borrow();
            let lines = text.lines().filter(|line| line.starts_with(series));
            let values = lines.filter_map(|line| line.rsplit(' ').next());
            values.map(|value| value.parse::<u64>().unwrap()).sum()
        }

        fn lived_up_to(&self, seconds: u64) -> u64 {
            let text = self.text.0.borrow();
            let bucket = format!("le=\"{seconds}\"");
            let mut lines = text.lines().filter(|line| {
                line.starts_with("zkchurn_connection_lifetime_seconds_bucket")
                    && line.contains(&bucket)
            });
            let line = lines.next().unwrap_or_default();
            line.rsplit(' ')
                .next()
                .and_then(|count| count.parse().ok())
                .unwrap_or(0)
        }

        fn report(&self) -> Report {
            let mark = Mark {
                monotonic_ns: self.now_ns,
                ..Mark::default()
            };
            self.present.report_at(&mark).unwrap()
        }
    }

    #[test]
    fn what_is_open_is_counted_over_the_hours_whenever_it_began() {
        let mut agent = Agent::start();
        // Two were there before the trace.
        let older: Vec<_> = (1..=2)
            .map(|socket| {
                let record = ConnectionRecord {
                    stage: STAGE_ESTABLISHED,
                    told: 0,
                    ..agent.opens(socket)
                };
                ConnectionRecord {
                    known: known::COOKIE | known::BEFORE_START,
                    ..record
                }
            })
            .collect();
        for record in &older {
            agent.record(*record);
        }
        agent.passes(10);
        assert_eq!(agent.exported("zkchurn_connections_open"), 2);
        // A slow leak: one a minute, for two hours.
        let mut leaked = Vec::new();
        for minute in 0..120_u64 {
            leaked.push(agent.opens(100 + minute));
            agent.passes(60);
            let open = agent.exported("zkchurn_connections_open");
            assert_eq!(open, 2 + minute + 1, "minute {minute}");
            assert_eq!(agent.present.open_now(), open);
        }
        assert!(agent.report().total.opened < 25, "the report forgets");
        agent.ends(older[0]);
        for record in leaked.drain(..60) {
            agent.ends(record);
        }
        agent.passes(10);
        assert_eq!(agent.exported("zkchurn_connections_open"), 61);
        assert_eq!(agent.exported("zkchurn_connections_total"), 61);
        // Its end was lost, and the walk of the table no longer finds it.
        agent.present.forget_open(&[leaked[0].socket]);
        agent.passes(2_000);
        assert_eq!(agent.exported("zkchurn_connections_open"), 60);
    }

    #[test]
    fn what_lived_for_longer_than_is_diagnosed_has_its_lifetime() {
        let mut agent = Agent::start();
        let older = ConnectionRecord {
            stage: STAGE_ESTABLISHED,
            socket: 1,
            known: known::COOKIE | known::BEFORE_START,
            ..agent.opens(9)
        };
        agent.record(older);
        let hours = agent.opens(2);
        agent.passes(2_990);
        let minutes = agent.opens(3);
        agent.passes(1_000);
        let before = agent.exported("zkchurn_connection_lifetime_seconds_count");
        agent.ends(older);
        agent.ends(hours);
        agent.ends(minutes);
        agent.passes(10);
        let lived = agent.exported("zkchurn_connection_lifetime_seconds_count") - before;
        assert_eq!(lived, 2, "of what is older than the trace nobody knows");
        let below: Vec<_> = [600, 3_600, 86_400]
            .map(|bound| agent.lived_up_to(bound))
            .into();
        assert_eq!(below, [0, 1, 2]);
        // To the report they are as old as what it is about.
        let total = agent.report().total;
        assert_eq!((total.ended, total.older.ended), (0, 3));
    }
}

// SPDX-License-Identifier: MIT
//! What an agent makes of a recording while it goes on: what it exports, whom it looks at, and
//! what it takes for an incident.

use std::{cell::RefCell, fmt::Write as _, io, rc::Rc, time::Duration};

use zkchurn_core::{
    diagnose::Confidence,
    frame::{Frame, Mark},
    incident::{
        Incidents, Pace,
        trigger::{Triggers, Watch},
    },
    metrics::{Metering, Publish},
    otlp::{Export, Exporting, Signal},
    pipeline::Pipeline,
    recording::reader::Reader,
    render::{Renderer, Several},
};

use crate::{dice::Dice, printed::VIEW};

/// Bytes that were handed over.
#[derive(Clone, Default)]
struct HandedOver(Rc<RefCell<Vec<u8>>>);

impl Publish for HandedOver {
    fn publish(&mut self, text: &str) -> io::Result<()> {
        self.0.borrow_mut().extend(text.as_bytes());
        Ok(())
    }
}

impl Export for HandedOver {
    fn export(&mut self, signal: Signal, records: u64, request: Vec<u8>) {
        let mut to = self.0.borrow_mut();
        to.extend(format!("{signal:?} {records} ").as_bytes());
        to.extend(request);
    }

    fn is_due(&self) -> bool {
        self.0.borrow().len().is_multiple_of(2)
    }
}

/// All that an agent hands over and decides.
pub(crate) fn by_an_agent(recording: &[u8], dice: &mut Dice) -> Vec<(&'static str, Vec<u8>)> {
    let (metrics, events) = (HandedOver::default(), HandedOver::default());
    let renderers: Vec<Box<dyn Renderer>> = vec![
        Box::new(Metering::new(metrics.clone())),
        Box::new(Exporting::new(events.clone())),
    ];
    let mut pipeline = Pipeline::new(Several(renderers), VIEW);
    let mut agent = Agent::new(dice);
    let mut reader = Reader::new(recording).unwrap();
    while let Some(mark) = reader
        .next_frame(|frame| {
            pipeline.accept(frame).unwrap();
            mark_of(frame)
        })
        .unwrap()
    {
        if let Some(mark) = mark {
            agent.look(&mut pipeline, &mark);
        }
    }
    drop(pipeline);
    vec![
        ("metrics", metrics.0.take()),
        ("events", events.0.take()),
        ("decisions", agent.said.into_bytes()),
    ]
}

fn mark_of(frame: Frame<'_>) -> Option<Mark> {
    match frame {
        Frame::Interval(mark) | Frame::End(mark) => Some(*mark),
        _ => None,
    }
}

struct Agent {
    watch: Watch,
    incidents: Incidents,
    least: u64,
    said: String,
}

impl Agent {
    fn new(dice: &mut Dice) -> Self {
        let triggers = Triggers {
            finding: dice.of(&[None, Some(Confidence::Possible), Some(Confidence::Certain)]),
            rate: dice.of(&[None, Some(0.1), Some(1.0), Some(2.5)]),
            refused: dice.of(&[None, Some(1), Some(50), Some(100)]),
            growth: dice.of(&[None, Some(1), Some(5)]),
        };
        let seconds = |dice: &mut Dice| Duration::from_secs(dice.of(&[0, 1, 5, 10, 60, 600]));
        let pace = Pace {
            before: seconds(dice),
            after: seconds(dice),
            quiet: seconds(dice),
        };
        Self {
            watch: Watch::new(triggers),
            incidents: Incidents::new(pace),
            least: dice.of(&[1, 2, 3, 10]),
            said: String::new(),
        }
    }

    fn look<R: Renderer>(&mut self, pipeline: &mut Pipeline<R>, mark: &Mark) {
        let Some((report, families, more)) = pipeline.families_at(mark, 3) else {
            return;
        };
        let at_ns = mark.monotonic_ns;
        let fired = self.watch.look(&report, Some(pipeline.open_now()), at_ns);
        let steps = self.incidents.look(fired, at_ns);
        let goes_on = self.incidents.goes_on();
        let said = &mut self.said;
        writeln!(said, "{steps:?} {goes_on:?} {families:?} {more}").unwrap();
        let churning = pipeline.churning_now(self.least, 3, |key| key.pid % 5 != 0);
        let all = pipeline.churning(self.least, 3);
        let uninspected = pipeline.uninspected(self.least);
        writeln!(said, "{churning:?} {all:?} {uninspected}").unwrap();
        writeln!(said, "{:?}", pipeline.report_at(mark)).unwrap();
    }
}

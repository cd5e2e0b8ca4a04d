// SPDX-License-Identifier: MIT
//! A report may be asked for at any moment: asking changes nothing, and what it gives is
//! what a trace that ended there would report.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{fs, io, path::PathBuf};

use zkchurn_core::{
    frame::{Frame, Mark, TraceStart},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};

const RECORDINGS: &str = "tests/recordings/kinds";
const INCIDENT: &str = "tests/recordings/incident.zkchurn";
const VIEW: View = View {
    top: 10,
    time_wait_rows: true,
};
/// Between two questions, besides those at the intervals.
const FRAMES: u64 = 50;

/// Keeps what intervals bring.
#[derive(Default)]
struct Intervals(Vec<IntervalSummary>);

impl Renderer for &mut Intervals {
    fn start(&mut self, _: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.0.push(summary.clone());
        Ok(())
    }
    fn report(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn time_wait(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn recordings() -> Vec<PathBuf> {
    let kinds = fs::read_dir(RECORDINGS).unwrap();
    let mut paths: Vec<_> = kinds.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "zkchurn"));
    paths.push(INCIDENT.into());
    assert!(paths.len() > 30, "{paths:?}");
    paths
}

/// Plays so many frames of a recording; `before` sees each of them first.
fn play(
    bytes: &[u8],
    most: u64,
    pipeline: &mut Pipeline<&mut Intervals>,
    mut before: impl FnMut(u64, &Frame<'_>, &Pipeline<&mut Intervals>),
) {
    let mut reader = Reader::new(bytes).unwrap();
    for number in 0..most {
        let accepted = reader.next_frame(|frame| {
            before(number, &frame, pipeline);
            pipeline.accept(frame)
        });
        match accepted.unwrap() {
            Some(accepted) => accepted.unwrap(),
            None => return,
        }
    }
}

fn json(report: &Report) -> String {
    serde_json::to_string(report).unwrap()
}

#[test]
fn asking_changes_nothing() {
    for path in recordings() {
        let bytes = fs::read(&path).unwrap();
        let mut quiet = Intervals::default();
        let mut pipeline = Pipeline::new(&mut quiet, VIEW);
        play(&bytes, u64::MAX, &mut pipeline, |_, _, _| {});
        let expected = json(pipeline.report().unwrap());
        drop(pipeline);

        let mut asked = Intervals::default();
        let mut pipeline = Pipeline::new(&mut asked, VIEW);
        let mut questions = 0;
        play(&bytes, u64::MAX, &mut pipeline, |_, _, pipeline| {
            let mark = Mark {
                monotonic_ns: pipeline.latest_ns(),
                ..Mark::default()
            };
            assert_eq!(pipeline.report_at(&mark).is_some(), pipeline.has_begun());
            questions += 1;
        });
        assert!(questions > 2, "{}", path.display());
        assert_eq!(json(pipeline.report().unwrap()), expected);
        drop(pipeline);
        let of = |intervals: &Intervals| serde_json::to_string(&intervals.0).unwrap();
        assert_eq!(of(&asked), of(&quiet), "{}", path.display());
    }
}

#[test]
fn a_report_on_the_way_is_that_of_a_trace_which_ends_there() {
    for path in recordings() {
        let bytes = fs::read(&path).unwrap();
        let mut moments: Vec<(u64, Mark, String)> = Vec::new();
        let mut nothing = Intervals::default();
        let mut pipeline = Pipeline::new(&mut nothing, VIEW);
        play(
            &bytes,
            u64::MAX,
            &mut pipeline,
            |number, frame, pipeline| {
                let mark = match frame {
                    Frame::Interval(mark) => **mark,
                    _ if number % FRAMES == FRAMES - 1 => Mark {
                        monotonic_ns: pipeline.latest_ns(),
                        ..Mark::default()
                    },
                    _ => return,
                };
                let report = pipeline.report_at(&mark).unwrap();
                moments.push((number, mark, json(&report)));
            },
        );
        for (number, mark, report) in &moments {
            let mut nothing = Intervals::default();
            let mut pipeline = Pipeline::new(&mut nothing, VIEW);
            play(&bytes, *number, &mut pipeline, |_, _, _| {});
            pipeline.accept(Frame::End(mark)).unwrap();
            assert_eq!(json(pipeline.report().unwrap()), *report);
        }
    }
}

/// The incident's look and list are of its end: asked a minute later, they are a minute
/// older.
#[test]
fn looks_and_time_wait_tell_how_old_they_are() {
    const MINUTE: u64 = 60_000_000_000;
    let bytes = fs::read(INCIDENT).unwrap();
    let mut nothing = Intervals::default();
    let mut pipeline = Pipeline::new(&mut nothing, VIEW);
    let mut end = Mark::default();
    play(&bytes, u64::MAX, &mut pipeline, |_, frame, _| {
        if let Frame::End(mark) = frame {
            end = **mark;
        }
    });
    // Both may be a little younger than the mark of the end.
    let mut ages = [MINUTE, 2 * MINUTE].map(|later| {
        let mark = Mark {
            monotonic_ns: end.monotonic_ns + later,
            ..end
        };
        let report = pipeline.report_at(&mark).unwrap();
        let looked: Vec<_> = report
            .suspects
            .iter()
            .map(|row| row.looked_ago_ns)
            .collect();
        assert!(!looked.is_empty());
        (looked, report.time_wait.unwrap().age_ns)
    });
    ages[0].0.iter_mut().for_each(|age| *age += MINUTE);
    ages[0].1 += MINUTE;
    assert_eq!(ages[0], ages[1]);
    assert!(ages[0].1 > MINUTE && ages[0].1 < 3 * MINUTE);
}

// SPDX-License-Identifier: MIT
//! What asking for a report costs while a trace goes on: reads a recording from standard
//! input (`churn_recording` makes one) and asks at its end, again and again
//! (docs/report-cost.md).

use std::{
    hint::black_box,
    io::{self, BufReader},
    time::{Duration, Instant},
};

use anyhow::Context;
use zkchurn_core::{
    frame::{Frame, Mark, TraceStart},
    pipeline::{Pipeline, View},
    recording::reader::{Reader, RecordedFrame},
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};

/// How often the report is asked for.
const TIMES: usize = 51;
/// As many families as `zkchurn` lists without `--top`.
const VIEW: View = View {
    top: 10,
    time_wait_rows: false,
};

/// Only the aggregate is wanted.
struct Nothing;

impl Renderer for Nothing {
    fn start(&mut self, _: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    fn interval(&mut self, _: &IntervalSummary) -> io::Result<()> {
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

fn main() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::new(Nothing, VIEW);
    let began = Instant::now();
    let (records, end) = read(&mut pipeline)?;
    let replayed = began.elapsed();
    let mut took = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        black_box(pipeline.report_at(&end));
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let report = pipeline.report_at(&end).context("no start")?;
    println!(
        "{records} records in {:.1} ms, {} families, {} findings; a report: median {:.2} ms, \
         slowest {:.2} ms",
        ms(replayed),
        report.families.len() as u64 + report.families_left_out,
        report.findings.len(),
        ms(took[TIMES / 2]),
        ms(took[TIMES - 1]),
    );
    Ok(())
}

/// Everything up to the end, which would make the pipeline's own report.
fn read(pipeline: &mut Pipeline<Nothing>) -> anyhow::Result<(u64, Mark)> {
    let mut reader = Reader::new(BufReader::with_capacity(1 << 20, io::stdin().lock()))?;
    let mut records = 0;
    while let Some(frame) = reader.next_frame()? {
        match frame {
            RecordedFrame::Start(start) => pipeline.accept(Frame::Start(&start))?,
            RecordedFrame::Connection(bytes) => {
                records += 1;
                pipeline.accept(Frame::Connection(bytes))?;
            }
            RecordedFrame::Interval(mark) => pipeline.accept(Frame::Interval(&mark))?,
            RecordedFrame::End(mark) => return Ok((records, mark)),
            _ => {}
        }
    }
    anyhow::bail!("the recording has no end")
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

// SPDX-License-Identifier: MIT
//! A page for a browser and for the ticket: the answer first, then pictures, then the
//! evidence (docs/adr/0030-one-page.md).

mod build;
mod chart;
mod collect;
mod document;
mod embedded;
mod findings;
mod histogram;
mod hosts;
mod lanes;
mod look;
mod other;
mod page;
mod svg;
#[cfg(test)]
mod tests;
mod threads;

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::{ConnectionLine, Form, Options, Renderer};
use crate::{
    diff::Diff,
    doctor::Doctor,
    frame::TraceStart,
    hosts::Hosts,
    report::{IntervalSummary, Report},
    serverlog,
};
use collect::Collector;

pub use embedded::{LARGEST, PageError, again, is_page};

/// For a browser.
#[derive(Debug)]
pub(crate) struct HtmlForm;

impl Form for HtmlForm {
    fn name(&self) -> &'static str {
        "html"
    }

    fn purpose(&self) -> &'static str {
        "The report as a page with pictures, in one file"
    }

    fn renderer(&self, to: Box<dyn Write>, options: Options) -> Box<dyn Renderer> {
        Box::new(Html {
            to,
            zone: options.zone,
            start: None,
            collector: Collector::default(),
        })
    }

    fn server_log(
        &self,
        to: &mut dyn Write,
        report: &serverlog::report::LogReport,
        _options: &Options,
    ) -> io::Result<()> {
        to.write_all(other::server_log(report).as_bytes())
    }

    fn doctor(&self, to: &mut dyn Write, doctor: &Doctor) -> io::Result<()> {
        to.write_all(other::doctor(doctor).as_bytes())
    }

    fn diff(&self, to: &mut dyn Write, diff: &Diff, options: &Options) -> io::Result<()> {
        to.write_all(other::compared(diff, &options.zone).as_bytes())
    }

    fn hosts(
        &self,
        to: &mut dyn Write,
        hosts: &Hosts,
        reports: &[Vec<u8>],
        options: &Options,
    ) -> io::Result<()> {
        let page = hosts::page(hosts, reports, &options.zone);
        to.write_all(hosts::write(&page).as_bytes())
    }
}

struct Html {
    to: Box<dyn Write>,
    zone: TimeZone,
    start: Option<TraceStart>,
    collector: Collector,
}

impl Renderer for Html {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        self.start = Some(start.clone());
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.collector.add(line);
        Ok(())
    }

    fn shows_intervals(&self) -> bool {
        false
    }

    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        let start = self.start.as_ref();
        let page = build::page(report, start, self.collector.finish(), &self.zone);
        self.to.write_all(document::of_report(&page).as_bytes())
    }

    /// The page has the sockets too.
    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        self.report(report)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

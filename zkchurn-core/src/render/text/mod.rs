// SPDX-License-Identifier: MIT
//! Output for a person: a line for each connection, a summary for each
//! interval, and the report.

mod cell;
pub mod column;
mod diff;
mod doctor;
mod findings;
mod fold;
mod hosts;
mod logs;
pub mod parts;
mod report;
mod row;
mod screen;
mod server_log;
mod stream;
mod style;
pub(super) mod suspect;
mod time_wait;
mod wrap;

use std::io::{self, BufWriter, Write};

use jiff::tz::TimeZone;

use super::{
    ConnectionLine, ElsewhereLine, Form, Options, Renderer,
    form::{BUFFER, COLUMNS},
};
use crate::{
    diff::Diff,
    doctor::Doctor,
    frame::TraceStart,
    hosts::Hosts,
    report::{IntervalSummary, Report},
    serverlog,
};
use column::Layout;
use fold::Folded;
use stream::LineLimit;
use style::Style;

/// How a report looks.
pub(super) struct Page {
    style: Style,
    zone: TimeZone,
    columns: u16,
}

impl Page {
    pub(super) fn new(colour: bool, zone: &TimeZone, columns: u16) -> Self {
        Self {
            style: Style::new(colour),
            zone: zone.clone(),
            columns,
        }
    }

    fn of(options: &Options) -> Self {
        let columns = options.columns.unwrap_or(COLUMNS);
        Self::new(options.colour, &options.zone, columns)
    }
}

/// Writes text.
pub struct Text<W> {
    to: W,
    page: Page,
    limit: LineLimit,
    left_out: Folded,
    layout: Layout,
    terminal: Option<u16>,
    /// Lines of connections after which the heading has scrolled away.
    heading_each: Option<u64>,
    details: bool,
    /// Lines since the heading; `None` where there was none yet.
    since_heading: Option<u64>,
}

/// For a person.
#[derive(Debug)]
pub struct TextForm;

impl Form for TextForm {
    fn name(&self) -> &'static str {
        "text"
    }

    fn purpose(&self) -> &'static str {
        "For people"
    }

    fn renderer(&self, to: Box<dyn Write>, options: Options) -> Box<dyn Renderer> {
        Box::new(Text::new(BufWriter::with_capacity(BUFFER, to), options))
    }

    fn server_log(
        &self,
        to: &mut dyn Write,
        report: &serverlog::report::LogReport,
        options: &Options,
    ) -> io::Result<()> {
        server_log::write(to, report, options)
    }

    fn doctor(&self, to: &mut dyn Write, doctor: &Doctor) -> io::Result<()> {
        doctor::write(to, doctor)
    }

    fn diff(&self, to: &mut dyn Write, diff: &Diff, options: &Options) -> io::Result<()> {
        diff::write(to, diff, options)
    }

    fn hosts(
        &self,
        to: &mut dyn Write,
        hosts: &Hosts,
        reports: &[Vec<u8>],
        options: &Options,
    ) -> io::Result<()> {
        hosts::write(to, hosts, reports, options)
    }
}

impl<W: Write> Text<W> {
    /// A renderer that writes to `to`.
    pub fn new(to: W, options: Options) -> Self {
        Self {
            to,
            page: Page::of(&options),
            limit: LineLimit::new(options.lines_per_second),
            left_out: Folded::default(),
            layout: Layout::of(options.columns, &options.chosen),
            terminal: options.columns,
            heading_each: options.rows.map(|rows| u64::from(rows.max(10)) - 3),
            details: options.details,
            since_heading: None,
        }
    }

    fn write_left_out(&mut self, lines: Vec<String>) -> io::Result<()> {
        for line in lines {
            let line = match self.terminal {
                Some(columns) => cell::clip(&line, usize::from(columns)),
                None => line,
            };
            self.since_heading = self.since_heading.map(|lines| lines + 1);
            writeln!(self.to, "{}", self.page.style.dim(&line))?;
        }
        Ok(())
    }
}

impl<W: Write> Renderer for Text<W> {
    fn start(&mut self, _start: &TraceStart) -> io::Result<()> {
        // Written before the first connection, so that a trace without any has
        // no header over nothing.
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        let at = line
            .connection
            .ended_ns
            .unwrap_or(line.connection.started_ns);
        if self.limit.begins_new_second(at) {
            let lines = self.left_out.next_second();
            self.write_left_out(lines)?;
        }
        if self.left_out.is_of_storm(line) || !self.limit.admit() {
            self.left_out.add(line);
            return Ok(());
        }
        let lines = self.since_heading.map_or(0, |lines| lines + 1);
        let has_scrolled_away = self.heading_each.is_some_and(|each| lines > each);
        self.since_heading = Some(lines);
        if lines == 0 || has_scrolled_away {
            self.since_heading = Some(1);
            writeln!(self.to, "{}", self.page.style.bold(&self.layout.heading()))?;
        }
        row::write(&mut self.to, line, &self.page, &self.layout)
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        let lines = self.left_out.take();
        self.write_left_out(lines)?;
        let line = stream::interval_line(summary, &self.page.zone);
        let line = match self.terminal {
            Some(columns) => cell::clip(&line, usize::from(columns)),
            None => line,
        };
        writeln!(self.to, "{}", self.page.style.bold(&line))?;
        self.since_heading = self.since_heading.map(|lines| lines + 1);
        let Some(leading) = summary.leading.as_ref().filter(|leading| leading.is_new) else {
            return Ok(());
        };
        let line = stream::leading_line(summary, leading, &self.page.zone);
        for line in wrap::wrapped("", &line, self.page.columns) {
            writeln!(self.to, "{}", self.page.style.bold(&line))?;
        }
        Ok(())
    }

    fn elsewhere(&mut self, line: &ElsewhereLine<'_>) -> io::Result<()> {
        let line = stream::elsewhere_line(line);
        for line in wrap::wrapped("", &line, self.page.columns) {
            writeln!(self.to, "{}", self.page.style.bold(&line))?;
        }
        Ok(())
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        let lines = self.left_out.take();
        self.write_left_out(lines)?;
        if self.since_heading.is_some() {
            writeln!(self.to)?;
        }
        if self.details {
            report::write(&mut self.to, report, &self.page)?;
            writeln!(self.to)?;
        }
        screen::write(&mut self.to, report, &self.page)
    }

    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        let Some(table) = &report.time_wait else {
            let sentence = "TIME_WAIT: the sockets were not listed";
            return writeln!(self.to, "{}", self.page.style.warn(sentence));
        };
        time_wait::write(&mut self.to, table, &self.page)?;
        if !table.rows.is_empty() {
            writeln!(self.to)?;
            time_wait::write_rows(&mut self.to, &table.rows)?;
        }
        writeln!(self.to)?;
        report::write_scope(&mut self.to, report, &self.page)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

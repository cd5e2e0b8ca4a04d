// SPDX-License-Identifier: MIT
//! Output for a person: a line for each connection, a summary for each
//! interval, and the report.

mod cell;
mod diff;
mod doctor;
mod findings;
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
    report::{IntervalSummary, Report},
    serverlog, text,
};
use row::Layout;
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
    terminal: Option<u16>,
    details: bool,
    header_written: bool,
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
}

impl<W: Write> Text<W> {
    /// A renderer that writes to `to`.
    pub fn new(to: W, options: Options) -> Self {
        Self {
            to,
            page: Page::of(&options),
            limit: LineLimit::new(options.lines_per_second),
            terminal: options.columns,
            details: options.details,
            header_written: false,
        }
    }

    fn write_left_out(&mut self) -> io::Result<()> {
        match self.limit.take_left_out() {
            0 => Ok(()),
            more => writeln!(
                self.to,
                "{}",
                self.page
                    .style
                    .dim(&format!("… {} more", text::count(more)))
            ),
        }
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
            self.write_left_out()?;
        }
        if !self.limit.admit() {
            return Ok(());
        }
        let layout = Layout::of(self.terminal);
        if !self.header_written {
            self.header_written = true;
            writeln!(self.to, "{}", self.page.style.bold(&row::header(layout)))?;
        }
        row::write(&mut self.to, line, &self.page, layout)
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.write_left_out()?;
        let line = stream::interval_line(summary, &self.page.zone);
        let line = match self.terminal {
            Some(columns) => cell::clip(&line, usize::from(columns)),
            None => line,
        };
        writeln!(self.to, "{}", self.page.style.bold(&line))?;
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
        self.write_left_out()?;
        if self.header_written {
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

// SPDX-License-Identifier: MIT
//! Where output goes: standard output in the chosen form.

use std::io::{self, IsTerminal, StdoutLock, Write};

use clap::Args;
use jiff::tz::TimeZone;
use rustix::termios::tcgetwinsize;
use zkchurn_core::render::{Column, FORMS, Form, Options, Renderer, TimeWaitOnly};

use super::{headings, values};
use crate::{
    host::{patient::Patient, time_zone},
    warn::warn,
};

/// Options of the output.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// Output format.
    #[arg(help_heading = headings::PRINTED, long, value_name = "FORM", default_value = FORMS[0].name(), value_parser = values::form())]
    pub format: &'static dyn Form,

    /// How many processes the report lists, and how many threads of each.
    #[arg(help_heading = headings::PRINTED, long, value_name = "N", default_value_t = 10, value_parser = values::positive)]
    pub top: usize,

    /// Most connection lines printed per second; 0 for no limit. Text only.
    #[arg(help_heading = headings::PRINTED, long, value_name = "N", default_value_t = 20, value_parser = values::lines)]
    pub lines: u32,

    /// What a line of a connection shows, in this order, such as time,pid,peer,outcome. Without
    /// it the terminal's width decides. Text only.
    #[arg(help_heading = headings::PRINTED, long, value_name = "NAMES", value_delimiter = ',', value_parser = values::column())]
    pub columns: Vec<Column>,

    /// Print more above the answer: the evidence of each finding, tables, and what was seen of
    /// the processes. Text only; the other forms have it all.
    #[arg(help_heading = headings::PRINTED, long)]
    pub details: bool,

    /// No colours. Pipes and NO_COLOR switch them off, too.
    #[arg(help_heading = headings::PRINTED, long)]
    pub no_color: bool,
}

/// The options of `form` on standard output, without a limit of lines.
pub(crate) fn options(no_color: bool) -> Options {
    Options {
        colour: !no_color && colour_is_welcome(&io::stdout().lock()),
        zone: zone(),
        lines_per_second: 0,
        columns: columns(&io::stdout().lock()),
        rows: rows(&io::stdout().lock()),
        chosen: Vec::new(),
        details: false,
    }
}

/// The options of any form in a file.
pub(crate) fn options_of_file() -> Options {
    Options::plain(zone())
}

/// The local one; UTC, with a warning, where `TZ` names none.
fn zone() -> TimeZone {
    time_zone::local().unwrap_or_else(|name| {
        warn(format_args!(
            "TZ={} names no time zone; times are in UTC",
            name.to_string_lossy()
        ));
        TimeZone::UTC
    })
}

/// Of the terminal, where it is one.
fn rows(stdout: &StdoutLock<'_>) -> Option<u16> {
    let rows = tcgetwinsize(stdout).ok()?.ws_row;
    (rows > 0).then_some(rows)
}

/// Likewise.
fn columns(stdout: &StdoutLock<'_>) -> Option<u16> {
    let columns = tcgetwinsize(stdout).ok()?.ws_col;
    (columns > 0).then_some(columns)
}

/// The renderer that the options ask for, on standard output.
pub(crate) fn renderer(args: &OutputArgs) -> Box<dyn Renderer> {
    renderer_to(args, Box::new(Patient(io::stdout().lock())))
}

/// The same, writing to something on its way there.
pub(crate) fn renderer_to(args: &OutputArgs, to: Box<dyn Write>) -> Box<dyn Renderer> {
    let options = Options {
        lines_per_second: args.lines,
        details: args.details,
        chosen: args.columns.clone(),
        ..options(args.no_color)
    };
    args.format.renderer(to, options)
}

/// The renderer of `zkchurn timewait`.
pub(crate) fn time_wait_renderer(
    format: &dyn Form,
    no_color: bool,
    to: Box<dyn Write>,
) -> Box<dyn Renderer> {
    Box::new(TimeWaitOnly(format.renderer(to, options(no_color))))
}

/// Colours belong on a terminal whose owner did not decline them
/// (<https://no-color.org>).
fn colour_is_welcome(stdout: &StdoutLock<'_>) -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stdout.is_terminal() && !declined && !dumb
}

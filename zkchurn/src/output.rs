// SPDX-License-Identifier: MIT
//! Where output goes: standard output in the chosen form.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use jiff::tz::TimeZone;

use crate::{
    cli::{Format, OutputArgs},
    render::{
        Renderer,
        json::Json,
        text::{Options, Text},
        time_wait::TimeWaitOnly,
    },
};

const BUFFER: usize = 64 * 1024;

/// The renderer that the options ask for, on standard output.
pub fn renderer(args: &OutputArgs) -> Box<dyn Renderer> {
    let stdout = io::stdout().lock();
    let options = Options {
        colour: !args.no_color && colour_is_welcome(&stdout),
        zone: TimeZone::system(),
        lines_per_second: args.lines,
    };
    renderer_to(
        args.format,
        BufWriter::with_capacity(BUFFER, stdout),
        options,
    )
}

/// The renderer of `zkchurn timewait`, on standard output.
pub fn time_wait_renderer(format: Format, no_color: bool) -> Box<dyn Renderer> {
    let stdout = io::stdout().lock();
    let options = Options {
        colour: !no_color && colour_is_welcome(&stdout),
        zone: TimeZone::system(),
        lines_per_second: 0,
    };
    let to = BufWriter::with_capacity(BUFFER, stdout);
    match format {
        Format::Text => Box::new(TimeWaitOnly(Text::new(to, options))),
        Format::Json => Box::new(TimeWaitOnly(Json::new(to))),
    }
}

/// The renderer for `format` on any writer.
pub fn renderer_to(
    format: Format,
    to: impl Write + 'static,
    options: Options,
) -> Box<dyn Renderer> {
    match format {
        Format::Text => Box::new(Text::new(to, options)),
        Format::Json => Box::new(Json::new(to)),
    }
}

/// Colours belong on a terminal whose owner did not decline them
/// (<https://no-color.org>).
pub fn colour_is_welcome(stdout: &StdoutLock<'_>) -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stdout.is_terminal() && !declined && !dumb
}

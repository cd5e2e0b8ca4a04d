// SPDX-License-Identifier: MIT
//! Where output goes: standard output in the chosen form, and new files.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, IsTerminal, StdoutLock, Write},
    os::{
        fd::AsFd,
        unix::fs::{OpenOptionsExt, fchown},
    },
    path::Path,
};

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

/// Creates a file that does not exist yet, readable by its owner alone.
///
/// An existing file is never overwritten and a symbolic link never followed.
/// Under sudo the file is given to the user who called it, so that the replay
/// needs no privilege.
///
/// # Errors
///
/// The file exists or cannot be created.
pub fn create_new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    if let (Some(uid), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID")) {
        // Where that is not permitted the file stays with the current user.
        let _ = fchown(file.as_fd(), Some(uid), Some(gid));
    }
    Ok(file)
}

fn id(variable: &str) -> Option<u32> {
    std::env::var(variable).ok()?.parse().ok()
}

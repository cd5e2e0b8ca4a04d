// SPDX-License-Identifier: MIT
//! `zkchurn live`: the full-screen view of a trace, or of a recording.

use std::{
    cell::RefCell,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use zkchurn_core::{filter::Filter, recording::reader::Reader};

use super::{
    output,
    redact::RedactArgs,
    replay::{self, ReplayArgs},
    source::{self, Recorded, WindowArgs},
    trace::{self, TraceArgs},
    values::HandshakeValue,
};
use crate::{
    exit::{Code, Failure},
    full_screen::{self, Terminal, recording::Recording, wake, why_not},
    live::{early::EarlyEnd, viewer::Look},
    view::View,
    warn::warn,
};

/// Options of a trace that mean nothing for a recording.
const OF_A_TRACE: [&str; 21] = [
    "port",
    "pid",
    "side",
    "duration",
    "interval",
    "record",
    "report",
    "prom_file",
    "listen",
    "ndjson_dir",
    "ndjson_size",
    "otlp",
    "jvm",
    "no_logs",
    "logs",
    "handshake",
    "table_size",
    "buffer",
    "hook",
    "bpf_object",
    "verbose",
];

/// Options of the view.
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    /// A recording, or a directory of an agent's segments, to show; needs no privileges.
    /// Without one it traces this host.
    #[arg(conflicts_with_all = OF_A_TRACE)]
    pub file: Option<PathBuf>,
    /// Which part of the recording.
    #[command(flatten)]
    pub window: WindowArgs,
    /// How to trace, and how the answer is printed at the end.
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// Shows a trace, or a recording.
///
/// # Errors
///
/// Those of a trace, or of `zkchurn replay`.
pub(crate) fn run(args: &LiveArgs) -> Result<Code, Failure> {
    let why_not = why_not();
    if let Some(why) = why_not {
        warn(format_args!(
            "{why}: printing lines instead of the full-screen view"
        ));
    }
    let Some(path) = &args.file else {
        let options = output::options(args.trace.output.no_color);
        let look = Look {
            zone: options.zone,
            colour: options.colour,
        };
        if why_not.is_some() && args.trace.handshake == Some(HandshakeValue::Later) {
            warn(format_args!(
                "no handshakes: --handshake=later waits for a key of the view; --handshake reads \
                 them from the start on"
            ));
        }
        let look = why_not.is_none().then_some(&look);
        return trace::run_with(&args.trace, look, EarlyEnd::watch(false));
    };
    match why_not {
        None => show(path, args.window, &args.trace),
        Some(_) => replay::run(&ReplayArgs {
            file: path.clone(),
            window: args.window,
            filter: args.trace.filter.clone(),
            selection: args.trace.selection.clone(),
            redact: RedactArgs::default(),
            expect: Vec::new(),
            output: args.trace.output.clone(),
        }),
    }
}

fn show(path: &Path, window: WindowArgs, args: &TraceArgs) -> Result<Code, Failure> {
    let output = &args.output;
    let segments = RefCell::new(None);
    let open = |to, filter: Option<Filter>| {
        let reader = match source::is_joined(path, window) {
            true => {
                let (reader, read) = source::join(path, window).map_err(|failure| failure.error)?;
                segments.replace(Some(read));
                reader
            }
            false => open_plain(path)?,
        };
        Ok(full_screen::recording::player(
            reader, filter, to, output.top,
        ))
    };
    // What is wrong with the file is said before the terminal is taken.
    match source::is_joined(path, window) {
        true => drop(source::join(path, window)?),
        false => drop(replay::open(replay::open_again(path)?, path)?),
    }
    let unreadable = |error| Failure::new(Code::Unreadable, error);
    let filter = args.selection.and(args.filter.as_ref());
    let options = output::options(output.no_color);
    let report_to = Box::new(|| output::renderer(output));
    let recording = Recording::new(
        Box::new(open),
        report_to,
        filter.clone(),
        options.zone.clone(),
    );
    let mut recording = recording.map_err(unreadable)?;
    let view = View::new(options.zone, options.colour, true);
    let mut view = view.filtered(filter);
    let failed = |error| Failure::new(Code::Failure, error);
    let (waker, wake) = wake::pair().map_err(failed)?;
    let terminal = Terminal::take(waker.clone()).map_err(failed)?;
    full_screen::run(terminal, (&waker, wake), &mut view, &mut recording).map_err(unreadable)?;
    let (mut player, now_ns) = recording.into_player();
    player.report(now_ns)?;
    // What is behind the cursor was left out on purpose.
    let ended = player.is_whole() || !player.is_at_end();
    let begun = player.pipeline().has_begun();
    Ok(match segments.take() {
        Some(segments) => segments.report_damage(begun),
        None => replay::report_damage(player.reader(), path, begun, ended),
    })
}

fn open_plain(path: &Path) -> anyhow::Result<Recorded> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Reader::new(Box::new(file) as Box<dyn Read>)
        .with_context(|| format!("{} cannot be replayed", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn a_recording_takes_no_option_that_only_a_trace_has() {
        let both = [
            "filter",
            "pod",
            "container",
            "unit",
            "file",
            "help",
            "since",
            "until",
        ];
        let of_output = ["format", "top", "lines", "columns", "details", "no_color"];
        let command = Cli::command();
        let live = command.find_subcommand("live").unwrap();
        for argument in live
            .get_arguments()
            .map(|argument| argument.get_id().as_str())
        {
            let is_known = OF_A_TRACE.contains(&argument);
            let is_both = both.contains(&argument) || of_output.contains(&argument);
            assert!(is_known != is_both, "{argument}");
        }
        for wrong in [["--port", "2181"], ["--record", "x"], ["--duration", "1s"]] {
            let arguments = ["zkchurn", "live", "x.zkchurn"].into_iter().chain(wrong);
            assert!(Cli::try_parse_from(arguments).is_err(), "{wrong:?}");
        }
        let cli = Cli::try_parse_from(["zkchurn", "live", "--port", "2182"]).unwrap();
        let Some(Command::Live(args)) = cli.command else {
            panic!("{cli:?}");
        };
        assert_eq!(args.trace.settings().unwrap().ports, [2182]);
        let with_filter = ["zkchurn", "live", "x.zkchurn", "--filter", "process:java"];
        assert!(Cli::try_parse_from(with_filter).is_ok());
    }
}

// SPDX-License-Identifier: MIT
//! `zkchurn live`: the full-screen view of a recording.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use super::{
    output::{self, OutputArgs},
    replay::{self, ReplayArgs},
};
use crate::{
    exit::{Code, Failure},
    full_screen::{self, Terminal, recording::Recording, why_not},
    view::View,
    warn::warn,
};

/// Options of the view.
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    /// The recording; needs no privileges.
    file: PathBuf,
    /// How the answer is printed at the end.
    #[command(flatten)]
    output: OutputArgs,
}

/// Shows a recording.
///
/// # Errors
///
/// Those of `zkchurn replay`.
pub(crate) fn run(args: &LiveArgs) -> Result<Code, Failure> {
    match why_not() {
        None => show(&args.file, &args.output),
        Some(why) => {
            warn(format_args!(
                "{why}: printing lines instead of the full-screen view"
            ));
            replay::run(&ReplayArgs {
                file: args.file.clone(),
                filter: None,
                expect: Vec::new(),
                output: args.output.clone(),
            })
        }
    }
}

fn show(path: &Path, output: &OutputArgs) -> Result<Code, Failure> {
    let open = |tape| {
        let file =
            File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let reader = zkchurn_core::recording::reader::Reader::new(file)
            .with_context(|| format!("{} cannot be replayed", path.display()))?;
        let to = output::renderer(output);
        Ok(full_screen::recording::player(reader, tape, to, output.top))
    };
    // What is wrong with the file is said before the terminal is taken.
    drop(replay::open(replay::open_file(path)?, path)?);
    let unreadable = |error| Failure::new(Code::Unreadable, error);
    let mut recording = Recording::new(Box::new(open)).map_err(unreadable)?;
    let options = output::options(output.no_color);
    let mut view = View::new(options.zone, options.colour, true);
    let terminal = Terminal::take().map_err(|error| Failure::new(Code::Failure, error))?;
    full_screen::run(terminal, &mut view, &mut recording).map_err(unreadable)?;
    let (mut player, now_ns) = recording.into_player();
    player.report(now_ns)?;
    // What is behind the cursor was left out on purpose.
    let ended = player.is_whole() || !player.is_at_end();
    let begun = player.pipeline().has_begun();
    Ok(replay::report_damage(player.reader(), path, begun, ended))
}

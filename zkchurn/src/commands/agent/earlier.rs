// SPDX-License-Identifier: MIT
//! What an agent of this host has of the last minutes: a trace that somebody starts begins
//! with it.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use zkchurn_core::{frame::TraceStart, shell};

use super::{CONFIG, DIRECTORY, settings::AgentSettings};
use crate::{
    commands::trace::TraceArgs,
    host::{agents, segment_files::SegmentFiles},
    live::settings::TraceSettings,
    warn::warn,
};

/// How much of it is shown.
const LAST: &str = "10m";

/// Shows what an agent that runs on this host has traced of the same in the last minutes; says
/// where to find it where it traces something else, or something else is to be printed.
pub(crate) fn show(args: &TraceArgs, settings: &TraceSettings) {
    let Some(directory) = directory_in_use(settings) else {
        return;
    };
    let command = command_for(&directory);
    if !is_plain(args, settings) || !has_the_same(&directory, settings) {
        warn(format_args!(
            "an agent runs on this host: {command} reports on what it has of the last minutes"
        ));
        return;
    }
    warn(format_args!(
        "an agent runs on this host: first what it has of the last minutes, as {command} says"
    ));
    // By a process that gives up all privileges before it reads, as any replay does.
    let mut replay = Command::new("/proc/self/exe");
    replay.arg0("zkchurn").arg("replay").arg(&directory);
    replay.args(["--since", LAST, "--top", &args.output.top.to_string()]);
    replay.args(["--lines", &args.output.lines.to_string()]);
    if args.output.no_color {
        replay.arg("--no-color");
    }
    // What is wrong it says itself.
    if let Err(error) = replay.stdin(Stdio::null()).status() {
        warn(format_args!("{command} could not be started: {error}"));
    }
}

/// What shows the same.
fn command_for(directory: &Path) -> String {
    let name = shell::word(&directory.to_string_lossy());
    format!("`zkchurn replay {name} --since {LAST}`")
}

/// The directory of an agent that runs: of those that trace the same, or else the one that the
/// settings of this host name. Another one that traces something else is nobody's concern here.
fn directory_in_use(settings: &TraceSettings) -> Option<PathBuf> {
    let configured = configured().filter(|directory| agents::is_recorded_to(directory));
    let all = configured.iter().cloned().chain(agents::directories());
    let mut same = all.filter(|directory| has_the_same(directory, settings));
    same.next().or(configured)
}

/// Where the agent of this host's settings records to.
fn configured() -> Option<PathBuf> {
    let settings = AgentSettings::of_file(Path::new(CONFIG), true).ok()?;
    Some(settings.directory.unwrap_or_else(|| DIRECTORY.into()))
}

/// Whether lines and a report for a person are wanted, of all connections.
fn is_plain(args: &TraceArgs, settings: &TraceSettings) -> bool {
    args.output.format.name() == "text"
        && !args.output.details
        && args.output.columns.is_empty()
        && settings.process.is_none()
        && settings.filter.is_none()
}

/// Whether what the agent traces at present is at least what is asked for.
fn has_the_same(directory: &Path, settings: &TraceSettings) -> bool {
    let files = SegmentFiles::of(directory).unwrap_or_default();
    let latest = files
        .starts
        .iter()
        .max_by_key(|start| start.clock.realtime_ns);
    latest.is_some_and(|start: &TraceStart| {
        let mut ports = settings.ports.iter();
        ports.all(|port| start.ports.contains(port)) && start.side == settings.sides
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(
            command_for(Path::new("/var/lib/my agent")),
            "`zkchurn replay '/var/lib/my agent' --since 10m`"
        );
    }
}

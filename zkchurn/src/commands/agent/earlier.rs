// SPDX-License-Identifier: MIT
//! What an agent of this host has of the last minutes: a trace that somebody starts begins
//! with it.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use zkchurn_core::shell;

use super::{CONFIG, DIRECTORY, settings::AgentSettings};
use crate::{
    commands::trace::TraceArgs,
    host::helper::{
        neighbour::{self, Neighbour},
        short::ended_within,
    },
    live::settings::TraceSettings,
    warn::warn,
};

/// How much of it is shown.
const LAST: &str = "10m";
/// How long showing it may take: its reader may have paused, and meanwhile nothing is traced.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);

/// Shows what an agent that runs on this host has traced of the same in the last minutes; says
/// where to find it where it traces something else, or something else is to be printed.
pub(crate) fn show(args: &TraceArgs, settings: &TraceSettings) {
    let Some(configured) = configured() else {
        return;
    };
    match neighbour::ask(&configured, &settings.ports, settings.sides) {
        Neighbour::None => {}
        Neighbour::Silent => warn(format_args!(
            "what an agent may have of the last minutes is not shown: its directory, {} or another \
             one, does not answer",
            configured.display()
        )),
        Neighbour::Same(directory) if is_plain(args, settings) => {
            let command = command_for(&directory);
            warn(format_args!(
                "an agent runs on this host: first what it has of the last minutes, as {command} \
                 says"
            ));
            if let Err(why) = replay(args, &directory) {
                warn(format_args!("{command} {why}"));
            }
        }
        Neighbour::Same(directory) | Neighbour::Other(directory) => warn(format_args!(
            "an agent runs on this host: {} reports on what it has of the last minutes",
            command_for(&directory)
        )),
    }
}

/// Has a process do it that gives up all privileges before it reads, as any replay does.
fn replay(args: &TraceArgs, directory: &Path) -> Result<(), String> {
    let mut replay = Command::new("/proc/self/exe");
    replay.arg0("zkchurn").arg("replay").arg(directory);
    replay.args(["--since", LAST, "--top", &args.output.top.to_string()]);
    replay.args(["--lines", &args.output.lines.to_string()]);
    if args.output.no_color {
        replay.arg("--no-color");
    }
    let started = replay.stdin(Stdio::null()).spawn();
    let child = started.map_err(|error| format!("could not be started: {error}"))?;
    // What is wrong it says itself.
    match is_shown(child, SHOWN_WITHIN) {
        true => Ok(()),
        false => Err(format!(
            "is not done after {} s: the trace begins without the rest",
            SHOWN_WITHIN.as_secs()
        )),
    }
}

/// Whether it has ended by then; otherwise it is ended, and not waited for.
fn is_shown(mut child: Child, within: Duration) -> bool {
    let is_shown = ended_within(&mut child, within);
    if !is_shown {
        let _ = child.kill();
        ended_within(&mut child, Duration::from_millis(100));
    }
    is_shown
}

/// What shows the same.
fn command_for(directory: &Path) -> String {
    let name = shell::word(&directory.to_string_lossy());
    format!("`zkchurn replay {name} --since {LAST}`")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_pauses_does_not_keep_the_trace_from_beginning() {
        let yes = || {
            Command::new("/bin/sh")
                .args(["-c", "yes"])
                .stdout(Stdio::piped())
                .spawn()
        };
        assert!(!is_shown(yes().unwrap(), Duration::from_millis(300)));
        let done = Command::new("/bin/true").spawn().unwrap();
        assert!(is_shown(done, Duration::from_secs(60)));
    }

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(
            command_for(Path::new("/var/lib/my agent")),
            "`zkchurn replay '/var/lib/my agent' --since 10m`"
        );
    }
}

// SPDX-License-Identifier: MIT
//! What an agent of this host has of the last minutes: a trace that somebody starts begins
//! with it.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use zkchurn_core::{frame::Sides, shell};

use super::{
    CONFIG, DIRECTORY,
    settings::{AgentSettings, SettingsError},
};
use crate::{
    commands::trace::TraceArgs,
    host::helper::{
        neighbour::{self, Neighbour},
        short::{end, ended_within},
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
    // A trace waits for the file system of neither settings nor directory.
    let configured = configured(AgentSettings::of_file_in_time(Path::new(CONFIG), true));
    let neighbour = neighbour::ask(&configured, &settings.ports, settings.sides);
    let filter = filter_for(&neighbour, settings.sides);
    match neighbour {
        Neighbour::None => {}
        Neighbour::Silent => warn(format_args!(
            "whether an agent runs on this host, and what it has of the last minutes, could not be \
             found out within {} s: the trace begins without it",
            neighbour::WITHIN.as_secs()
        )),
        Neighbour::Same(ref directory) | Neighbour::Both(ref directory)
            if is_plain(args, settings) =>
        {
            let command = command_for(directory, filter);
            let has_more = matches!(neighbour, Neighbour::Both(_)) && filter.is_none();
            let more = match has_more {
                true => {
                    "; the agent traces both sides, so connections that this host opens are in it"
                }
                false => "",
            };
            warn(format_args!(
                "an agent runs on this host: first what it has of the last minutes, as {command} \
                 says{more}"
            ));
            if let Err(why) = replay(args, directory, filter) {
                warn(format_args!("{command} {why}"));
            }
        }
        Neighbour::Same(directory) | Neighbour::Both(directory) | Neighbour::Other(directory) => {
            warn(format_args!(
                "an agent runs on this host: {} reports on what it has of the last minutes",
                command_for(&directory, filter)
            ));
        }
    }
}

/// What leaves of both sides the one that is asked for. Of the server's a replay cannot: a
/// connection with both its ends on this host counts as one that the host has opened.
fn filter_for(neighbour: &Neighbour, asked: Sides) -> Option<&'static str> {
    match (neighbour, asked) {
        (Neighbour::Both(_), Sides::Client) => Some("side:client"),
        _ => None,
    }
}

/// Has a process do it that gives up all privileges before it reads, as any replay does.
fn replay(args: &TraceArgs, directory: &Path, filter: Option<&str>) -> Result<(), String> {
    let mut replay = Command::new("/proc/self/exe");
    replay.arg0("zkchurn").arg("replay").arg(directory);
    replay.args(["--since", LAST, "--top", &args.output.top.to_string()]);
    replay.args(["--lines", &args.output.lines.to_string()]);
    if let Some(filter) = filter {
        replay.args(["--filter", filter]);
    }
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
        end(&mut child);
    }
    is_shown
}

/// What shows the same.
fn command_for(directory: &Path, filter: Option<&str>) -> String {
    let name = shell::word(&directory.to_string_lossy());
    let filter = filter.map_or_else(String::new, |filter| format!(" --filter {filter}"));
    format!("`zkchurn replay {name} --since {LAST}{filter}`")
}

/// Where the agent of this host's settings records to. An agent may run whatever is wrong with
/// them: it was started before that, or with options.
fn configured(settings: Result<AgentSettings, SettingsError>) -> PathBuf {
    let settings = settings.unwrap_or_default();
    settings.directory.unwrap_or_else(|| DIRECTORY.into())
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
    fn an_agent_is_looked_for_whatever_its_settings_say() {
        let config = tempfile::NamedTempFile::new().unwrap();
        let of = |text: &str| {
            std::fs::write(&config, text).unwrap();
            configured(AgentSettings::of_file(config.path(), true))
        };
        assert_eq!(of("directory = \"/kept\""), Path::new("/kept"));
        assert_eq!(of("no-such-setting = 1"), Path::new(DIRECTORY));
        assert_eq!(of(""), Path::new(DIRECTORY));
    }

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(
            command_for(Path::new("/var/lib/my agent"), None),
            "`zkchurn replay '/var/lib/my agent' --since 10m`"
        );
        let both = Neighbour::Both("/kept".into());
        assert_eq!(
            command_for(Path::new("/kept"), filter_for(&both, Sides::Client)),
            "`zkchurn replay /kept --since 10m --filter side:client`"
        );
        assert_eq!(filter_for(&both, Sides::Server), None);
        let same = Neighbour::Same("/kept".into());
        assert_eq!(filter_for(&same, Sides::Client), None);
    }
}

// SPDX-License-Identifier: MIT
//! The command line: what can be typed. Each command's own options are in its file in
//! `commands/`.

use std::{any::TypeId, path::PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    commands::{
        agent::AgentArgs, completions::CompletionsArgs, diff::DiffArgs, doctor::DoctorArgs,
        live::LiveArgs, man::ManArgs, quoted, replay::ReplayArgs, report::ReportArgs,
        serverlog::ServerLogArgs, timewait::TimeWaitArgs, trace::TraceArgs,
    },
    version::VERSION,
};

/// Names the process and thread behind ZooKeeper connection churn.
///
/// Run it with sudo on the client's host while it churns. It prints a line for
/// each connection that ends (in a storm for some, and how many the others are) and,
/// when it stops (Ctrl-C, SIGTERM or --duration), a report: which process and thread connects where, how often, how long
/// connections live, who closes them and how many bytes were sent.
#[derive(Debug, Parser)]
#[command(name = "zkchurn", version = VERSION, args_conflicts_with_subcommands = true)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do instead of tracing.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to trace.
    #[command(flatten)]
    pub trace: TraceArgs,
}

impl Cli {
    /// Parses the arguments of this process, or ends it with a message.
    pub(crate) fn of_this_process() -> Self {
        let command = negative_values(Self::command());
        let command = command.mut_subcommands(negative_values);
        let matches = command.try_get_matches();
        let parsed = matches.and_then(|matches| Self::from_arg_matches(&matches));
        parsed.unwrap_or_else(|error| quoted::bounded(error).exit())
    }

    /// How much is said of what goes on inside.
    pub(crate) fn verbose(&self) -> u8 {
        match &self.command {
            Some(Command::Live(args)) => args.trace.verbose,
            Some(Command::Agent(args)) => args.verbose,
            _ => self.trace.verbose,
        }
    }
}

/// Has `--port -1` refused as a value of that option, with the form that is accepted, and
/// not as an option of its own. What is a file's name stays as it is: `--record --jvm`
/// lacks its name.
fn negative_values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let takes_values = argument.get_action().takes_values();
        match takes_values && !argument.is_positional() && !is_path {
            true => argument.allow_hyphen_values(true),
            false => argument,
        }
    })
}

const EXAMPLES: &str = "\
Examples:
  sudo zkchurn                              trace port 2181 until Ctrl-C
  sudo zkchurn --port 2181,4181 --duration 60s
  sudo zkchurn --side server                on the ZooKeeper host: who connects here
  sudo zkchurn --jvm dump                   also ask the JVM for a thread dump
  sudo zkchurn --handshake                  which sessions are requested and granted
  sudo zkchurn timewait --watch 30s         who owns the TIME_WAIT sockets
  sudo zkchurn --record incident.zkchurn    save the raw records
  sudo zkchurn --report incident.html       save a page for the ticket, too
  zkchurn replay incident.zkchurn           report on them later, without privileges
  sudo zkchurn live                         look at it on the whole screen
  sudo zkchurn agent --directory /var/lib/zkchurn
                                            trace for weeks, keep the last 24 h
  zkchurn live incident.zkchurn             the same of a recording, over time
  zkchurn report incident.zkchurn -o incident.html
  zkchurn report app-1.zkchurn app-2.zkchurn -o incident.html
                                            which hosts churn together
  zkchurn replay incident.zkchurn --since 10m
                                            only its last ten minutes
  zkchurn diff before.zkchurn after.zkchurn whether the restart helped
  zkchurn serverlog zookeeper.log*          who churns, from the server's own log
  zkchurn doctor                            check whether zkchurn can trace here
  zkchurn man serverlog | man -l -          the manual, a page for each command

Exit codes: 0 report made, 1 failure, 2 wrong usage, 3 privileges missing,
4 kernel lacks a feature, 5 recording or gzip file damaged, or not read to its end,
6 file unreadable, 7 file unwritable, 8 not the log of a ZooKeeper server (serverlog),
9 not as --expect says, 10 as --fail-on says (diff).";

/// What zkchurn can do besides tracing.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists TIME_WAIT sockets with the process and thread that owned them.
    #[command(name = "timewait")]
    TimeWait(TimeWaitArgs),
    /// Shows a trace on the whole screen while it goes on, or a recording.
    ///
    /// The answer stands above a table of processes and peers, worst first; Enter goes down to
    /// threads, connections, stacks and log lines, / filters, ? shows the keys, and q ends the
    /// trace and leaves the answer on the normal screen. A recording needs no privileges, and
    /// has a time cursor.
    Live(Box<LiveArgs>),
    /// Traces for weeks and keeps what came last.
    ///
    /// It writes segments of a recording into a directory, at most as much and as old as was
    /// set, says what is wrong and what begins to churn, and ends with a signal. SIGHUP has it read its
    /// settings again. `zkchurn replay DIR --since 10m` reports on what it keeps.
    Agent(AgentArgs),
    /// Reports on a recording; needs no privileges.
    Replay(ReplayArgs),
    /// Makes files for the ticket from a recording; .html is a page with pictures.
    Report(ReportArgs),
    /// Compares two recordings: what is new, worse, better or gone.
    ///
    /// Programs are matched by name, application and peer, so a restart between the two does no
    /// harm. Where the recordings are too short to tell, it says so.
    Diff(DiffArgs),
    /// Finds the clients that churn in a ZooKeeper server's log files.
    ///
    /// Reads zookeeper.out or zookeeper.log of ZooKeeper 3.4 to 3.9, also rotated and
    /// gzipped, in any order. Needs no privileges.
    #[command(name = "serverlog")]
    ServerLog(ServerLogArgs),
    /// Checks what works on this host, which limitations apply and how to fix them.
    Doctor(DoctorArgs),
    /// Prints what makes a shell complete zkchurn's options.
    Completions(CompletionsArgs),
    /// Prints a page of the manual; `zkchurn man | man -l -` shows it.
    #[command(hide = true)]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_option_of_a_trace_is_under_what_it_is_for() {
        let command = Cli::command();
        let shown = command
            .get_arguments()
            .filter(|option| !option.is_hide_set());
        let ungrouped = shown.filter(|option| option.get_help_heading().is_none());
        let ungrouped: Vec<_> = ungrouped.map(|option| option.get_id().as_str()).collect();
        assert!(
            ungrouped.iter().all(|id| ["help", "version"].contains(id)),
            "{ungrouped:?}"
        );
    }

    #[test]
    fn several_ports() {
        let cli = Cli::try_parse_from(["zkchurn", "--port", "2181,4181"]).unwrap();
        assert_eq!(cli.trace.port, [2181..=2181, 4181..=4181]);
        let cli = Cli::try_parse_from(["zkchurn", "--port", "2181-2183,zookeeper"]).unwrap();
        assert_eq!(cli.trace.settings().unwrap().ports, [2181, 2182, 2183]);
        for wrong in [
            "0",
            "65536",
            "no-such-service",
            "",
            "3-1",
            "1-65535",
            "-1",
            "1-",
        ] {
            assert!(
                Cli::try_parse_from(["zkchurn", "--port", wrong]).is_err(),
                "{wrong}"
            );
        }
    }
}

// SPDX-License-Identifier: MIT
//! Parse, run, exit code.

use std::{process::ExitCode, sync::Arc};

use clap::CommandFactory as _;
use nix::sys::signal::SigSet;
use signal_hook::flag;

use crate::{
    cli::{Cli, Command},
    commands::{
        agent, completions, diff, doctor, live, man, replay, report, serverlog, timewait, trace,
    },
    exit::{Code, Failure},
    host::{
        helper::{let_go, run_if_helper},
        journal::Priority,
        privilege::{held, needs::Kept},
        signal_list::FILE_TOO_LARGE,
        threads,
    },
    warn::{self, say},
};

/// Does what the arguments of this process ask for.
pub fn run() -> ExitCode {
    match threads::ensure_stack() {
        Ok(()) => run_with_stack(),
        Err(why) => {
            say(Priority::Error, format_args!("{why}"));
            Code::Failure.into()
        }
    }
}

/// Not a part of its caller, whose stack may be small still.
#[inline(never)]
fn run_with_stack() -> ExitCode {
    run_if_helper();
    take_signals();
    outlive_limit_of_files();
    let cli = Cli::of_this_process();
    start_logging(cli.verbose());
    let code = match dispatch(&cli) {
        Ok(code) => code,
        Err(failure) => {
            if failure.code != Code::Success {
                say(Priority::Error, format_args!("{:#}", failure.error));
            }
            failure.code
        }
    };
    warn::finish();
    let_go::all();
    code.into()
}

/// Whoever started us may have had signals blocked, which is inherited: we would be deaf to
/// what shall end us.
fn take_signals() {
    // Where it fails all is as it was.
    let _ = SigSet::all().thread_unblock();
}

/// A write beyond `ulimit -f` fails from here on, like one to a full disk (setrlimit(2)), and
/// does not end this process without a word.
fn outlive_limit_of_files() {
    // Where it fails all is as it was.
    let _ = flag::register(FILE_TOO_LARGE, Arc::default());
}

fn dispatch(cli: &Cli) -> Result<Code, Failure> {
    match &cli.command {
        None => trace::run(&cli.trace),
        Some(Command::Agent(args)) => agent::run(args),
        Some(Command::TimeWait(args)) => timewait::run(args),
        Some(Command::Live(args)) => {
            if args.file.is_some() {
                only_read_files()?;
            }
            live::run(args)
        }
        Some(Command::Replay(args)) => {
            only_read_files()?;
            replay::run(args)
        }
        Some(Command::Report(args)) => {
            only_read_files()?;
            report::run(args)
        }
        Some(Command::Diff(args)) => {
            only_read_files()?;
            diff::run(args)
        }
        Some(Command::ServerLog(args)) => {
            only_read_files()?;
            serverlog::run(args)
        }
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Completions(args)) => {
            only_read_files()?;
            completions::run(args, Cli::command())
        }
        Some(Command::Man(args)) => {
            only_read_files()?;
            man::run(args, Cli::command())
        }
    }
}

/// Under sudo, too, a file that somebody else wrote is taken apart without any
/// other privilege.
fn only_read_files() -> Result<(), Failure> {
    held::keep_only(Kept::READS_FILES).map_err(|error| Failure::new(Code::Failure, error))
}

/// Diagnosis goes to standard error, from this program and, with -vv, from the
/// kernel program.
struct StderrLog;

impl log::Log for StderrLog {
    /// What the libraries have to say is not about the traced host.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("zkchurn")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        say(
            Priority::Info,
            format_args!("{}: {}", record.target(), record.args()),
        );
    }

    fn flush(&self) {}
}

fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => log::LevelFilter::Off,
        1 => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    };
    // It fails only if a logger was set before.
    if log::set_logger(&StderrLog).is_ok() {
        log::set_max_level(level);
    }
}

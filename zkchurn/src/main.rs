// SPDX-License-Identifier: MIT
//! Parse, run, exit code.

use std::process::ExitCode;

use zkchurn::{
    cli::{Cli, Command},
    complain::complain,
    doctor,
    exit::{Code, Failure},
    output,
    privilege::{held, needs::Kept},
    replay, serverlog, trace,
};

fn main() -> ExitCode {
    let cli = Cli::of_this_process();
    start_logging(cli.trace.verbose);
    let outcome = run(&cli);
    match outcome {
        Ok(code) => code.into(),
        Err(failure) => {
            if failure.code != Code::Success {
                complain(format_args!("{:#}", failure.error));
            }
            failure.code.into()
        }
    }
}

fn run(cli: &Cli) -> Result<Code, Failure> {
    match &cli.command {
        None => trace::run(&cli.trace, output::renderer(&cli.trace.output), false),
        Some(Command::TimeWait(args)) => {
            let renderer = output::time_wait_renderer(args.format, args.no_color);
            trace::run(&args.trace(), renderer, args.rows)
        }
        Some(Command::Replay(args)) => {
            only_read_files()?;
            replay::run(args)
        }
        Some(Command::ServerLog(args)) => {
            only_read_files()?;
            serverlog::run(args)
        }
        Some(Command::Doctor(args)) => doctor::run(args),
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
        complain(format_args!("{}: {}", record.target(), record.args()));
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

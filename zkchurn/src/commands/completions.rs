// SPDX-License-Identifier: MIT
//! `zkchurn completions`: what makes a shell complete zkchurn's options.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{
    exit::{Code, Failure},
    host::patient::Patient,
};

/// Options of completions.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to print them for.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Prints the script that the shell reads, for this command line.
///
/// # Errors
///
/// The output cannot be written.
pub(crate) fn run(args: &CompletionsArgs, mut line: Command) -> Result<Code, Failure> {
    // clap_complete panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut line, "zkchurn", &mut script);
    let mut stdout = Patient(io::stdout().lock());
    stdout.write_all(&script)?;
    stdout.flush()?;
    Ok(Code::Success)
}

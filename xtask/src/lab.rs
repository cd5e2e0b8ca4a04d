// SPDX-License-Identifier: MIT
//! Starts the verbs of the laboratory, which is a crate of its own: nobody has
//! to compile it who only builds zkchurn.
//!
//! It is built without optimisation. It waits and counts; what it measures is
//! zkchurn, and that it builds for release itself.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::command;

/// Options of a verb of the laboratory, which reads them itself.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Passed on as they are; `cargo xtask VERB --help` explains them
    #[arg(
        value_name = "OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    options: Vec<OsString>,
}

/// Becomes the verb, so that a signal for this process is one for it.
pub(crate) fn become_verb(verb: &str, options: &Options) -> Result<()> {
    let mut lab = Command::new(build()?);
    let error = lab.arg(verb).args(&options.options).exec();
    Err(error).with_context(|| format!("cannot run `{}`", command::shown(&lab)))
}

/// Runs the verb to its end, with these options.
pub(crate) fn run(verb: &str, options: &[&str]) -> Result<()> {
    command::run(command::dies_with_parent(build()?).arg(verb).args(options))
}

/// Builds it and returns the program.
pub(crate) fn build() -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["build", "--package", "zkchurn-lab"]);
    command::built(&mut cargo, "zkchurn-lab")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn every_option_is_passed_on_as_it_is() {
        let given = ["--help", "--quick", "-x", "--", "file", "--rounds=2"];
        let parsed = Verb::try_parse_from([&["verb"], &given[..]].concat());
        let parsed = parsed.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.options.options, given.map(OsString::from));
    }
}

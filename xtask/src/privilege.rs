// SPDX-License-Identifier: MIT
//! Root where it is needed: directly, or through sudo when a plain user
//! started the verb.

use std::ffi::OsStr;
use std::process::{Child, Command};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::command;

/// Whether this process is root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// A command that runs as root. sudo clears the environment, so what the
/// program must find there belongs behind `env` in its arguments.
pub fn as_root(program: impl AsRef<OsStr>) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("--").arg(program);
    command
}

/// Makes sure that [`as_root`] will work, so that sudo asks for the password
/// now and not in the middle of a measurement.
pub fn acquire(why: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    if command::on_path("sudo").is_none() {
        bail!("root is needed {why}, and there is no sudo: run this verb as root");
    }
    command::run(Command::new("sudo").arg("--validate"))
        .with_context(|| format!("root is needed {why}"))
}

/// Sends a signal to a child that [`as_root`] started. sudo passes it on to
/// the program it runs.
pub fn signal(child: &Child, signal: Signal) -> Result<()> {
    if is_root() {
        return kill_process(pid_of(child)?, signal).context("cannot signal a child");
    }
    let number = format!("-{}", signal.as_raw());
    command::run(as_root("kill").args([&number, &child.id().to_string()]))
}

/// The process id of a child.
pub fn pid_of(child: &Child) -> Result<Pid> {
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .with_context(|| format!("{} is no process id", child.id()))
}

// SPDX-License-Identifier: MIT
//! The tests that need root: those that load the object into this machine's
//! kernel, and those that look at other users' JVMs.

mod ordinary_user;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use self::ordinary_user::OrdinaryUser;
pub(crate) use self::ordinary_user::remove_abandoned as remove_abandoned_user;
use crate::{build_ebpf, command, privilege, workspace};

/// The tests find the object to load by this variable.
const OBJECT: &str = "ZKCHURN_BPF_OBJECT";

/// Runs those of one directory in `zkchurn/tests` against the object that was
/// just rebuilt: as root by way of an ordinary user's sudo, with no more than a
/// login has, because that is how people run zkchurn.
pub(crate) fn run(name: &str) -> Result<()> {
    let user = OrdinaryUser::present_or_made()?;
    run_by(|| user.as_root("env"), name, &[], &[])
}

/// Runs as root those that `filter` lets through, all where it is empty, with
/// these variables set.
pub(crate) fn run_some(name: &str, filter: &[&str], variables: &[&str]) -> Result<()> {
    run_by(|| privilege::as_root("env"), name, filter, variables)
}

/// Runs those that `filter` lets through by a command of the caller, which runs `env` with the
/// arguments that follow, as root.
pub(crate) fn run_in(
    env_as_root: impl FnOnce() -> Command,
    name: &str,
    filter: &[&str],
) -> Result<()> {
    run_by(env_as_root, name, filter, &[])
}

fn run_by(
    env_as_root: impl FnOnce() -> Command,
    name: &str,
    filter: &[&str],
    variables: &[&str],
) -> Result<()> {
    privilege::acquire("to load programs into the kernel and to look at JVMs")?;
    let mut object = OsString::from(format!("{OBJECT}="));
    object.push(build_ebpf::rebuilt()?);
    let mut temporary = OsString::from("TMPDIR=");
    temporary.push(std::env::temp_dir());
    let tests = build(name)?;
    let list = command::output(Command::new(&tests).args(["--list", "--ignored"]))?;
    let count = list.lines().filter(|line| line.ends_with(": test")).count();
    ensure!(count > 0, "there are no tests to run in {name}");
    command::run(
        env_as_root()
            // sudo would not pass the variables on.
            // Where cargo itself would run them. An ordinary user may be unable
            // to go there; root goes there itself.
            .arg("--chdir")
            .arg(workspace::root().join("zkchurn"))
            .arg(object)
            .arg(temporary)
            .args(variables)
            .arg(tests)
            // A program that one test starts holds copies of another's sockets
            // until its exec is done: the last close would be that program's.
            .args(["--ignored", "--test-threads=1"])
            .args(filter),
    )
}

/// Builds them as the user who started the verb, so that root leaves no files
/// in `target/`.
pub(crate) fn build(name: &str) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "zkchurn", "--test", name]);
    command::built(cargo.arg("--no-run"), name)
}

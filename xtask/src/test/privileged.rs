// SPDX-License-Identifier: MIT
//! The tests that need root: those that load the object into this machine's
//! kernel, and those that look at other users' JVMs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{build_ebpf, command, privilege, workspace};

/// The tests find the object to load by this variable.
const OBJECT: &str = "ZKCHURN_BPF_OBJECT";

/// Runs those of one directory in `zkchurn/tests` as root, against the object
/// that was just rebuilt.
pub fn run(name: &str) -> Result<()> {
    run_some(name, &[], &[])
}

/// Runs those that `filter` lets through, all where it is empty, with these
/// variables set.
pub fn run_some(name: &str, filter: &[&str], variables: &[&str]) -> Result<()> {
    privilege::acquire("to load programs into the kernel and to look at JVMs")?;
    let mut object = OsString::from(format!("{OBJECT}="));
    object.push(build_ebpf::rebuilt()?);
    let tests = build(name)?;
    let list = command::output(Command::new(&tests).args(["--list", "--ignored"]))?;
    let count = list.lines().filter(|line| line.ends_with(": test")).count();
    ensure!(count > 0, "there are no tests to run in {name}");
    command::run(
        // sudo would not pass the variable on.
        privilege::as_root("env")
            .arg(object)
            .args(variables)
            .arg(tests)
            // A program that one test starts holds copies of another's sockets
            // until its exec is done: the last close would be that program's.
            .args(["--ignored", "--test-threads=1"])
            .args(filter)
            // Where cargo itself would run them.
            .current_dir(workspace::root().join("zkchurn")),
    )
}

/// Builds them as the user who started the verb, so that root leaves no files
/// in `target/`.
pub fn build(name: &str) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "zkchurn", "--test", name]);
    command::built(cargo.arg("--no-run"), name)
}

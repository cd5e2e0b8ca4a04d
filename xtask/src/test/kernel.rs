// SPDX-License-Identifier: MIT
//! The tests that load the object into this machine's kernel.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{build_ebpf, command, privilege, workspace};

/// The tests find the object to load by this variable.
const OBJECT: &str = "ZKCHURN_BPF_OBJECT";

/// Runs them as root against the object that was just rebuilt.
pub fn run() -> Result<()> {
    privilege::acquire("to load programs into the kernel")?;
    let mut object = OsString::from(format!("{OBJECT}="));
    object.push(build_ebpf::rebuilt()?);
    let tests = build()?;
    let list = command::output(Command::new(&tests).args(["--list", "--ignored"]))?;
    let count = list.lines().filter(|line| line.ends_with(": test")).count();
    ensure!(count > 0, "there are no kernel tests to run");
    command::run(
        // sudo would not pass the variable on.
        privilege::as_root("env")
            .arg(object)
            .arg(tests)
            .args(["--ignored", "--test-threads=2"])
            // Where cargo itself would run them.
            .current_dir(workspace::root().join("zkchurn")),
    )
}

/// Builds them as the user who started the verb, so that root leaves no files
/// in `target/`.
fn build() -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "zkchurn", "--test", "kernel"]);
    command::built(cargo.arg("--no-run"), "kernel")
}

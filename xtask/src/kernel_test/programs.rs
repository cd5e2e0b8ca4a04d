// SPDX-License-Identifier: MIT
//! What is tested in a guest: zkchurn and the tests, built for the guest's processor.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::architecture::Architecture;
use crate::{command, dist, privileged_tests};

/// What a guest is made of, beside its kernel and its tools.
pub(crate) struct Programs {
    /// Whose instructions they are.
    pub architecture: Architecture,
    /// Optimised: emulation makes it slow enough.
    pub zkchurn: PathBuf,
    /// Where the tests look for it.
    pub zkchurn_in_guest: PathBuf,
    /// The tests, which find their own path again in the guest.
    pub tests: PathBuf,
}

/// Builds them.
pub(crate) fn build(architecture: Architecture) -> Result<Programs> {
    match architecture.foreign_target() {
        None => of_this_machine(architecture),
        Some(target) => of_another(architecture, target),
    }
}

fn of_this_machine(architecture: Architecture) -> Result<Programs> {
    let tests = privileged_tests::build("kernel")?;
    let mut cargo = command::cargo();
    cargo.args(["build", "--package", "zkchurn", "--bin", "zkchurn"]);
    Ok(Programs {
        architecture,
        tests,
        zkchurn_in_guest: command::built(&mut cargo, "zkchurn")?,
        zkchurn: command::zkchurn()?,
    })
}

/// Linked as what `dist` hands out is, so that they need nothing of the guest's.
fn of_another(architecture: Architecture, target: &str) -> Result<Programs> {
    let static_cargo = |arguments: &[&str]| {
        let mut cargo = command::cargo();
        cargo.args(arguments).args(["--target", target]);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", dist::STATIC.join("\u{1f}"));
        cargo.env_remove("RUSTFLAGS");
        cargo
    };
    let tests = [
        "test",
        "--package",
        "zkchurn",
        "--test",
        "kernel",
        "--no-run",
    ];
    let build = ["build", "--package", "zkchurn", "--bin", "zkchurn"];
    let optimised = [&build[..], &["--release"]].concat();
    Ok(Programs {
        architecture,
        tests: command::built(&mut static_cargo(&tests), "kernel")?,
        zkchurn_in_guest: command::built(&mut static_cargo(&build), "zkchurn")?,
        zkchurn: command::built(&mut static_cargo(&optimised), "zkchurn")?,
    })
}

/// Names of all kernel tests, in the order in which they run: those of this machine's own
/// build, which are those of every other.
pub(crate) fn names() -> Result<Vec<String>> {
    let tests = privileged_tests::build("kernel")?;
    let list = command::output(Command::new(&tests).args(["--list", "--ignored"]))?;
    let names: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect();
    ensure!(!names.is_empty(), "there are no kernel tests");
    Ok(names)
}

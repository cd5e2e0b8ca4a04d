// SPDX-License-Identifier: MIT
//! rotel, a collector of OpenTelemetry, from PyPI: a program of its own in a package for Python,
//! which does not give it the right to run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{python, remedy::Missing};
use crate::{command, workspace};

const ROTEL: python::Library = python::Library {
    what: "rotel, a collector of OpenTelemetry, 10 MB",
    package: "rotel",
    version: "0.0.1a15",
    print_version: "import importlib.metadata as found; print(found.version('rotel'))",
};

/// Of its wheel for x86-64 and Python 3.11.
const SHA256: &str = "2f4117e58410c933e0dc042a268ef738dab2e3a5d63b5831209acdac2a6ddcb7";

/// Debian's package of the library that it is linked with, by that wheel's Python.
const LIBPYTHON: &str = "libpython3.11";

/// The collector itself.
pub fn program() -> Result<PathBuf> {
    Ok(workspace::target("python-collector")?.join("rotel/rotel-agent"))
}

pub(super) fn missing() -> Vec<Missing> {
    let found = || anyhow::Ok((workspace::target("python-collector")?, program()?));
    let (library, program) = match found() {
        Ok(found) => found,
        Err(error) => return vec![Missing::by_hand("rotel", format!("{error:#}"))],
    };
    let missing = ROTEL.missing_with_hash(&library, SHA256);
    let may_run = program
        .metadata()
        .is_ok_and(|file| file.permissions().mode() & 0o111 != 0);
    if !missing.is_empty() {
        return missing;
    }
    if !may_run {
        let mut chmod = Command::new("chmod");
        chmod.arg("+x").arg(program);
        return vec![Missing::command("the right to run rotel", chmod)];
    }
    match command::output(Command::new(program).arg("--version")) {
        Ok(_) => Vec::new(),
        Err(_) => vec![Missing::package(
            "Python's library, for rotel",
            &[LIBPYTHON],
        )],
    }
}

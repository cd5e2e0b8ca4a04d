// SPDX-License-Identifier: MIT
//! What finding gaps in the tests needs: cargo-mutants, which makes small faults.

use std::path::PathBuf;

use super::remedy::Missing;
use crate::{command, toolchain};

const VERSION: &str = "27.1.0";

/// What is missing, as far as it can be told.
pub fn missing() -> Vec<Missing> {
    if cargo_mutants().is_some() {
        return Vec::new();
    }
    let mut install = command::cargo();
    install
        .args(["install", "cargo-mutants", "--locked"])
        .args(["--version", VERSION, "--root"])
        .arg(toolchain::local_tools());
    vec![Missing::command(
        format!("cargo-mutants {VERSION}"),
        install,
    )]
}

/// cargo-mutants: the one on PATH or the project's own.
pub fn cargo_mutants() -> Option<PathBuf> {
    let own = toolchain::local_tools().join("bin/cargo-mutants");
    let on_path = command::on_path("cargo-mutants");
    on_path.or_else(|| own.exists().then_some(own))
}

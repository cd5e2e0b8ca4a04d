// SPDX-License-Identifier: MIT
//! Licences, sources and crates in several versions: cargo-deny, with what
//! deny.toml accepts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::setup::Missing;
use crate::{command, toolchain};

const VERSION: &str = "0.20.2";

/// Runs it. Its advisories are left out: they come from a git repository.
pub fn run() -> Result<()> {
    ensure!(
        is_installed(),
        "cargo-deny {VERSION} is missing: `cargo xtask setup` builds it in two minutes"
    );
    let mut deny = Command::new(program());
    deny.current_dir(crate::workspace::root());
    deny.args(["--locked", "check", "--hide-inclusion-graph"]);
    // What is accepted and no longer there is an error, too.
    deny.args(["--deny", "unmatched-skip"]);
    command::run(deny.args(["licenses", "bans", "sources"]))
}

/// What is missing to run it.
pub fn missing() -> Option<Missing> {
    if is_installed() {
        return None;
    }
    let mut install = command::cargo();
    install
        .args(["install", "cargo-deny", "--locked"])
        .args(["--version", VERSION, "--root"])
        .arg(toolchain::local_tools());
    let what = format!("cargo-deny {VERSION}, which takes two minutes to build");
    Some(Missing::command(what, install))
}

fn program() -> PathBuf {
    toolchain::local_tools().join("bin/cargo-deny")
}

fn is_installed() -> bool {
    let version = command::output(Command::new(program()).arg("--version"));
    version.is_ok_and(|version| version.trim() == format!("cargo-deny {VERSION}"))
}

// SPDX-License-Identifier: MIT
//! Licences, sources and crates in several versions: cargo-deny, with what
//! deny.toml accepts.

use std::process::Command;

use crate::{
    command,
    setup::deny::{VERSION, is_installed, program},
    workspace,
};
use anyhow::{Result, ensure};

/// Runs it. Its advisories are left out: they come from a git repository.
pub(crate) fn run() -> Result<()> {
    ensure!(
        is_installed(),
        "cargo-deny {VERSION} is missing: `cargo xtask setup` builds it in two minutes"
    );
    let mut deny = Command::new(program());
    deny.current_dir(workspace::root());
    deny.args(["--locked", "check", "--hide-inclusion-graph"]);
    // What is accepted and no longer there is an error, too.
    deny.args(["--deny", "unmatched-skip"]);
    command::run(deny.args(["licenses", "bans", "sources"]))
}

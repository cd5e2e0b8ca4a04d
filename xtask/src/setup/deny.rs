// SPDX-License-Identifier: MIT
//! cargo-deny, which checks licences, sources and versions of what zkchurn is made of.

use std::path::PathBuf;
use std::process::Command;

use super::remedy::Missing;
use crate::{command, toolchain};

/// The version that deny.toml is written for.
pub const VERSION: &str = "0.20.2";

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

/// Where it is, once it is installed.
pub fn program() -> PathBuf {
    toolchain::local_tools().join("bin/cargo-deny")
}

/// Whether it is there in this version.
pub fn is_installed() -> bool {
    let version = command::output(Command::new(program()).arg("--version"));
    version.is_ok_and(|version| version.trim() == format!("cargo-deny {VERSION}"))
}

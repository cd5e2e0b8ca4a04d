// SPDX-License-Identifier: MIT
//! What fuzzing needs: a nightly, because only it lets a program be built with
//! counters of branches; cargo-fuzz; and a C++ compiler for libFuzzer.

use std::path::PathBuf;
use std::process::Command;

use super::remedy::Missing;
use crate::{command, toolchain};

const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// What is missing, as far as it can be told.
pub fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    if toolchain::nightly_name().is_none() {
        missing.push(nightly_missing());
    }
    if command::on_path("c++").is_none() {
        missing.push(Missing::package("a C++ compiler, for libFuzzer", &["g++"]));
    }
    if cargo_fuzz().is_none() {
        missing.push(cargo_fuzz_missing());
    }
    missing
}

/// cargo-fuzz: the one on PATH or the project's own.
pub fn cargo_fuzz() -> Option<PathBuf> {
    let own = toolchain::local_tools().join("bin/cargo-fuzz");
    let on_path = command::on_path("cargo-fuzz");
    on_path.or_else(|| own.exists().then_some(own))
}

fn nightly_missing() -> Missing {
    let what = "a nightly Rust, which builds programs for fuzzing";
    if command::on_path("rustup").is_some() {
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        return Missing::command(what, rustup);
    }
    Missing::by_hand(
        what,
        "install rustup (https://rustup.rs), then run \
         `rustup toolchain install nightly --profile minimal`",
    )
}

fn cargo_fuzz_missing() -> Missing {
    let mut install = command::cargo();
    install
        .args(["install", "cargo-fuzz", "--locked"])
        .args(["--version", CARGO_FUZZ_VERSION, "--root"])
        .arg(toolchain::local_tools());
    Missing::command(format!("cargo-fuzz {CARGO_FUZZ_VERSION}"), install)
}

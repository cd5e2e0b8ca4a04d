// SPDX-License-Identifier: MIT
//! What `dist` takes: Rust's library for the targets, and the programs that make packages
//! and the list of what is inside.

use std::path::PathBuf;
use std::process::Command;

use super::remedy::{self, Missing};
use crate::{command, toolchain};

/// The targets that zkchurn is built for, the architecture of the machine first in the name.
pub const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// Cargo's subcommands, with the version of each and how long it takes to build.
const TOOLS: [(&str, &str); 3] = [
    ("cargo-generate-rpm", "0.21.1"),
    ("cargo-deb", "3.8.0"),
    ("cargo-cyclonedx", "0.5.9"),
];

const PROGRAMS: [(&str, &str); 7] = [
    ("gzip", "gzip"),
    ("mandoc", "mandoc"),
    ("lintian", "lintian"),
    ("rpm", "rpm"),
    ("rpmlint", "rpmlint"),
    ("tar", "tar"),
    ("umoci", "umoci"),
];

/// What is missing for binaries, as far as it can be told.
pub(super) fn missing_for_binaries() -> Vec<Missing> {
    let mut missing = remedy::missing_programs(&[("readelf", "binutils")]);
    let wanted = TARGETS.iter().filter(|target| !has(target));
    missing.extend(wanted.map(|target| std_missing(target)));
    missing
}

/// What is missing for all of it.
pub(super) fn missing() -> Vec<Missing> {
    let mut missing = missing_for_binaries();
    missing.extend(remedy::missing_programs(&PROGRAMS));
    let absent = TOOLS
        .iter()
        .filter(|(name, version)| !is_installed(name, version));
    missing.extend(absent.map(|(name, version)| tool_missing(name, version)));
    missing
}

/// The objcopy that rustc itself strips with, and the directory of its libraries.
pub fn objcopy() -> Option<(PathBuf, PathBuf)> {
    let lib = sysroot()?.join("lib");
    let triple = toolchain::host_triple().ok()?;
    let program = lib.join("rustlib").join(triple).join("bin/rust-objcopy");
    program.exists().then_some((program, lib))
}

/// Where `setup` put a subcommand of cargo.
pub fn tool(name: &str) -> PathBuf {
    toolchain::local_tools().join("bin").join(name)
}

fn sysroot() -> Option<PathBuf> {
    let sysroot = command::output(Command::new("rustc").args(["--print", "sysroot"])).ok()?;
    Some(PathBuf::from(sysroot.trim()))
}

fn has(target: &str) -> bool {
    let library = format!("lib/rustlib/{target}/lib/self-contained");
    sysroot().is_some_and(|sysroot| sysroot.join(library).exists())
}

fn std_missing(target: &str) -> Missing {
    let what = format!("Rust's library for {target}");
    if command::on_path("rustup").is_none() {
        let how = format!(
            "install rustup (https://rustup.rs), then run `rustup target add {target}`; \
             Debian's Rust has no library for musl"
        );
        return Missing::by_hand(what, how);
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", target]);
    Missing::command(what, add)
}

fn is_installed(name: &str, version: &str) -> bool {
    let file = toolchain::local_tools().join(".crates.toml");
    let installed = std::fs::read_to_string(file).unwrap_or_default();
    installed.contains(&format!("\"{name} {version} (")) && tool(name).exists()
}

fn tool_missing(name: &str, version: &str) -> Missing {
    let mut install = command::cargo();
    install
        .args(["install", name, "--locked"])
        .args(["--version", version, "--root"])
        .arg(toolchain::local_tools());
    let what = format!("{name} {version}, which takes a minute or two to build");
    Missing::command(what, install)
}

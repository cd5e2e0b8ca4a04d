// SPDX-License-Identifier: MIT
//! Clippy, in two passes.
//!
//! The kernel program has a panic handler of its own, so it cannot share a
//! pass with crates that use `std`. No clippy knows the BPF target without
//! `core` for it, so the program is linted for the host: as `no_std` code
//! without unwinding, with the cfg that the real build sets.

use anyhow::Result;

use crate::{command, toolchain, workspace};

/// Lints the crates of the host, with all their tests.
pub(crate) fn host() -> Result<()> {
    let mut clippy = command::cargo();
    clippy.args(["clippy", "--all-targets"]);
    clippy.args(command::HOST_CRATES).args(["--", "-Dwarnings"]);
    command::run(&mut clippy)
}

/// Lints the kernel program.
pub(crate) fn kernel_program() -> Result<()> {
    let host = toolchain::host_triple()?;
    let flags = ["--cfg", "bpf_target_arch=\"x86_64\"", "-Cpanic=abort"];
    let mut clippy = command::cargo();
    clippy
        .args(["clippy", "--package", "zkchurn-ebpf"])
        .args(["--target", &host, "--", "-Dwarnings"])
        .env("CARGO_TARGET_DIR", workspace::target("ebpf-lint")?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("RUSTC_BOOTSTRAP", "1");
    command::run(&mut clippy)
}

// SPDX-License-Identifier: MIT
//! The static binary of a target, and its debug information in a file beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{identity::Identity, target::Target};
use crate::{command, setup, toolchain};

/// Linked with what Rust brings along: the result does not depend on this machine's linker
/// and libc, and another architecture takes no cross compiler.
pub(crate) const STATIC: [&str; 3] = [
    "-Ctarget-feature=+crt-static",
    "-Clink-self-contained=yes",
    "-Clinker=rust-lld",
];

/// Builds zkchurn for a target.
pub(super) fn run(root: &Path, identity: &Identity, target: &Target) -> Result<PathBuf> {
    println!("dist: building for {}", target.triple);
    let mut cargo = command::cargo();
    cargo
        .current_dir(root)
        .args([
            "build",
            "--locked",
            "--release",
            "--package",
            "zkchurn",
            "--bin",
            "zkchurn",
        ])
        .args(["--target", target.triple, "--target-dir"])
        .arg(root.join("target/dist"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root)?.join("\u{1f}"))
        .env_remove("RUSTFLAGS")
        .envs(identity.variables());
    command::built(&mut cargo, "zkchurn")
}

/// No path of this machine gets into the binary.
fn flags(root: &Path) -> Result<Vec<String>> {
    let home = std::env::home_dir().context("this user has no home directory")?;
    let cargo_home = std::env::var_os("CARGO_HOME").map_or(home.join(".cargo"), PathBuf::from);
    let mut flags: Vec<_> = STATIC.map(str::to_owned).to_vec();
    flags.push(format!("--remap-path-prefix={}=/zkchurn", root.display()));
    flags.push(format!(
        "--remap-path-prefix={}=/cargo",
        cargo_home.display()
    ));
    Ok(flags)
}

/// The static binary that this machine's own linker makes with its own C library, for this
/// machine; quickly, not small.
pub(super) fn with_glibc() -> Result<PathBuf> {
    let target = toolchain::host_triple()?;
    let mut cargo = command::cargo();
    cargo
        .args(["build", "--locked", "--package", "zkchurn"])
        // A target that is named, so that build scripts and macros are not linked so.
        .args(["--bin", "zkchurn", "--target", &target])
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env_remove("RUSTFLAGS");
    let binary = command::built(&mut cargo, "zkchurn")?;
    is_static(&binary)?;
    Ok(binary)
}

/// Puts the binary into `out` without debug information, and that beside it.
pub(super) fn split(
    built: &Path,
    out: &Path,
    identity: &Identity,
    target: &Target,
) -> Result<PathBuf> {
    let binary = out.join(format!(
        "zkchurn-{}-linux-{}",
        identity.version, target.machine
    ));
    let debug = out.join(format!(
        "zkchurn-{}-linux-{}.debug",
        identity.version, target.machine
    ));
    objcopy(&["--only-keep-debug"], built, &debug)?;
    let link = format!("--add-gnu-debuglink={}", debug.display());
    objcopy(&["--strip-all", &link], built, &binary)?;
    check(&binary)?;
    Ok(binary)
}

/// LLVM's, which knows all architectures. It finds its own library only where it is told to
/// look, as rustc does.
fn objcopy(options: &[&str], from: &Path, to: &Path) -> Result<()> {
    let (program, libraries) = setup::dist::objcopy().context("this Rust has no rust-objcopy")?;
    let mut objcopy = Command::new(program);
    objcopy.env("LD_LIBRARY_PATH", libraries);
    command::output(objcopy.args(options).arg(from).arg(to))?;
    Ok(())
}

/// A binary that would load something of the host is not static, however it was linked.
fn is_static(binary: &Path) -> Result<()> {
    let mut readelf = Command::new("readelf");
    let said = command::output(
        readelf
            .args(["--wide", "--program-headers", "--dynamic"])
            .arg(binary),
    )?;
    for word in ["INTERP", "(NEEDED)"] {
        ensure!(
            !said.contains(word),
            "{} is not static: it has {word}",
            binary.display()
        );
    }
    Ok(())
}

fn check(binary: &Path) -> Result<()> {
    is_static(binary)?;
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let home = std::env::home_dir()
        .unwrap_or_default()
        .display()
        .to_string();
    let holds = |word: &str| {
        !word.is_empty()
            && bytes
                .windows(word.len())
                .any(|found| found == word.as_bytes())
    };
    ensure!(
        home == "/" || !holds(&format!("{home}/")),
        "{} names {home}, a path of this machine",
        binary.display()
    );
    Ok(())
}

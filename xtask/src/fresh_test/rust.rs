// SPDX-License-Identifier: MIT
//! Rust for a fresh Debian: this machine's rustup and its toolchains, so that its server
//! need not be reached. They are mounted, read-only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::debian_root::Root;
use crate::{command, privilege};

/// Copies rustup and what it was told into a directory.
pub(super) fn put_into(directory: &Path) -> Result<()> {
    let program = command::on_path("rustup");
    let program = program.context("there is no rustup, whose toolchains the root would get")?;
    fs::copy(&program, directory.join("rustup")).context("cannot copy rustup")?;
    fs::copy(
        home()?.join("settings.toml"),
        directory.join("settings.toml"),
    )
    .context("cannot copy rustup's settings")?;
    Ok(())
}

/// A command that runs in the root as root, where the user's rustup has this machine's
/// toolchains.
pub(super) fn with_toolchains(root: &Root, user: &str) -> Result<Command> {
    // Another command enters the root behind it, in a mount namespace of its own.
    let script = "mount --bind \"$1\" \"$2\" && mount -o remount,bind,ro \"$2\" && \
                  shift 2 && exec \"$@\"";
    let mut mount = privilege::as_root("unshare");
    mount.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-ec",
        script,
        "sh",
    ]);
    mount.arg(home()?.join("toolchains"));
    mount.arg(root.path.join(format!("home/{user}/.rustup/toolchains")));
    mount.args(root.words());
    Ok(mount)
}

fn home() -> Result<PathBuf> {
    let said = command::output(Command::new("rustup").args(["show", "home"]))?;
    Ok(PathBuf::from(said.trim()))
}

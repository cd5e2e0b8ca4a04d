// SPDX-License-Identifier: MIT
//! Packages for Debian's kind of system and for Red Hat's. What goes where is in
//! zkchurn/Cargo.toml, where the tools look for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Made, identity::Identity};
use crate::{command, setup};

/// Makes the package for Debian, Ubuntu and what descends from them.
pub(super) fn deb(
    root: &Path,
    out: &Path,
    stage: &Path,
    identity: &Identity,
    made: &Made,
) -> Result<PathBuf> {
    put(&made.binary, stage)?;
    let Identity { version, .. } = identity;
    let file = out.join(format!("zkchurn_{version}-1_{}.deb", made.target.debian));
    let mut tool = tool("cargo-deb", root, identity);
    tool.args(["deb", "--no-build", "--no-strip", "--package", "zkchurn"])
        .args(["--target", made.target.triple, "--output"])
        .arg(&file);
    command::output(&mut tool)?;
    Ok(file)
}

/// Makes the package for Red Hat, SUSE and what descends from them.
pub(super) fn rpm(
    root: &Path,
    out: &Path,
    stage: &Path,
    identity: &Identity,
    made: &Made,
) -> Result<PathBuf> {
    put(&made.binary, stage)?;
    let Identity { version, .. } = identity;
    let file = out.join(format!("zkchurn-{version}-1.{}.rpm", made.target.machine));
    let mut tool = tool("cargo-generate-rpm", root, identity);
    tool.args([
        "generate-rpm",
        "--package",
        "zkchurn",
        "--auto-req",
        "disabled",
    ])
    .args([
        "--target",
        made.target.triple,
        "--source-date",
        &identity.epoch,
    ])
    // What rpm of RHEL 8 reads as well.
    .args(["--payload-compress", "gzip", "--output"])
    .arg(&file);
    command::output(&mut tool)?;
    Ok(file)
}

fn put(binary: &Path, stage: &Path) -> Result<()> {
    let to = stage.join("zkchurn");
    fs::copy(binary, &to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

fn tool(name: &str, root: &Path, identity: &Identity) -> Command {
    let mut tool = Command::new(setup::dist::tool(name));
    tool.current_dir(root).envs(identity.variables());
    tool
}

// SPDX-License-Identifier: MIT
//! What the distributions' own checkers say of the packages: no error and no warning, but for
//! those that contrib/lintian-overrides and contrib/rpmlint.toml give a reason for.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Refuses a .deb that lintian has something to say of.
pub(super) fn deb(package: &Path) -> Result<()> {
    let mut lintian = Command::new("lintian");
    lintian
        .args(["--fail-on", "error,warning", "--display-level", ">=warning"])
        .arg(package);
    content(&mut lintian, package)
}

/// Refuses a .rpm that rpmlint has something to say of. The sources are in `root`.
pub(super) fn rpm(root: &Path, package: &Path) -> Result<()> {
    let mut rpmlint = Command::new("rpmlint");
    rpmlint
        .args(["--strict", "--config"])
        .arg(root.join("contrib/rpmlint.toml"))
        .arg(package);
    content(&mut rpmlint, package)
}

fn content(checker: &mut Command, package: &Path) -> Result<()> {
    let name = checker.get_program().display().to_string();
    let checked = checker.output();
    let checked = checked.with_context(|| format!("cannot run {name}"))?;
    ensure!(
        checked.status.success(),
        "{name} is not content with {}:\n{}{}",
        package.display(),
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
    Ok(())
}

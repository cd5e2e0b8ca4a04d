// SPDX-License-Identifier: MIT
//! What Debian's own checker says of the package: no error and no warning, but for those that
//! contrib/lintian-overrides gives a reason for.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Refuses a .deb that lintian has something to say of.
pub(super) fn deb(package: &Path) -> Result<()> {
    let mut lintian = Command::new("lintian");
    lintian
        .args(["--fail-on", "error,warning", "--display-level", ">=warning"])
        .arg(package);
    let checked = lintian.output().context("cannot run lintian")?;
    ensure!(
        checked.status.success(),
        "lintian is not content with {}:\n{}{}",
        package.display(),
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
    Ok(())
}

// SPDX-License-Identifier: MIT
//! Where things are in the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the repository.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// A directory below `target/`, made if it is not there.
pub fn target(name: &str) -> Result<PathBuf> {
    let dir = root().join("target").join(name);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// A working directory among the system's temporary ones: for a run whose
/// recording should not tell where this machine keeps the repository.
pub fn scratch_elsewhere(verb: &str) -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{verb}-"))
        .tempdir()
        .context("cannot make a temporary directory")
}

/// A working directory for one run of a verb, below `target/`.
pub fn scratch(verb: &str) -> Result<tempfile::TempDir> {
    let parent = target(verb)?;
    tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(&parent)
        .with_context(|| format!("cannot make a directory in {}", parent.display()))
}

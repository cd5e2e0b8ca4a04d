// SPDX-License-Identifier: MIT
//! The list of the crates inside (CycloneDX), for whoever has to know whether a
//! vulnerability concerns them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::identity::Identity;
use crate::{command, setup};

/// Its name without the extension.
const NAME: &str = "sbom-of-dist";

/// Writes it into `out`. cargo-cyclonedx writes beside each Cargo.toml of the workspace;
/// all but zkchurn's go.
pub(super) fn write(root: &Path, out: &Path, identity: &Identity) -> Result<()> {
    let mut tool = Command::new(setup::dist::tool("cargo-cyclonedx"));
    tool.current_dir(root)
        .args([
            "cyclonedx",
            "--format",
            "json",
            "--spec-version",
            "1.5",
            "--no-build-deps",
        ])
        .args(["--target", "all", "--override-filename", NAME, "--quiet"])
        .envs(identity.variables());
    let done = command::output(&mut tool);
    let text = fs::read_to_string(root.join("zkchurn").join(format!("{NAME}.json")));
    for entry in fs::read_dir(root).context("cannot list the workspace")? {
        let file = entry?.path().join(format!("{NAME}.json"));
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    done?;
    let text = text.context("cargo-cyclonedx wrote no list for zkchurn")?;
    let text = text.replace(&root.display().to_string(), "/zkchurn");
    for name in ["\"aya\"", "\"clap\"", "\"zkchurn-core\""] {
        ensure!(
            text.contains(name),
            "the list of crates inside lacks {name}"
        );
    }
    let file = out.join(format!("zkchurn-{}.cdx.json", identity.version));
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

// SPDX-License-Identifier: MIT
//! That the same sources give the same bytes: they are copied into another folder, built
//! there from nothing, and the hashes compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{identity::Identity, sums, target::Target};
use crate::{command, workspace};

/// Makes everything again and compares.
pub(super) fn run(root: &Path, out: &Path, identity: &Identity, targets: &[Target]) -> Result<()> {
    let elsewhere = workspace::scratch_elsewhere("zkchurn-dist-in-a-folder-of-another-length")?;
    println!("dist: once more, in {}", elsewhere.path().display());
    copy(root, elsewhere.path())?;
    let again = elsewhere.path().join("dist");
    super::make(elsewhere.path(), &again, identity, targets)?;
    let (first, second) = (read(out)?, read(&again)?);
    let differing: Vec<_> = first
        .iter()
        .filter(|(name, sum)| second.get(*name) != Some(sum))
        .map(|(name, _)| name.as_str())
        .collect();
    if !differing.is_empty() || first.len() != second.len() {
        let kept = elsewhere.keep();
        bail!(
            "not reproducible: {} differ; the second run is kept in {}",
            differing.join(", "),
            kept.display()
        );
    }
    println!(
        "dist: {} files, the same bytes in both folders",
        first.len()
    );
    Ok(())
}

/// The files that git knows, as they are now.
fn copy(root: &Path, to: &Path) -> Result<()> {
    let mut list = Command::new("git");
    let names = command::output(list.current_dir(root).args(["ls-files", "-z"]))?;
    for name in names.split_terminator('\0') {
        let file = to.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(root.join(name), &file).with_context(|| format!("cannot copy {name}"))?;
    }
    Ok(())
}

fn read(out: &Path) -> Result<BTreeMap<String, String>> {
    let file = out.join(sums::NAME);
    let text = fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
    let pairs = text.lines().filter_map(|line| line.split_once("  "));
    Ok(pairs
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect())
}

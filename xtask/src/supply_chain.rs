// SPDX-License-Identifier: MIT
//! `supply-chain`: what zkchurn is made of. deny.toml says which licences, sources
//! and doubled versions are accepted, supply-chain.toml which files have `unsafe`,
//! and each dependency says why it is there.

pub(crate) mod deny;
mod reasons;
mod unsafe_code;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// The directories of the repository that hold crates.
const CRATES: [&str; 7] = [
    "zkchurn",
    "zkchurn-common",
    "zkchurn-core",
    "zkchurn-ebpf",
    "lab",
    "xtask",
    "fuzz",
];

/// What is accepted: the content of supply-chain.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    unsafe_files: BTreeMap<String, String>,
}

/// Runs the verb.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let text = read(&root.join("supply-chain.toml"))?;
    let accepted: Accepted = toml::from_str(&text).context("supply-chain.toml is not valid")?;
    let mut objections = unsafe_code::objections(&root, &accepted.unsafe_files)?;
    for manifest in manifests(&root) {
        let name = shown(&manifest, &root);
        objections.extend(reasons::objections(&name, &read(&manifest)?));
    }
    if !objections.is_empty() {
        bail!("{}", objections.join("\n"));
    }
    deny::run()?;
    println!(
        "licences, sources, versions, reasons and `unsafe` are as accepted; advisories are not \
         checked here (docs/adr/0015-supply-chain.md)"
    );
    Ok(())
}

fn manifests(root: &Path) -> Vec<PathBuf> {
    let own = CRATES.iter().map(|name| root.join(name));
    let directories = own.chain([root.to_owned()]);
    directories
        .map(|directory| directory.join("Cargo.toml"))
        .collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A path as it is within the repository.
fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

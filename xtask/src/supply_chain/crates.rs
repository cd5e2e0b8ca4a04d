// SPDX-License-Identifier: MIT
//! The crates that are built, as Cargo resolves them for this host.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Accepted;
use crate::{command, toolchain};

/// One crate (`cargo metadata`, format 1).
#[derive(Deserialize)]
pub struct Crate {
    name: String,
    version: String,
    license: Option<String>,
    /// None for the crates of the repository.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Crate>,
}

/// All crates that the workspace is built from.
pub fn list() -> Result<Vec<Crate>> {
    let host = toolchain::host_triple()?;
    let mut cargo = command::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    cargo.args(["--filter-platform", &host]);
    let printed = command::output(&mut cargo)?;
    let metadata: Metadata =
        serde_json::from_str(&printed).context("what `cargo metadata` prints is not known")?;
    Ok(metadata.packages)
}

/// What is not accepted, and what is accepted and is no longer there.
pub fn objections(crates: &[Crate], accepted: &Accepted) -> Vec<String> {
    let mut objections = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in crates {
        let Crate { name, version, .. } = one;
        versions.entry(name).or_default().insert(version);
        match &one.license {
            Some(licence) if accepted.licences.contains(licence) => {}
            licence => objections.push(format!(
                "{name} {version}: licence {}",
                licence.as_deref().unwrap_or("not named")
            )),
        }
        if one
            .source
            .as_ref()
            .is_some_and(|source| *source != accepted.source)
        {
            let source = one.source.as_deref().unwrap_or_default();
            objections.push(format!("{name} {version}: comes from {source}"));
        }
    }
    let is_several = |name: &str| versions.get(name).is_some_and(|found| found.len() > 1);
    for (name, found) in &versions {
        if is_several(name) && !accepted.duplicates.contains_key(*name) {
            let found: Vec<_> = found.iter().copied().collect();
            objections.push(format!("{name}: in versions {}", found.join(" and ")));
        }
    }
    for name in accepted.duplicates.keys().filter(|name| !is_several(name)) {
        objections.push(format!(
            "{name}: is in supply-chain.toml, but not there twice"
        ));
    }
    objections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, version: &str, license: Option<&str>, source: &str) -> Crate {
        Crate {
            name: name.to_owned(),
            version: version.to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()),
        }
    }

    #[test]
    fn each_kind_of_objection_is_made() {
        let accepted = Accepted {
            licences: vec!["MIT".to_owned()],
            source: "registry".to_owned(),
            duplicates: [("gone".to_owned(), "why".to_owned())].into(),
            unsafe_files: BTreeMap::new(),
        };
        let good = found("a", "1", Some("MIT"), "registry");
        let crates = [
            good,
            found("a", "2", Some("MIT"), "registry"),
            found("b", "1", Some("GPL-3.0"), "registry"),
            found("c", "1", None, "registry"),
            found("d", "1", Some("MIT"), "git"),
        ];
        let expected = [
            "b 1: licence GPL-3.0",
            "c 1: licence not named",
            "d 1: comes from git",
            "a: in versions 1 and 2",
            "gone: is in supply-chain.toml, but not there twice",
        ];
        assert_eq!(objections(&crates, &accepted), expected);
    }
}

// SPDX-License-Identifier: MIT
//! What the package would install of a service, at its places: zkchurn/Cargo.toml says where,
//! as it does to the tool that makes the package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::kernel_test::guest;
use crate::workspace;

/// Where `dist` puts what goes into packages.
const STAGE: &str = "../target/dist/stage/";

/// Puts the program and the files of contrib/systemd into the tree of a guest.
pub(super) fn put(zkchurn: &Path, root: &Path) -> Result<()> {
    let workspace = workspace::root();
    let manifest = fs::read_to_string(workspace.join("zkchurn/Cargo.toml"))?;
    let assets = assets(&manifest).context("zkchurn/Cargo.toml names no files of its .deb")?;
    let mut put = 0;
    for (source, place) in assets {
        let Some(file) = source.strip_prefix(STAGE) else {
            continue;
        };
        let from = match file.strip_prefix("systemd/") {
            Some(name) => workspace.join("contrib/systemd").join(name),
            None if file == "zkchurn" => zkchurn.to_owned(),
            None => continue,
        };
        let name = Path::new(file).file_name().context("it has a name")?;
        guest::copy(&from, &Path::new("/").join(place).join(name), root)?;
        put += 1;
    }
    // The program, the unit, its settings and its drop-ins.
    ensure!(
        put == 5,
        "{put} files were installed of the five of a service"
    );
    Ok(())
}

/// Files, and the directories that they go into.
fn assets(manifest: &str) -> Option<Vec<(String, PathBuf)>> {
    let manifest: toml::Table = toml::from_str(manifest).ok()?;
    let metadata = manifest.get("package")?.get("metadata")?;
    let assets = metadata.get("deb")?.get("assets")?.as_array()?;
    let pair = |asset: &toml::Value| {
        let asset = asset.as_array()?;
        Some((
            asset.first()?.as_str()?.to_owned(),
            asset.get(1)?.as_str()?.into(),
        ))
    };
    assets.iter().map(pair).collect()
}

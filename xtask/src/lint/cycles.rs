// SPDX-License-Identifier: MIT
//! No import cycles between the top modules of a crate: whoever reads one of them can
//! read what it names, and will not come back to where they began.

mod graph;
mod imports;

use std::path::Path;

use anyhow::{Context, Result, bail};

use self::graph::Graph;
use crate::workspace;

/// Checks every crate of the workspace, and prints each cycle with its imports.
pub(crate) fn check() -> Result<()> {
    let root = workspace::root();
    let mut cycles = 0;
    for krate in crates(&root)? {
        let graph = imports::of_crate(&root.join(&krate))
            .with_context(|| format!("the imports of {krate} cannot be read"))?;
        cycles += print(&krate, &graph);
    }
    match cycles {
        0 => Ok(()),
        _ => bail!("{cycles} import cycles: move what both sides need into a module of its own"),
    }
}

/// The fuzz targets, a workspace of its own.
const FUZZ: &str = "fuzz";

/// The folders of the workspace's members, and that of the fuzz targets.
fn crates(root: &Path) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(root.join("Cargo.toml"))?)?;
    let members = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("members")?.as_array())
        .context("Cargo.toml has no list of members")?;
    let names = members.iter().filter_map(|member| member.as_str());
    let names = names.chain([FUZZ]);
    Ok(names.map(str::to_owned).collect())
}

fn print(krate: &str, graph: &Graph) -> usize {
    let cycles = graph.cycles();
    for cycle in &cycles {
        println!("{krate}: {} import each other:", cycle.join(", "));
        for (from, to, file) in graph.edges_within(cycle) {
            println!("  {from} -> {to}  in {file}");
        }
    }
    cycles.len()
}

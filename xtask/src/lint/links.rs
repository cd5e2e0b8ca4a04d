// SPDX-License-Identifier: MIT
//! Links from a document to a file of the repository lead somewhere.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{documents, workspace};

/// Whether each relative link names a file that is there.
pub(crate) fn check() -> Result<()> {
    let root = workspace::root();
    let mut objections = Vec::new();
    for document in documents::all()? {
        let directory = root.join(&document.name);
        let directory = directory.parent().unwrap_or(&root);
        for (line, target) in broken(&document.text, directory) {
            objections.push(format!("{}:{line}: there is no {target}", document.name));
        }
    }
    if !objections.is_empty() {
        bail!("{}", objections.join("\n"));
    }
    Ok(())
}

/// Links that lead nowhere from this directory, each with its line.
fn broken(text: &str, directory: &Path) -> Vec<(usize, String)> {
    let links = documents::links::relative(text);
    let leads_nowhere = |(_, target): &(usize, &str)| !directory.join(target).exists();
    links
        .into_iter()
        .filter(leads_nowhere)
        .map(|(line, target)| (line, target.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_no_file_is_told_with_its_line() {
        let text = "[a](Cargo.toml)\n[b](none.md)\n[c](src/#here)";
        let found = broken(text, Path::new(env!("CARGO_MANIFEST_DIR")));
        assert_eq!(found, [(2, "none.md".to_owned())]);
    }
}

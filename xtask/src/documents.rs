// SPDX-License-Identifier: MIT
//! The documents for people: their blocks of commands, and their links.

pub(crate) mod fence;
pub(crate) mod links;
pub(crate) mod run;

use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace;

/// A page.
pub(crate) struct Document {
    /// Its path within the repository.
    pub name: String,
    /// Its Markdown.
    pub text: String,
}

/// All pages, in the order in which a newcomer opens them: README.md, then those
/// beside it, then those of `docs/`.
pub(crate) fn all() -> Result<Vec<Document>> {
    let root = workspace::root();
    let mut names = Vec::new();
    pages(&root, "", false, &mut names)?;
    names.sort_by_key(|name| (name != "README.md", name.clone()));
    let beside = names.len();
    pages(&root, "docs", true, &mut names)?;
    names[beside..].sort();
    names.into_iter().map(|name| read(&root, name)).collect()
}

fn read(root: &Path, name: String) -> Result<Document> {
    let text =
        std::fs::read_to_string(root.join(&name)).with_context(|| format!("cannot read {name}"))?;
    Ok(Document { name, text })
}

/// Names of the pages in a directory and, if wanted, below it.
fn pages(root: &Path, directory: &str, below: bool, names: &mut Vec<String>) -> Result<()> {
    let path = root.join(directory);
    let entries =
        std::fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = Path::new(directory).join(entry.file_name());
        let name = name.display().to_string();
        if entry.file_type()?.is_dir() {
            if below {
                pages(root, &name, below, names)?;
            }
        } else if name.ends_with(".md") {
            names.push(name);
        }
    }
    Ok(())
}

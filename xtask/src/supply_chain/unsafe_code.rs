// SPDX-License-Identifier: MIT
//! The files that have `unsafe`, against those that may.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::{CRATES, read, shown};

/// Files with `unsafe` that may not have it, and those that may and have none.
pub(crate) fn objections(root: &Path, accepted: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in CRATES {
        search(&root.join(name), root, &mut found)?;
    }
    let unwanted = found.iter().filter(|file| !accepted.contains_key(*file));
    let gone = accepted.keys().filter(|file| !found.contains(file));
    Ok(unwanted
        .map(|file| format!("{file}: has `unsafe`, and is not in supply-chain.toml"))
        .chain(gone.map(|file| format!("{file}: is in supply-chain.toml without `unsafe`")))
        .collect())
}

fn search(directory: &Path, root: &Path, found: &mut Vec<String>) -> Result<()> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                search(&path, root, found)?;
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") && has_unsafe(&read(&path)?) {
            found.push(shown(&path, root));
        }
    }
    Ok(())
}

/// Whether there is a block, a function, an implementation, an attribute.
fn has_unsafe(text: &str) -> bool {
    let code = text.lines().map(|line| line.split("//").next());
    code.flatten().any(|line| {
        line.match_indices("unsafe").any(|(at, word)| {
            let (before, after) = (&line[..at], &line[at + word.len()..]);
            let forms = [" {", "{", "(", " fn ", " impl ", " extern "];
            !before.ends_with('_') && forms.iter().any(|form| after.starts_with(form))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_words() {
        let word = "unsafe";
        for form in [" { }", "(no_mangle)]", " fn f()", " impl X"] {
            assert!(has_unsafe(&format!("x {word}{form}")), "{form}");
        }
        assert!(!has_unsafe(&format!("// no {word} {{ here }}")));
        assert!(!has_unsafe(&format!("has_{word}(text)")));
        assert!(!has_unsafe(&format!("{word}_code = \"deny\"")));
    }
}

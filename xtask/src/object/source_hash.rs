// SPDX-License-Identifier: MIT
//! One hash over everything in the repository that the eBPF object is made
//! from. It does not depend on the order in which a directory lists its
//! files, on their times or on the line endings of the checkout.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// The kernel program and what it shares with its reader.
const CRATES: [&str; 2] = ["zkchurn-ebpf", "zkchurn-common"];
/// The dependencies that end up in the object. aya itself does not.
const DEPENDENCIES: [&str; 3] = ["aya-ebpf", "aya-log-ebpf", "aya-log-common"];

/// The hash of the sources below a repository's root.
pub(crate) fn of(root: &Path) -> Result<String> {
    let mut parts = BTreeMap::new();
    for name in CRATES {
        let manifest = format!("{name}/Cargo.toml");
        parts.insert(manifest.clone(), source(&root.join(&manifest))?);
        sources_below(
            &root.join(name).join("src"),
            &format!("{name}/src"),
            &mut parts,
        )?;
    }
    let lock = source(&root.join("Cargo.lock"))?;
    let dependencies = dependencies(&lock);
    ensure!(!dependencies.is_empty(), "Cargo.lock names no aya-ebpf");
    parts.insert("Cargo.lock".to_owned(), dependencies);
    Ok(hash(&parts))
}

/// Names and contents go in with their lengths, so that no two different
/// sets of parts give the same bytes.
fn hash(parts: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for text in parts.iter().flat_map(|(name, content)| [name, content]) {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    format!("{:x}", hasher.finalize())
}

fn sources_below(dir: &Path, name: &str, parts: &mut BTreeMap<String, String>) -> Result<()> {
    let unreadable = || format!("cannot list {}", dir.display());
    for entry in std::fs::read_dir(dir).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            sources_below(&path, &name, parts)?;
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            parts.insert(name, source(&path)?);
        }
    }
    Ok(())
}

fn source(path: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.replace("\r\n", "\n"))
}

/// The entries of the dependencies that end up in the object, sorted.
fn dependencies(lock: &str) -> String {
    let mut entries: Vec<_> = lock
        .split("\n\n")
        .map(str::trim)
        .filter(|entry| entry.starts_with("[[package]]") && is_dependency(entry))
        .collect();
    entries.sort_unstable();
    entries.join("\n\n")
}

fn is_dependency(entry: &str) -> bool {
    let name = entry
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    name.is_some_and(|name| DEPENDENCIES.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LOCK: &str = "[[package]]\nname = \"aya\"\nversion = \"0.14.0\"\n\n\
        [[package]]\nname = \"aya-ebpf\"\nversion = \"0.2.1\"\n";

    fn repository(ending: &str, lock: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for name in CRATES {
            let src = root.path().join(name).join("src/deep");
            fs::create_dir_all(&src).expect("directories");
            fs::write(root.path().join(name).join("Cargo.toml"), "[package]").expect("a file");
            fs::write(src.join("lib.rs"), format!("a{ending}b{ending}")).expect("a file");
        }
        fs::write(root.path().join("Cargo.lock"), lock).expect("a file");
        root
    }

    fn hash_of(root: &tempfile::TempDir) -> String {
        of(root.path()).expect("readable sources")
    }

    #[test]
    fn line_endings_and_other_files_do_not_count() {
        let unix = repository("\n", LOCK);
        let windows = repository("\r\n", LOCK);
        fs::write(windows.path().join("zkchurn-ebpf/src/notes.txt"), "x").expect("a file");
        assert_eq!(hash_of(&unix), hash_of(&windows));
    }

    #[test]
    fn a_changed_or_moved_source_counts() {
        let before = repository("\n", LOCK);
        let changed = repository("\n", LOCK);
        fs::write(changed.path().join("zkchurn-common/src/deep/lib.rs"), "c").expect("a file");
        let moved = repository("\n", LOCK);
        let src = moved.path().join("zkchurn-ebpf/src");
        fs::rename(src.join("deep/lib.rs"), src.join("lib.rs")).expect("a rename");
        assert_ne!(hash_of(&before), hash_of(&changed));
        assert_ne!(hash_of(&before), hash_of(&moved));
    }

    #[test]
    fn only_the_locked_versions_in_the_object_count() {
        let before = repository("\n", LOCK);
        let other = repository("\n", &LOCK.replace("0.14.0", "0.15.0"));
        let newer = repository("\n", &LOCK.replace("0.2.1", "0.2.2"));
        assert_eq!(hash_of(&before), hash_of(&other));
        assert_ne!(hash_of(&before), hash_of(&newer));
    }

    #[test]
    fn names_and_contents_cannot_be_confused() {
        let one = BTreeMap::from([("ab".to_owned(), "c".to_owned())]);
        let other = BTreeMap::from([("a".to_owned(), "bc".to_owned())]);
        assert_ne!(hash(&one), hash(&other));
    }
}

// SPDX-License-Identifier: MIT
//! The hashes of all that was made, as `sha256sum --check` reads them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::object;

/// The name of the file.
pub(super) const NAME: &str = "SHA256SUMS";

/// Writes them, in the order of names.
pub(super) fn write(out: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(out).with_context(|| format!("cannot list {}", out.display()))? {
        let entry = entry?;
        let name = entry.file_name().display().to_string();
        if name != NAME {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {name}"))?;
            lines.push((name, object::sha256(&bytes), bytes.len()));
        }
    }
    lines.sort();
    for (name, _, size) in &lines {
        println!("dist: {name}, {:.1} MB", *size as f64 / 1e6);
    }
    let text: String = lines
        .iter()
        .map(|(name, sum, _)| format!("{sum}  {name}\n"))
        .collect();
    fs::write(out.join(NAME), text).with_context(|| format!("cannot write {NAME}"))
}

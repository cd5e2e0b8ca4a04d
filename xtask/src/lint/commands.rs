// SPDX-License-Identifier: MIT
//! Each block of commands in the documents is run by the suite, or says why not.

use anyhow::{Result, bail};

use crate::documents;

/// Whether there is no block that is neither run nor excused.
pub(crate) fn check() -> Result<()> {
    let mut objections = Vec::new();
    for document in documents::all()? {
        for objection in documents::fence::objections(&document.text) {
            objections.push(format!("{}:{objection}", document.name));
        }
    }
    if !objections.is_empty() {
        bail!("{}", objections.join("\n"));
    }
    Ok(())
}

// SPDX-License-Identifier: MIT
//! `zkchurn/bpf/manifest.json`: what the committed object was made from and
//! with.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{sha256, source_hash};
use crate::toolchain::{LINKER_VERSION, TARGET, Toolchain};
use crate::workspace;

/// The manifest's fields, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Hash of the sources, see [`source_hash`].
    pub source_sha256: String,
    /// Hash of the object's bytes.
    pub object_sha256: String,
    /// The object's size.
    pub object_bytes: usize,
    pub toolchain: Made,
}

/// The toolchain that made an object. The same toolchain makes the same
/// bytes from the same sources, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// The BPF target.
    pub target: String,
    /// rustc's one-line version.
    pub rustc: String,
    /// The version of the LLVM inside rustc.
    pub rustc_llvm: String,
    /// The version of bpf-linker.
    pub bpf_linker: String,
    /// The LLVM that bpf-linker and llvm-strip come from.
    pub llvm: String,
}

impl Made {
    /// Describes a toolchain.
    pub(crate) fn with(toolchain: &Toolchain) -> Self {
        Self {
            target: TARGET.to_owned(),
            rustc: toolchain.rustc.version.clone(),
            rustc_llvm: toolchain.rustc.llvm.clone(),
            bpf_linker: LINKER_VERSION.to_owned(),
            llvm: toolchain.llvm.clone(),
        }
    }
}

impl Manifest {
    /// Describes an object that was just built.
    pub(crate) fn describe(object: &[u8], toolchain: &Toolchain) -> Result<Self> {
        Ok(Self {
            source_sha256: source_hash::of(&workspace::root())?,
            object_sha256: sha256(object),
            object_bytes: object.len(),
            toolchain: Made::with(toolchain),
        })
    }

    /// Reads the committed manifest.
    pub(crate) fn read() -> Result<Self> {
        let path = path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a manifest", path.display()))
    }

    /// Writes the manifest to be committed.
    pub(crate) fn write(&self) -> Result<()> {
        let path = path();
        let text = serde_json::to_string_pretty(self).context("cannot write the manifest")?;
        std::fs::write(&path, text + "\n")
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn path() -> PathBuf {
    workspace::root().join("zkchurn/bpf/manifest.json")
}

// SPDX-License-Identifier: MIT
//! The committed eBPF object and what is known about it.

pub(crate) mod manifest;
pub(crate) mod source_hash;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use manifest::Manifest;
use sha2::{Digest, Sha256};

use crate::workspace;

/// What to do about an object that is out of date.
const REMEDY: &str = "run `cargo xtask build-ebpf` and commit zkchurn/bpf";

/// The committed object, which zkchurn embeds.
pub(crate) fn committed() -> PathBuf {
    workspace::root().join("zkchurn/bpf/zkchurn.bpf.o")
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Fails unless the committed object was built from the sources as they are
/// now and is the very file that the manifest was written for. Needs no eBPF
/// toolchain.
pub(crate) fn check_committed() -> Result<Manifest> {
    let manifest = Manifest::read()?;
    let sources = source_hash::of(&workspace::root())?;
    if manifest.source_sha256 != sources {
        bail!("the committed eBPF object is older than its sources: {REMEDY}");
    }
    let object = committed();
    let bytes =
        std::fs::read(&object).with_context(|| format!("cannot read {}", object.display()))?;
    ensure!(
        manifest.object_sha256 == sha256(&bytes),
        "zkchurn/bpf/zkchurn.bpf.o is not the file that its manifest describes: {REMEDY}"
    );
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_object_is_current() {
        if let Err(error) = check_committed() {
            panic!("{error:#}");
        }
    }
}

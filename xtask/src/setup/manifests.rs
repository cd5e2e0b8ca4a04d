// SPDX-License-Identifier: MIT
//! kubernetes-validate, which brings the schemas of Kubernetes along and asks no network.

use std::path::PathBuf;

use anyhow::Result;

use super::{python, remedy::Missing};
use crate::workspace;

const VALIDATE: python::Library = python::Library {
    what: "kubernetes-validate for Python, 120 MB",
    package: "kubernetes-validate",
    version: "1.37.0",
    print_version: "import kubernetes_validate, importlib.metadata as found; \
                    print(found.version('kubernetes-validate'))",
};

/// Where the library is; for `PYTHONPATH`.
pub fn library() -> Result<PathBuf> {
    workspace::target("python-manifests")
}

pub(super) fn missing() -> Vec<Missing> {
    match library() {
        Ok(library) => VALIDATE.missing(&library),
        Err(error) => vec![Missing::by_hand(
            "kubernetes-validate",
            format!("{error:#}"),
        )],
    }
}

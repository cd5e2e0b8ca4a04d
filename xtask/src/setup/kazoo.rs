// SPDX-License-Identifier: MIT
//! kazoo, a ZooKeeper client for Python.

use std::path::PathBuf;

use anyhow::Result;

use super::{python, remedy::Missing};
use crate::workspace;

const KAZOO: python::Library = python::Library {
    what: "kazoo for Python",
    package: "kazoo",
    version: "2.10.0",
    print_version: "import kazoo.client, kazoo.version; print(kazoo.version.__version__)",
};

/// Where the library is; for `PYTHONPATH`.
pub fn library() -> Result<PathBuf> {
    workspace::target("python")
}

pub fn missing() -> Vec<Missing> {
    match library() {
        Ok(library) => KAZOO.missing(&library),
        Err(error) => vec![Missing::by_hand("kazoo", format!("{error:#}"))],
    }
}

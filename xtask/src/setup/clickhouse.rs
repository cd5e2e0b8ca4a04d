// SPDX-License-Identifier: MIT
//! The ClickHouse engine without its server: chdb-core of PyPI, one file of which the hash is
//! known. What it needs beside itself is for pandas, which nobody here uses.

use std::path::PathBuf;

use anyhow::Result;

use super::{python, remedy::Missing};
use crate::workspace;

const CHDB: python::Library = python::Library {
    what: "chdb-core for Python, the ClickHouse engine, 180 MB",
    package: "chdb-core",
    version: "26.9.0",
    print_version: "import chdb.session, importlib.metadata as found; \
                    print(found.version('chdb-core'))",
};

/// Of its wheel for x86-64.
const SHA256: &str = "707e2ec3fe0f7953bac97942eaeb7a1ed1d66b1e56ecef3f0aa2130f61f6e735";

/// Where the library is; for `PYTHONPATH`.
pub fn library() -> Result<PathBuf> {
    workspace::target("python-clickhouse")
}

pub(super) fn missing() -> Vec<Missing> {
    match library() {
        Ok(library) => CHDB.missing_with_hash(&library, SHA256),
        Err(error) => vec![Missing::by_hand("chdb-core", format!("{error:#}"))],
    }
}

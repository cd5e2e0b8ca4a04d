// SPDX-License-Identifier: MIT
//! The ClickHouse engine without its server: chdb-core of PyPI, one file of which the hash is
//! known. What it needs beside itself is for pandas, which nobody here uses.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{python, remedy::Missing};
use crate::{command, workspace};

const CHDB: python::Library = python::Library {
    what: "chdb-core for Python, the ClickHouse engine, 180 MB",
    package: "chdb-core",
    version: "26.9.0",
    print_version: "import chdb.session, importlib.metadata as found; \
                    print(found.version('chdb-core'))",
};

/// Of its wheel for x86-64.
const SHA256: &str = "707e2ec3fe0f7953bac97942eaeb7a1ed1d66b1e56ecef3f0aa2130f61f6e735";

/// Hashes are checked for what a file of requirements names.
const INSTALL: &str = "set -e
requirements=$(mktemp)
printf '%s\\n' \"$1\" > \"$requirements\"
python3 -m pip install --quiet --upgrade --no-deps --require-hashes --target \"$0\" -r \"$requirements\"
rm \"$requirements\"";

/// Where the library is; for `PYTHONPATH`.
pub fn library() -> Result<PathBuf> {
    workspace::target("python-clickhouse")
}

pub(super) fn missing() -> Vec<Missing> {
    let library = match library() {
        Ok(library) => library,
        Err(error) => return vec![Missing::by_hand("chdb-core", format!("{error:#}"))],
    };
    let missing = CHDB.missing(&library);
    if missing.is_empty() || !has_pip() {
        return missing;
    }
    let mut install = Command::new("sh");
    install.args(["-c", INSTALL]).arg(&library).arg(format!(
        "{}=={} --hash=sha256:{SHA256}",
        CHDB.package, CHDB.version
    ));
    vec![Missing::command(CHDB.what, install)]
}

fn has_pip() -> bool {
    command::output(Command::new("python3").args(["-m", "pip", "--version"])).is_ok()
}

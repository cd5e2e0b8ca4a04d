// SPDX-License-Identifier: MIT
//! kazoo, a ZooKeeper client for Python, in a directory of its own: nothing of
//! the system's Python is changed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::remedy::Missing;
use crate::{command, workspace};

const VERSION: &str = "2.10.0";

/// Where the library is; for `PYTHONPATH`.
pub fn library() -> Result<PathBuf> {
    workspace::target("python")
}

pub fn missing() -> Vec<Missing> {
    let library = match library() {
        Ok(library) => library,
        Err(error) => return vec![Missing::by_hand("kazoo", format!("{error:#}"))],
    };
    let print_version = "import kazoo.client, kazoo.version; print(kazoo.version.__version__)";
    let mut import = Command::new("python3");
    import.args(["-c", print_version]);
    let found = command::output(import.env("PYTHONPATH", &library));
    if found.is_ok_and(|version| version.trim() == VERSION) {
        return Vec::new();
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip"]);
    if command::output(pip.arg("--version")).is_err() {
        let packages = ["python3", "python3-pip"];
        return vec![Missing::package("pip of Python 3", &packages)];
    }
    let mut install = Command::new("python3");
    install
        .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(library)
        .arg(format!("kazoo=={VERSION}"));
    vec![Missing::command("kazoo for Python", install)]
}

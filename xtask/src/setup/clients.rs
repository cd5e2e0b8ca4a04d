// SPDX-License-Identifier: MIT
//! ZooKeeper clients of other languages, for the kinds of churn that the suite does not
//! run: in directories of their own, or as Debian packages them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::remedy::{self, Missing};
use crate::{command, workspace};

const NODE_CLIENT: &str = "node-zookeeper-client@1.1.3";
/// gevent and eventlet, which kazoo can run on; a client for asyncio; one of Kafka's.
const PYTHON: [&str; 4] = [
    "gevent==26.9.0",
    "eventlet==0.41.3",
    "aiozk==0.32.0",
    "kafka-python==2.0.2",
];
const PYTHON_MODULES: &str = "import gevent, eventlet, aiozk, kafka";
const PROGRAMS: [(&str, &str); 5] = [
    ("node", "nodejs"),
    ("npm", "npm"),
    ("go", "golang-go"),
    ("iptables", "iptables"),
    ("bash", "bash"),
];
/// Where Debian keeps libraries of Go; for `GOPATH`.
pub const GO_LIBRARIES: &str = "/usr/share/gocode";
const GO_CLIENT: &str = "/usr/share/gocode/src/github.com/samuel/go-zookeeper";
/// The C client's shell.
pub const CLI_MT: &str = "/usr/lib/zookeeper/bin/cli_mt";

/// Where the Python modules are; for `PYTHONPATH`.
pub fn python() -> Result<PathBuf> {
    workspace::target("python-clients")
}

/// Where the modules for Node are; for `NODE_PATH`.
pub fn node() -> Result<PathBuf> {
    Ok(workspace::target("node-clients")?.join("node_modules"))
}

pub(super) fn missing() -> Vec<Missing> {
    let mut missing = remedy::missing_programs(&PROGRAMS);
    for (what, file, package) in [
        (
            "a client for Go",
            GO_CLIENT,
            "golang-github-samuel-go-zookeeper-dev",
        ),
        ("cli_mt", CLI_MT, "zookeeper-bin"),
    ] {
        if !Path::new(file).exists() {
            missing.push(Missing::package(what, &[package]));
        }
    }
    // npm and pip come first.
    if missing.is_empty() {
        match modules() {
            Ok(modules) => missing.extend(modules),
            Err(error) => missing.push(Missing::by_hand("clients", format!("{error:#}"))),
        }
    }
    missing
}

fn modules() -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    if !node()?.join("node-zookeeper-client").exists() {
        let mut install = Command::new("npm");
        install
            .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
            .arg(workspace::target("node-clients")?)
            .arg(NODE_CLIENT);
        missing.push(Missing::command("a client for Node", install));
    }
    let library = python()?;
    let mut import = Command::new("python3");
    import.args(["-c", PYTHON_MODULES]);
    if command::output(import.env("PYTHONPATH", &library)).is_err() {
        let mut install = Command::new("python3");
        install
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
            .arg(library)
            .args(PYTHON);
        missing.push(Missing::command("clients for Python", install));
    }
    Ok(missing)
}

// SPDX-License-Identifier: MIT
//! The demo, traced by a zkchurn that runs in another root file system.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::debian_root::Root;
use crate::{command, lab, privilege, workspace};

/// Where a person would copy it to.
const PLACE: &str = "root/zkchurn";
const SECONDS: &str = "5";

/// What came out.
pub(super) struct Traced {
    /// The target that it says it was built for.
    pub(super) target: String,
    /// Connections, each recorded as it was made.
    pub(super) connections: u64,
    /// What the trace said is degraded.
    pub(super) degraded: Vec<String>,
}

/// Copies the binary into the root, traces there, and takes it away again.
pub(super) fn run(root: &Root, binary: &Path) -> Result<Traced> {
    root.put(binary, PLACE)?;
    let traced = demo(root, binary);
    root.take_away(PLACE)?;
    traced
}

fn demo(root: &Root, binary: &Path) -> Result<Traced> {
    let inside = format!("/{PLACE}");
    let version = command::output(root.command(&inside).arg("--version"))?;
    println!("{}", version.trim());
    let target = target(&version).context("it does not say what it was built for")?;
    // Processes of this machine and the loopback of a network namespace of its own: ports
    // and counts are nobody else's.
    // Else it would be root's, and the next demo of whoever calls sudo could not use it.
    workspace::target("demo")?;
    let mut demo = privilege::as_root("unshare");
    demo.args(["--net", "sh", "-ec", "ip link set lo up; exec \"$@\"", "sh"])
        .arg(lab::build()?)
        .args(["demo", "--seconds", SECONDS, "--zkchurn"])
        .arg(binary)
        .arg("--through")
        .arg(root.script(&inside)?)
        .arg("--recordings")
        .arg(root.shared());
    command::run(&mut demo)?;
    read(binary, &root.shared().join("demo.zkchurn"), target)
}

/// Of `zkchurn 0.2.0 (commit 0123456789ab of 2026-11-27, x86_64-unknown-linux-musl)`.
fn target(version: &str) -> Option<&str> {
    version.trim().strip_suffix(')')?.rsplit(' ').next()
}

/// What the recording says, which the demo has compared with what it did.
fn read(zkchurn: &Path, recording: &Path, target: &str) -> Result<Traced> {
    let mut replay = privilege::as_root(zkchurn);
    let said = command::output(
        replay
            .arg("replay")
            .arg(recording)
            .args(["--format", "json"]),
    )?;
    let objects = || {
        said.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    };
    let of_type = |wanted: &str| objects().find(|object| object["type"] == wanted);
    let start = of_type("start").context("the recording has no beginning")?;
    let degraded = start["degraded"].as_array().into_iter().flatten();
    let degraded = degraded
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let connections = objects()
        .filter(|object| object["type"] == "connection")
        .count();
    ensure!(connections > 0, "the recording has no connections");
    Ok(Traced {
        target: target.to_owned(),
        connections: u64::try_from(connections)?,
        degraded,
    })
}

// SPDX-License-Identifier: MIT
//! Installing packages, using them, and removing them without a trace.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::debian_root::Root;
use crate::dist::Packages;
use crate::{command, privilege};

/// How many files each package brought.
pub(super) struct Files {
    /// Of the .deb.
    pub(super) deb: usize,
    /// Of the .rpm.
    pub(super) rpm: usize,
}

/// What a package has to bring.
const WANTED: [&str; 14] = [
    "usr/bin/zkchurn",
    "usr/share/man/man1/zkchurn.1.gz",
    "usr/share/man/man1/zkchurn-serverlog.1.gz",
    "usr/share/bash-completion/completions/zkchurn",
    "usr/share/doc/zkchurn/clickhouse/schema.sql",
    "usr/share/doc/zkchurn/clickhouse/questions/who-churns.sql",
    "usr/share/doc/zkchurn/grafana/zkchurn.json",
    "usr/share/doc/zkchurn/kubernetes/daemonset.yaml",
    "usr/share/doc/zkchurn/opentelemetry/collector.yaml",
    "usr/share/doc/zkchurn/prometheus/zkchurn.rules.yml",
    "usr/share/doc/zkchurn/systemd/listen.conf",
    "usr/share/doc/zkchurn/systemd/otlp.conf",
    "usr/lib/systemd/system/zkchurn-agent.service",
    "etc/zkchurn/agent.toml",
];

/// Where a service is that starts by itself.
const ENABLED: &str = "etc/systemd/";

/// Does so with both kinds.
pub(super) fn run(root: &Root, packages: &Packages) -> Result<Files> {
    Ok(Files {
        deb: deb(root, &packages.deb).context("the .deb")?,
        rpm: rpm(root, &packages.rpm).context("the .rpm")?,
    })
}

fn deb(root: &Root, package: &Path) -> Result<usize> {
    let inside = root.shared().join("zkchurn.deb");
    std::fs::copy(package, &inside).context("cannot copy it")?;
    let before = root.files()?;
    command::output(root.command("dpkg").arg("--install").arg(&inside))?;
    let brought = used(root, &before);
    command::output(root.command("dpkg").args(["--purge", "zkchurn"]))?;
    gone(root, &before)?;
    brought
}

/// With this machine's rpm and a database of its own: Debian's roots have none, so nothing in it
/// provides the shell that every .rpm of this tool asks for.
fn rpm(root: &Root, package: &Path) -> Result<usize> {
    let before = root.files()?;
    let rpm = |arguments: &[&str]| {
        let mut rpm = privilege::as_root("rpm");
        rpm.arg("--root").arg(&root.path);
        rpm.args(["--dbpath", "/tmp/zkchurn-rpm"]).args(arguments);
        command::output(&mut rpm)
    };
    let package = package.display().to_string();
    rpm(&["--install", "--nodeps", &package])?;
    let brought = used(root, &before);
    rpm(&["--erase", "zkchurn"])?;
    root.take_away("tmp/zkchurn-rpm")?;
    gone(root, &before)?;
    brought
}

/// What came with it works; how many files there are.
fn used(root: &Root, before: &BTreeSet<String>) -> Result<usize> {
    let now = root.files()?;
    let new: Vec<_> = now.difference(before).collect();
    for wanted in WANTED {
        ensure!(now.contains(wanted), "it does not bring {wanted}");
    }
    let enabled = new.iter().find(|path| path.starts_with(ENABLED));
    ensure!(enabled.is_none(), "it enables its service: {enabled:?}");
    command::output(root.command("zkchurn").args(["agent", "--check"]))
        .context("the settings that it brings")?;
    let said = command::output(root.command("zkchurn").arg("--version"))?;
    ensure!(
        said.starts_with(concat!("zkchurn ", env!("CARGO_PKG_VERSION"), " (commit ")),
        "it brings another zkchurn: {said}"
    );
    Ok(new
        .iter()
        .filter(|path| root.path.join(path).is_file())
        .count())
}

fn gone(root: &Root, before: &BTreeSet<String>) -> Result<()> {
    let after = root.files()?;
    let left: Vec<_> = after.symmetric_difference(before).cloned().collect();
    ensure!(left.is_empty(), "it leaves a trace: {}", left.join(", "));
    Ok(())
}

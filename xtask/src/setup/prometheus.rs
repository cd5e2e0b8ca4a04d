// SPDX-License-Identifier: MIT
//! Prometheus, which answers what a dashboard asks, and its promtool, which checks metrics and
//! tries alert rules. Debian's package would start a server as it is installed, so it is unpacked
//! only.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::remedy::{self, Missing};
use crate::{command, workspace};

const UNPACK: &str = "set -e
cd \"$0\"
apt-get -q -o APT::Sandbox::User=root download prometheus
dpkg-deb -x prometheus_*.deb unpacked
mv unpacked/usr/bin/promtool unpacked/usr/bin/prometheus .
rm -r unpacked prometheus_*.deb";

/// Where promtool is.
pub fn promtool() -> Result<PathBuf> {
    program("promtool")
}

/// Where the server is.
pub fn server() -> Result<PathBuf> {
    program("prometheus")
}

fn program(name: &str) -> Result<PathBuf> {
    if let Some(program) = command::on_path(name) {
        return Ok(program);
    }
    let unpacked = directory()?.join(name);
    let is_there = unpacked.is_file().then_some(unpacked);
    is_there.with_context(|| format!("{name} is not there; `cargo xtask setup` gets it"))
}

fn directory() -> Result<PathBuf> {
    workspace::target("tools/prometheus")
}

pub(super) fn missing() -> Vec<Missing> {
    const WHAT: &str = "Prometheus and its promtool (Debian's prometheus, 19 MB)";
    if promtool().is_ok() && server().is_ok() {
        return Vec::new();
    }
    if !remedy::has_apt() {
        let how = "put prometheus and its promtool on PATH";
        return vec![Missing::by_hand(WHAT, how)];
    }
    match directory() {
        Ok(directory) => {
            let mut unpack = Command::new("sh");
            unpack.args(["-c", UNPACK]).arg(directory);
            vec![Missing::command(WHAT, unpack)]
        }
        Err(_) => vec![Missing::by_hand(WHAT, "make target/ writable")],
    }
}

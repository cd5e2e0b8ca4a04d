// SPDX-License-Identifier: MIT
//! promtool, which checks metrics and tries alert rules. Debian's package would start a server
//! as it is installed, so it is unpacked only.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::remedy::{self, Missing};
use crate::{command, workspace};

const UNPACK: &str = "set -e
cd \"$0\"
apt-get -q -o APT::Sandbox::User=root download prometheus
dpkg-deb -x prometheus_*.deb unpacked
mv unpacked/usr/bin/promtool .
rm -r unpacked prometheus_*.deb";

/// Where it is.
pub fn promtool() -> Result<PathBuf> {
    if let Some(program) = command::on_path("promtool") {
        return Ok(program);
    }
    let unpacked = unpacked()?;
    let is_there = unpacked.is_file().then_some(unpacked);
    is_there.context("promtool is not there; `cargo xtask setup` gets it")
}

fn unpacked() -> Result<PathBuf> {
    Ok(workspace::target("tools/prometheus")?.join("promtool"))
}

pub(super) fn missing() -> Vec<Missing> {
    const WHAT: &str = "promtool (Debian's prometheus, 19 MB)";
    if promtool().is_ok() {
        return Vec::new();
    }
    if !remedy::has_apt() {
        let how = "put promtool of Prometheus on PATH";
        return vec![Missing::by_hand(WHAT, how)];
    }
    match unpacked()
        .ok()
        .as_ref()
        .and_then(|program| program.parent())
    {
        Some(directory) => {
            let mut unpack = Command::new("sh");
            unpack.args(["-c", UNPACK]).arg(directory);
            vec![Missing::command(WHAT, unpack)]
        }
        None => vec![Missing::by_hand(WHAT, "make target/ writable")],
    }
}

// SPDX-License-Identifier: MIT
//! The machines that zkchurn is built for, and what each kind of package calls them.

use anyhow::{Result, ensure};

use crate::setup;

/// A machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// As the kernel calls it, and rpm.
    pub(super) machine: &'static str,
    /// As Debian does.
    pub(super) debian: &'static str,
    /// As rustc does.
    pub(super) triple: &'static str,
}

const TARGETS: [Target; 2] = [
    Target {
        machine: "x86_64",
        debian: "amd64",
        triple: setup::dist::TARGETS[0],
    },
    Target {
        machine: "aarch64",
        debian: "arm64",
        triple: setup::dist::TARGETS[1],
    },
];

impl Target {
    /// Whether this machine can run it.
    pub(super) fn is_host(&self) -> bool {
        self.machine == std::env::consts::ARCH
    }
}

/// All, or the one that this machine can run.
pub(super) fn wanted(host_only: bool) -> Result<Vec<Target>> {
    let is_wanted = |target: &&Target| !host_only || target.is_host();
    let wanted: Vec<_> = TARGETS.iter().filter(is_wanted).copied().collect();
    // The manual and the completions are printed by one that runs here.
    ensure!(
        wanted.iter().any(Target::is_host),
        "dist runs on x86_64 and aarch64; this machine is {}",
        std::env::consts::ARCH
    );
    Ok(wanted)
}

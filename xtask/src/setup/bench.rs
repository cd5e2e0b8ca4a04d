// SPDX-License-Identifier: MIT
//! The other tools that zkchurn is measured beside, as Debian packages them.

use super::remedy::Missing;
use crate::bench::floor;
use crate::command;

const PROGRAMS: [(&str, &str); 4] = [
    ("tcplife", "libbpf-tools"),
    ("tcpdump", "tcpdump"),
    ("ip", "iproute2"),
    ("stdbuf", "coreutils"),
];

/// What is missing.
pub fn missing() -> Vec<Missing> {
    let absent = PROGRAMS
        .iter()
        .filter(|(program, _)| command::on_path(program).is_none());
    let mut missing: Vec<_> = absent
        .map(|(program, package)| Missing::package(*program, &[package]))
        .collect();
    if floor::assembler().is_none() {
        missing.push(Missing::package(
            "an assembler for BPF (llvm-mc)",
            &["llvm"],
        ));
    }
    missing
}

// SPDX-License-Identifier: MIT
//! The other tools that zkchurn is measured beside, as Debian packages them.

use super::remedy::{self, Missing};
use crate::bench::floor;

const PROGRAMS: [(&str, &str); 4] = [
    ("tcplife", "libbpf-tools"),
    ("tcpdump", "tcpdump"),
    ("ip", "iproute2"),
    ("stdbuf", "coreutils"),
];

/// What is missing.
pub fn missing() -> Vec<Missing> {
    let mut missing = remedy::missing_programs(&PROGRAMS);
    if floor::assembler().is_none() {
        missing.push(Missing::package(
            "an assembler for BPF (llvm-mc)",
            &["llvm"],
        ));
    }
    missing
}

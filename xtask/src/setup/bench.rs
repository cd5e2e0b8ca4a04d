// SPDX-License-Identifier: MIT
//! The other tools that zkchurn is measured beside, as Debian packages them.

use std::path::PathBuf;

use super::remedy::{self, Missing};
use crate::command;

const PROGRAMS: [(&str, &str); 5] = [
    ("bpftrace", "bpftrace"),
    ("tcplife", "libbpf-tools"),
    ("tcpdump", "tcpdump"),
    ("ip", "iproute2"),
    ("stdbuf", "coreutils"),
];

/// The assemblers of LLVM's releases, as Debian names them.
const ASSEMBLERS: [&str; 6] = [
    "llvm-mc",
    "llvm-mc-22",
    "llvm-mc-23",
    "llvm-mc-21",
    "llvm-mc-16",
    "llvm-mc-14",
];

/// An assembler for BPF.
pub fn assembler() -> Option<PathBuf> {
    ASSEMBLERS.iter().find_map(|name| command::on_path(name))
}

pub fn missing() -> Vec<Missing> {
    let mut missing = remedy::missing_programs(&PROGRAMS);
    if assembler().is_none() {
        missing.push(Missing::package(
            "an assembler for BPF (llvm-mc)",
            &["llvm"],
        ));
    }
    missing
}

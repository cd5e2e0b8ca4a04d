// SPDX-License-Identifier: MIT
//! What booting other kernels takes.

use super::remedy::Missing;
use crate::command;

const PROGRAMS: [(&str, &str); 7] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("cpio", "cpio"),
    ("insmod", "kmod"),
    ("strip", "binutils"),
    ("ldd", "libc-bin"),
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
];

/// What is missing.
pub fn missing() -> Vec<Missing> {
    let absent = PROGRAMS
        .iter()
        .filter(|(program, _)| command::on_path(program).is_none());
    absent
        .map(|(program, package)| Missing::package(*program, &[package]))
        .collect()
}

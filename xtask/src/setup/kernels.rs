// SPDX-License-Identifier: MIT
//! What booting other kernels takes.

use super::remedy::{self, Missing};

const PROGRAMS: [(&str, &str); 7] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("cpio", "cpio"),
    ("insmod", "kmod"),
    ("qemu-system-aarch64", "qemu-system-arm"),
    ("ldd", "libc-bin"),
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
];

pub(super) fn missing() -> Vec<Missing> {
    remedy::missing_programs(&PROGRAMS)
}

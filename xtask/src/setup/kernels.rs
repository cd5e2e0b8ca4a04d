// SPDX-License-Identifier: MIT
//! What booting other kernels takes.

use super::remedy::{self, Missing};

const PROGRAMS: [(&str, &str); 6] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("cpio", "cpio"),
    ("insmod", "kmod"),
    ("ldd", "libc-bin"),
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
];

/// The emulator of arm64, which only guests of that kind need.
const ARM64: (&str, &str) = ("qemu-system-aarch64", "qemu-system-arm");

/// For those with the processor of another machine.
pub(super) fn missing_for_arm64() -> Vec<Missing> {
    remedy::missing_programs(&[ARM64])
}

pub(super) fn missing() -> Vec<Missing> {
    remedy::missing_programs(&PROGRAMS)
}

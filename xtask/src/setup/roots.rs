// SPDX-License-Identifier: MIT
//! What makes root file systems of other releases, and installs into them.

use super::remedy::{self, Missing};

const PROGRAMS: [(&str, &str); 4] = [
    ("debootstrap", "debootstrap"),
    ("unshare", "util-linux"),
    ("pivot_root", "util-linux"),
    ("rpm", "rpm"),
];

pub(crate) fn missing() -> Vec<Missing> {
    remedy::missing_programs(&PROGRAMS)
}

// SPDX-License-Identifier: MIT
//! What makes root file systems of other releases, and installs into them.

use super::remedy::{self, Missing};

const PROGRAMS: [(&str, &str); 7] = [
    ("debootstrap", "debootstrap"),
    ("unshare", "util-linux"),
    ("pivot_root", "util-linux"),
    ("rpm", "rpm"),
    ("crun", "crun"),
    ("umoci", "umoci"),
    ("perl", "perl-base"),
];

pub(crate) fn missing() -> Vec<Missing> {
    remedy::missing_programs(&PROGRAMS)
}

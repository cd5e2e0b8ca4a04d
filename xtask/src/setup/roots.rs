// SPDX-License-Identifier: MIT
//! What makes root file systems of other releases, and installs into them.

use std::path::Path;

use super::remedy::{self, Missing};

const PROGRAMS: [(&str, &str); 9] = [
    ("debootstrap", "debootstrap"),
    ("unshare", "util-linux"),
    ("pivot_root", "util-linux"),
    ("rpm", "rpm"),
    ("crun", "crun"),
    ("umoci", "umoci"),
    ("perl", "perl-base"),
    ("readelf", "binutils"),
    ("strace", "strace"),
];

/// What podman allows a container, unless it is told otherwise.
pub const SECCOMP: &str = "/usr/share/containers/seccomp.json";

pub(crate) fn missing() -> Vec<Missing> {
    let mut missing = remedy::missing_programs(&PROGRAMS);
    if !Path::new(SECCOMP).exists() {
        let package = ["golang-github-containers-common"];
        missing.push(Missing::package("podman's seccomp profile", &package));
    }
    missing
}

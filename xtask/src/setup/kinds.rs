// SPDX-License-Identifier: MIT
//! The programs that bring about kinds of churn, as Debian packages them.

use super::remedy::{self, Missing};

const PROGRAMS: [(&str, &str); 6] = [
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("nc", "netcat-openbsd"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("python3", "python3"),
];

pub(super) fn missing() -> Vec<Missing> {
    remedy::missing_programs(&PROGRAMS)
}

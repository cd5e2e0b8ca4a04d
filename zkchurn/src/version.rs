// SPDX-License-Identifier: MIT
//! Which build of zkchurn this is.

/// Version, commit and its date, target, as `--version` prints them: whoever reads a report of
/// another host has to be able to tell what wrote it.
pub(crate) const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("ZKCHURN_COMMIT"),
    " of ",
    env!("ZKCHURN_DATE"),
    ", ",
    env!("ZKCHURN_TARGET"),
    ")"
);

/// The date of the commit.
pub(crate) const DATE: &str = env!("ZKCHURN_DATE");

// SPDX-License-Identifier: MIT
//! Whether `/dev/null` is there: a root file system that was entered by chroot(2), or a container
//! that was made by hand, may lack it.

use std::fs::File;

use zkchurn_core::doctor::{Check, State};

use super::facts::{Facts, Probe, missing};

/// Where the output and the errors of a helper process go.
const PATH: &str = "/dev/null";

/// Looks for it.
pub(super) fn look() -> Probe<()> {
    match File::options().read(true).write(true).open(PATH) {
        Ok(_) => Probe::Yes(()),
        Err(error) => missing(PATH.as_ref(), &error),
    }
}

/// Judges it. Nearly every host has it, so only what lacks is said.
pub(super) fn check(facts: &Facts) -> Option<Check> {
    let (Probe::No(why) | Probe::Unknown(why)) = &facts.null_device else {
        return None;
    };
    Some(Check::not_ok(
        PATH,
        State::Unsupported,
        format!("cannot be opened ({why})"),
        "no helper process can be started",
        "mknod -m 666 /dev/null c 1 3, or mount the host's /dev there",
    ))
}

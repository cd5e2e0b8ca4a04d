// SPDX-License-Identifier: MIT
//! Whether `/proc` is there and shows this process: a root file system that was entered by
//! chroot(2) may lack it.

use std::fs;

use zkchurn_core::doctor::{Check, State};

use super::facts::{Facts, Probe, missing};

/// What a helper process is started from, too.
const SELF: &str = "/proc/self/exe";
const NAME: &str = "/proc";

/// Looks for it.
pub(super) fn look() -> Probe<()> {
    match fs::read_link(SELF) {
        Ok(_) => Probe::Yes(()),
        Err(error) => missing(SELF.as_ref(), &error),
    }
}

/// Judges it.
pub(super) fn check(facts: &Facts) -> Check {
    match &facts.proc {
        Probe::Yes(()) => Check::ok(NAME, "mounted"),
        Probe::No(why) | Probe::Unknown(why) => Check::not_ok(
            NAME,
            State::Unsupported,
            format!("not mounted, or of another pid namespace ({why})"),
            "no process can be looked up there, and no helper process started",
            "mount -t proc proc /proc",
        ),
    }
}

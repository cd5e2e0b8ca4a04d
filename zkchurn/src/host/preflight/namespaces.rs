// SPDX-License-Identifier: MIT
//! Whether the host's network namespaces can be found, for connections that are older than
//! the trace and for TIME_WAIT.

use zkchurn_core::doctor::{Check, State};

use super::facts::{Facts, Probe};
use crate::host::privilege::needs::{AskedBy, NEEDS};

/// Name of the check; a trace reports it itself, where it lists the namespaces.
pub const NAME: &str = "network namespaces";

/// Judges whether process 1's is readable: some virtual machines and security modules keep
/// that process closed to root, too.
pub fn check(facts: &Facts) -> Check {
    let why = match &facts.first_process_netns {
        Probe::Yes(()) => return Check::ok(NAME, "readable"),
        Probe::No(why) | Probe::Unknown(why) => why,
    };
    let needs = NEEDS
        .iter()
        .filter(|need| need.asked_by == AskedBy::OtherUsers);
    let fix = match needs
        .map(|need| need.capability)
        .all(|needed| facts.capabilities.contains(needed))
    {
        true => "none: this host keeps process 1 closed even to root",
        false => "run it with sudo",
    };
    Check::not_ok(
        NAME,
        State::Degraded,
        format!("that of process 1 is not readable: {why}"),
        "older connections and TIME_WAIT sockets are not listed if only process 1 is in their \
         network namespace",
        fix,
    )
}

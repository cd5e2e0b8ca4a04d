// SPDX-License-Identifier: MIT
//! Whether the host's network namespaces can be found, for connections that are older than
//! the trace and for TIME_WAIT.

use zkchurn_core::doctor::{Check, State};

use super::{
    facts::{Facts, Probe},
    verdict::{more_capabilities, not_held},
};
use crate::host::privilege::needs::{AskedBy, NEEDS, Need};

/// Name of the check; a trace reports it itself, where it lists the namespaces.
pub const NAME: &str = "network namespaces";

/// Why process 1 is not readable where there is no such process in `/proc`.
pub(super) const NOT_SHOWN: &str =
    "/proc does not show it (hidepid, or only a part of it is mounted)";

/// What is not listed of the namespaces that cannot be found or entered.
const NOT_LISTED: &str =
    "older connections and TIME_WAIT sockets in other network namespaces are not listed";

/// Judges whether they can be found and entered.
pub fn check(facts: &Facts) -> Check {
    let degraded = |found: &str, consequence: &str, fix: String| {
        Check::not_ok(NAME, State::Degraded, found, consequence, fix)
    };
    if facts.own_pid_namespace {
        return degraded(
            "only those of processes in this pid namespace can be found",
            NOT_LISTED,
            "run it on the host, or in a container that shares its pids (--pid=host)".to_owned(),
        );
    }
    if let Probe::No(why) | Probe::Unknown(why) = &facts.first_process_netns {
        return degraded(
            &format!("that of process 1 is not readable: {why}"),
            "older connections and TIME_WAIT sockets are not listed if only process 1 is in their \
             network namespace",
            fix(facts),
        );
    }
    let enters = |need: &&Need| need.asked_by == AskedBy::OtherNamespaces;
    match missing(facts, enters).as_slice() {
        [] => Check::ok(NAME, "readable"),
        missing => degraded(
            &format!(
                "readable, but cannot be entered: {}",
                not_held(facts, &missing.join(" and "))
            ),
            NOT_LISTED,
            more_capabilities(facts, "it"),
        ),
    }
}

/// What makes process 1 readable: some virtual machines and security modules keep it closed to
/// root, too.
fn fix(facts: &Facts) -> String {
    match missing(facts, |need| need.asked_by == AskedBy::OtherUsers).as_slice() {
        [] if facts.first_process_netns == Probe::Unknown(NOT_SHOWN.to_owned()) => {
            "mount the whole of it: mount -t proc proc /proc".to_owned()
        }
        [] => "none: this host keeps process 1 closed even to root".to_owned(),
        missing => more_capabilities(facts, &missing.join(" and ")),
    }
}

fn missing(facts: &Facts, asked: impl Fn(&&Need) -> bool) -> Vec<&'static str> {
    let needs = NEEDS.iter().filter(asked);
    let missing = needs.filter(|need| !facts.capabilities.contains(need.capability));
    missing.map(|need| need.name).collect()
}

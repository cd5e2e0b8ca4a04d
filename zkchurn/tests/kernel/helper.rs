// SPDX-License-Identifier: MIT
//! Helper processes of a running zkchurn, found by the name that each gives itself at its start.

use std::time::Duration;

use zkchurn_lab::harness::proc;

use crate::tracer::wait_for;

const NAMED_WITHIN: Duration = Duration::from_secs(30);

/// The first of that name, once it has given itself that.
pub(crate) fn of(pid: u32, name: &str) -> u32 {
    let mut first = None;
    wait_for(NAMED_WITHIN, "a helper of that name", || {
        first = all_of(pid, name).first().copied();
        first.is_some()
    });
    first.unwrap()
}

/// All that have that name now.
pub(crate) fn all_of(pid: u32, name: &str) -> Vec<u32> {
    let is_it = |pid: &u32| proc::comm(*pid, *pid).is_ok_and(|comm| comm == name);
    let children = proc::children(pid).unwrap();
    children.into_iter().filter(is_it).collect()
}

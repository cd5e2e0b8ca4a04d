// SPDX-License-Identifier: MIT
//! From a name to the processes that have it when the trace begins.

use std::time::Duration;

use anyhow::Context;
use zkchurn_common::settings::MOST_PIDS;

use super::settings::Process;
use crate::{
    exit::{Code, Failure},
    host::helper::{
        asking::StartedLooker,
        wire::{Found, Task},
    },
};

/// Longer than the helper takes.
const WITHIN: Duration = Duration::from_secs(5);

/// Pids of the processes to trace; none for all.
///
/// # Errors
///
/// None has the name, or too many have, or the helper that looks for them fails.
pub(super) fn wanted(
    process: Option<&Process>,
    looker: &mut StartedLooker,
) -> Result<Vec<u32>, Failure> {
    let name = match process {
        None => return Ok(Vec::new()),
        Some(Process::Pid(pid)) => return Ok(vec![*pid]),
        Some(Process::Named(name)) => name,
    };
    let found = looker
        .ask_now(Task::Named(name.clone()), WITHIN)
        .with_context(|| format!("the processes named {name} cannot be listed; use --pid PID"))
        .map_err(|error| Failure::new(Code::Failure, error))?;
    match found {
        Found::Named(pids) => bounded(name, pids),
        _ => Err(Failure::sentence(
            Code::Failure,
            format!("the processes named {name} cannot be listed; use --pid PID"),
        )),
    }
}

fn bounded(name: &str, pids: Vec<u32>) -> Result<Vec<u32>, Failure> {
    let wrong = match pids.len() {
        0 => format!(
            "no process named {name} runs now: --pid takes a pid, or the name of processes that \
             run already, as `ps -e` shows it, of their program, script or main class"
        ),
        1..=MOST_PIDS => return Ok(pids),
        many => format!(
            "{many} processes are named {name}, and at most {MOST_PIDS} can be traced by name: \
             use --pid PID, or no --pid and look for it in the report"
        ),
    };
    Err(Failure::sentence(Code::Usage, wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_too_many_are_refused_and_say_why() {
        let refused = |pids: Vec<u32>| format!("{:?}", bounded("java", pids).unwrap_err());
        assert!(refused(Vec::new()).contains("no process named java"));
        let many = (1..=MOST_PIDS as u32 + 1).collect();
        assert!(refused(many).contains("17 processes are named java"));
        let most: Vec<_> = (1..=MOST_PIDS as u32).collect();
        assert_eq!(bounded("java", most.clone()).unwrap(), most);
    }
}

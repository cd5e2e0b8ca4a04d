// SPDX-License-Identifier: MIT
//! From a name to the processes that have it when the trace begins.

use std::time::Duration;

use anyhow::Context;
use zkchurn_common::settings::MOST_PIDS;

use super::settings::Process;
use crate::{
    exit::{Code, Failure},
    host::{
        helper::{
            asking::StartedLooker,
            wire::{Found, Task},
        },
        proc::{hidden, named::Named},
    },
};

/// Longer than the helper takes.
const WITHIN: Duration = Duration::from_secs(5);

/// The processes to trace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selected {
    /// Their pids; none for all.
    pub pids: Vec<u32>,
    /// What is to be said of others that may have been meant.
    pub note: Option<String>,
}

/// The processes to trace.
///
/// # Errors
///
/// None has the name, or too many have, or the helper that looks for them fails.
pub(super) fn wanted(
    process: Option<&Process>,
    looker: &mut StartedLooker,
) -> Result<Selected, Failure> {
    let name = match process {
        None => return Ok(Selected::default()),
        Some(Process::Pid(pid)) => {
            let (pids, note) = (vec![*pid], hidden_note(*pid));
            return Ok(Selected { pids, note });
        }
        Some(Process::Named(name)) => name,
    };
    let found = looker
        .ask_now(Task::Named(name.clone()), WITHIN)
        .with_context(|| format!("the processes named {name} cannot be listed; use --pid PID"))
        .map_err(|error| Failure::new(Code::Failure, error))?;
    match found {
        Found::Named(named) => bounded(name, named),
        _ => Err(Failure::sentence(
            Code::Failure,
            format!("the processes named {name} cannot be listed; use --pid PID"),
        )),
    }
}

/// What is missing of a process that `/proc` hides.
fn hidden_note(pid: u32) -> Option<String> {
    hidden::is_hidden(pid).then(|| {
        format!(
            "/proc hides process {pid} (mount option hidepid): its connections are traced, with \
             the name that the kernel saw, and nothing else is known of it; {}",
            hidden::remedy()
        )
    })
}

fn bounded(name: &str, named: Named) -> Result<Selected, Failure> {
    let Named {
        pids,
        unanswered,
        others_are_hidden,
    } = named;
    let wrong = match (pids.len(), unanswered.as_slice()) {
        (0, []) if others_are_hidden => format!(
            "no process named {name} is to be seen, and /proc hides those of other users (mount \
             option hidepid): use --pid PID, or see them all: {}",
            hidden::remedy()
        ),
        (0, []) => format!(
            "no process named {name} runs now: --pid takes a pid, or the name of processes that \
             run already, as `ps -e` shows it, of their program, script or main class"
        ),
        (0, hung) => format!(
            "no process that answers is named {name}, and the command line of {} cannot be read: \
             if that is the one, use --pid PID",
            listed(hung)
        ),
        (1..=MOST_PIDS, hung) => {
            let note = (!hung.is_empty()).then(|| {
                format!(
                    "the command line of {} could not be read: if it is named {name}, it is not \
                     traced; --pid PID traces it",
                    listed(hung)
                )
            });
            return Ok(Selected { pids, note });
        }
        (many, _) => format!(
            "{many} processes are named {name}, and at most {MOST_PIDS} can be traced by name: \
             use --pid PID, or no --pid and look for it in the report"
        ),
    };
    Err(Failure::sentence(Code::Usage, wrong))
}

/// `process 42`, `3 processes, such as 42,`
fn listed(pids: &[u32]) -> String {
    match pids {
        [pid] => format!("process {pid}"),
        [first, ..] => format!("{} processes, such as {first},", pids.len()),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pids: Vec<u32>, unanswered: &[u32]) -> Named {
        let unanswered = unanswered.to_vec();
        Named {
            pids,
            unanswered,
            others_are_hidden: false,
        }
    }

    #[test]
    fn none_and_too_many_are_refused_and_say_why() {
        let refused = |named| format!("{:?}", bounded("java", named).unwrap_err());
        assert!(refused(of(Vec::new(), &[])).contains("no process named java"));
        let hidden = refused(Named {
            others_are_hidden: true,
            ..Named::default()
        });
        assert!(hidden.contains("hidepid") && !hidden.contains("runs now"));
        let hung = refused(of(Vec::new(), &[7]));
        assert!(hung.contains("the command line of process 7 cannot be read"));
        let many = (1..=MOST_PIDS as u32 + 1).collect();
        assert!(refused(of(many, &[7])).contains("17 processes are named java"));
        let most: Vec<_> = (1..=MOST_PIDS as u32).collect();
        let selected = bounded("java", of(most.clone(), &[])).unwrap();
        assert_eq!((selected.pids, selected.note), (most, None));
    }

    #[test]
    fn of_those_that_do_not_answer_it_is_said() {
        let selected = bounded("java", of(vec![5], &[7, 8])).unwrap();
        assert_eq!(selected.pids, [5]);
        let note = selected.note.unwrap();
        assert!(note.contains("2 processes, such as 7,"), "{note}");
    }
}

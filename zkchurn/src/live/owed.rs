// SPDX-License-Identifier: MIT
//! What was asked of the helper and has not come yet, and since when.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use zkchurn_core::{inspection::Inspection, process::ProcessKey};

use crate::host::sock_diag::Listing;

/// How long a look-up may take before it is said that the process does not answer.
pub(super) const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);
/// The same of a closer look: longer than a thread dump takes at most.
pub(super) const LOOK_WITHIN: Duration = Duration::from_secs(15);

/// Something that is owed.
#[derive(Debug)]
pub(super) enum Debt {
    /// Who a process is.
    Identity(ProcessKey),
    /// A closer look, as far as it has come.
    Look(ProcessKey, Option<Box<Inspection>>),
    /// A listing of sockets, as far as it has come.
    Sockets(Listing),
    /// What other ports have.
    Elsewhere,
    /// Who listens at the traced ports.
    Listeners,
    /// Who has the name that is traced.
    Called,
    /// What has become of a process's logs since they were searched.
    Whereabouts(ProcessKey),
}

#[derive(Debug)]
struct Entry {
    debt: Debt,
    asked: Instant,
    /// Whether it was said that it does not come.
    given_up: bool,
}

/// Something that has not come in time.
pub(super) struct Overdue<'a> {
    pub debt: &'a Debt,
    /// When it was asked for.
    pub asked: Instant,
}

/// All that is owed, by the number of its task.
#[derive(Debug, Default)]
pub(super) struct Owed {
    entries: HashMap<u64, Entry>,
}

impl Owed {
    /// Enters what was asked for just now.
    pub(super) fn enter(&mut self, id: u64, debt: Debt) {
        let entry = Entry {
            debt,
            asked: Instant::now(),
            given_up: false,
        };
        self.entries.insert(id, entry);
    }

    /// What is owed under this number.
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Debt> {
        self.entries.get_mut(&id).map(|entry| &mut entry.debt)
    }

    /// Whether somebody is looked up already.
    pub(super) fn has_identity(&self, key: ProcessKey) -> bool {
        let mut entries = self.entries.values();
        entries.any(|entry| matches!(entry.debt, Debt::Identity(owed) if owed == key))
    }

    /// Takes it out: it has come.
    pub(super) fn settle(&mut self, id: u64) -> Option<Debt> {
        self.entries.remove(&id).map(|entry| entry.debt)
    }

    /// Whether anything is owed that is still waited for.
    pub(super) fn is_awaited(&self) -> bool {
        self.entries.values().any(|entry| !entry.given_up)
    }

    /// What has become overdue, or with `all` whatever is still owed, each once. It may
    /// come nevertheless.
    pub(super) fn overdue(&mut self, all: bool) -> Vec<Overdue<'_>> {
        let now = Instant::now();
        let mut overdue = Vec::new();
        for entry in self.entries.values_mut() {
            let within = match entry.debt {
                Debt::Identity(_) => LOOK_UP_WITHIN,
                Debt::Look(..)
                | Debt::Sockets(_)
                | Debt::Elsewhere
                | Debt::Listeners
                | Debt::Called
                | Debt::Whereabouts(_) => LOOK_WITHIN,
            };
            if !entry.given_up && (all || now >= entry.asked + within) {
                entry.given_up = true;
                overdue.push(Overdue {
                    debt: &entry.debt,
                    asked: entry.asked,
                });
            }
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_is_still_being_looked_up_when_that_was_said() {
        let mut owed = Owed::default();
        let (one, other) = (ProcessKey::new(1, 0), ProcessKey::new(2, 0));
        owed.enter(7, Debt::Identity(one));
        assert_eq!(owed.overdue(true).len(), 1);
        assert!(owed.has_identity(one) && !owed.has_identity(other));
        owed.settle(7);
        assert!(!owed.has_identity(one));
    }
}

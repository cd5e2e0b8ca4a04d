// SPDX-License-Identifier: MIT
//! The processes known so far, bounded.

use std::collections::HashMap;

use super::{ProcessIdentity, ProcessKey};
use crate::inspect::Inspection;

/// Most processes that are remembered. Beyond it new ones are known only by
/// what the kernel captured, so that a fork bomb of clients costs no memory.
pub const MOST_PROCESSES: usize = 4096;

/// Processes by pid and start.
#[derive(Debug, Default)]
pub struct Registry {
    known: HashMap<ProcessKey, Option<ProcessIdentity>>,
    inspections: HashMap<ProcessKey, Inspection>,
}

/// Most inspections that are kept: a trace makes far fewer, a recording may
/// hold anything.
const MOST_INSPECTIONS: usize = 64;

impl Registry {
    /// Remembers a process.
    pub fn insert(&mut self, mut identity: ProcessIdentity) {
        if self.known.len() < MOST_PROCESSES {
            identity.key = ProcessKey::new(identity.key.pid, identity.key.start_ns);
            self.known.insert(identity.key, Some(identity));
        }
    }

    /// Remembers a closer look. Of an earlier look at the same process what the
    /// later one could not or did not read stays: the process may have gone in
    /// between.
    pub fn insert_inspection(&mut self, mut inspection: Inspection) {
        if let Some(earlier) = self.inspections.remove(&inspection.key) {
            inspection.complete_from(earlier);
        } else if self.inspections.len() >= MOST_INSPECTIONS {
            return;
        }
        self.inspections.insert(inspection.key, inspection);
    }

    /// The closer look at a process.
    pub fn inspection(&self, key: ProcessKey) -> Option<&Inspection> {
        self.inspections.get(&key)
    }

    /// What is known of a process.
    pub fn get(&self, key: ProcessKey) -> Option<&ProcessIdentity> {
        self.known.get(&key)?.as_ref()
    }

    /// Whether looking `key` up would be new: asks at most once for each
    /// process, and remembers that it was asked.
    pub fn first_sight(&mut self, key: ProcessKey) -> bool {
        if self.known.len() >= MOST_PROCESSES || self.known.contains_key(&key) {
            return false;
        }
        self.known.insert(key, None);
        true
    }
}

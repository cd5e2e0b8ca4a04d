// SPDX-License-Identifier: MIT
//! The processes known so far, bounded.

use std::collections::HashMap;

use super::{ProcessIdentity, ProcessKey};

/// Most processes that are remembered. Beyond it new ones are known only by
/// what the kernel captured, so that a fork bomb of clients costs no memory.
pub const MOST_PROCESSES: usize = 4096;

/// Processes by pid and start.
#[derive(Debug, Default)]
pub struct Registry {
    known: HashMap<ProcessKey, Option<ProcessIdentity>>,
}

impl Registry {
    /// Remembers a process.
    pub fn insert(&mut self, identity: ProcessIdentity) {
        if self.known.len() < MOST_PROCESSES {
            self.known.insert(identity.key, Some(identity));
        }
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

// SPDX-License-Identifier: MIT
//! What a closer look at a process that churns brought: who it is on this host, what
//! its JVM says of the thread, and what its own log says.
//!
//! Plain data, filled in by probes on the traced host. It goes into recordings as it
//! is, so that a replay reports the same. All text is as the process wrote it, invalid
//! UTF-8 replaced: make it printable before it goes to a terminal.

mod details;
mod fit;
pub mod journal;
pub mod jvm;
pub mod logs;
pub mod namespaces;
pub mod own_words;
mod placed;
pub mod signature;
pub mod thread_name;
pub mod web_application;

use serde::{Deserialize, Serialize};

use crate::process::ProcessKey;

pub use details::{Details, LogFile};
pub use placed::Placed;
pub use signature::LogSignature;

/// What a closer look at one process brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Moment of the look, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// What `/proc` says of it; `None` when the process was gone.
    pub details: Option<Details>,
    /// What is known of its JVM; `None` when it is none or was not looked at.
    pub jvm: Option<jvm::Jvm>,
    /// What its logs say; `None` when they were not asked for.
    pub logs: Option<logs::LogSearch>,
}

impl Inspection {
    /// Fills in from an earlier look what this one lacks.
    pub fn complete_from(&mut self, earlier: Self) {
        let gone = self.details.is_none();
        self.details = self.details.take().or(earlier.details);
        match (&mut self.logs, earlier.logs) {
            (Some(logs), Some(earlier)) => logs.compare_with(&earlier),
            (logs, earlier) => *logs = logs.take().or(earlier),
        }
        let dumped = |jvm: &Option<jvm::Jvm>| {
            jvm.as_ref()
                .is_some_and(|jvm| jvm.dump != jvm::Dump::NotAsked)
        };
        let names =
            |jvm: &Option<jvm::Jvm>| jvm.as_ref().is_some_and(|jvm| !jvm.threads.is_empty());
        let earlier_tells_more = gone
            || (dumped(&earlier.jvm) && !dumped(&self.jvm))
            || (names(&earlier.jvm) && !names(&self.jvm));
        if earlier_tells_more {
            self.jvm = earlier.jvm.or(self.jvm.take());
        }
    }
}

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
mod kept;
pub mod logs;
pub mod namespaces;
pub mod own_words;
mod placed;
pub mod rotation;
pub mod signature;
pub mod thread_name;
pub mod web_application;

use serde::{Deserialize, Serialize};

use crate::process::{
    ProcessKey,
    secret::{hidden_in_comm, hidden_in_line, hidden_in_path},
};

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
    /// Hides what paths, names of threads, and sentences about them have in them that only their
    /// owner should know, as is done with command lines.
    pub fn hide_secrets(&mut self) {
        let details = self.details.as_mut();
        let logs = self.logs.as_mut();
        let mut paths: Vec<&mut String> = Vec::new();
        let mut sentences: Vec<&mut String> = Vec::new();
        if let Some(details) = details {
            paths.extend(&mut details.cwd);
            paths.extend(details.log_files.iter_mut().map(|file| &mut file.path));
            sentences.extend(&mut details.notes);
        }
        if let Some(logs) = logs {
            paths.extend(logs.files.iter_mut().map(|file| &mut file.path));
            paths.extend(logs.findings.iter_mut().map(|found| &mut found.path));
            sentences.extend(&mut logs.notes);
        }
        if let Some(jvm) = &mut self.jvm {
            paths.extend(&mut jvm.catalina_base);
            paths.extend(&mut jvm.flags);
            sentences.push(&mut jvm.jstack);
            for thread in &mut jvm.threads {
                sentences.push(&mut thread.name);
                sentences.extend(&mut thread.doubt);
            }
            for task in &mut jvm.tasks {
                task.comm = hidden_in_comm(&task.comm);
            }
        }
        paths
            .into_iter()
            .for_each(|path| *path = hidden_in_path(path));
        sentences
            .into_iter()
            .for_each(|words| *words = hidden_in_line(words));
    }

    /// Fills in from an earlier look what this one lacks; of its logs, what that found in them and
    /// this one did not read again.
    pub fn complete_from(&mut self, earlier: Self) {
        let gone = self.details.is_none();
        let elapsed_ms = self.at_ns.saturating_sub(earlier.at_ns) / 1_000_000;
        if gone && earlier.details.is_some() {
            // What there is is of then, and so are the ages of lines.
            self.at_ns = earlier.at_ns;
        }
        self.details = self.details.take().or(earlier.details);
        match (&mut self.logs, earlier.logs) {
            (Some(logs), Some(earlier)) => {
                logs.compare_with(&earlier);
                logs.keep_from(&earlier, elapsed_ms);
            }
            (logs, earlier) => *logs = logs.take().or(earlier),
        }
        let dumped = |jvm: &Option<jvm::Jvm>| {
            jvm.as_ref()
                .is_some_and(|jvm| jvm.dump != jvm::Dump::NotAsked)
        };
        let names =
            |jvm: &Option<jvm::Jvm>| jvm.as_ref().is_some_and(|jvm| !jvm.threads.is_empty());
        let earlier_tells_more = gone
            || self.jvm.is_none()
            || (dumped(&earlier.jvm) && !dumped(&self.jvm))
            || (names(&earlier.jvm) && !names(&self.jvm));
        if earlier_tells_more {
            self.jvm = earlier.jvm.or(self.jvm.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_comes_too_late_is_no_look() {
        let look = |at_ns, details| Inspection {
            key: ProcessKey::new(7, 0),
            at_ns,
            details,
            jvm: None,
            logs: None,
        };
        let earlier = look(1_000, Some(Details::default()));
        let mut gone = look(5_000, None);
        gone.complete_from(earlier.clone());
        assert_eq!(gone, earlier);
        let mut there = look(5_000, Some(Details::default()));
        there.complete_from(earlier);
        assert_eq!(there.at_ns, 5_000);
    }
}

// SPDX-License-Identifier: MIT
//! A closer look at a process that churns: who it is on this host, what its JVM
//! says of the thread, and what its own log says.
//!
//! Everything here is read while the churn goes on, away from the loop that
//! takes records. The result is plain data: it goes into recordings as it is,
//! so that a replay reports the same. All text is as the process wrote it,
//! invalid UTF-8 replaced: make it printable before it goes to a terminal.
//!
//! | file | reads |
//! |---|---|
//! | `process` | user, start, working directory, log files: `/proc/PID` |
//! | `log_files`, `log_name` | which of its open files are logs: `/proc/PID/fd` |
//! | `cgroup` | systemd unit, container and pod out of a cgroup path |
//! | `jvm/` | the JVM's flags, and its thread dump by the attach protocol |
//! | `logs/` | the tails of the log files, for lines that explain churn |

pub mod cgroup;
pub mod jvm;
pub mod log_files;
pub mod log_name;
pub mod logs;
pub mod process;

use serde::{Deserialize, Serialize};

use crate::identify::ProcessKey;

/// What a closer look at one process brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Which process.
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Moment of the look, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// What `/proc` says of it; `None` when the process was gone.
    pub details: Option<process::Details>,
    /// What is known of its JVM; `None` when it is none or was not looked at.
    pub jvm: Option<jvm::Jvm>,
    /// What its logs say; `None` when they were not asked for.
    pub logs: Option<logs::LogSearch>,
}

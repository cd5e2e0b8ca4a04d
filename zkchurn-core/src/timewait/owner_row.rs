// SPDX-License-Identifier: MIT
//! What is said of a socket's owner.

use serde::Serialize;

/// Whose a socket is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "known")]
pub enum OwnerRow {
    /// The connection was traced.
    Traced {
        /// Process id.
        pid: u32,
        /// Start of the process, nanoseconds since boot, 0 where not known:
        /// another process may have had its pid.
        start_ns: u64,
        /// Name of the process, with its application.
        process: String,
        /// Thread id; unknown for a connection older than the trace.
        tid: Option<u32>,
        /// The thread's name, as the kernel has it.
        thread: Option<String>,
        /// Its full name in the JVM, where a dump or a log told it beyond doubt.
        java_thread: Option<String>,
    },
    /// The connections were traced, and each of these processes of one name had
    /// only one or two: a program that is started for each connection.
    TracedProcesses {
        /// Name of the processes, with their application.
        process: String,
        processes: u64,
        /// The pid of one of them.
        such_as: u32,
    },
    /// It closed before the trace began: nobody can tell any more.
    ClosedBeforeStart,
    /// It closed before the part of a trace that is read began: the earlier part may tell.
    ClosedBeforePart,
    /// It closed during the trace, and more connections ended since than are
    /// remembered.
    Evicted,
    /// It closed during the trace and its record was lost, or it was older than
    /// the trace and no process was found to hold it.
    NotRecorded,
    /// It closed during the trace, which was of one process only (`--pid`), and
    /// no record of that process is its own.
    NotThatProcess,
}

impl OwnerRow {
    /// The thread, where it is known.
    pub fn tid(&self) -> Option<u32> {
        match self {
            Self::Traced { tid, .. } => *tid,
            _ => None,
        }
    }

    /// The one process, where it is known.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Traced { pid, .. } => Some(*pid),
            _ => None,
        }
    }

    /// The same without the thread.
    pub fn without_thread(&self) -> Self {
        let mut owner = self.clone();
        if let Self::Traced {
            tid,
            thread,
            java_thread,
            ..
        } = &mut owner
        {
            *tid = None;
            *thread = None;
            *java_thread = None;
        }
        owner
    }
}

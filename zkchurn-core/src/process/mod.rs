// SPDX-License-Identifier: MIT
//! The process behind a pid, as `/proc` described it.

pub mod java_name;
pub mod jvm;
mod row;
pub mod script;
pub mod secret;

use serde::{Deserialize, Serialize};

use crate::connection::Connection;

pub use row::ProcessRow;

/// A process, so that a reused pid never inherits another's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id.
    pub pid: u32,
    /// Start of the process, nanoseconds since boot, down to the clock tick;
    /// 0 where the kernel does not tell.
    pub start_ns: u64,
}

/// `/proc` counts a process's start in ticks of `USER_HZ`, 100 a second on
/// every architecture that zkchurn runs on (include/asm-generic/param.h).
pub const TICK_NS: u64 = 10_000_000;

impl ProcessKey {
    /// The process `pid` that started `start_ns` after boot. The kernel program
    /// tells nanoseconds and `/proc` ticks: rounding down makes them one.
    pub fn new(pid: u32, start_ns: u64) -> Self {
        Self {
            pid,
            start_ns: start_ns - start_ns % TICK_NS,
        }
    }

    /// Whether the two can be one process: where a start is not known, the pid
    /// decides.
    pub fn may_be(self, other: Self) -> bool {
        let unknown = self.start_ns == 0 || other.start_ns == 0;
        self.pid == other.pid && (unknown || self.start_ns == other.start_ns)
    }

    /// The process that a connection belongs to: the opener's, of an older
    /// connection the holder's, or for an accepted connection nobody's.
    pub fn of(connection: &Connection) -> Option<Self> {
        let by_opener = connection.opener.map(|opener| {
            Self::new(
                opener.thread.tgid,
                opener.process_start_ns.unwrap_or_default(),
            )
        });
        by_opener.or_else(|| {
            let holder = connection.holder?;
            Some(Self::new(holder.tgid, holder.process_start_ns))
        })
    }
}

/// What could be learned of a process while it lived. All text is as the
/// process wrote it, invalid UTF-8 replaced: make it printable before it goes
/// to a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Name of the leader, up to 15 bytes.
    pub name: String,
    /// Path of the executable.
    pub executable: Option<String>,
    /// The command line's arguments with secrets hidden, cut where they exceed
    /// [`COMMAND_LIMIT`].
    pub command: Vec<String>,
    /// What runs inside, where the process is a JVM or another interpreter.
    pub application: Option<String>,
}

/// What follows the last slash of a path, which need not exist here.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Bytes of a command line that are kept.
pub const COMMAND_LIMIT: usize = 4096;

impl ProcessIdentity {
    /// Builds the identity from what `/proc` says.
    pub fn new(
        key: ProcessKey,
        name: String,
        executable: Option<String>,
        command: Vec<String>,
    ) -> Self {
        let application = jvm::application(executable.as_deref(), &command)
            .or_else(|| script::application(&command));
        let mut kept = 0;
        let command = secret::without_secrets(command)
            .into_iter()
            .take_while(|argument| {
                kept += argument.len() + 1;
                kept <= COMMAND_LIMIT
            })
            .collect();
        Self {
            key,
            name,
            executable,
            command,
            application,
        }
    }

    /// `java (tomcat)`, or just the name.
    pub fn label(&self) -> String {
        match &self.application {
            Some(application) => format!("{} ({application})", self.name),
            None => self.name.clone(),
        }
    }
}

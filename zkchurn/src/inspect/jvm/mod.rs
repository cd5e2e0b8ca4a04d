// SPDX-License-Identifier: MIT
//! The JVM inside a process: which one, with which flags, and what it says of
//! its threads.

use serde::{Deserialize, Serialize};

/// What is known of a process's JVM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jvm {
    /// Which JVM.
    pub kind: JvmKind,
    /// `-Dcatalina.base`, for a Tomcat.
    pub catalina_base: Option<String>,
    /// The flags that matter for churn, logging and attaching.
    pub flags: Vec<String>,
    /// Process id as the JVM sees it: another than on the host in a container.
    pub inner_pid: u32,
    /// What became of the thread dump.
    pub dump: Dump,
    /// The threads that were asked for and found in the dump.
    pub threads: Vec<JavaThread>,
    /// The command that makes the same dump by hand.
    pub jstack: String,
}

/// Kinds of JVMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JvmKind {
    /// OpenJDK's HotSpot and what is built of it.
    HotSpot,
    /// Eclipse OpenJ9: no dump by zkchurn.
    OpenJ9,
    /// A JVM by its command line, while its libraries could not be read.
    Unknown,
}

/// What became of a thread dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Dump {
    /// It was not asked for (`--jvm dump` does).
    NotAsked,
    /// It was taken.
    Taken {
        /// How many threads it shows.
        threads: u64,
        /// Whether the attach mechanism had to be started by SIGQUIT.
        started_attach: bool,
    },
    /// It could not or must not be taken.
    Impossible {
        /// Why, as a sentence.
        why: String,
    },
}

/// One thread of a thread dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JavaThread {
    /// Thread id on the host.
    pub tid: u32,
    /// Thread id as the JVM sees it: `nid` in the dump.
    pub inner_tid: u32,
    /// The full Java name.
    pub name: String,
    /// What the dump says of its state, such as `TIMED_WAITING (sleeping)`.
    pub state: Option<String>,
    /// The frames without their leading `at`, innermost first.
    pub stack: Vec<String>,
    /// Frames that were left out.
    pub frames_left_out: u64,
}

// SPDX-License-Identifier: MIT
//! The JVM inside a process: which one, with which flags, and what it says of
//! its threads.
//!
//! | file | what it does |
//! |---|---|
//! | `look` | puts the rest together: the only entry |
//! | `proc` | reads `/proc/PID` |
//! | `proc_status` | takes `/proc/PID/status` apart |
//! | `detect` | which JVM |
//! | `options` | the options it was started with |
//! | `flags` | those of them that matter |
//! | `permit` | may `SIGQUIT` be sent? |
//! | `attach/` | a thread dump by HotSpot's attach protocol |
//! | `thread_dump` | finds threads in a dump |
//! | `java_name` | Java names against task names |
//! | `jstack` | the command that does the same by hand |

pub mod attach;
pub mod detect;
pub mod flags;
pub mod java_name;
pub mod jstack;
mod look;
pub mod options;
pub mod permit;
mod proc;
pub mod proc_status;
pub mod thread_dump;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use self::look::look;

/// How closely JVMs are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JvmMode {
    /// Not at all.
    Off,
    /// By reading /proc only: which JVM, its flags and the command for a thread dump.
    Name,
    /// Also by a thread dump, for the thread's full name and its stack: over the
    /// JVM's attach socket, which SIGQUIT starts unless the JVM would die of it.
    /// The JVM stops at a safepoint for the dump, usually for milliseconds.
    Dump,
}

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
    /// The threads that were asked for and live, as the kernel has them, in the
    /// order asked.
    pub tasks: Vec<Task>,
    /// The threads that were asked for and found in the dump, in the order asked.
    pub threads: Vec<JavaThread>,
    /// The command that makes the same dump by hand.
    pub jstack: String,
}

impl Jvm {
    /// What the dump says of thread `tid` of the host.
    pub fn thread(&self, tid: u32) -> Option<&JavaThread> {
        self.threads.iter().find(|thread| thread.tid == tid)
    }
}

/// A thread as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Thread id on the host.
    pub tid: u32,
    /// Thread id as the JVM sees it: `nid` in its dumps.
    pub inner_tid: u32,
    /// Its name, up to 15 bytes: what Linux leaves of the Java name.
    pub comm: String,
    /// Whether the JVM gave it that name; otherwise it is the launcher's.
    pub named: bool,
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
    /// What speaks against it being this thread, as a sentence: its task has
    /// another name, or its name holds line breaks. Of a thread that several
    /// headers of the dump claim to be, `name` is the task's and there is no stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

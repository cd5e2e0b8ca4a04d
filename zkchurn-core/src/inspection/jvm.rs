// SPDX-License-Identifier: MIT
//! What is known of the JVM inside a process, and what it says of its threads.

use serde::{Deserialize, Serialize};

/// What is known of a process's JVM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jvm {
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

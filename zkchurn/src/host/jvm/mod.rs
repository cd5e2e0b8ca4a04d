// SPDX-License-Identifier: MIT
//! The JVM inside a process: which one, with which flags, and what it says of
//! its threads.
//!
//! | file | what it does |
//! |---|---|
//! | `look` | puts the rest together: the only entry |
//! | `proc` | reads `/proc/PID` |
//! | `detect` | which JVM |
//! | `options` | the options it was started with |
//! | `flags` | those of them that matter |
//! | `permit` | may `SIGQUIT` be sent? |
//! | `attach/` | a thread dump by HotSpot's attach protocol |
//! | `thread_dump` | finds threads in a dump |
//! | `jstack` | the command that does the same by hand |

pub mod attach;
pub mod detect;
pub mod flags;
pub mod jstack;
mod look;
pub mod options;
pub mod permit;
mod proc;
pub mod thread_dump;

use serde::{Deserialize, Serialize};

pub use self::look::look;

/// How closely JVMs are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

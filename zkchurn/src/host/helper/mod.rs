// SPDX-License-Identifier: MIT
//! What may hang is done in processes of its own (docs/adr/0022).
//!
//! A thread that waits in the kernel for a lock that another process holds, or for a file
//! system that does not answer, cannot be ended, and keeps its whole process from ending.
//! So while tracing whatever looks into other processes is done in a helper: this program
//! once more, started before tracing, with nothing of ours but a socket.
//!
//! | file | does |
//! |---|---|
//! | `process` | starts a helper; what a helper does first |
//! | `let_go` | the end of the helpers, before that of this process |
//! | `journalctl` | becomes `journalctl`, with nothing that it could do harm with |
//! | `short` | asks a process that answers and ends: both sides |
//! | `neighbour` | whether an agent traces beside us, asked before tracing |
//! | `wire` | the messages, as hostile bytes |
//! | `looker` | looks into other processes: the helper's side |
//! | `pool` | threads that may hang, and their number |
//! | `asking` | the same: our side |
//! | `printer` | writes to a file that is our standard output or error: the helper's side |
//! | `printing` | the same: our side |
//! | `keeper` | writes the segments of a flight recorder: the helper's side |
//! | `publisher` | replaces the file with metrics: the helper's side |
//! | `server` | serves metrics by HTTP: the helper's side |
//! | `publishing` | the side of both that is ours |
//! | `archiver` | keeps an agent's incidents, and runs their command: the helper's side |
//! | `archiving` | the same: our side |
//! | `liner` | writes lines to files which somebody collects: the helper's side |
//! | `exporter` | sends events and counts to a collector: the helper's side |
//! | `exporting` | the same: our side |
//! | `recorder` | writes the recording: the helper's side |
//! | `recording` | the same: our side |
//! | `writer` | writes what is asked for in the full-screen view: the helper's side |
//! | `writing` | the same: our side |

mod archiver;
pub mod archiving;
pub mod asking;
mod exporter;
pub mod exporting;
pub mod journalctl;
mod keeper;
pub(crate) mod let_go;
mod liner;
mod looker;
pub(crate) mod neighbour;
mod pool;
mod printer;
pub mod printing;
mod process;
mod publisher;
pub mod publishing;
mod recorder;
pub mod recording;
mod server;
pub(crate) mod short;
pub mod wire;
mod writer;
pub mod writing;

pub use keeper::Keep;
pub use liner::Lines;
pub(crate) use looker::MOST_LOGS;
pub(crate) use process::RECORDER;
pub use process::run_if_helper;
pub use recorder::Said;
pub use server::{Counts, Listen, serve_one};
pub use writer::Written;

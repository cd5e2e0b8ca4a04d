// SPDX-License-Identifier: MIT
//! What an experiment is made with, be it a verb of the laboratory or a test.
//!
//! | module | holds |
//! |---|---|
//! | `tracer`, `trace` | zkchurn at work, and what it said |
//! | `program` | another program that runs beside |
//! | `namespace` | network namespaces |
//! | `zookeeper` | the bytes of ZooKeeper's handshake |
//! | `proc` | what `/proc` says of a process |
//! | `wait`, `in_time` | waiting, never for ever; for other programs in tests |

pub mod in_time;
pub mod namespace;
pub mod proc;
pub mod program;
pub mod trace;
pub mod tracer;
/// Where the collector of OpenTelemetry is that tests send to.
pub use xtask::setup::collector;
pub use xtask::wait;
pub mod zookeeper;

// SPDX-License-Identifier: MIT
//! What the verbs of this crate and the laboratory share. The laboratory (`lab/`)
//! depends on this crate; this crate starts it and never depends on it.
//!
//! | module | purpose |
//! |---|---|
//! | `abandoned` | what outlives a run that was killed |
//! | `prometheus_server` | a real Prometheus over blocks that were made for it |
//! | `setup` | find what is missing on this machine and install it |
//! | `toolchain` | what builds and checks the kernel program |
//! | `wait` | waiting with a limit |
//! | `command`, `privilege`, `workspace` | starting programs, as root where needed; where files are |

pub mod abandoned;
pub mod command;
pub mod privilege;
pub mod prometheus_server;
pub mod setup;
pub mod toolchain;
pub mod wait;
pub mod workspace;

// SPDX-License-Identifier: MIT
//! Real JVMs looked at: each test starts one whose truth it knows.
//!
//! They need root and a JDK, so `cargo test` lists them as ignored; `cargo xtask
//! test` runs them all.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod attach;
mod by_hand;
mod container;
mod dying;
mod few_capabilities;
mod hostile;
#[path = "../kernel/in_time.rs"]
mod in_time;
mod refused;
mod report;
mod target;

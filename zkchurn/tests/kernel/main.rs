// SPDX-License-Identifier: MIT
//! The kernel program on a real kernel: each test makes connections whose truth
//! it knows, in a network namespace of its own, and asks what zkchurn saw.
//!
//! They need root, so `cargo test` lists them as ignored; `cargo xtask test`
//! runs them all, against a freshly built object if ZKCHURN_BPF_OBJECT names it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod agent;
mod agent_secrets;
mod closing;
mod collector;
mod early_end;
mod exec;
mod failing;
mod fallback;
mod faults;
mod filters;
mod gone;
mod handshake;
mod helper;
mod in_time;
mod journal;
mod life;
mod lifecycle;
mod look;
mod metrics;
mod moved_log;
mod namespace;
mod older;
mod overflow;
mod own_log;
mod peer;
mod privilege;
mod records;
mod reports;
mod server_log;
mod service;
mod sides;
mod socket_diag;
mod stays_open;
mod threads;
mod time_wait;
mod tracer;
mod untrusted;
mod users;

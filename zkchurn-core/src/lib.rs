// SPDX-License-Identifier: MIT
//! From records to a diagnosis, without I/O: data in, data or text out.
//!
//! Data flows through the modules in this order (ARCHITECTURE.md):
//!
//! ```text
//! frame ─> pipeline: decode ─> connection ─> outcome ─> ledger ─> diagnose ─> report ─> render
//! ```
//!
//! `process` and `inspection` hold what probes fill in, `recording` the bytes of a file,
//! `serverlog` the other way to a report: from a server's own log.
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        reason = "a test that panics has failed, which is its purpose"
    )
)]

pub mod clock;
pub mod connection;
mod counted;
pub mod decode;
pub mod diagnose;
pub mod diff;
pub mod doctor;
pub mod elsewhere;
pub mod ending;
mod ends;
pub mod errno;
pub mod filter;
pub mod frame;
pub mod handshake;
pub mod hash;
mod held_now;
mod horizon;
pub mod hosts;
pub mod incident;
pub mod inspection;
pub mod ledger;
pub mod metrics;
mod open_now;
pub mod otlp;
pub mod outcome;
pub mod pipeline;
pub mod process;
pub mod recording;
pub mod redact;
pub mod registry;
pub mod render;
pub mod replay;
pub mod report;
pub mod segments;
pub mod serverlog;
pub mod shell;
pub mod sides;
pub mod stall;
pub mod still;
pub mod tape;
pub mod text;
pub mod timewait;
pub mod traffic;

// SPDX-License-Identifier: MIT
//! zkchurn names the process and thread behind ZooKeeper connection churn.
//!
//! Data flows through the modules in this order (ARCHITECTURE.md):
//!
//! ```text
//! source (kernel) ─┐
//!                  ├─> frame ─> pipeline: decode ─> connection ─> outcome ─> ledger ─> report ─> answer ─> render
//! recording ───────┘
//! ```
//!
//! Only `source::kernel` names aya. From `frame` on nothing does I/O or reads a
//! clock, so that a live trace and a replay of it run the same code.
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        reason = "a test that panics has failed, which is its purpose"
    )
)]

pub mod answer;
pub mod cli;
pub mod clock;
pub mod complain;
pub mod connection;
pub mod decode;
pub mod diagnose;
pub mod doctor;
pub mod exit;
pub mod frame;
pub mod handshake;
pub mod hash;
pub mod identify;
pub mod inspect;
pub mod kernel_layout;
pub mod ledger;
mod mount_field;
pub mod now;
pub mod older;
pub mod outcome;
pub mod output;
pub mod pipeline;
pub mod preflight;
pub mod privilege;
pub mod recording;
pub mod render;
pub mod replay;
pub mod report;
pub mod serverlog;
pub mod socket_diag;
pub mod source;
pub mod text;
pub mod timewait;
pub mod trace;

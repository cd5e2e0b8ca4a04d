// SPDX-License-Identifier: MIT
//! zkchurn names the process and thread behind ZooKeeper connection churn.
//!
//! The shell around `zkchurn-core`: what is typed (`cli`, `commands`), the loop of a live
//! trace (`live`) and all that touches the host (`host`). ARCHITECTURE.md has the map.
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        reason = "a test that panics has failed, which is its purpose"
    )
)]

mod app;
mod cli;
mod commands;
mod exit;
mod full_screen;
pub mod host;
mod live;
mod version;
mod view;
mod warn;

pub use app::run;

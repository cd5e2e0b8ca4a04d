// SPDX-License-Identifier: MIT
//! Thousands of small changes of recordings, logs and other texts, locked by digests of all that
//! is printed of them: a border that moves by one, or an arm of a match that is gone, shows here
//! though nobody thought of a test for it.
//!
//! What differs on purpose is blessed as other snapshots are (CONTRIBUTING.md). To read what a
//! digest stands for, set `ZKCHURN_VARIATION` to the beginning of its line, before the change
//! and after it, and compare what is printed.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

#[path = "../pieces/mod.rs"]
mod pieces;
#[path = "../shared_bytes/mod.rs"]
mod shared_bytes;
#[path = "../pieces/start.rs"]
mod start;

mod change;
mod dice;
mod line;
mod of_logs;
mod of_recordings;
mod of_texts;
mod printed;
mod recording;
mod samples;
mod server_logs;
mod texts;
mod watched;

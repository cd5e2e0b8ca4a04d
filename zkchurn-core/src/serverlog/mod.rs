// SPDX-License-Identifier: MIT
//! What a ZooKeeper server's own log tells about churn, by client address.
//!
//! ```text
//! lines ─> line ─> scan (signature, recent) ─> tally, facts ─> report
//! ```
//!
//! Memory does not grow with the log: lines, addresses, sessions, threads and buckets
//! of time are bounded, and what does not fit is counted together.

pub mod address;
pub mod facts;
pub mod file_note;
pub mod finding;
pub mod kind;
pub mod line;
pub mod lines;
pub mod moment;
pub mod rate;
pub mod recent;
pub mod report;
pub mod scan;
pub mod signature;
pub mod tally;
pub mod unknown_counts;

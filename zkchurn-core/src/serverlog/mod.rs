// SPDX-License-Identifier: MIT
//! What a ZooKeeper server's own log tells about churn, by client address.
//!
//! ```text
//! lines ─> line (prefix, header, json, …) ─> told (signature) ─> scan (recent) ─> tally, facts ─> report
//! ```
//!
//! Memory does not grow with the log: lines, addresses, sessions, threads and buckets
//! of time are bounded, and what does not fit is counted together.

pub mod address;
mod begun;
pub mod busiest;
pub mod chunks;
mod class;
mod cleaned;
mod copies;
mod csv;
pub mod facts;
pub mod file_note;
pub mod finding;
mod header;
mod json;
pub mod kind;
pub mod line;
pub mod lines;
mod logfmt;
pub mod moment;
mod origin;
mod piece;
mod prefix;
mod range;
pub mod rate;
pub mod reading;
pub mod recent;
pub mod refusals;
pub mod report;
pub mod scan;
pub mod signature;
pub mod tally;
pub mod time;
pub mod told;
#[cfg(test)]
mod truths;
pub mod unknown_counts;
pub mod window;
mod xml;

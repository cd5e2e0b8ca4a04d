// SPDX-License-Identifier: MIT
//! What a collector of OpenTelemetry gets (docs/reference/otlp.md): an event for each connection
//! that ended and for each finding that begins, changes or ends, and the counts that Prometheus
//! gets. Messages are made here; somebody else sends them.
//!
//! | file | holds |
//! |---|---|
//! | `message` | the messages of OTLP |
//! | `attributes`, `severity` | what records are made of |
//! | `connection`, `finding` | an event each |
//! | `changes` | which findings begin, change and end |
//! | `measured` | the counts |
//! | `exporting` | all of it, as a trace goes on |
//! | `answer` | what a collector says to it |

mod answer;
mod attributes;
mod changes;
mod connection;
mod exporting;
mod finding;
mod measured;
mod message;
mod severity;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use answer::{Answer, MOST_READ};
pub use exporting::{Export, Exporting, Signal};

/// Names of the events.
pub mod event {
    pub use super::{
        connection::ENDED as CONNECTION_ENDED,
        finding::{BEGAN, CHANGED, ENDED},
    };
}

/// Nanoseconds since 1970; what is before is 0, which OTLP takes for unknown.
fn unix_ns(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or(0)
}

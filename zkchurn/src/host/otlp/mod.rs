// SPDX-License-Identifier: MIT
//! Requests on their way to a collector of OpenTelemetry, by OTLP over HTTP/1.1 (docs/adr/0038).
//! Only the helper process that sends them runs this.
//!
//! | file | holds |
//! |---|---|
//! | `endpoint` | where the collector is |
//! | `queue` | what waits, bounded |
//! | `client` | one request, and what becomes of it |
//! | `back_off` | when the next one is tried |
//! | `sender` | all of it at work |

mod back_off;
mod client;
mod endpoint;
mod queue;
mod sender;

pub use client::{Attempt, ask_over};
pub use endpoint::Endpoint;
pub use queue::{Course, Progress, Request};
pub(super) use sender::Sender;

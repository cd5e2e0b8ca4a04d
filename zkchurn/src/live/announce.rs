// SPDX-License-Identifier: MIT
//! What is said on standard error when tracing begins.

use crate::warn::warn;
use zkchurn_core::{
    frame::{Sides, TraceStart, only},
    text::ports,
};

/// Says what is degraded.
pub(super) fn limitations(sentences: &[String]) {
    for sentence in sentences {
        warn(format_args!("limitation: {sentence}"));
    }
}

/// What is traced, a sentence; tests and scripts wait for it.
pub(super) fn traced(start: &TraceStart) -> String {
    let side = match start.side {
        Sides::Client => "connections opened to",
        Sides::Server => "connections accepted on",
        Sides::Both => "connections opened to and accepted on",
    };
    let pid = only(start.pid, &start.pids, start.process_name.as_deref())
        .map_or_else(String::new, |only| format!(" by {only}"));
    format!(
        "tracing {side} {}{pid}; Ctrl-C stops and reports",
        ports(&start.ports)
    )
}

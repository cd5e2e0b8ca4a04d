// SPDX-License-Identifier: MIT
//! What is said on standard error when tracing begins.

use std::path::Path;

use super::incidents::Watching;
use crate::{
    host::{helper::Keep, journal::Priority},
    view::offers::Offers,
    warn::say,
};
use zkchurn_core::{
    frame::{Sides, TraceStart, only},
    text::ports,
};

/// Says what is degraded.
pub(super) fn limitations(sentences: &[String]) {
    for sentence in sentences {
        say(Priority::Notice, format_args!("limitation: {sentence}"));
    }
}

/// What is traced, a sentence; tests and scripts wait for it.
pub(super) fn traced(start: &TraceStart) -> String {
    format!("{}; Ctrl-C stops and reports", tracing(start))
}

/// The same of one that is looked at, with what was kept for keys.
pub(super) fn looked_at(start: &TraceStart, offers: Offers) -> String {
    let kept = offers.kept();
    let kept = kept.map_or_else(String::new, |kept| format!("; {kept}"));
    format!("{}{kept}", traced(start))
}

/// The same of an agent.
pub(super) fn kept(start: &TraceStart, keep: &Keep) -> String {
    format!(
        "{}; {} keeps what came last",
        tracing(start),
        keep.directory.display()
    )
}

/// How an agent stands: a sentence that stays true for a look or two.
pub(super) fn standing(
    start: Option<&TraceStart>,
    kept: Option<(&Path, bool)>,
    incidents: &Option<Watching>,
) -> String {
    let mut status = start.map(tracing).unwrap_or_default();
    match kept {
        Some((directory, true)) => {
            status += &format!("; {} keeps what came last", directory.display());
        }
        Some((directory, false)) => {
            status += &format!("; nothing is recorded to {}", directory.display());
        }
        None => {}
    }
    if let Some(churn) = incidents.as_ref().and_then(Watching::goes_on) {
        status += &format!("; churn in the last 2 minutes: {churn}");
    }
    status
}

fn tracing(start: &TraceStart) -> String {
    let side = match start.side {
        Sides::Client => "connections opened to",
        Sides::Server => "connections accepted on",
        Sides::Both => "connections opened to and accepted on",
    };
    let pid = only(start.pid, &start.pids, start.process_name.as_deref())
        .map_or_else(String::new, |only| format!(" by {only}"));
    format!("tracing {side} {}{pid}", ports(&start.ports))
}

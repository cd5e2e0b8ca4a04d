// SPDX-License-Identifier: MIT
//! The part of a log that was counted, and whether any line is in it. "No churn found" of
//! lines that nobody looked at is worse than no answer.

use serde::Serialize;

use super::{facts::LogFacts, moment::Moment};

/// What of a log was counted.
#[derive(Debug, Serialize)]
pub struct Range {
    pub since: Option<Moment>,
    pub until: Option<Moment>,
    /// Whether any line of the log is in it, to the second.
    pub has_lines: bool,
}

impl Range {
    /// `None` where all lines are counted.
    pub fn of(facts: &LogFacts) -> Option<Self> {
        let window = facts.window;
        (!window.is_all()).then(|| Self {
            since: window.since,
            until: window.until,
            has_lines: facts.any_in_window(),
        })
    }
}

/// Says so where the log has records, and none of them is in the part that is counted.
pub(super) fn nothing_in(facts: &LogFacts) -> Option<String> {
    if facts.any_in_window() || facts.records == 0 {
        return None;
    }
    Some(match (facts.first(), facts.last()) {
        (Some(first), Some(last)) => format!(
            "This log has no line{}, so nothing was looked at: it goes from {first} to {last}. \
             --since and --until go by {}: is that in another \
             time zone than the times you gave, or are these lines in another file (rotated)?",
            facts.window.words(),
            match facts.is_in_utc() {
                true => "UTC, as its times are numbers",
                false => "the server's clock, as its lines do",
            },
        ),
        _ => "The lines of this log have no complete date (without a year, or day and month may be \
              exchanged), so --since and --until leave none of them, and nothing was looked at: run \
              it without these, or on what `journalctl -o short-iso` prints."
            .to_owned(),
    })
}

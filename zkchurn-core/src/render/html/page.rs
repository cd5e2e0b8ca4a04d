// SPDX-License-Identifier: MIT
//! What stands on a page, as data: the page is made of this and of nothing else. It is in
//! the page too, so that a page can be made again of itself.

use serde::{Deserialize, Serialize};

use super::collect::Chart;

/// The page of a report. Texts may be of anybody; they are made printable when they are
/// written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    /// The worst finding, or that there is none.
    pub title: String,
    /// `certain`, `likely`, `possible`; empty without a finding.
    pub confidence: String,
    pub severity: String,
    /// The answer in one sentence.
    pub answer: String,
    /// Who, to, what, seen, proof, but, or, and, do: each with its sentences.
    pub lead: Vec<Section>,
    /// All findings with their evidence.
    pub findings: Vec<FindingText>,
    /// What each of the busiest flows did.
    pub families: Vec<Vec<String>>,
    /// Sentences below the table.
    pub families_notes: Vec<String>,
    pub chart: Chart,
    /// `us`, `peer`, `kernel`: who closed first.
    pub closes: Vec<Count>,
    pub time_wait: Option<Sockets>,
    /// What the client's pauses are like, where that is known.
    pub rhythm: Option<String>,
    pub stacks: Vec<Stack>,
    pub logs: Vec<LogLine>,
    pub processes: Vec<Section>,
    /// What was traced, what was filtered out and what was lost.
    pub scope: Vec<String>,
    pub limitations: Vec<String>,
    /// The host, and how it was traced.
    pub facts: Vec<(String, String)>,
    /// When the trace began, in words.
    pub from: String,
    pub length_ns: u64,
    pub length: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Section {
    pub name: String,
    pub sentences: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FindingText {
    pub title: String,
    pub confidence: String,
    pub severity: String,
    pub about: String,
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    pub label: String,
    pub count: u64,
}

/// The TIME_WAIT sockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sockets {
    pub sentence: String,
    pub owners: Vec<Count>,
    pub rows: Vec<Vec<String>>,
    pub notes: Vec<String>,
}

/// A thread of a JVM, innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stack {
    pub heading: String,
    pub frames: Vec<String>,
    pub frames_left_out: u64,
}

/// The last of some lines of a log that mean one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LogLine {
    /// Nanoseconds since the trace began, where its time is known and in the trace.
    pub at_ns: Option<u64>,
    pub place: String,
    pub line: String,
    pub meaning: String,
    pub count: u64,
}

/// Most rows of any list: a page that somebody else wrote may have any number.
const MOST: usize = 500;
/// Bytes of any text.
const LONGEST: usize = 4_000;

impl Page {
    /// Cuts what is longer than anything that zkchurn writes; the page stays below 2 MB.
    pub(super) fn bounded(mut self) -> Self {
        self.lead.truncate(MOST);
        self.findings.truncate(40);
        self.families.truncate(MOST);
        self.chart.lanes.truncate(32);
        self.chart.marks.truncate(super::collect::MOST_MARKS);
        self.closes.truncate(8);
        self.stacks.truncate(8);
        self.logs.truncate(24);
        self.processes.truncate(10);
        self.facts.truncate(40);
        self.limitations.truncate(64);
        if let Some(sockets) = &mut self.time_wait {
            sockets.owners.truncate(24);
            sockets.rows.truncate(100);
        }
        self
    }
}

/// A text that is not endless.
pub(super) fn cut(words: &str) -> String {
    crate::text::printable(crate::text::clip(words, LONGEST).as_bytes())
}

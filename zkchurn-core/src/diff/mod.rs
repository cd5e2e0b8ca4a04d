// SPDX-License-Identifier: MIT
//! Two traces side by side: what is new, worse, unchanged, better or gone, and of what that
//! cannot be told (docs/adr/0032).
//!
//! Families are matched by what stays over a restart: the program, by its name and
//! application, and the peer. Pids do not stay.

mod compare;
mod family;
mod few;
mod findings;
mod lifetimes;
mod starts;
mod statistics;
mod taken;
mod trace;
mod verdict;

use serde::Serialize;

use crate::{
    diagnose::{Churn, Confidence, Severity},
    report::{Loss, TraceSummary},
};

pub use compare::compare;
pub use taken::Taken;
pub use verdict::is_worse;

/// Families that are told apart in each trace; connections of further ones are counted.
pub const MOST_FAMILIES: usize = 4096;

/// What became of a family of connections, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It was not there before.
    New,
    Worse,
    /// Whether it changed, or for the better, the two traces do not tell.
    CannotTell,
    Unchanged,
    Better,
    /// It is not there any more.
    Gone,
}

impl Class {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::CannotTell => "cannot tell",
            Self::Unchanged => "unchanged",
            Self::Better => "better",
            Self::Gone => "gone",
        }
    }
}

/// The comparison of two traces.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// What became of all of it: `worse` where new ones end their connections, `new` where they
    /// all keep them; `gone` is `better`.
    pub class: Class,
    /// The same in one sentence.
    pub verdict: String,
    /// Whether there was anything to compare, or it is known that nothing was opened.
    #[serde(skip)]
    pub has_compared: bool,
    pub before: Compared,
    pub after: Compared,
    /// Each family, those that are new first, then the worse ones.
    pub families: Vec<FamilyChange>,
    /// How many families more than are told apart there may be: connections that are in none.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_told_apart: u64,
    /// Findings that appeared or went; such as are in both are left out.
    pub findings: Vec<FindingChange>,
    /// What bears on all of it, each a sentence without its full stop.
    pub notes: Vec<String>,
}

/// One of the two traces.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    #[serde(flatten)]
    pub trace: TraceSummary,
    /// What could not be recorded.
    pub loss: Loss,
    /// Connections that began, in all families.
    pub opened: u64,
}

/// What became of one program and its peer.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyChange {
    pub class: Class,
    /// Name of the program with its application, or of the remote host. Of another process's
    /// making: to be made printable.
    pub program: String,
    /// The peer; of accepted connections the local port.
    pub peer: String,
    /// Why it is in this class, a sentence without its full stop.
    pub why: String,
    pub before: Option<FamilyNumbers>,
    pub after: Option<FamilyNumbers>,
}

/// The numbers of a family in one trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FamilyNumbers {
    /// Connections that began.
    pub opened: u64,
    pub ended: u64,
    /// Connections that were open at the end, older ones too.
    pub open: u64,
    /// Begun connections a second.
    pub per_second: f64,
    /// The interval that holds the rate at 95 %, from how it varied over the trace.
    pub per_second_from: f64,
    pub per_second_to: f64,
    /// Share of the ended ones that failed, 0 to 1; absent where none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<f64>,
    /// Median lifetime of the established ones that ended, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lived_p50_ns: Option<u64>,
    /// The most frequent ways of ending, most frequent first.
    pub outcomes: Vec<OutcomeShare>,
}

/// How often connections ended in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeShare {
    pub outcome: crate::outcome::Outcome,
    pub count: u64,
}

/// A finding that is in one of the traces only.
#[derive(Clone, Debug, Serialize)]
pub struct FindingChange {
    /// `new` or `gone`; `cannot_tell` where the other trace could not have shown it.
    pub class: Class,
    pub name: Churn,
    /// Its name for people.
    pub title: &'static str,
    pub confidence: Confidence,
    pub severity: Severity,
    /// Whom it is about.
    pub who: String,
    /// The peers.
    pub destinations: Vec<String>,
}

/// serde hands out a reference.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

// SPDX-License-Identifier: MIT
//! What a diagnosis says: a name, how sure it is, why, and what to do next.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{churn::Churn, who::WhoRow};

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The evidence fits, and fits something else as well.
    Possible,
    /// The evidence speaks for it more than for anything else known.
    Likely,
    /// The kernel, the protocol or the program itself said so.
    Certain,
}

impl Confidence {
    /// Least sure first.
    pub const ALL: [Self; 3] = [Self::Possible, Self::Likely, Self::Certain];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// How bad it is, if it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody only looks whether the server is there.
    Harmless,
    /// Work gets done, at too high a price.
    Wasteful,
    /// No work gets done.
    Broken,
}

impl Severity {
    /// Least bad first.
    pub const ALL: [Self; 3] = [Self::Harmless, Self::Wasteful, Self::Broken];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Wasteful => "wasteful",
            Self::Broken => "broken",
        }
    }
}

/// What a rule makes of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How sure it is.
    pub confidence: Confidence,
    /// What happens, a sentence.
    pub summary: String,
    /// What speaks for it, a sentence each.
    pub reasons_for: Vec<String>,
    /// What speaks against it, a sentence each.
    pub reasons_against: Vec<String>,
    /// The kinds that it cannot be told apart from.
    pub cannot_tell_from: Vec<Churn>,
    /// What would decide it, a sentence each.
    pub would_decide: Vec<String>,
    /// What to do next, a sentence each.
    pub next: Vec<String>,
    /// Numbers that only this rule uses.
    pub numbers: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// A verdict without its reasons.
    pub fn new(confidence: Confidence, summary: impl Into<String>) -> Self {
        Self {
            confidence,
            summary: summary.into(),
            reasons_for: Vec::new(),
            reasons_against: Vec::new(),
            cannot_tell_from: Vec::new(),
            would_decide: Vec::new(),
            next: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// Makes it no surer than this.
    pub fn at_most(mut self, confidence: Confidence) -> Self {
        self.confidence = self.confidence.min(confidence);
        self
    }

    /// Adds what speaks for it.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reasons_for.push(reason.into());
        self
    }

    /// Adds what speaks against it.
    pub fn but(mut self, reason: impl Into<String>) -> Self {
        self.reasons_against.push(reason.into());
        self
    }

    /// Adds kinds that it cannot be told apart from, each once.
    pub fn cannot_tell_from(mut self, kinds: &[Churn]) -> Self {
        for kind in kinds {
            if !self.cannot_tell_from.contains(kind) {
                self.cannot_tell_from.push(*kind);
            }
        }
        self
    }

    /// Adds what would decide it.
    pub fn decided_by(mut self, what: impl Into<String>) -> Self {
        self.would_decide.push(what.into());
        self
    }

    /// Adds what would decide it, where something is left that would.
    pub fn perhaps_decided_by(mut self, what: Option<impl Into<String>>) -> Self {
        self.would_decide.extend(what.map(Into::into));
        self
    }

    /// Adds what to do next.
    pub fn next(mut self, what: impl Into<String>) -> Self {
        self.next.push(what.into());
        self
    }

    /// Adds what to do next, where something is left to do.
    pub fn perhaps_next(mut self, what: Option<impl Into<String>>) -> Self {
        self.next.extend(what.map(Into::into));
        self
    }

    /// Adds a number that the rule used.
    pub fn number(mut self, name: &'static str, value: u64) -> Self {
        self.numbers.insert(name, value);
        self
    }
}

/// A verdict on somebody: what the report shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What kind of churn it is.
    pub name: Churn,
    /// Its name for people.
    pub title: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// How bad it is, if it is so.
    pub severity: Severity,
    /// Whom it is about.
    pub who: WhoRow,
    /// The peers.
    pub destinations: Vec<String>,
    /// How many connections were opened.
    pub connections: u64,
    /// Whether there may have been more, which had to make room (docs/adr/0013); absent where
    /// not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// How many ended connections it explains; no two findings explain the same one.
    /// Absent where a server's log is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explains: Option<u64>,
    /// What happens, a sentence.
    pub summary: String,
    /// How many connections there were, how they ended and after how long; `None` for a
    /// server's log, which has its own numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The rhythm of the connections, in words.
    pub rhythm: Option<String>,
    /// What speaks for it.
    #[serde(rename = "for")]
    pub reasons_for: Vec<String>,
    /// What speaks against it.
    #[serde(rename = "against")]
    pub reasons_against: Vec<String>,
    /// The numbers it used; names ending in `_ns` are nanoseconds.
    pub numbers: BTreeMap<&'static str, u64>,
    /// The kinds that it cannot be told apart from.
    pub cannot_tell_from: Vec<Churn>,
    /// What else the same connections may be, or are as well; absent where nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    pub would_decide: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
}

/// What another rule makes of the same connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// What kind of churn it would be.
    pub name: Churn,
    /// Its name for people.
    pub title: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// What would happen, a sentence.
    pub summary: String,
}

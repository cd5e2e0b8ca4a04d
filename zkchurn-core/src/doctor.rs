// SPDX-License-Identifier: MIT
//! What a host offers for tracing, as data.

use serde::Serialize;

/// All that `zkchurn doctor` found.
#[derive(Clone, Debug, Serialize)]
pub struct Doctor {
    /// Name of the host.
    #[serde(skip)]
    pub host: String,
    /// Whether a trace would begin here.
    pub can_trace: bool,
    /// The requirements, in the order in which they build on each other.
    pub checks: Vec<Check>,
    /// The capabilities that zkchurn uses.
    pub capabilities: Vec<CapabilityRow>,
}

impl Doctor {
    /// Puts the findings together.
    pub fn new(host: String, checks: Vec<Check>, capabilities: Vec<CapabilityRow>) -> Self {
        let blocks = |check: &Check| check.state.blocks();
        Self {
            host,
            can_trace: !checks.iter().any(blocks),
            checks,
            capabilities,
        }
    }
}

/// How one requirement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Tracing works, with less.
    Degraded,
    /// Tracing does not work; a privilege is missing.
    NotPermitted,
    /// Tracing does not work; the kernel lacks something.
    Unsupported,
    /// Could not be told; tracing will show.
    Unknown,
}

impl State {
    /// Whether no trace begins because of it.
    pub fn blocks(self) -> bool {
        matches!(self, Self::NotPermitted | Self::Unsupported)
    }
}

/// One line of the doctor's finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What follows, if not all is well.
    pub consequence: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Check {
    /// A requirement that is met.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            found: found.into(),
            consequence: None,
            fix: None,
        }
    }

    /// A requirement that is not, with what follows and the fix.
    pub fn not_ok(
        name: &'static str,
        state: State,
        found: impl Into<String>,
        consequence: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            name,
            state,
            found: found.into(),
            consequence: Some(consequence.into()),
            fix: Some(fix.into()),
        }
    }

    /// The check as one sentence, for an error or a degradation.
    pub fn sentence(&self) -> String {
        let mut sentence = format!("{}: {}", self.name, self.found);
        if let Some(consequence) = &self.consequence {
            sentence.push_str(&format!("; {consequence}"));
        }
        if let Some(fix) = &self.fix {
            sentence.push_str(&format!(". Fix: {fix}"));
        }
        sentence
    }
}

/// What becomes of a capability once the kernel program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLoading {
    /// It is given up for good.
    Dropped,
    /// It stays in use: processes begin to churn at any time.
    Kept,
    /// It stays permitted, but takes effect only in the one call that needs it.
    Apart,
}

/// One capability, and whether it is held.
#[derive(Clone, Debug, Serialize)]
pub struct CapabilityRow {
    /// Its name in capabilities(7).
    pub name: &'static str,
    /// Whether this run holds it.
    pub held: bool,
    /// The option, or what is wanted, in a few words.
    pub asked_by: &'static str,
    /// What is done with it.
    pub purpose: &'static str,
    /// What becomes of it once tracing has begun.
    pub after_loading: AfterLoading,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_for_tracing_blocks_it() {
        let blocking = [State::NotPermitted, State::Unsupported];
        assert!(blocking.into_iter().all(State::blocks));
        let others = [State::Ok, State::Degraded, State::Unknown];
        assert!(!others.into_iter().any(State::blocks));
    }
}

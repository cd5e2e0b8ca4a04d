// SPDX-License-Identifier: MIT
//! What came of one kind.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::kinds::Kind;

/// A finding of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub name: String,
    /// `certain`, `likely` or `possible`.
    pub confidence: String,
    /// What it says it cannot be told from.
    pub cannot_tell_from: Vec<String>,
}

/// What came of one kind.
pub(super) struct Outcome {
    pub kind: &'static Kind,
    /// Connections in the recording that began during the trace.
    pub connections: usize,
    /// How they ended.
    pub outcomes: BTreeMap<String, usize>,
    /// Findings from the sockets alone.
    pub plain: Vec<Found>,
    /// Findings with the first bytes as well.
    pub handshake: Vec<Found>,
    /// What does not hold, a sentence each.
    pub failures: Vec<String>,
    /// Until the tracer was attached.
    pub preparation: Option<Duration>,
    /// Until the end.
    pub took: Duration,
}

impl Outcome {
    /// A kind that could not be brought about.
    pub(super) fn broken(kind: &'static Kind, error: &anyhow::Error) -> Self {
        Self {
            kind,
            connections: 0,
            outcomes: BTreeMap::new(),
            plain: Vec::new(),
            handshake: Vec::new(),
            failures: vec![format!("could not be brought about: {error:#}")],
            preparation: None,
            took: Duration::ZERO,
        }
    }

    /// Whether everything holds.
    pub(super) fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = self
            .outcomes
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        write!(
            f,
            "{} {:26} {:4.1} s + {:4.1} s  {:3} connections: {}",
            if self.passed() { "ok  " } else { "FAIL" },
            self.kind.name,
            self.preparation.unwrap_or_default().as_secs_f64(),
            self.took
                .saturating_sub(self.preparation.unwrap_or_default())
                .as_secs_f64(),
            self.connections,
            outcomes.collect::<Vec<_>>().join(", ")
        )?;
        for failure in &self.failures {
            write!(f, "\n       {failure}")?;
        }
        Ok(())
    }
}

// SPDX-License-Identifier: MIT
//! Colours, or none.

use crate::{
    diagnose::{Confidence, Finding, Severity},
    outcome::Outcome,
};

/// Puts SGR sequences (ECMA-48) around text, or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    colour: bool,
}

impl Style {
    /// A style that colours, or not.
    pub(super) fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// Bold: headings and the answer.
    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Dim: what is in order, and what was left out.
    pub(super) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Yellow: what deserves a look.
    pub(super) fn warn(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Bold red: what is broken, beyond much doubt.
    pub(super) fn alarm(&self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// By how bad a finding is and how sure that is.
    pub(super) fn finding(&self, finding: &Finding, text: &str) -> String {
        match (finding.severity, finding.confidence) {
            (Severity::Broken, Confidence::Certain | Confidence::Likely) => self.alarm(text),
            (Severity::Harmless, _) => self.bold(text),
            _ => self.warn(text),
        }
    }

    /// Colours an outcome: red where the connection never did any work.
    pub(super) fn outcome(&self, outcome: Outcome, text: &str) -> String {
        match outcome {
            Outcome::StillOpen | Outcome::Unknown => text.to_owned(),
            outcome if outcome.is_failure() => self.paint("31", text),
            _ => self.paint("32", text),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

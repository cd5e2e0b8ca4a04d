// SPDX-License-Identifier: MIT
//! What a report is expected to find: `finding=refused,confidence>=likely`.

use std::str::FromStr;

use super::{Filter, FilterError};
use crate::diagnose::Finding;

/// What at least one finding must be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation(Filter);

impl FromStr for Expectation {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.trim().is_empty() {
            let sentence =
                "the expectation is empty; write such as 'finding=refused,confidence>=likely'";
            return Err(FilterError::new(text, 0..text.len(), sentence));
        }
        let filter: Filter = text.parse()?;
        match filter.selects_connections() {
            false => Ok(Self(filter)),
            true => Err(FilterError::new(
                text,
                0..text.len(),
                "an expectation is about findings: finding, confidence, severity, connections; \
                 select connections with --filter",
            )),
        }
    }
}

impl Expectation {
    /// Whether one of these findings is so.
    pub fn is_met_by(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|finding| self.0.wants_finding(finding))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

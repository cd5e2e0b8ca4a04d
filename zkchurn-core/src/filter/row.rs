// SPDX-License-Identifier: MIT
//! What a term says of a finding.

use super::grammar::Operator;
use crate::diagnose::{Churn, Confidence, Finding, Severity};

/// A test of one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowPredicate {
    Finding(Churn),
    Confidence(Operator, Confidence),
    Severity(Operator, Severity),
    /// How many connections were opened.
    Connections(Operator, u64),
}

impl RowPredicate {
    /// Whether the finding is so.
    pub(super) fn matches(self, finding: &Finding) -> bool {
        match self {
            Self::Finding(name) => finding.name == name,
            Self::Confidence(operator, bound) => operator.holds(finding.confidence, bound),
            Self::Severity(operator, bound) => operator.holds(finding.severity, bound),
            Self::Connections(operator, bound) => operator.holds(finding.connections, bound),
        }
    }
}

// SPDX-License-Identifier: MIT
//! The findings of the last look, by what tells them apart outside this host: neither pid nor
//! thread, so several of one program are one with a count.

use super::families::label;
use crate::diagnose::{Confidence, Finding};

/// Most that have series of their own, the worst first; all others are one.
pub(super) const MOST_FINDINGS: usize = 10;

/// What stands for all that have none.
const OTHERS: &str = "_other";

/// Findings that nothing exported tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    /// [`crate::diagnose::Churn::id`]
    pub name: &'static str,
    pub confidence: Confidence,
    /// The process's name, or the remote host.
    pub process: String,
    /// The first of its peers.
    pub peer: String,
    /// How many they are.
    pub count: u64,
}

impl Alike {
    fn of(finding: &Finding) -> Self {
        Self {
            name: finding.name.id(),
            confidence: finding.confidence,
            process: label(&finding.who.label),
            peer: finding.destinations.first().cloned().unwrap_or_default(),
            count: 1,
        }
    }

    fn into_others(self) -> Self {
        Self {
            name: OTHERS,
            process: OTHERS.to_owned(),
            peer: OTHERS.to_owned(),
            ..self
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let Self {
            name,
            confidence,
            process,
            peer,
            count: _,
        } = self;
        (*name, *confidence, process, peer)
            == (other.name, other.confidence, &other.process, &other.peer)
    }
}

/// Those that are likely at least, worst first.
pub(super) fn of(findings: &[Finding]) -> Vec<Alike> {
    let likely = findings
        .iter()
        .filter(|finding| finding.confidence >= Confidence::Likely);
    let mut all: Vec<Alike> = Vec::new();
    for one in likely.map(Alike::of) {
        if let Some(known) = all.iter_mut().find(|known| known.is_like(&one)) {
            known.count += 1;
        } else if all.len() < MOST_FINDINGS {
            all.push(one);
        } else if let Some(others) = all.get_mut(MOST_FINDINGS) {
            others.count += 1;
            others.confidence = others.confidence.max(one.confidence);
        } else {
            all.push(one.into_others());
        }
    }
    all
}

// SPDX-License-Identifier: MIT
//! The findings of the last look, by what tells them apart outside this host: neither pid nor
//! thread, so several of one program are one with a count.

use crate::diagnose::{Confidence, Finding};

/// Most that have series of their own, the worst first.
pub(super) const MOST_FINDINGS: usize = 10;

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
            process: finding.who.label.clone(),
            peer: finding.destinations.first().cloned().unwrap_or_default(),
            count: 1,
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
        }
    }
    all
}

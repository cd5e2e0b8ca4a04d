// SPDX-License-Identifier: MIT
//! What zkchurn must make of a kind.

use serde::Serialize;

/// The expectations of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Expected {
    /// Every connection ends in one of these ways.
    pub outcomes: &'static [&'static str],
    /// Least and most payload bytes that a connection sends.
    pub payload_out: (u64, u64),
    /// Least and most payload bytes that a connection receives.
    pub payload_in: (u64, u64),
    /// Findings from the sockets alone.
    pub plain: Findings,
    /// Findings with the first bytes of each direction.
    pub handshake: Findings,
}

/// Expected findings.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Findings {
    /// One of each group must be found, or at least be named among what a
    /// finding cannot be told from.
    pub must: &'static [&'static [&'static str]],
    /// Right as well, but not asked for. Any other is wrong.
    pub may: &'static [&'static str],
}

impl Findings {
    /// Nothing must be found, and nothing may.
    pub(crate) const NONE: Self = Self {
        must: &[],
        may: &[],
    };

    /// One of each of these groups.
    pub(crate) const fn must(groups: &'static [&'static [&'static str]]) -> Self {
        Self {
            must: groups,
            may: &[],
        }
    }

    /// And these are right, too.
    pub(crate) const fn may(self, names: &'static [&'static str]) -> Self {
        Self { may: names, ..self }
    }

    /// Whether a finding of this name is right.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.may.contains(&name) || self.must.iter().any(|group| group.contains(&name))
    }
}

/// Not one byte.
pub(crate) const NONE: (u64, u64) = (0, 0);
/// A ConnectRequest and no more.
pub(crate) const REQUEST: (u64, u64) = (49, 49);
/// A ConnectResponse and no more.
pub(crate) const RESPONSE: (u64, u64) = (41, 41);

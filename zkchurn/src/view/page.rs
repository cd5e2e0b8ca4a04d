// SPDX-License-Identifier: MIT
//! Where Enter goes: a family, its connections, one of them, or what is known of its
//! process and of the finding.

use zkchurn_core::report::family::FamilyKey;

use super::snapshot::ConnectionId;

/// A page, and where its cursor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// A family: what can be looked at of it.
    Family { key: FamilyKey, cursor: usize },
    /// Its connections, or those of one thread.
    Connections {
        key: FamilyKey,
        tid: Option<u32>,
        cursor: Option<ConnectionId>,
    },
    /// One connection.
    Connection {
        key: FamilyKey,
        id: ConnectionId,
        scroll: usize,
    },
    /// The process: its JVM, stacks and log lines.
    Process { key: FamilyKey, scroll: usize },
    /// The finding with all its evidence.
    Evidence { key: FamilyKey, scroll: usize },
}

impl Page {
    /// The family that it is about.
    pub(super) fn family(&self) -> FamilyKey {
        match self {
            Self::Family { key, .. }
            | Self::Connections { key, .. }
            | Self::Connection { key, .. }
            | Self::Process { key, .. }
            | Self::Evidence { key, .. } => *key,
        }
    }

    /// The connection whose record it shows.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Connection { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Where a text is scrolled to.
    pub(super) fn scroll(&mut self) -> Option<&mut usize> {
        match self {
            Self::Connection { scroll, .. }
            | Self::Process { scroll, .. }
            | Self::Evidence { scroll, .. } => Some(scroll),
            Self::Family { .. } | Self::Connections { .. } => None,
        }
    }
}

/// What can be looked at of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The finding about it.
    Evidence,
    /// Its process.
    Process,
    /// All its connections.
    Connections,
    /// Those of one thread.
    Thread(u32),
}

// SPDX-License-Identifier: MIT
//! What of a trace is compared.

use std::collections::BTreeMap;

use super::{
    MOST_FAMILIES,
    family::{Family, Key},
};
use crate::{
    connection::Connection, frame::TraceStart, outcome::Outcome, process::ProcessIdentity,
    report::Report,
};

/// What was collected of a trace.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub(super) families: BTreeMap<Key, Family>,
    /// Connections of families beyond [`MOST_FAMILIES`].
    pub(super) beyond: u64,
    start: Option<TraceStart>,
    pub(super) report: Option<Report>,
}

impl Taken {
    /// The trace begins.
    pub fn begin(&mut self, start: &TraceStart) {
        self.start = Some(start.clone());
    }

    /// A connection has ended, or was open at the end.
    pub fn count(
        &mut self,
        connection: &Connection,
        outcome: Outcome,
        process: Option<&ProcessIdentity>,
    ) {
        let key = Key::of(connection, process);
        if self.families.len() >= MOST_FAMILIES && !self.families.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        let start = self.start.as_ref();
        let from_ns = start.map_or(0, |start| start.clock.monotonic_ns);
        let family = self.families.entry(key).or_default();
        family.count(connection, outcome, from_ns);
    }

    /// The trace is over.
    pub fn end(&mut self, report: &Report) {
        self.report = Some(report.clone());
    }

    /// Which trace it is, where the recording has an id.
    pub(super) fn run_id(&self) -> Option<&str> {
        self.start.as_ref()?.run_id.as_deref()
    }
}

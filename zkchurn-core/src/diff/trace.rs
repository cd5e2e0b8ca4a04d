// SPDX-License-Identifier: MIT
//! A trace of a comparison: how long it was, what it could see, and what it lost.

use super::{Compared, Taken, family::Key};
use crate::{
    connection::Side,
    frame::Sides,
    report::{Loss, Report, TraceSummary},
};

/// Why a host that is remote to a trace of the server's side is not to one of both.
const MERGED: &str = "traced both sides: what its own host opens is in the client's row there";

/// A trace with its report.
pub(super) struct Trace<'a> {
    pub taken: &'a Taken,
    pub report: &'a Report,
}

impl<'a> Trace<'a> {
    pub(super) fn of(taken: &'a Taken) -> Option<Self> {
        let report = taken.report.as_ref()?;
        Some(Self { taken, report })
    }

    pub(super) fn compared(&self) -> Compared {
        Compared {
            trace: self.report.trace.clone(),
            loss: self.report.loss.clone(),
            opened: self.report.total.opened,
        }
    }

    pub(super) fn length_ns(&self) -> u64 {
        self.report.trace.length_ns
    }

    pub(super) fn seconds(&self) -> f64 {
        self.length_ns() as f64 / 1e9
    }

    /// Why connections of this family could not be seen in it, if so.
    fn could_not_see(&self, side: Side, port: u16, other: &TraceSummary) -> Option<String> {
        let trace = &self.report.trace;
        let sees_side = match trace.side {
            Sides::Both => true,
            Sides::Client => side == Side::Client,
            Sides::Server => side == Side::Server,
        };
        if !trace.ports.contains(&port) {
            Some(format!("did not trace port {port}"))
        } else if !sees_side {
            Some(format!("traced the {} only", trace.side.words()))
        } else if trace.process_name.is_some() && trace.process_name == other.process_name {
            // A name is the same after a restart.
            None
        } else {
            trace.only().map(|only| format!("traced {only} only"))
        }
    }

    /// Why it means nothing that this trace, by its name, has nothing of a family of the
    /// other, if so.
    pub(super) fn may_have_missed(&self, key: &Key, other: &Self, name: &str) -> Option<String> {
        if let Some(why) = self.could_not_see(key.side(), key.port(), &other.report.trace) {
            return Some(format!("{name} {why}"));
        }
        let is_full = self.taken.beyond > 0;
        is_full.then(|| format!("{name} has more programs and peers than are told apart"))
    }

    /// Why connections that the other counts for a remote host count for a program here, if so.
    pub(super) fn has_merged(&self, key: &Key, other: &Self) -> Option<&'static str> {
        let sides = (self.report.trace.side, other.report.trace.side);
        let is_filtered = self.report.filtered.as_ref();
        let is_filtered = is_filtered.is_some_and(|filtered| filtered.connections > 0);
        let is_merged = sides == (Sides::Both, Sides::Server)
            && key.side() == Side::Server
            && (is_filtered || self.taken.may_have_merged(key));
        is_merged.then_some(MERGED)
    }

    /// Why the other may count more of a family that both have, if so.
    pub(super) fn sees_less(&self, other: &Self) -> Option<String> {
        let (one, other) = (&self.report.trace, &other.report.trace);
        let processes = |trace: &TraceSummary| match trace.pid {
            Some(_) => 1,
            None => trace.pids.len(),
        };
        let is_same_name = one.process_name.is_some() && one.process_name == other.process_name;
        // Of one process each, such as before and after a restart, the counts compare.
        if is_same_name || processes(one) == processes(other) {
            return None;
        }
        one.only().map(|only| format!("traced {only} only"))
    }

    /// Connections of which it is not known whose they were, as a share of all.
    pub(super) fn lost(&self) -> f64 {
        let lost = lost(&self.report.loss) as f64;
        let all = self.report.total.opened as f64 + lost;
        if all > 0.0 { lost / all } else { 0.0 }
    }
}

/// Records that are not in it.
pub(super) fn lost(loss: &Loss) -> u64 {
    let kernel = &loss.kernel;
    [
        kernel.ended_records_dropped,
        kernel.table_full,
        kernel.recursion_misses.unwrap_or(0),
        loss.undecodable_records,
        loss.unknown_records,
        loss.missing.records_missing,
    ]
    .iter()
    .fold(0, |sum, count| sum.saturating_add(*count))
}

// SPDX-License-Identifier: MIT
//! Closer looks at the processes that churn, while a trace goes on and at its end.

use std::time::Instant;

use zkchurn_core::{
    frame::Frame,
    inspection::{Details, Inspection},
    process::ProcessKey,
};

use super::{
    follow::Trace,
    schedule::{CHURNS_FROM, MOST_SUSPECTS},
    source::{Probes, Source},
};
use crate::host::inspector::PATIENCE;

impl<S: Source, P: Probes> Trace<S, P> {
    /// Has the processes that churn looked at, and takes what was seen of them.
    pub(super) fn look_at_suspects(&mut self) {
        let churning = self.sink.pipeline.churning(CHURNS_FROM, MOST_SUSPECTS);
        let now_ns = self.probes.monotonic_ns();
        for request in self.schedule.due(churning, now_ns) {
            self.probes.ask(request);
        }
        while let Some(inspection) = self.probes.take() {
            self.seen(&inspection);
        }
    }

    fn seen(&mut self, inspection: &Inspection) {
        self.schedule.done(inspection);
        self.sink.emit(Frame::Inspection(inspection));
    }

    /// Looks at the processes that nobody has looked at yet, and waits for all
    /// looks, but not for ever.
    pub(super) fn look_at_last(&mut self) {
        let churning = self.sink.pipeline.churning(1, MOST_SUSPECTS);
        let now_ns = self.probes.monotonic_ns();
        for request in self.schedule.last(churning, now_ns) {
            self.probes.ask(request);
        }
        let deadline = Instant::now() + PATIENCE;
        while let Some(inspection) = self.probes.wait(deadline) {
            self.seen(&inspection);
        }
        for key in self.probes.owed().to_vec() {
            if self.sink.pipeline.has_inspection(key) {
                // What an earlier look brought is still true.
                continue;
            }
            self.seen(&not_seen(key, self.probes.monotonic_ns()));
        }
    }
}

/// What stands for a look that did not end.
fn not_seen(key: ProcessKey, at_ns: u64) -> Inspection {
    let sentence = format!("inspecting it took longer than {} s", PATIENCE.as_secs());
    Inspection {
        key,
        at_ns,
        details: Some(Details {
            notes: vec![sentence],
            ..Details::default()
        }),
        jvm: None,
        logs: None,
    }
}

// SPDX-License-Identifier: MIT
//! The loop of a live trace: records, intervals and closer looks until something ends it,
//! and the end.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use zerocopy::IntoBytes;
use zkchurn_core::{
    frame::{Frame, Mark},
    timewait::{Snapshot, TimeWaitSocket},
};

use super::{
    pace::{BATCH, Pace, next},
    schedule::Schedule,
    settings::TraceSettings,
    sink::Sink,
    source::{Probes, Source},
};
use crate::{
    exit::{Code, Failure},
    host::sock_diag::{self, Query},
};

/// How often it is asked who churns enough for a closer look.
pub const SUSPECT_EVERY: Duration = Duration::from_secs(1);

/// A trace that is going on.
pub struct Trace<S, P> {
    /// Where its records come from.
    pub source: S,
    /// Where they go.
    pub sink: Sink,
    /// Who is looked at when.
    pub schedule: Schedule,
    /// What else it asks of the host.
    pub probes: P,
}

impl<S: Source, P: Probes> Trace<S, P> {
    /// Takes records until `stop`, the deadline or the end of the output. `looked` is
    /// called after each look into the ring buffer.
    pub(super) async fn follow(
        &mut self,
        settings: &TraceSettings,
        stop: impl Future<Output = ()>,
        mut looked: impl FnMut(),
    ) {
        let began = Instant::now();
        let deadline = settings.duration.map(|duration| began + duration);
        let mut next_interval = began + settings.interval;
        let mut next_suspects = began + SUSPECT_EVERY;
        let mut pace = Pace::new(settings.buffer_kib, began);
        tokio::pin!(stop);
        while !self.sink.output_failed() {
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = until(deadline) => return,
                () = sleep_until(next_interval), if !settings.interval.is_zero() => {
                    next_interval = next(next_interval, settings.interval);
                    self.end_interval();
                }
                () = sleep_until(next_suspects) => {
                    next_suspects = next(next_suspects, SUSPECT_EVERY);
                    self.look_at_suspects();
                }
                () = sleep(pace.pause()) => {
                    let taken = self.take_batch();
                    pace.found(taken, Instant::now());
                    if taken > 0 {
                        self.sink.flush();
                    }
                    looked();
                }
            }
        }
    }

    fn end_interval(&mut self) {
        self.take_all();
        let mark = self.mark();
        self.sink.emit(Frame::Interval(&mark));
        self.sink.flush();
    }

    fn take_batch(&mut self) -> usize {
        let sink = &mut self.sink;
        self.source.drain(BATCH, |record| sink.take(record))
    }

    fn take_all(&mut self) {
        while self.take_batch() == BATCH {}
    }

    fn mark(&self) -> Mark {
        Mark {
            monotonic_ns: self.probes.monotonic_ns(),
            loss: self.source.loss(),
        }
    }

    /// Detaches, takes what is left, and reports.
    pub(super) fn finish(mut self, settings: &TraceSettings) -> Result<Code, Failure> {
        // The counter of skipped runs goes with the program.
        let mut mark = self.mark();
        let misses = mark.loss.recursion_misses;
        self.source
            .detach()
            .map_err(|error| Failure::new(Code::Failure, error))?;
        if self.sink.output_failed() && !self.sink.records() {
            return self.sink.finish();
        }
        self.take_all();
        for record in self.source.open_connections(self.probes.monotonic_ns()) {
            self.sink.take(record.as_bytes());
        }
        mark = self.mark();
        mark.loss.recursion_misses = misses;
        self.list_time_wait(settings);
        self.look_at_last();
        self.sink.emit(Frame::End(&mark));
        self.sink.flush();
        self.sink.finish()
    }

    /// Lists the sockets in TIME_WAIT, whose owners have all been recorded now.
    fn list_time_wait(&mut self, settings: &TraceSettings) {
        let at_ns = self.probes.monotonic_ns();
        let query = Query {
            ports: &settings.ports,
            sides: settings.sides,
            states: 1 << sock_diag::TIME_WAIT,
        };
        let listing = self.probes.sockets(&query, self.sink.pipeline.namespaces());
        let sockets: Vec<_> = listing
            .sockets
            .iter()
            .map(|socket| TimeWaitSocket {
                cookie: socket.cookie,
                netns: socket.netns,
                local: socket.local,
                remote: socket.remote,
                left_ms: socket.expires_ms,
            })
            .collect();
        for part in Snapshot::parts(at_ns, &sockets, listing.notes) {
            self.sink.emit(Frame::TimeWait(&part));
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

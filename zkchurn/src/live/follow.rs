// SPDX-License-Identifier: MIT
//! The loop of a live trace: records, intervals and closer looks until something ends it,
//! and the end.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use zerocopy::IntoBytes;
use zkchurn_core::frame::Mark;

use super::{
    collector::Collector,
    ending::Ending,
    pace::{BATCH, Pace, next},
    settings::TraceSettings,
    source::{Probes, Source},
};
use crate::exit::{Code, Failure};

/// How often it is asked who churns enough for a closer look.
pub const SUSPECT_EVERY: Duration = Duration::from_secs(1);

/// A trace that is going on.
pub struct Trace<S, P> {
    /// Where its records come from.
    pub source: S,
    /// What becomes of them.
    pub collector: Collector<P>,
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
        // What is beyond the clock's end never comes.
        let deadline = settings.duration.and_then(|time| began.checked_add(time));
        let mut next_interval = match settings.interval {
            Duration::ZERO => None,
            every => began.checked_add(every),
        };
        let mut next_suspects = began + SUSPECT_EVERY;
        let mut pace = Pace::new(settings.buffer_kib, began);
        let mut next_look = began + pace.pause();
        let mut is_answered = true;
        tokio::pin!(stop);
        while !self.collector.sink.output_failed() {
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = until(deadline) => return,
                () = until(next_interval) => {
                    next_interval = next_interval.and_then(|last| next(last, settings.interval));
                    self.end_interval();
                }
                () = sleep_until(next_suspects) => {
                    next_suspects = next(next_suspects, SUSPECT_EVERY).unwrap_or(next_suspects);
                    self.collector.look_at_suspects();
                    self.collector.sink.tell_of_dropped();
                }
                () = until(self.collector.until()) => self.collector.release(false),
                answer = self.collector.probes.answer(), if is_answered => match answer {
                    Some(answer) => self.collector.answered(answer),
                    None => {
                        is_answered = false;
                        self.collector.helper_has_ended();
                    }
                },
                () = sleep_until(next_look) => {
                    let taken = self.take_batch();
                    let now = Instant::now();
                    pace.found(taken, now);
                    next_look = now + pace.pause();
                    if taken > 0 {
                        self.collector.sink.flush();
                    }
                    looked();
                }
            }
        }
    }

    fn end_interval(&mut self) {
        self.take_all();
        let mark = self.mark();
        self.collector.end_interval(mark);
    }

    fn take_batch(&mut self) -> usize {
        let collector = &mut self.collector;
        self.source.drain(BATCH, |record| collector.take(record))
    }

    fn take_all(&mut self) {
        while self.take_batch() == BATCH {}
    }

    fn mark(&self) -> Mark {
        Mark {
            monotonic_ns: self.collector.probes.monotonic_ns(),
            loss: self.source.loss(),
        }
    }

    /// Detaches, takes what is left, and reports.
    pub(super) async fn finish(mut self, settings: &TraceSettings) -> Result<Code, Failure> {
        let ending = Ending::begins();
        // The counter of skipped runs goes with the program.
        let mut mark = self.mark();
        let misses = mark.loss.recursion_misses;
        self.source
            .detach()
            .map_err(|error| Failure::new(Code::Failure, error))?;
        let now_ns = self.collector.probes.monotonic_ns();
        let Self { source, collector } = &mut self;
        if collector.sink.output_failed() && !collector.sink.records() {
            return self.collector.sink.finish(&ending);
        }
        while source.drain(BATCH, |record| collector.take(record)) == BATCH {}
        for record in source.open_connections(now_ns) {
            collector.take(record.as_bytes());
        }
        mark = self.mark();
        mark.loss.recursion_misses = misses;
        self.collector.finish(settings, &mark, &ending).await
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

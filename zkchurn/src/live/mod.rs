// SPDX-License-Identifier: MIT
//! A live trace: the rim where clock, signals, kernel, `/proc` and files meet
//! the pipeline.

mod announce;
mod attach;
mod older;
mod older_record;
mod schedule;
pub mod settings;
mod signals;
mod sink;

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep, sleep_until};
use zerocopy::IntoBytes;
use zkchurn_common::record::RECORD_SIZE;
use zkchurn_core::{
    doctor::Check,
    frame::{Frame, Mark, TraceStart},
    inspection::{Details, Inspection},
    pipeline::{Pipeline, View},
    render::Renderer,
    timewait::{Snapshot, TimeWaitSocket},
};

use crate::{
    exit::{Code, Failure},
    host::{
        clock::{clock_pair, monotonic_ns},
        inspector::{Inspector, PATIENCE},
        jvm::JvmMode,
        kernel::KernelSource,
        preflight::{facts::Facts, verdict::judge},
        privilege::{held, needs},
        sock_diag::{self, Query},
    },
};
use older::Wanted;
use schedule::{CHURNS_FROM, MOST_SUSPECTS, Schedule};
use settings::TraceSettings;
use signals::Signals;
use sink::Sink;

/// How often the ring buffer is looked at. The kernel program never wakes the
/// reader: a wake-up costs several times what recording does (docs/adr/0003).
const POLL: Duration = Duration::from_millis(50);
/// The same after a look that found much.
const POLL_BUSY: Duration = Duration::from_millis(5);
/// The same as long as nothing was found, and for how long at most: whoever starts a
/// trace is waiting for its first line.
const POLL_EAGER: Duration = Duration::from_millis(2);
const EAGER_FOR: Duration = Duration::from_millis(100);
/// A look that finds more than this part of the buffer full has found much.
const MUCH: u32 = 4;
/// Records that are taken before signals and timers get their turn.
const BATCH: usize = 8_192;

/// How often it is asked who churns enough for a closer look.
const SUSPECT_EVERY: Duration = Duration::from_secs(1);

/// Traces until a signal or the end of the duration, then reports through
/// `renderer`.
///
/// # Errors
///
/// Tracing is not possible here, or an output cannot be written.
pub fn run(settings: &TraceSettings, renderer: Box<dyn Renderer>) -> Result<Code, Failure> {
    let facts = Facts::gather();
    attach::check_arguments(settings, &facts)?;
    let checks = judge(&facts);
    attach::refuse_if_impossible(&checks)?;
    attach::ensure_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Failure, error))?;
    let view = View {
        top: settings.top,
        time_wait_rows: settings.time_wait_rows,
    };
    let pipeline = Pipeline::new(renderer, view);
    runtime.block_on(async {
        let signals = Signals::new().map_err(|error| Failure::new(Code::Failure, error))?;
        let name_applications = settings.jvm != JvmMode::Off;
        let source = attach::attach(settings, &facts)?;
        // Now that tracing is possible: nothing is left behind where it is not.
        let sink = Sink::new(settings.record.as_deref(), pipeline, name_applications)?;
        // There is one thread still, and all others will be its children.
        held::keep_only(needs::kept(settings.asked(), facts.release))
            .map_err(|error| Failure::new(Code::Failure, error))?;
        let traced = async {
            let mut trace = Trace::begin(settings, &facts, &checks, source, sink)?;
            trace.follow(settings, signals).await;
            trace.finish(settings)
        };
        let traced = traced.await;
        if let (Err(_), Some(path)) = (&traced, &settings.record) {
            sink::tell_of_partial(path);
        }
        traced
    })
}

/// A trace that is going on.
struct Trace {
    source: KernelSource,
    sink: Sink,
    schedule: Schedule,
    inspector: Inspector,
}

impl Trace {
    fn begin(
        settings: &TraceSettings,
        facts: &Facts,
        checks: &[Check],
        mut source: KernelSource,
        mut sink: Sink,
    ) -> Result<Self, Failure> {
        let clock = clock_pair();
        let wanted = Wanted {
            ports: &settings.ports,
            sides: settings.sides,
            pid: settings.pid,
        };
        let older = older::follow(&mut source, wanted, clock.monotonic_ns);
        let mut degraded = attach::degraded(settings, checks, &source);
        degraded.extend(older.notes);
        let start = TraceStart {
            zkchurn: env!("CARGO_PKG_VERSION").to_owned(),
            clock,
            host: facts.host.clone(),
            kernel: facts.kernel.clone(),
            hook: source.hook(),
            ports: settings.ports.clone(),
            side: settings.sides,
            pid: wanted.pid,
            handshake: source.captures_handshakes() == Ok(true),
            degraded,
        };
        announce::announce(&start);
        sink.emit(Frame::Start(&start));
        for record in &older.records {
            sink.take(record.as_bytes());
        }
        sink.flush();
        let inspector = Inspector::start()
            .context("a second thread cannot be started; `ulimit -u` may be too low")
            .map_err(|error| Failure::new(Code::Failure, error))?;
        Ok(Self {
            source,
            sink,
            schedule: Schedule::new(settings.jvm, settings.logs),
            inspector,
        })
    }

    /// Takes records until a signal, the deadline or the end of the output.
    async fn follow(&mut self, settings: &TraceSettings, mut signals: Signals) {
        let mut logger = match settings.verbose {
            0 | 1 => None,
            _ => self.source.logger().ok(),
        };
        let began = Instant::now();
        let deadline = settings.duration.map(|duration| began + duration);
        let mut next_interval = began + settings.interval;
        let mut next_suspects = began + SUSPECT_EVERY;
        let mut pause = POLL_EAGER;
        let much = records_in(settings.buffer_kib / MUCH);
        while !self.sink.output_failed() {
            tokio::select! {
                biased;
                () = signals.any() => return,
                () = until(deadline) => return,
                () = sleep_until(next_interval), if !settings.interval.is_zero() => {
                    next_interval = next(next_interval, settings.interval);
                    self.take_all();
                    let mark = self.mark();
                    self.sink.emit(Frame::Interval(&mark));
                    self.sink.flush();
                }
                () = sleep_until(next_suspects) => {
                    next_suspects = next(next_suspects, SUSPECT_EVERY);
                    self.look_at_suspects();
                }
                () = sleep(pause) => {
                    let taken = self.take_batch();
                    pause = match taken {
                        BATCH => Duration::ZERO,
                        taken if taken > much => POLL_BUSY,
                        0 if pause == POLL_EAGER && began.elapsed() < EAGER_FOR => POLL_EAGER,
                        _ => POLL,
                    };
                    if taken > 0 {
                        self.sink.flush();
                    }
                    if let Some(logger) = &mut logger {
                        logger.flush();
                    }
                }
            }
        }
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
            monotonic_ns: monotonic_ns(),
            loss: self.source.loss(),
        }
    }

    /// Has the processes that churn looked at, and takes what was seen of them.
    fn look_at_suspects(&mut self) {
        let churning = self.sink.pipeline.churning(CHURNS_FROM, MOST_SUSPECTS);
        for request in self.schedule.due(churning, monotonic_ns()) {
            self.inspector.ask(request);
        }
        while let Some(inspection) = self.inspector.take() {
            self.seen(&inspection);
        }
    }

    fn seen(&mut self, inspection: &Inspection) {
        self.schedule.done(inspection);
        self.sink.emit(Frame::Inspection(inspection));
    }

    /// Detaches, takes what is left, and reports.
    fn finish(mut self, settings: &TraceSettings) -> Result<Code, Failure> {
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
        for record in self.source.open_connections(monotonic_ns()) {
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
        let at_ns = monotonic_ns();
        let query = Query {
            ports: &settings.ports,
            sides: settings.sides,
            states: 1 << sock_diag::TIME_WAIT,
        };
        let listing = sock_diag::list_of(&query, self.sink.pipeline.namespaces());
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

    /// Looks at the processes that nobody has looked at yet, and waits for all
    /// looks, but not for ever.
    fn look_at_last(&mut self) {
        let churning = self.sink.pipeline.churning(1, MOST_SUSPECTS);
        for request in self.schedule.last(churning, monotonic_ns()) {
            self.inspector.ask(request);
        }
        let deadline = std::time::Instant::now() + PATIENCE;
        while let Some(inspection) = self.inspector.wait(deadline) {
            self.seen(&inspection);
        }
        for key in self.inspector.owed().to_vec() {
            if self.sink.pipeline.has_inspection(key) {
                // What an earlier look brought is still true.
                continue;
            }
            let sentence = format!("inspecting it took longer than {} s", PATIENCE.as_secs());
            self.seen(&Inspection {
                key,
                at_ns: monotonic_ns(),
                details: Some(Details {
                    notes: vec![sentence],
                    ..Details::default()
                }),
                jvm: None,
                logs: None,
            });
        }
    }
}

/// The next turn of something periodic: after a time in which this process was
/// stopped not one for each that was missed.
fn next(last: Instant, every: Duration) -> Instant {
    let next = last + every;
    match next.checked_duration_since(Instant::now()) {
        Some(_) => next,
        None => Instant::now() + every,
    }
}

/// How many records fill so many KiB of the ring buffer, each with its header of 8 bytes
/// (kernel/bpf/ringbuf.c, `struct bpf_ringbuf_hdr`).
fn records_in(kib: u32) -> usize {
    kib as usize * 1024 / (RECORD_SIZE + 8)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_while_stopped_is_not_made_up_for() {
        let every = Duration::from_secs(10);
        let now = Instant::now();
        assert_eq!(next(now, every), now + every);
        let stopped = now - 6 * every;
        assert!(next(stopped, every) >= now + every);
    }
}

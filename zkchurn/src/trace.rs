// SPDX-License-Identifier: MIT
//! A live trace: the rim where clock, signals, kernel, `/proc` and files meet
//! the pipeline.

use std::{fs, fs::File, io::BufWriter, path::PathBuf, time::Duration};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    cli::TraceArgs,
    clock::ClockPair,
    decode::process_of,
    doctor,
    exit::{Code, Failure},
    frame::{Frame, Mark, Sides, TraceStart},
    identify::{procfs, registry::Registry},
    output,
    pipeline::Pipeline,
    preflight::{
        facts::Facts,
        verdict::{Check, State, judge},
    },
    recording::writer::Writer,
    render::Renderer,
    source::{
        BUILT_IN,
        kernel::{KernelConfig, KernelError, KernelSource, is_permission},
    },
};

/// How often the ring buffer is looked at. The kernel program never wakes the
/// reader: a wake-up costs several times what recording does (docs/adr/0003).
const POLL: Duration = Duration::from_millis(50);
/// The same after a look that found much.
const POLL_BUSY: Duration = Duration::from_millis(5);
/// Records in one look that count as much.
const MUCH: usize = 2_000;
/// Records that are taken before signals and timers get their turn.
const BATCH: usize = 8_192;

/// Traces until a signal or the end of the duration, then reports.
///
/// # Errors
///
/// Tracing is not possible here, or an output cannot be written.
pub fn run(args: &TraceArgs) -> Result<Code, Failure> {
    check_arguments(args)?;
    let facts = Facts::gather();
    let checks = judge(&facts);
    refuse_if_impossible(&checks)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Failure, error))?;
    runtime.block_on(async {
        let signals = Signals::new().map_err(|error| Failure::new(Code::Failure, error))?;
        let source = attach(args, &facts)?;
        let mut trace = Trace::begin(args, &facts, &checks, source)?;
        trace.follow(args, signals).await?;
        trace.finish()
    })
}

fn check_arguments(args: &TraceArgs) -> Result<(), Failure> {
    if args.pid.is_some() && args.side != Sides::Client {
        return Err(Failure::sentence(
            Code::Usage,
            "--pid works with --side client only: no process opens an accepted connection",
        ));
    }
    if let Some(pid) = args.pid
        && fs::metadata(format!("/proc/{pid}")).is_err()
    {
        return Err(Failure::sentence(
            Code::Usage,
            format!("there is no process {pid}: `ps` shows the pids on this host"),
        ));
    }
    Ok(())
}

fn refuse_if_impossible(checks: &[Check]) -> Result<(), Failure> {
    let blocking = |check: &&Check| matches!(check.state, State::NotPermitted | State::Unsupported);
    let sentences: Vec<_> = checks
        .iter()
        .filter(blocking)
        .map(Check::sentence)
        .collect();
    if sentences.is_empty() {
        return Ok(());
    }
    Err(Failure::sentence(
        doctor::code(checks),
        sentences.join("; "),
    ))
}

fn attach(args: &TraceArgs, facts: &Facts) -> Result<KernelSource, Failure> {
    let config = KernelConfig {
        ports: args.port.clone(),
        side: args.side,
        pid: args.pid.map(std::num::NonZeroU32::get),
        table_size: args.table_size,
        ring_bytes: args.buffer * 1024,
        hook: args.hook,
        kernel_log_level: if args.verbose >= 2 { 5 } else { 0 },
    };
    let attached = match &args.bpf_object {
        Some(path) => {
            let object = fs::read(path)
                .with_context(|| format!("{} cannot be read", path.display()))
                .map_err(|error| Failure::new(Code::Unreadable, error))?;
            KernelSource::attach(&object, &config, facts)
        }
        None => KernelSource::attach(BUILT_IN, &config, facts),
    };
    attached.map_err(|error| {
        let code = if is_permission(&error) {
            Code::NotPermitted
        } else {
            Code::Unsupported
        };
        let hint = match code {
            Code::NotPermitted => "run it with sudo; `zkchurn doctor` says what is missing",
            _ => "`zkchurn doctor` says what this host offers",
        };
        let error: anyhow::Error = shorten(error);
        Failure::new(code, error.context(hint))
    })
}

/// Keeps the verifier's log, which may have thousands of lines, out of the sentence.
fn shorten(error: KernelError) -> anyhow::Error {
    log::debug!("{error:?}");
    let text = error.to_string();
    match text.split_once('\n') {
        Some((first, _)) => anyhow::Error::msg(format!("{first} (-v shows the verifier's log)")),
        None => error.into(),
    }
}

/// The signals that end a trace.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// A trace that is going on.
struct Trace {
    source: KernelSource,
    sink: Sink,
}

/// Where frames go: the recording, if any, and the pipeline.
struct Sink {
    recording: Option<Recording>,
    pipeline: Pipeline<Box<dyn Renderer>>,
    seen: Registry,
    recording_failed: bool,
}

struct Recording {
    path: PathBuf,
    writer: Writer<BufWriter<File>>,
}

impl Trace {
    fn begin(
        args: &TraceArgs,
        facts: &Facts,
        checks: &[Check],
        source: KernelSource,
    ) -> Result<Self, Failure> {
        let recording = args.record.as_deref().map(start_recording).transpose()?;
        let start = TraceStart {
            zkchurn: env!("CARGO_PKG_VERSION").to_owned(),
            clock: clock_pair(),
            host: facts.host.clone(),
            kernel: facts.kernel.clone(),
            hook: source.hook(),
            ports: args.port.clone(),
            side: args.side,
            pid: args.pid.map(std::num::NonZeroU32::get),
            degraded: degraded(checks, &source),
        };
        let mut sink = Sink {
            recording,
            pipeline: Pipeline::new(output::renderer(&args.output), args.output.top),
            seen: Registry::default(),
            recording_failed: false,
        };
        announce(&start);
        sink.emit(Frame::Start(&start))?;
        sink.flush()?;
        Ok(Self { source, sink })
    }

    /// Takes records until a signal or the deadline.
    async fn follow(&mut self, args: &TraceArgs, mut signals: Signals) -> Result<(), Failure> {
        let mut logger = match args.verbose {
            0 | 1 => None,
            _ => self.source.logger().ok(),
        };
        let began = Instant::now();
        let deadline = args.duration.map(|duration| began + duration);
        let mut next_interval = began + args.interval;
        let mut pause = POLL;
        loop {
            tokio::select! {
                biased;
                () = signals.any() => return Ok(()),
                () = until(deadline) => return Ok(()),
                () = sleep_until(next_interval), if !args.interval.is_zero() => {
                    next_interval += args.interval;
                    self.take_all()?;
                    let mark = self.mark();
                    self.sink.emit(Frame::Interval(&mark))?;
                    self.sink.flush()?;
                }
                () = sleep(pause) => {
                    let taken = self.take_batch()?;
                    pause = match taken {
                        BATCH => Duration::ZERO,
                        taken if taken > MUCH => POLL_BUSY,
                        _ => POLL,
                    };
                    if taken > 0 {
                        self.sink.flush()?;
                    }
                    if let Some(logger) = &mut logger {
                        logger.flush();
                    }
                }
            }
        }
    }

    fn take_batch(&mut self) -> Result<usize, Failure> {
        let sink = &mut self.sink;
        self.source.drain(BATCH, |record| sink.take(record))
    }

    fn take_all(&mut self) -> Result<(), Failure> {
        while self.take_batch()? == BATCH {}
        Ok(())
    }

    fn mark(&self) -> Mark {
        Mark {
            monotonic_ns: monotonic_ns(),
            loss: self.source.loss(),
        }
    }

    /// Detaches, takes what is left, and reports.
    fn finish(mut self) -> Result<Code, Failure> {
        // The counter of skipped runs goes with the program.
        let mut mark = self.mark();
        let misses = mark.loss.recursion_misses;
        self.source
            .detach()
            .map_err(|error| Failure::new(Code::Failure, error))?;
        self.take_all()?;
        for record in self.source.open_connections() {
            self.sink.take(&record)?;
        }
        mark = self.mark();
        mark.loss.recursion_misses = misses;
        self.sink.emit(Frame::End(&mark))?;
        self.sink.flush()?;
        Ok(if self.sink.recording_failed {
            Code::Unwritable
        } else {
            Code::Success
        })
    }
}

impl Sink {
    /// Takes a record, and looks its process up when it is the first of it.
    fn take(&mut self, record: &[u8]) -> Result<(), Failure> {
        if let Some(key) = process_of(record)
            && self.seen.first_sight(key)
            && let Some(identity) = procfs::read(key)
        {
            self.emit(Frame::Process(&identity))?;
        }
        self.emit(Frame::Connection(record))
    }

    fn emit(&mut self, frame: Frame<'_>) -> Result<(), Failure> {
        self.record(|recording| recording.writer.write(frame));
        Ok(self.pipeline.accept(frame)?)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.record(|recording| recording.writer.flush());
        Ok(self.pipeline.flush()?)
    }

    /// A recording that fails ends, and the trace goes on without it.
    fn record(&mut self, act: impl FnOnce(&mut Recording) -> std::io::Result<()>) {
        if let Some(recording) = &mut self.recording
            && let Err(error) = act(recording)
        {
            let path = recording.path.display();
            eprintln!(
                "zkchurn: {path} cannot be written any more ({error}); the trace goes on without it"
            );
            self.recording = None;
            self.recording_failed = true;
        }
    }
}

fn start_recording(path: &std::path::Path) -> Result<Recording, Failure> {
    let unwritable = |error: std::io::Error| {
        let fix = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "choose a name that is not taken",
            _ => "choose a place where you may write",
        };
        let message = format!("{} cannot be created: {error}; {fix}", path.display());
        Failure::sentence(Code::Unwritable, message)
    };
    let file = output::create_new(path).map_err(unwritable)?;
    Ok(Recording {
        path: path.to_owned(),
        writer: Writer::new(BufWriter::with_capacity(256 * 1024, file)).map_err(unwritable)?,
    })
}

fn degraded(checks: &[Check], source: &KernelSource) -> Vec<String> {
    let mut sentences: Vec<_> = checks
        .iter()
        .filter(|check| check.state == State::Degraded)
        .map(Check::sentence)
        .collect();
    let has_btf = checks
        .iter()
        .any(|check| check.name == "BTF" && check.state == State::Ok);
    if source.hook() == crate::frame::Hook::Tracepoint && has_btf {
        sentences.push(
            "hook: the classic tracepoint; sockets are followed by address and cannot be joined with `ss -e`"
                .to_owned(),
        );
    }
    sentences
}

fn announce(start: &TraceStart) {
    for sentence in &start.degraded {
        eprintln!("zkchurn: degraded: {sentence}");
    }
    let ports: Vec<_> = start.ports.iter().map(u16::to_string).collect();
    let side = match start.side {
        Sides::Client => "connections opened to",
        Sides::Server => "connections accepted on",
        Sides::Both => "connections opened to and accepted on",
    };
    let pid = start
        .pid
        .map_or_else(String::new, |pid| format!(" by pid {pid}"));
    eprintln!(
        "zkchurn: tracing {side} port {}{pid}; Ctrl-C ends and reports",
        ports.join(",")
    );
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic).max(0) as u64
}

fn clock_pair() -> ClockPair {
    ClockPair {
        monotonic_ns: monotonic_ns(),
        realtime_ns: nanoseconds(ClockId::Realtime),
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

// SPDX-License-Identifier: MIT
//! A live trace: the shell where clock, signals, kernel, `/proc` and files meet
//! the pipeline.

mod announce;
mod attach;
mod follow;
mod looks;
mod older;
mod older_record;
mod pace;
mod schedule;
pub mod settings;
mod signals;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use anyhow::Context;
use zerocopy::IntoBytes;
use zkchurn_core::{
    doctor::Check,
    frame::{Frame, TraceStart},
    pipeline::{Pipeline, View},
    render::Renderer,
};

use crate::{
    exit::{Code, Failure},
    host::{
        clock::clock_pair,
        ids,
        jvm::JvmMode,
        kernel::KernelSource,
        preflight::{facts::Facts, verdict::judge},
        privilege::{held, needs},
    },
};
use follow::Trace;
use older::Wanted;
use schedule::Schedule;
use settings::TraceSettings;
use signals::Signals;
use sink::Sink;
use source::HostProbes;

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
        let mut signals = Signals::new().map_err(|error| Failure::new(Code::Failure, error))?;
        let name_applications = settings.jvm != JvmMode::Off;
        let source = attach::attach(settings, &facts)?;
        // Now that tracing is possible: nothing is left behind where it is not.
        let sink = Sink::new(settings.record.as_deref(), pipeline, name_applications)?;
        // There is one thread still, and all others will be its children.
        held::keep_only(needs::kept(settings.asked(), facts.release))
            .map_err(|error| Failure::new(Code::Failure, error))?;
        let traced = async {
            let mut trace = begin(settings, &facts, &checks, source, sink)?;
            let mut logger = match settings.verbose {
                0 | 1 => None,
                _ => trace.source.logger().ok(),
            };
            let log = || {
                if let Some(logger) = &mut logger {
                    logger.flush();
                }
            };
            trace.follow(settings, signals.any(), log).await;
            trace.finish(settings)
        };
        let traced = traced.await;
        if let (Err(_), Some(path)) = (&traced, &settings.record) {
            sink::tell_of_partial(path);
        }
        traced
    })
}

/// Begins a trace: its start, and the connections that are older.
fn begin(
    settings: &TraceSettings,
    facts: &Facts,
    checks: &[Check],
    mut source: KernelSource,
    mut sink: Sink,
) -> Result<Trace<KernelSource, HostProbes>, Failure> {
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
        boot_id: ids::boot_id(),
        run_id: ids::run_id(),
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
    let probes = HostProbes::start()
        .context("a second thread cannot be started; `ulimit -u` may be too low")
        .map_err(|error| Failure::new(Code::Failure, error))?;
    Ok(Trace {
        source,
        sink,
        schedule: Schedule::new(settings.jvm, settings.logs),
        probes,
    })
}

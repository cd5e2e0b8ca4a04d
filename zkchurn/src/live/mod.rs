// SPDX-License-Identifier: MIT
//! A live trace: the shell where clock, signals, kernel, `/proc` and files meet
//! the pipeline.

pub(crate) mod agent;
mod announce;
mod attach;
mod beside;
mod collector;
pub(crate) mod early;
mod ending;
mod exported;
mod flight;
mod follow;
mod found_logs;
pub(crate) mod incidents;
pub(crate) mod lines;
mod looks;
mod naming;
mod older;
mod older_record;
mod older_side;
mod owed;
mod pace;
mod processes;
mod published;
mod records;
mod saves;
mod schedule;
mod screen;
mod selection;
mod servers;
mod service;
pub(crate) mod settings;
mod signals;
mod silence;
mod sink;
mod source;
mod successor;
mod table_walk;
#[cfg(test)]
mod tests;
pub(crate) mod viewer;
mod written;

use std::{cell::RefCell, io::Write, iter, net::SocketAddr, rc::Rc};

use zkchurn_core::{
    doctor::Check,
    frame::{Frame, TraceStart},
    pipeline::{Pipeline, View},
    render::{Renderer, Several},
    tape::{Tape, Taping},
};

use crate::{
    exit::{Code, Failure},
    host::{
        beside::beside,
        clock::clock_pair,
        helper::{
            Listen, archiving::StartedArchiver, asking::StartedLooker, exporting::Exporter,
            publishing, recording::StartedRecorder, writing::StartedWriter,
        },
        ids,
        jvm::JvmMode,
        kernel::{KernelSource, OwnLog, ask_ahead},
        own_limits,
        preflight::{
            facts::{BtfBytes, Facts},
            verdict::judge,
        },
        privilege::{held, needs},
    },
    view::offers::{Handshakes, Offers},
    warn,
};
use agent::{AgentChanges, AgentRun, Reload};
use collector::Collector;
use early::EarlyEnd;
use flight::Flight;
use follow::Trace;
use incidents::Watching;
use older::{OlderConnections, Wanted};
use processes::Selected;
use saves::Saves;
use schedule::Again;
use screen::Screen;
use service::Service;
use settings::{Process, TraceSettings};
use signals::{Signals, Stop};
use sink::Sink;
use source::HostProbes;
use table_walk::TableWalk;
use viewer::{Look, Viewer};
use written::ReportFile;

/// Seconds after which counts are not too old in any case.
const LEAST_STALE_S: u64 = 30;

/// What makes a renderer of something to write to.
pub(crate) type MakeRenderer<'a> = &'a dyn Fn(Box<dyn Write>) -> Box<dyn Renderer>;

/// Traces until a signal or the end of the duration, then reports through a renderer. With
/// a look the trace is shown on the whole screen meanwhile; an agent's is kept. Until it has
/// begun a signal is dealt with by whoever watches early.
///
/// # Errors
///
/// Tracing is not possible here, or an output cannot be written.
pub(crate) fn run(
    settings: &TraceSettings,
    look: Option<&Look>,
    agent: Option<&AgentRun>,
    renderer: MakeRenderer<'_>,
    early: EarlyEnd,
) -> Result<Code, Failure> {
    // What the kernel offers cannot be asked without, and would be taken for missing.
    own_limits::ensure(u64::from(settings.buffer_kib) * 1024)
        .map_err(|why| Failure::new(Code::Failure, why))?;
    let ((facts, btf), ()) = beside(Facts::gather_keeping, ask_ahead);
    attach::check_arguments(settings, &facts)?;
    let checks = judge(&facts);
    attach::refuse_if_impossible(&checks, &facts)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Failure, error))?;
    let run = trace(
        settings,
        (&facts, btf, &checks),
        (look, agent),
        renderer,
        early,
    );
    let code = runtime.block_on(run);
    // What reads settings again may hang.
    runtime.shutdown_background();
    code
}

async fn trace(
    settings: &TraceSettings,
    (facts, btf, checks): (&Facts, BtfBytes, &[Check]),
    (look, agent): (Option<&Look>, Option<&AgentRun>),
    renderer: MakeRenderer<'_>,
    early: EarlyEnd,
) -> Result<Code, Failure> {
    let reload = agent.map(|agent| Reload::new(&agent.reread)).transpose();
    let reload = reload.map_err(|error| Failure::new(Code::Failure, error))?;
    let signals =
        Signals::new(reload.is_some()).map_err(|error| Failure::new(Code::Failure, error))?;
    let service = agent.and_then(|_| Service::of_environment());
    // While everything is still held that it needs, and there is one thread still.
    let mut looker = StartedLooker::start(settings.jvm == JvmMode::Dump).map_err(no_helper)?;
    let selected = processes::wanted(settings.process.as_ref(), &mut looker)?;
    let recorder = settings.record.as_deref().map(|path| {
        let helper = StartedRecorder::start().map_err(no_helper)?;
        Ok::<_, Failure>((path, helper))
    });
    let recorder = recorder.transpose()?;
    let reports = settings.reports.iter();
    let reports = reports.map(|to| Ok((to, StartedRecorder::start().map_err(no_helper)?)));
    let reports: Vec<_> = reports.collect::<Result<_, Failure>>()?;
    let keeper = agent.map(|agent| {
        let helper = StartedRecorder::start_keeper().map_err(no_helper)?;
        Ok::<_, Failure>((&agent.settings.keep, helper))
    });
    let keeper = keeper.transpose()?;
    let archiver = agent.map(|_| StartedArchiver::start().map_err(no_helper));
    let archiver = archiver.transpose()?;
    let metrics = settings.metrics.as_deref().map(|path| {
        let helper = publishing::start().map_err(no_helper)?;
        Ok::<_, Failure>((path, helper))
    });
    let metrics = metrics.transpose()?;
    let records = settings.ndjson.as_ref().map(|lines| {
        let helper = StartedRecorder::start_lines().map_err(no_helper)?;
        Ok::<_, Failure>((lines, helper))
    });
    let records = records.transpose()?;
    let collector = settings.otlp.as_ref().map(|endpoint| {
        let helper = Exporter::start().map_err(no_helper)?;
        Ok::<_, Failure>((endpoint, helper))
    });
    let collector = collector.transpose()?;
    let server = settings.listen.map(|address| {
        let helper = publishing::start_server().map_err(no_helper)?;
        Ok::<_, Failure>((listening(address, settings), helper))
    });
    let server = server.transpose()?;
    let writer = look.map(|look| {
        let helper = StartedWriter::start().map_err(no_helper)?;
        Ok::<_, Failure>((look, helper))
    });
    let writer = writer.transpose()?;
    let source = attach::attach(settings, (facts, btf), &selected.pids)?;
    // Now that tracing is possible: nothing is left behind where it is not.
    let recording = recorder.map(|(path, helper)| sink::start_recording(path, helper));
    let recording = recording.transpose()?;
    let flight = keeper.map(|(keep, helper)| Flight::open(keep, helper));
    let flight = flight.transpose()?;
    let reports = reports.into_iter();
    let reports = reports.map(|(to, helper)| ReportFile::create(to, helper));
    let (reports, forms): (Vec<_>, Vec<_>) =
        reports.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let records = records.map(|(lines, helper)| records::open(lines, helper));
    let (records, lines) = records.transpose()?.unzip();
    let collected = collector.map(|(endpoint, helper)| exported::open(endpoint, helper));
    let (collected, exporting) = collected.transpose()?.unzip();
    let file = metrics.map(|(path, helper)| published::to_file(path, helper));
    let server = server.map(|(listen, helper)| published::to_listener(listen, helper));
    let publishing = file.into_iter().chain(server).collect::<Result<_, _>>()?;
    let metering = published::metering(publishing);
    let beside = forms.into_iter().chain(lines).chain(exporting);
    let beside: Vec<_> = beside.chain(metering).collect();
    // What is created is there, and what comes from here on ends the trace with its report.
    drop(early);
    // All other threads will be this one's children. From here on the helpers look and write.
    let kept = match (look, source.can_turn_on_handshakes()) {
        (Some(_), true) => needs::kept_until_handshakes(facts.release),
        _ => needs::kept_while_tracing(facts.release),
    };
    held::keep_only(kept).map_err(|error| Failure::new(Code::Failure, error))?;
    let screen = Screen::start().map_err(no_thread)?;
    warn::queue().map_err(no_thread)?;
    let looker = looker.connect().map_err(no_thread)?;
    let view = View {
        top: settings.top,
        time_wait_rows: settings.time_wait_rows,
    };
    let renderer = renderer(Box::new(screen.clone()));
    let offers = offers(settings, &source);
    let (viewer, renderer) = match look {
        Some(look) => watched(look, offers, renderer)?,
        None => (None, renderer),
    };
    let renderer = match beside.is_empty() {
        true => renderer,
        false => Box::new(Several(iter::once(renderer).chain(beside).collect())),
    };
    let pipeline = Pipeline::new(renderer, view).with_filter(settings.filter.clone());
    let pipeline = match look {
        Some(_) => pipeline.keeping_open(),
        None => pipeline,
    };
    let sink = Sink::new(recording, pipeline, Some(screen)).with_reports(reports);
    let sink = sink
        .with_flight(flight)
        .with_records(records)
        .with_collected(collected)
        .with_last(look.is_some());
    let saves = writer.map(|(look, helper)| Saves::start(helper, look.zone.clone()));
    let saves = saves.transpose().map_err(no_thread)?;
    let mut collector = Collector::new(sink, HostProbes::new(looker), settings, &selected.pids);
    collector.schedule.look_again(match agent {
        Some(_) => Again::Everything,
        None => Again::NewLines,
    });
    let mut stop = Stop::new(signals);
    let mut trace = begin(settings, facts, checks, source, collector, selected);
    trace.viewer = viewer;
    if let (Some(_), Some(start)) = (look, trace.collector.sink.pipeline.start()) {
        trace.announcement = Some(announce::looked_at(start, offers));
    }
    trace.saves = saves;
    trace.reload = reload;
    trace.service = service;
    let incidents = agent.zip(archiver).map(|(agent, archiver)| {
        let AgentChanges { keep, watched } = &agent.settings;
        let ndjson = settings
            .ndjson
            .as_ref()
            .map(|lines| lines.directory.as_path());
        Watching::new(watched, &keep.directory, ndjson, archiver).map_err(no_thread)
    });
    trace.incidents = incidents.transpose()?;
    if let (Some(agent), Some(start)) = (agent, trace.collector.sink.pipeline.start()) {
        trace.announcement = Some(announce::kept(start, &agent.settings.keep));
    }
    let log = match settings.verbose {
        0 | 1 => None,
        _ => kernel_log(&mut trace.source),
    };
    trace.follow(settings, stop.comes()).await;
    trace.finish(settings, log).await
}

/// Where metrics are served; a trace that hands over none for three intervals is not well.
fn listening(address: SocketAddr, settings: &TraceSettings) -> Listen {
    let intervals = settings.interval.saturating_mul(3);
    Listen {
        address,
        stale_after_s: intervals.as_secs().max(LEAST_STALE_S),
    }
}

/// Prints the kernel program's own log; where there is none it says so, once.
fn kernel_log(source: &mut KernelSource) -> Option<OwnLog> {
    let log = source.own_log();
    let log = log.inspect_err(|why| {
        warn::warn(format_args!(
            "the trace goes on without the kernel program's own log, which -vv asks for: {why}"
        ));
    });
    log.ok()
}

/// What the view may ask the trace for.
fn offers(settings: &TraceSettings, source: &KernelSource) -> Offers {
    let handshakes = match source.captures_handshakes() {
        Ok(true) => Handshakes::FromStart,
        _ if source.can_turn_on_handshakes() => Handshakes::OnWish,
        _ if settings.handshake.is_some() => Handshakes::Impossible,
        _ => Handshakes::NotKept,
    };
    Offers {
        dumps: settings.jvm == JvmMode::Dump,
        handshakes,
    }
}

/// Shows what goes to the renderer on the whole screen, and only the report through it.
fn watched(
    look: &Look,
    offers: Offers,
    renderer: Box<dyn Renderer>,
) -> Result<(Option<Viewer>, Box<dyn Renderer>), Failure> {
    let tape = Rc::new(RefCell::new(Tape::default()));
    let viewer = Viewer::start(look, offers, Rc::clone(&tape)).map_err(|error| {
        let context = "the full-screen view cannot be shown; run `zkchurn` without `live`";
        Failure::new(Code::Failure, anyhow::Error::new(error).context(context))
    })?;
    Ok((Some(viewer), Box::new(Taping::new(tape, renderer))))
}

fn no_helper(error: std::io::Error) -> Failure {
    not_granted("a helper process", error)
}

fn no_thread(error: std::io::Error) -> Failure {
    not_granted("another thread", error)
}

/// `EAGAIN` and `ENOMEM` of clone(2) tell which of these it is, if any, to nobody.
fn not_granted(what: &str, error: std::io::Error) -> Failure {
    let context = format!(
        "{what} cannot be started; the limit of processes (`ulimit -u`, pids.max of the \
         cgroup) or of memory (`ulimit -v`, memory.max) may be too low"
    );
    Failure::new(Code::Failure, anyhow::Error::new(error).context(context))
}

/// Begins a trace: its start, and the list of the connections that are older.
fn begin(
    settings: &TraceSettings,
    facts: &Facts,
    checks: &[Check],
    source: KernelSource,
    mut collector: Collector<HostProbes>,
    selected: Selected,
) -> Trace<KernelSource, HostProbes> {
    let clock = clock_pair();
    let mut degraded = attach::degraded(settings, checks, &source);
    degraded.extend(selected.note);
    let pids = selected.pids;
    let older = if source.has_cookies() {
        let wanted = Wanted {
            ports: settings.ports.clone(),
            sides: settings.sides,
            pids: pids.clone(),
        };
        OlderConnections::begin(&mut collector.probes, wanted, clock.monotonic_ns)
    } else {
        degraded.push(
            "connections older than the trace cannot be followed: matching them needs socket \
             cookies (Linux 5.12, tp_btf)"
                .to_owned(),
        );
        OlderConnections::none()
    };
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
        pid: match pids[..] {
            [pid] => Some(pid),
            _ => None,
        },
        pids: match pids.len() {
            1 => Vec::new(),
            _ => pids,
        },
        process_name: match &settings.process {
            Some(Process::Named(name)) => Some(name.clone()),
            Some(Process::Pid(_)) | None => None,
        },
        handshake: source.captures_handshakes() == Ok(true),
        degraded,
        part: None,
    };
    announce::limitations(&start.degraded);
    collector.sink.emit(Frame::Start(&start));
    collector.sink.flush();
    Trace {
        source,
        walk: TableWalk::default(),
        older,
        announcement: Some(announce::traced(&start)),
        collector,
        viewer: None,
        saves: None,
        reload: None,
        incidents: None,
        service: None,
    }
}

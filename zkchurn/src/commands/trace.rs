// SPDX-License-Identifier: MIT
//! `zkchurn`: a live trace.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use zkchurn_core::{filter::Filter, render::named};

use super::{
    agent::earlier,
    headings,
    output::{self, OutputArgs},
    outputs,
    selection::SelectionArgs,
    values::{self, HandshakeValue, HookValue, JvmValue, SideValue},
};
use crate::{
    exit::{Code, Failure},
    host::{helper::Lines, kernel::HandshakesFrom, line_files::Limits, otlp::Endpoint},
    live::{
        self,
        early::EarlyEnd,
        settings::{Process, ReportTo, TraceSettings},
        viewer::Look,
    },
};

/// Connections that are followed at once, unless told otherwise.
pub(crate) const TABLE_SIZE: u32 = 65_536;
/// Size of the buffer between kernel and zkchurn, unless told otherwise.
pub(crate) const BUFFER_KIB: u32 = 4_096;

/// Options of a trace.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// Ports to trace: numbers, ranges such as 2181-2183, or names of /etc/services,
    /// comma-separated.
    #[arg(help_heading = headings::TRACED, long, value_name = "PORTS", value_delimiter = ',', default_value = "2181", value_parser = values::ports)]
    pub port: Vec<values::Ports>,

    /// Trace only connections opened by this process, or by all that have this name when
    /// the trace begins: that of ps, of the program, or of the script or main class it runs.
    #[arg(help_heading = headings::TRACED, long, value_name = "PID|NAME", value_parser = values::process)]
    pub pid: Option<Process>,

    /// Count and show only these connections, such as
    /// 'process:java peer:10.0.1.0/24 not outcome:refused lived<10ms'.
    ///
    /// Fields, operators and the rest of the grammar: docs/reference/filter.md.
    #[arg(help_heading = headings::TRACED, long, value_name = "FILTER", value_parser = values::filter_of_stream)]
    pub filter: Option<Filter>,

    /// Whose.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Which side of the connections this host is.
    #[arg(help_heading = headings::TRACED, long, value_enum, default_value_t = SideValue::Client)]
    pub side: SideValue,

    /// Stop after this time, such as 60s, 5m or 1h30m [default: at Ctrl-C].
    #[arg(help_heading = headings::TRACED, long, value_name = "TIME", value_parser = values::duration)]
    pub duration: Option<Duration>,

    /// Time between summary lines; 0 for none.
    #[arg(help_heading = headings::PRINTED, long, value_name = "TIME", default_value = "10s", value_parser = values::duration)]
    pub interval: Duration,

    /// Also write the raw records to this new file; it is called FILE.partial until
    /// the trace ends.
    #[arg(help_heading = headings::KEPT, long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Also write the report to this new file; may be given several times. The ending says
    /// what: .html is a page with pictures, .md for a ticket, .json for programs, .txt.
    #[arg(help_heading = headings::KEPT, long, value_name = "FILE", value_parser = values::report_file)]
    pub report: Vec<PathBuf>,

    /// Also keep counts for Prometheus in this file, which is replaced at each interval: for
    /// node_exporter's textfile collector, which reads what ends in .prom.
    #[arg(help_heading = headings::KEPT, long, value_name = "FILE", value_parser = values::metrics_file)]
    pub prom_file: Option<PathBuf>,

    /// Also serve counts to Prometheus at this port, or address and port: /metrics and /healthz
    /// by HTTP. A port alone is served on this host's loopback address only.
    #[arg(help_heading = headings::KEPT, long, value_name = "[ADDRESS:]PORT", value_parser = values::listen)]
    pub listen: Option<SocketAddr>,

    /// Also write a line of JSON for each connection and each interval to files in this
    /// directory, for an engine such as ClickHouse to collect: one a minute, called
    /// FILE.ndjson.partial until it is complete.
    #[arg(help_heading = headings::KEPT, long, value_name = "DIR")]
    pub ndjson_dir: Option<PathBuf>,

    /// How much to keep there at most, such as 64MiB; the oldest files go, and there are never
    /// more than 1000.
    #[arg(help_heading = headings::KEPT, long, value_name = "SIZE", default_value = "256MiB", value_parser = values::size)]
    pub ndjson_size: u64,

    /// Also send an event for each connection that ended and each finding, and counts at each
    /// interval, to this collector of OpenTelemetry: OTLP over plain HTTP, such as
    /// http://127.0.0.1:4318, to one on this host.
    #[arg(help_heading = headings::KEPT, long, value_name = "URL", value_parser = values::otlp)]
    pub otlp: Option<Endpoint>,

    /// How to inspect a process that churns and is a JVM.
    #[arg(help_heading = headings::LOOKED_AT, long, value_enum, default_value_t = JvmValue::Name)]
    pub jvm: JvmValue,

    /// Do not read the logs of processes that churn.
    ///
    /// By default the ends of the log files that such a process has open are searched for
    /// lines that explain churn, and their rotated siblings since it started: read only, at
    /// most 4 MiB of each of 16 files, and 64 MiB of rotated ones.
    #[arg(help_heading = headings::LOOKED_AT, long)]
    pub no_logs: bool,

    /// Nothing any more: logs are searched anyway.
    #[arg(help_heading = headings::LOOKED_AT, long, hide = true, conflicts_with = "no_logs")]
    pub logs: bool,

    /// Read the first bytes of each direction: who asks for a new session, who
    /// resumes one, and what the server answers.
    ///
    /// Up to 28 bytes from the client and 20 from the server, which end before the
    /// session's password. Only of connections that begin during the trace; with
    /// --handshake=later of those that begin once h is pressed.
    #[arg(help_heading = headings::LOOKED_AT, long, value_name = "WHEN", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "start")]
    pub handshake: Option<HandshakeValue>,

    /// How many connections to follow at once.
    #[arg(help_heading = headings::ATTACHED, long, value_name = "SOCKETS", default_value_t = TABLE_SIZE, value_parser = values::table_size)]
    pub table_size: u32,

    /// Size of the buffer between the kernel and zkchurn, in KiB: a power of two.
    #[arg(help_heading = headings::ATTACHED, long, value_name = "KIB", default_value_t = BUFFER_KIB, value_parser = values::buffer)]
    pub buffer: u32,

    /// How to attach [default: the best way that this kernel offers].
    #[arg(help_heading = headings::ATTACHED, long, value_enum)]
    pub hook: Option<HookValue>,

    /// Load this eBPF object instead of the built-in one.
    #[arg(help_heading = headings::ATTACHED, long, value_name = "FILE", hide_short_help = true)]
    pub bpf_object: Option<PathBuf>,

    /// Print more: -v shows what is loaded and which limitations apply, -vv also
    /// every state change that the kernel program sees.
    #[arg(help_heading = headings::PRINTED, short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl TraceArgs {
    /// What they mean.
    ///
    /// # Errors
    ///
    /// There are too many ports, metrics without intervals, or one file is to be written twice.
    pub(crate) fn settings(&self) -> Result<TraceSettings, Failure> {
        if self.interval.is_zero() {
            let renewed = [
                ("--prom-file is", self.prom_file.is_some()),
                ("the counts of --listen are", self.listen.is_some()),
                ("the counts of --otlp are", self.otlp.is_some()),
            ];
            if let Some((what, _)) = renewed.iter().find(|(_, is_wanted)| *is_wanted) {
                let sentence = format!("{what} renewed at each interval: leave out --interval 0");
                return Err(Failure::sentence(Code::Usage, sentence));
            }
        }
        let written = [&self.record, &self.prom_file, &self.ndjson_dir];
        let written = written.into_iter().flatten().chain(&self.report);
        outputs::distinct(written.map(PathBuf::as_path))?;
        Ok(TraceSettings {
            ports: values::all_ports(&self.port)?,
            process: self.pid.clone(),
            filter: self.selection.and(self.filter.as_ref()),
            sides: self.side.into(),
            duration: self.duration,
            interval: self.interval,
            record: self.record.clone(),
            reports: self
                .report
                .iter()
                .filter_map(|path| report_to(path))
                .collect(),
            otlp: self.otlp.clone(),
            metrics: self.prom_file.clone(),
            listen: self.listen,
            ndjson: self.ndjson_dir.as_deref().map(|directory| Lines {
                directory: directory.to_owned(),
                limits: Limits::of(self.ndjson_size),
            }),
            jvm: self.jvm.into(),
            logs: !self.no_logs,
            handshake: self.handshake.map(Into::into),
            table_size: self.table_size,
            buffer_kib: self.buffer,
            hook: self.hook.map(Into::into),
            bpf_object: self.bpf_object.clone(),
            verbose: self.verbose,
            top: self.output.top,
            time_wait_rows: false,
        })
    }
}

/// Its ending has named a form when the command line was read.
fn report_to(path: &Path) -> Option<ReportTo> {
    Some(ReportTo {
        path: path.to_owned(),
        form: values::form_of(path).and_then(named)?,
        options: output::options_of_file(),
    })
}

/// Traces, and reports.
///
/// # Errors
///
/// Tracing is not possible here, or an output cannot be written.
pub(crate) fn run(args: &TraceArgs) -> Result<Code, Failure> {
    if args.handshake == Some(HandshakeValue::Later) {
        return Err(Failure::sentence(
            Code::Usage,
            "--handshake=later waits for the key h of `zkchurn live`: use --handshake, which reads \
             them from the start on",
        ));
    }
    let early = EarlyEnd::watch(false);
    earlier::show(args, &args.settings()?);
    run_with(args, None, early)
}

/// The same, shown on the whole screen meanwhile.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn run_with(
    args: &TraceArgs,
    look: Option<&Look>,
    early: EarlyEnd,
) -> Result<Code, Failure> {
    let mut settings = args.settings()?;
    if look.is_none() {
        // Nobody can ask for them.
        settings.handshake = settings
            .handshake
            .filter(|from| *from == HandshakesFrom::Start);
    }
    let renderer = |to| output::renderer_to(&args.output, to);
    live::run(&settings, look, None, &renderer, early)
}

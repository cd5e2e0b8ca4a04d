// SPDX-License-Identifier: MIT
//! What a trace is to do, validated.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use zkchurn_core::{
    filter::Filter,
    frame::{Hook, Sides},
    render::{Form, Options},
};

use crate::host::{helper::Lines, jvm::JvmMode, kernel::HandshakesFrom, otlp::Endpoint};

/// Which processes are traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    Pid(u32),
    /// All that have this name when the trace begins.
    Named(String),
}

/// A file that gets a report, too.
#[derive(Clone, Debug)]
pub(crate) struct ReportTo {
    pub path: PathBuf,
    /// What is in it, and how it looks.
    pub form: &'static dyn Form,
    pub options: Options,
}

/// What a trace is to do.
#[derive(Clone, Debug)]
pub(crate) struct TraceSettings {
    /// The traced ports.
    pub ports: Vec<u16>,
    /// The only processes whose connections are traced.
    pub process: Option<Process>,
    /// What of it is counted and shown; a recording has all.
    pub filter: Option<Filter>,
    /// The traced sides.
    pub sides: Sides,
    /// When the trace ends; at a signal if not given.
    pub duration: Option<Duration>,
    /// Time between interval lines; zero for none.
    pub interval: Duration,
    /// Where the raw records are written.
    pub record: Option<PathBuf>,
    /// Where else the report is written.
    pub reports: Vec<ReportTo>,
    /// The file that is renewed with metrics at each interval.
    pub metrics: Option<PathBuf>,
    /// Where they are served by HTTP.
    pub listen: Option<SocketAddr>,
    /// The files that get records for an engine.
    pub ndjson: Option<Lines>,
    /// The collector that gets events and counts.
    pub otlp: Option<Endpoint>,
    /// How closely JVMs are looked at.
    pub jvm: JvmMode,
    /// Whether logs of processes that churn are searched.
    pub logs: bool,
    /// From when on the first bytes of each direction are captured, if they are.
    pub handshake: Option<HandshakesFrom>,
    /// Connections that the kernel program's table holds.
    pub table_size: u32,
    /// Size of the ring buffer in KiB, a power of two.
    pub buffer_kib: u32,
    /// How to attach; the best that the kernel offers if not given.
    pub hook: Option<Hook>,
    /// Another eBPF object than the built-in one.
    pub bpf_object: Option<PathBuf>,
    /// 0, 1: what is loaded, 2: what the kernel program sees.
    pub verbose: u8,
    /// Most flows, and threads of each, in the report.
    pub top: usize,
    /// Whether TIME_WAIT sockets are listed one by one.
    pub time_wait_rows: bool,
}

// SPDX-License-Identifier: MIT
//! Newline-delimited JSON: one self-describing object a line (docs/reference/format.md).

use std::{
    borrow::Cow,
    io::{self, BufWriter, Write},
};

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Serializer;

use super::{
    ConnectionLine, ElsewhereLine, Form, Options, Renderer, form::BUFFER, handshake::HandshakeBody,
    json_text::Printable, words::hosts::answer,
};
use crate::{
    clock::{MomentText, Moments, rfc3339},
    connection::{FirstClose, Thread},
    diff::Diff,
    doctor::Doctor,
    ending::Reset,
    errno,
    frame::TraceStart,
    hosts::Hosts,
    outcome::Outcome,
    process::{cgroup::UnitOf, pod_name::PodName},
    report::{IntervalSummary, Loss, Report, TraceSummary, side_name},
    serverlog,
    text::{plain_ascii, printable},
    timewait::table::TimeWait,
    traffic::Traffic,
};

/// Version of the JSON schema: raised when a field changes its meaning or goes;
/// new fields may come at any time.
pub const SCHEMA: u32 = 2;

/// For programs.
#[derive(Debug)]
pub struct JsonForm;

impl Form for JsonForm {
    fn name(&self) -> &'static str {
        "json"
    }

    fn purpose(&self) -> &'static str {
        "One JSON object per line, for programs"
    }

    fn renderer(&self, to: Box<dyn Write>, _options: Options) -> Box<dyn Renderer> {
        Box::new(Json::new(BufWriter::with_capacity(BUFFER, to)))
    }

    fn server_log(
        &self,
        to: &mut dyn Write,
        report: &serverlog::report::LogReport,
        _options: &Options,
    ) -> io::Result<()> {
        // The log may be from any host, so the one that reads it is not named.
        write_line(to, "serverlog", &Origin::default(), report)
    }

    fn doctor(&self, to: &mut dyn Write, doctor: &Doctor) -> io::Result<()> {
        let origin = Origin {
            host: Some(doctor.host.clone()),
            ..Origin::default()
        };
        write_line(to, "doctor", &origin, doctor)
    }

    fn diff(&self, to: &mut dyn Write, diff: &Diff, _options: &Options) -> io::Result<()> {
        // The traces may be of two hosts, so each names its own.
        write_line(to, "diff", &Origin::default(), diff)
    }

    fn hosts(
        &self,
        to: &mut dyn Write,
        hosts: &Hosts,
        reports: &[Vec<u8>],
        _options: &Options,
    ) -> io::Result<()> {
        // Its times are those of the report, in UTC.
        let body = HostsBody {
            answer: answer(hosts, &TimeZone::UTC),
            hosts,
        };
        write_line(to, "hosts", &Origin::default(), &body)?;
        reports.iter().try_for_each(|report| to.write_all(report))
    }
}

#[derive(Serialize)]
struct HostsBody<'a> {
    answer: String,
    #[serde(flatten)]
    hosts: &'a Hosts,
}

/// Writes one JSON object a line.
pub struct Json<W> {
    to: W,
    origin: Origin,
    /// What a line of a connection begins with.
    head: Head,
    moments: Moments,
    /// The line that is being made.
    line: Vec<u8>,
}

/// A line without its last brace, as far as it is the same for all of its kind.
#[derive(Default)]
struct Head {
    connection: Vec<u8>,
    other_end: Vec<u8>,
}

impl Head {
    fn of(origin: &Origin) -> io::Result<Self> {
        let of_kind = |kind| {
            let mut line = Vec::new();
            write_line(&mut line, kind, origin, &Nothing {})?;
            let end = line.iter().rposition(|byte| *byte == b'}');
            line.truncate(end.unwrap_or_default());
            Ok::<_, io::Error>(line)
        };
        Ok(Self {
            connection: of_kind("connection")?,
            other_end: of_kind("other_end")?,
        })
    }
}

#[derive(Serialize)]
struct Nothing {}

/// Where a line comes from: without it streams of several hosts and runs cannot be
/// merged. What a recording lacks is absent.
#[derive(Default, Serialize)]
struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
}

impl<W: Write> Json<W> {
    /// A renderer that writes to `to`.
    pub fn new(to: W) -> Self {
        Self {
            to,
            origin: Origin::default(),
            head: Head::default(),
            moments: Moments::default(),
            line: Vec::new(),
        }
    }

    /// A line of a connection, of which a trace has many: it is made in one piece, and not by way
    /// of maps, as fields are that serde flattens.
    fn connection_line(
        &mut self,
        head: impl Fn(&Head) -> &[u8],
        connection: &ConnectionLine<'_>,
    ) -> io::Result<()> {
        if self.head.connection.is_empty() {
            self.head = Head::of(&self.origin)?;
        }
        self.line.clear();
        self.line.extend_from_slice(head(&self.head));
        let body = ConnectionBody::new(connection, &mut self.moments);
        append(&mut self.line, &body)?;
        append(&mut self.line, &connection.connection.traffic)?;
        append(&mut self.line, &HandshakePart::of(connection))?;
        self.line.extend_from_slice(b"}\n");
        self.to.write_all(&self.line)
    }

    fn line(&mut self, kind: &'static str, body: &impl Serialize) -> io::Result<()> {
        write_line(&mut self.to, kind, &self.origin, body)
    }
}

/// Appends the fields of an object to one that has some and is still open.
fn append(line: &mut Vec<u8>, fields: &impl Serialize) -> io::Result<()> {
    let brace = line.len();
    fields.serialize(&mut Serializer::with_formatter(&mut *line, Printable))?;
    // Of its braces the first becomes the comma between them, and the last goes.
    if let Some(first) = line.get_mut(brace) {
        *first = b',';
    }
    line.pop();
    Ok(())
}

fn write_line<W: Write + ?Sized>(
    to: &mut W,
    kind: &'static str,
    origin: &Origin,
    body: &impl Serialize,
) -> io::Result<()> {
    let line = Line {
        kind,
        schema: SCHEMA,
        origin,
        body,
    };
    line.serialize(&mut Serializer::with_formatter(&mut *to, Printable))?;
    to.write_all(b"\n")
}

#[derive(Serialize)]
struct TimeWaitBody<'a> {
    trace: &'a TraceSummary,
    time_wait: Option<&'a TimeWait>,
    loss: &'a Loss,
    degraded: &'a [String],
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: u32,
    #[serde(flatten)]
    origin: &'a Origin,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Serialize)]
struct StartBody<'a> {
    time: String,
    #[serde(flatten)]
    start: &'a TraceStart,
}

#[derive(Serialize)]
struct ConnectionBody<'a> {
    side: &'static str,
    process: Option<ProcessBody<'a>>,
    thread: Option<ThreadBody<'a>>,
    closer: Option<ThreadBody<'a>>,
    local: String,
    remote: String,
    before_start: bool,
    ipv6_socket: bool,
    netns: Option<u32>,
    socket: String,
    socket_is_cookie: bool,
    started: Moment,
    established: Option<Moment>,
    left_established: Option<Moment>,
    local_close: Option<Moment>,
    ended: Option<Moment>,
    connecting_for_ns: Option<u64>,
    established_for_ns: Option<u64>,
    outcome: Outcome,
    outcome_sentence: &'static str,
    first_close: Option<FirstClose>,
    reset: Option<Reset>,
    error: Option<ErrorBody>,
    soft_error: Option<ErrorBody>,
    error_meaning: Option<&'static str>,
}

/// What follows on the counters.
#[derive(Serialize)]
struct HandshakePart {
    handshake: Option<HandshakeBody>,
}

impl HandshakePart {
    fn of(line: &ConnectionLine<'_>) -> Self {
        let handshake = line.connection.handshake;
        Self {
            handshake: handshake.map(|handshake| HandshakeBody::new(&handshake, line.clock)),
        }
    }
}

/// A moment as text; of one before 1970, which only a damaged recording tells of, on the heap.
enum Moment {
    Usual(MomentText),
    Other(String),
}

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Usual(text) => text.as_str(),
            Self::Other(text) => text,
        })
    }
}

/// The same with the counters, in one object.
#[derive(Serialize)]
struct WholeConnection<'a> {
    #[serde(flatten)]
    body: ConnectionBody<'a>,
    #[serde(flatten)]
    traffic: &'a Traffic,
    #[serde(flatten)]
    handshake: HandshakePart,
}

#[derive(Serialize)]
struct ProcessBody<'a> {
    pid: u32,
    name: String,
    application: Option<&'a str>,
    uid: u32,
    cgroup: Option<u64>,
    start_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    #[serde(skip_serializing_if = "UnitOf::is_host")]
    unit_of: UnitOf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_name: Option<&'a PodName>,
}

#[derive(Serialize)]
struct ThreadBody<'a> {
    pid: u32,
    tid: u32,
    comm: Cow<'a, str>,
}

#[derive(Serialize)]
struct ErrorBody {
    errno: u32,
    name: Option<&'static str>,
}

impl ErrorBody {
    fn of(errno: Option<u32>) -> Option<Self> {
        errno.filter(|errno| *errno != 0).map(|errno| Self {
            errno,
            name: errno::name(errno),
        })
    }
}

impl<'a> ThreadBody<'a> {
    fn of(thread: &'a Thread) -> Self {
        let comm = thread.comm.as_bytes();
        Self {
            pid: thread.tgid,
            tid: thread.tid,
            comm: plain_ascii(comm).map_or_else(|| printable(comm).into(), Cow::from),
        }
    }
}

impl<'a> ConnectionBody<'a> {
    fn new(line: &ConnectionLine<'a>, moments: &mut Moments) -> Self {
        let connection = line.connection;
        let mut moment = |ns| {
            let timestamp = line.clock.timestamp(ns);
            let usual = moments.text(timestamp).map(Moment::Usual);
            usual.unwrap_or_else(|| Moment::Other(rfc3339(timestamp)))
        };
        Self {
            side: side_name(connection.side),
            process: process_body(line),
            thread: (connection.opener.as_ref()).map(|opener| ThreadBody::of(&opener.thread)),
            closer: connection.closer.as_ref().map(ThreadBody::of),
            local: connection.local.to_string(),
            remote: connection.remote.to_string(),
            before_start: connection.before_start,
            ipv6_socket: connection.ipv6_socket,
            netns: connection.netns,
            socket: format!("{:x}", connection.socket),
            socket_is_cookie: connection.socket_is_cookie,
            started: moment(connection.started_ns),
            established: connection.established_ns.map(&mut moment),
            left_established: connection.left_established_ns.map(&mut moment),
            local_close: connection.local_close_ns.map(&mut moment),
            ended: connection.ended_ns.map(&mut moment),
            connecting_for_ns: connection.connecting_for_ns(),
            established_for_ns: connection.established_for_ns(),
            outcome: line.outcome,
            outcome_sentence: line.outcome.sentence_on(connection),
            first_close: connection.first_close(),
            reset: connection.reset(),
            error: ErrorBody::of(connection.error),
            soft_error: ErrorBody::of(connection.soft_error),
            error_meaning: connection.told_error().and_then(errno::meaning),
        }
    }
}

/// The opener's process, or of an older connection the holder.
fn process_body<'a>(line: &ConnectionLine<'a>) -> Option<ProcessBody<'a>> {
    let (pid, uid, comm, cgroup, start_ns) = match (line.connection.opener, line.connection.holder)
    {
        (Some(opener), _) => (
            opener.thread.tgid,
            opener.uid,
            opener.process_comm,
            Some(opener.cgroup),
            opener.process_start_ns,
        ),
        (None, Some(holder)) => (
            holder.tgid,
            holder.uid,
            Some(holder.comm),
            None,
            Some(holder.process_start_ns),
        ),
        (None, None) => return None,
    };
    let captured = || comm.map(|comm| comm.to_string());
    let identified = line.process.map(|process| process.name.clone());
    let placed = line.placed.unwrap_or_default();
    Some(ProcessBody {
        pid,
        name: identified.or_else(captured).unwrap_or_default(),
        application: line
            .process
            .and_then(|process| process.application.as_deref()),
        uid,
        cgroup,
        start_ns,
        unit: placed.unit,
        container: placed.container,
        pod: placed.pod,
        unit_of: placed.unit_of,
        pod_name: placed.pod_name,
    })
}

/// What the line of a connection says, a field a line, for people to look at.
pub(super) fn connection_fields(line: &ConnectionLine<'_>) -> Vec<String> {
    let mut text = Vec::new();
    let pretty = serde_json::ser::PrettyFormatter::with_indent(b"  ");
    let whole = WholeConnection {
        body: ConnectionBody::new(line, &mut Moments::default()),
        traffic: &line.connection.traffic,
        handshake: HandshakePart::of(line),
    };
    let written = whole.serialize(&mut Serializer::with_formatter(&mut text, pretty));
    let text = String::from_utf8_lossy(&text);
    match written {
        Ok(()) => text.lines().map(str::to_owned).collect(),
        // Only a map with keys that are no text could not be written.
        Err(error) => vec![error.to_string()],
    }
}

impl<W: Write> Renderer for Json<W> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        let time = rfc3339(start.clock.timestamp(start.clock.monotonic_ns));
        // Its body names all three.
        write_line(
            &mut self.to,
            "start",
            &Origin::default(),
            &StartBody { time, start },
        )?;
        self.origin = Origin {
            host: Some(start.host.clone()),
            boot_id: start.boot_id.clone(),
            run_id: start.run_id.clone(),
        };
        self.head = Head::of(&self.origin)?;
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.connection_line(|head| &head.connection, line)
    }

    fn other_end(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.connection_line(|head| &head.other_end, line)
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.line("interval", summary)
    }

    fn elsewhere(&mut self, line: &ElsewhereLine<'_>) -> io::Result<()> {
        self.line("elsewhere", line.elsewhere)
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.line("report", report)
    }

    fn time_wait(&mut self, report: &Report) -> io::Result<()> {
        let body = TimeWaitBody {
            trace: &report.trace,
            time_wait: report.time_wait.as_ref(),
            loss: &report.loss,
            degraded: &report.degraded,
        };
        self.line("timewait", &body)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

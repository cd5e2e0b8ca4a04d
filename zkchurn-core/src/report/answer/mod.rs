// SPDX-License-Identifier: MIT
//! The one answer in plain words at the top of the report.

mod inside;

use crate::{
    frame::Sides,
    outcome::Outcome,
    report::{FlowRow, Report, Spread, Summary},
    text,
};

/// Says who churns, where to, how often, and how the connections end.
pub fn answer(report: &Report) -> String {
    let flow = match report.flows.first() {
        Some(flow) if flow.summary.opened > 0 => flow,
        _ => return nothing_seen(report),
    };
    let window = text::window(report.trace.length_ns);
    let Subject { name, summary, tid } = subject(flow);
    let is_thread = tid.is_some();
    let mut sentence = format!(
        "{name} opened {} to {} in {window} ({}){}",
        text::counted(summary.opened, "connection"),
        destination(flow),
        text::rate(summary.per_second),
        threads_clause(flow, is_thread),
    );
    sentence.push_str(&ending(summary, is_thread));
    sentence.push('.');
    sentence.push_str(&inside::inside(report, flow, tid));
    sentence.push_str(&others(report, flow, summary));
    sentence
}

fn nothing_seen(report: &Report) -> String {
    let ports: Vec<_> = report.trace.ports.iter().map(u16::to_string).collect();
    let ports = ports.join(", ");
    let window = text::window(report.trace.length_ns);
    let (what, hint) = match report.trace.side {
        Sides::Client => (
            format!("No connection to port {ports} was opened from this host in {window}"),
            "Is this the client's host, and is the port right (--port)? \
             On the ZooKeeper host use --side server.",
        ),
        Sides::Server => (
            format!("No connection to port {ports} was accepted on this host in {window}"),
            "Is this the ZooKeeper host, and is the port right (--port)?",
        ),
        Sides::Both => (
            format!("No connection on port {ports} was opened or accepted in {window}"),
            "Is the port right (--port)?",
        ),
    };
    match report.total.older.seen {
        0 => format!("{what}. {hint}"),
        seen => format!("{what}; {}.", older(seen, report.total.older.ended)),
    }
}

/// The connections that were there already.
fn older(seen: u64, ended: u64) -> String {
    let seen = text::counted(seen, "connection");
    match ended {
        0 => format!("{seen} older than the trace stayed open"),
        ended => format!("{seen} older than the trace ({} ended)", text::count(ended)),
    }
}

/// Of whom the answer speaks.
struct Subject<'a> {
    name: String,
    summary: &'a Summary,
    /// The thread that opened nearly all of them.
    tid: Option<u32>,
}

/// Who opened the connections: a thread, if one opened nearly all of them, else
/// the process, else the remote host.
fn subject(flow: &FlowRow) -> Subject<'_> {
    let whole = |name| Subject {
        name,
        summary: &flow.summary,
        tid: None,
    };
    let Some(process) = &flow.process else {
        let host = flow.destination.split(" -> ").next().unwrap_or_default();
        return whole(format!("remote host {host}"));
    };
    let process = format!(
        "pid {} {}",
        process.pid,
        text::printable(process.label.as_bytes())
    );
    match flow.threads.first() {
        Some(thread) if thread.summary.opened * 10 >= flow.summary.opened * 9 => Subject {
            name: format!("{process} thread {} \"{}\"", thread.tid, thread.comm),
            summary: &thread.summary,
            tid: Some(thread.tid),
        },
        _ => whole(process),
    }
}

fn destination(flow: &FlowRow) -> String {
    match flow.destination.split_once(" -> :") {
        Some((_, port)) => format!("port {port} here"),
        None => flow.destination.clone(),
    }
}

/// So many connections from as many threads are no coincidence.
const EACH_NEW: u64 = 3;

fn threads_clause(flow: &FlowRow, is_thread: bool) -> String {
    if is_thread || flow.thread_count < 2 {
        return String::new();
    }
    if flow.thread_count >= EACH_NEW && flow.thread_count == flow.summary.opened {
        return ", each from a new thread".to_owned();
    }
    let at_least = if flow.threads_uncounted {
        "at least "
    } else {
        ""
    };
    format!(
        " from {at_least}{}",
        text::counted(flow.thread_count, "thread")
    )
}

/// How the connections ended, by the most frequent outcome.
fn ending(summary: &Summary, is_thread: bool) -> String {
    if summary.ended == 0 {
        return match summary.open {
            1 => ", which is still open".to_owned(),
            _ => ", all still open".to_owned(),
        };
    }
    let most = summary.outcomes.iter().max_by_key(|(_, count)| **count);
    let Some((outcome, count)) = most else {
        return String::new();
    };
    let how_many = if *count == summary.opened {
        if *count == 1 {
            "which was".to_owned()
        } else {
            "each".to_owned()
        }
    } else if summary.open == 0 {
        format!("{} of them", text::count(*count))
    } else {
        format!(
            "{} of the {} that ended",
            text::count(*count),
            text::count(summary.ended)
        )
    };
    format!(", {how_many} {}", manner(*outcome, summary, is_thread))
}

fn manner(outcome: Outcome, summary: &Summary, is_thread: bool) -> String {
    let closer = closer(summary, is_thread);
    let lived = after(&summary.established_for);
    let tried = after(&summary.connecting_for);
    match outcome {
        Outcome::StillOpen => "still open".to_owned(),
        Outcome::Refused => format!("refused (ECONNREFUSED){tried}"),
        Outcome::TimedOut => format!("unanswered until the kernel gave up (ETIMEDOUT){tried}"),
        Outcome::Unreachable => format!("with no route to the host{tried}"),
        Outcome::GivenUp => format!("given up by {closer} while still connecting{tried}"),
        Outcome::ConnectFailed => format!("failed to connect{tried}"),
        Outcome::ResetByPeer => format!("reset by the peer{lived}{}", bytes(summary)),
        Outcome::ResetByUs => format!("reset by {closer}{lived}{}", bytes(summary)),
        Outcome::Broken => format!(
            "broken because the peer stopped answering{lived}{}",
            bytes(summary)
        ),
        Outcome::ClosedByUsBeforeAnyByte
        | Outcome::ClosedByUsWithoutAnswer
        | Outcome::AnsweredThenClosedByUs
        | Outcome::ClosedByUs => {
            format!("closed by {closer}{lived}{}", bytes(summary))
        }
        Outcome::ClosedByPeerBeforeAnyByte
        | Outcome::ClosedByPeerWithoutAnswer
        | Outcome::AnsweredThenClosedByPeer
        | Outcome::ClosedByPeer => format!("closed by the peer{lived}{}", bytes(summary)),
        Outcome::Unknown => format!("ended{lived}{}", bytes(summary)),
    }
}

/// Who closed on this side.
fn closer(summary: &Summary, is_thread: bool) -> &'static str {
    match (summary.closed_by_opener, summary.closed_by_other_thread) {
        (0, 0) => "this side",
        (_, 0) if is_thread => "this thread itself",
        (_, 0) => "the thread that opened it",
        (0, _) => "a thread other than the one that opened it",
        _ => "this side",
    }
}

fn after(spread: &Spread) -> String {
    let (Some(p50), Some(p99)) = (spread.p50_ns, spread.p99_ns) else {
        return String::new();
    };
    match spread.count {
        1 => format!(" after {}", text::duration(p50)),
        _ => format!(
            " after {} (p50; p99 {})",
            text::duration(p50),
            text::duration(p99)
        ),
    }
}

fn bytes(summary: &Summary) -> String {
    let out = &summary.payload_out;
    let back = &summary.payload_in;
    if out.connections == 0 || back.connections == 0 {
        return String::new();
    }
    let amount = |min: u64, max: u64| match min == max {
        true => text::count(min),
        false => format!("{} to {}", text::count(min), text::count(max)),
    };
    format!(
        " with {} bytes sent and {} received",
        amount(out.min, out.max),
        amount(back.min, back.max)
    )
}

/// What else connected, so that nobody takes the first answer for the only one.
fn others(report: &Report, flow: &FlowRow, summary: &Summary) -> String {
    let same_process = flow.summary.opened - summary.opened;
    let elsewhere = report.total.opened.saturating_sub(flow.summary.opened);
    let mut parts = Vec::new();
    if same_process > 0 {
        parts.push(format!(
            "{} by other threads of it",
            text::count(same_process)
        ));
    }
    if elsewhere > 0 {
        let sources = report.flows.len() as u64 - 1 + report.flows_left_out;
        let sources = text::counted(sources, "other source");
        parts.push(format!("{} by {sources}", text::count(elsewhere)));
    }
    if report.total.older.seen > 0 {
        parts.push(older(report.total.older.seen, report.total.older.ended));
    }
    if parts.is_empty() {
        return String::new();
    }
    format!(" Also: {}; see below.", parts.join(", "))
}

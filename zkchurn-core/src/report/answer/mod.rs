// SPDX-License-Identifier: MIT
//! The one answer in plain words at the top of the report.

mod inside;

use crate::{
    filter::Filtered,
    frame::Sides,
    ledger::tally::Range,
    outcome::Outcome,
    process::java_name,
    report::{FlowRow, Older, Report, Spread, Summary, ThreadRow, in_no_row},
    text,
    traffic::FIRST_WINDOW,
};

/// Fewer ended connections than most rules ask for.
const FEW: u64 = 3;

/// So many that nothing explains are no quiet host, however few each process has of them.
const MANY: u64 = 10;

/// Says who churns, where to, how often, and how the connections end.
pub(super) fn answer(report: &Report) -> String {
    let flow = match report.flows.first() {
        Some(flow) if flow.summary.opened > 0 => flow,
        _ => return nothing_seen(report),
    };
    let window = text::window(report.trace.length_ns);
    let Subject { name, summary, tid } = subject(flow);
    let is_thread = tid.is_some();
    let mut sentence = no_churn(report);
    sentence.push_str(&format!(
        "{name} opened {} to {} in {window} ({}){}",
        text::at_least(flow.at_least, summary.opened, "connection"),
        destination(flow),
        text::rate(summary.per_second),
        threads_clause(flow, is_thread),
    ));
    sentence.push_str(&ending(summary, is_thread));
    sentence.push('.');
    sentence.push_str(&inside::inside(report, flow, tid));
    sentence.push_str(&others(report, flow, summary));
    if let Some(in_no_row) = in_no_row::sentence(report) {
        sentence.push_str(&format!(" {in_no_row}"));
    }
    if let Some(elsewhere) = elsewhere(report) {
        sentence.push_str(&format!(
            " No connection that is traced has ended, but {elsewhere}"
        ));
    }
    sentence
}

/// What other ports have, with the command that traces them.
fn elsewhere(report: &Report) -> Option<String> {
    let found = report.elsewhere.as_ref()?;
    let command = found.command()?;
    Some(format!(
        "{}: run `{command}`.",
        found.sentence(report.trace.side)
    ))
}

fn nothing_seen(report: &Report) -> String {
    if let Some(filtered) = &report.filtered
        && filtered.connections > 0
        && report.total.older.seen == 0
    {
        return none_selected(filtered);
    }
    let ports = text::ports(&report.trace.ports);
    let ports = match &report.filtered {
        Some(filtered) if filtered.connections > 0 => format!("{ports} that the filter selects"),
        _ => ports,
    };
    if report.loss.missing.damaged_parts > 0 && report.total.older.seen == 0 {
        return format!(
            "What could be read of the recording has no connection to {ports}: parts of it are damaged."
        );
    }
    let window = text::window(report.trace.length_ns);
    let (what, hint) = match report.trace.side {
        Sides::Client => match report.trace.only() {
            Some(only) => (
                format!("No connection to {ports} was opened by {only} in {window}"),
                "Is it the right process, and is the port right (--port)? Without --pid zkchurn \
                 shows all processes that connect. A connect without a route to the server is \
                 not seen.",
            ),
            None => (
                format!("No connection to {ports} was opened from this host in {window}"),
                "Is this the client's host, and is the port right (--port)? Where eBPF sends a \
                 Service's connections on (Cilium), it is the pods' port. A connect without a route \
                 to the server is not seen: `ip route get ADDRESS`. On the ZooKeeper host use \
                 --side server.",
            ),
        },
        Sides::Server => (
            format!("No connection to {ports} was accepted on this host in {window}"),
            "Is this the ZooKeeper host, and is the port right (--port)?",
        ),
        Sides::Both => (
            format!("No connection on {ports} was opened or accepted in {window}"),
            "Is the port right (--port)? A connect without a route to the server is not seen: `ip \
             route get ADDRESS`.",
        ),
    };
    let seen = report.total.older.seen;
    let mut sentence = match seen {
        0 => what,
        _ => format!("{}{what}; {}", no_churn(report), older(&report.total.older)),
    };
    match (elsewhere(report), &report.elsewhere) {
        (Some(elsewhere), _) => sentence.push_str(&format!(", but {elsewhere}")),
        (None, Some(nowhere)) if seen == 0 => {
            sentence.push_str(&format!(
                ", and {}. {hint}",
                nowhere.sentence(report.trace.side)
            ));
        }
        (None, None) if seen == 0 => sentence.push_str(&format!(". {hint}")),
        (None, _) => sentence.push('.'),
    }
    let loss = &report.loss;
    if !loss.kernel.is_none() || loss.undecodable_records > 0 || loss.unknown_records > 0 {
        sentence.push_str(
            " But something was lost (below), so there may have been connections all the same.",
        );
    }
    sentence
}

/// Connections were seen, but none that is wanted.
fn none_selected(filtered: &Filtered) -> String {
    let all = text::counted(filtered.connections, "connection");
    let undecided = match filtered.undecided {
        0 => String::new(),
        undecided => format!(
            " Of {} too little is known to tell.",
            text::count(undecided)
        ),
    };
    format!("No connection matches the filter: all {all} were filtered out.{undecided}")
}

/// Said where connections were seen and no rule found anything.
fn no_churn(report: &Report) -> String {
    if let (true, Some(filtered)) = (report.findings.is_empty(), &report.filtered)
        && filtered.findings > 0
    {
        let findings = text::counted(filtered.findings, "finding");
        return format!("No finding matches the filter ({findings} filtered out). ");
    }
    match (report.findings.is_empty(), report.total.ended) {
        (false, _) => String::new(),
        (true, ended @ 1..FEW) => format!(
            "No churn found, but only {} ended; a longer trace may show more. ",
            text::counted(ended, "connection")
        ),
        (true, _) if in_no_row::sentence(report).is_some() => {
            "No churn found among those that could be told apart. ".to_owned()
        }
        (true, MANY..) => format!(
            "{} ended, and no finding explains them. ",
            text::counted(report.total.ended, "connection")
        ),
        (true, _) => "No churn found. ".to_owned(),
    }
}

/// Connections that were open when the trace began.
fn older(older: &Older) -> String {
    let ended = match older.ended {
        0 => "none ended".to_owned(),
        ended => format!("{} ended", text::count(ended)),
    };
    let held = match older.half_closed_before {
        0 => String::new(),
        held => format!(", {} half-closed before that", text::count(held)),
    };
    let seen = text::counted(older.seen, "connection");
    let waiting = match older.connecting {
        0 => String::new(),
        all if all >= older.seen => {
            return format!(
                "{} for an answer to a SYN since before the trace began ({ended})",
                text::waits(all)
            );
        }
        1 => ", 1 of them waiting for an answer to its SYN".to_owned(),
        some => format!(
            ", {} of them waiting for an answer to their SYN",
            text::count(some)
        ),
    };
    format!("{seen} already open when the trace began ({ended}{held}{waiting})")
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
        return whole(format!("remote host {}", host(flow)));
    };
    let process = format!(
        "pid {} {}",
        process.pid,
        text::printable(process.label.as_bytes())
    );
    match flow.threads.first() {
        Some(thread) if thread.summary.opened * 10 >= flow.summary.opened * 9 => Subject {
            name: format!("{process} thread {} \"{}\"", thread.tid, name(thread)),
            summary: &thread.summary,
            tid: Some(thread.tid),
        },
        _ => whole(process),
    }
}

/// As much of a thread's name as is known.
fn name(thread: &ThreadRow) -> String {
    let cut = match java_name::may_be_cut(thread.comm.as_bytes()) {
        true => format!("{}…", thread.comm),
        false => thread.comm.clone(),
    };
    text::printable(thread.name.as_ref().unwrap_or(&cut).as_bytes())
}

/// The remote host of a connection that was accepted here.
fn host(flow: &FlowRow) -> &str {
    flow.destination.split(" -> ").next().unwrap_or_default()
}

fn destination(flow: &FlowRow) -> String {
    text::place(&flow.destination)
}

/// This many connections from as many threads are no coincidence.
const EACH_NEW: u64 = 3;

fn threads_clause(flow: &FlowRow, is_thread: bool) -> String {
    if is_thread || flow.thread_count < 2 {
        return String::new();
    }
    if flow.thread_count >= EACH_NEW && flow.thread_count == flow.summary.opened {
        return ", each from a thread of its own".to_owned();
    }
    format!(
        " from {}",
        text::at_least(flow.threads_uncounted, flow.thread_count, "thread")
    )
}

/// How the connections ended, by the most frequent outcome.
fn ending(summary: &Summary, is_thread: bool) -> String {
    if summary.ended == 0 {
        return match (summary.opened, summary.connecting) {
            (1, 0) => ", which is still open".to_owned(),
            (1, _) => ", which still waits for an answer to its SYN".to_owned(),
            (_, 0) => ", all still open".to_owned(),
            (all, waiting) if waiting >= all => {
                ", all still waiting for an answer to their SYN".to_owned()
            }
            (_, 1) => ", all still open but one that waits for an answer to its SYN".to_owned(),
            (_, waiting) => format!(
                ", all still open but {} that wait for an answer to their SYN",
                text::count(waiting)
            ),
        };
    }
    let most = summary.outcomes.iter().max_by_key(|(_, count)| **count);
    let Some((outcome, count)) = most else {
        return String::new();
    };
    let (count, ended) = (*count, summary.ended);
    let was = if count == 1 { "was" } else { "were" };
    let how_many = if count == summary.opened {
        match count {
            1 => "which was".to_owned(),
            _ => "each".to_owned(),
        }
    } else if summary.open == 0 {
        format!("{} of them", text::count(count))
    } else if count == ended {
        match count {
            1 => "and the one that ended was".to_owned(),
            2 => "and both that ended were".to_owned(),
            _ => format!("and all {} that ended were", text::count(count)),
        }
    } else {
        let (count, ended) = (text::count(count), text::count(ended));
        format!("and {count} of the {ended} that ended {was}")
    };
    // Times and bytes are those of all of them.
    if count == ended {
        let figures = Figures::of(summary);
        return format!(
            ", {how_many} {}",
            manner(*outcome, summary, is_thread, &figures)
        );
    }
    let bare = manner(*outcome, summary, is_thread, &Figures::default());
    format!(", {how_many} {bare}{}", of_all(*outcome, summary))
}

/// What is known of connections that did not all end in one way.
fn of_all(outcome: Outcome, summary: &Summary) -> String {
    let Figures {
        lived,
        tried,
        bytes,
    } = Figures::of(summary);
    match outcome {
        // Nothing was tried.
        Outcome::NoLocalPort | Outcome::LocalAddressInUse => String::new(),
        Outcome::Refused
        | Outcome::TimedOut
        | Outcome::Unreachable
        | Outcome::GivenUp
        | Outcome::NeverSent
        | Outcome::ConnectFailed => format!("; connecting ended{tried}"),
        _ if lived.is_empty() => String::new(),
        _ if summary.established == summary.opened => format!("; all ended{lived}{bytes}"),
        // What failed to connect has bytes, too: none.
        _ if is_mixed(&summary.payload_out) || is_mixed(&summary.payload_in) => {
            format!("; all that were established ended{lived}")
        }
        _ => format!("; all that were established ended{lived}{bytes}"),
    }
}

fn is_mixed(bytes: &Range) -> bool {
    bytes.min != bytes.max
}

/// Times and bytes as clauses, each with a blank in front.
#[derive(Default)]
struct Figures {
    lived: String,
    tried: String,
    bytes: String,
}

impl Figures {
    fn of(summary: &Summary) -> Self {
        Self {
            lived: after(&summary.established_for),
            tried: after(&summary.connecting_for),
            bytes: bytes(summary),
        }
    }
}

fn manner(outcome: Outcome, summary: &Summary, is_thread: bool, figures: &Figures) -> String {
    let closer = closer(summary, is_thread);
    let Figures {
        lived,
        tried,
        bytes,
    } = figures;
    match outcome {
        Outcome::StillOpen => "still open".to_owned(),
        Outcome::Refused => format!("refused (ECONNREFUSED){tried}"),
        Outcome::TimedOut => {
            format!("given up by the kernel{tried}, as no answer got through (ETIMEDOUT)")
        }
        Outcome::Unreachable => format!("unable to reach the server{tried}"),
        Outcome::GivenUp => format!("given up by {closer} while still connecting{tried}"),
        Outcome::NoLocalPort => "unable to connect: no local port was free".to_owned(),
        Outcome::LocalAddressInUse => {
            "unable to connect: the local address that the program chose was in use".to_owned()
        }
        Outcome::NeverSent => format!("closed by {closer} before any SYN was sent{tried}"),
        Outcome::ConnectFailed => format!("unable to connect{tried}"),
        Outcome::ResetByPeer => {
            let resets = summary.outcomes.get(&outcome).copied().unwrap_or_default();
            let by = match summary.reset_before_sending {
                in_name
                    if in_name > 0
                        && in_name == resets
                        && summary.payload_out.max < FIRST_WINDOW =>
                {
                    "in the peer's name"
                }
                _ => "by the peer or in its name",
            };
            format!("reset {by}{lived}{bytes}")
        }
        Outcome::ResetByUs => format!("reset by {closer}{lived}{bytes}"),
        Outcome::Aborted => format!("aborted from outside of the program{lived}{bytes}"),
        Outcome::Broken => format!("broken{lived}{bytes}, as {}", summary.stall.words()),
        Outcome::ClosedByUsBeforeAnyByte
        | Outcome::ClosedByUsWithoutAnswer
        | Outcome::AnsweredThenClosedByUs
        | Outcome::ClosedByUs => {
            format!("closed by {closer}{lived}{bytes}")
        }
        Outcome::ClosedByPeerBeforeAnyByte
        | Outcome::ClosedByPeerWithoutAnswer
        | Outcome::AnsweredThenClosedByPeer => {
            format!("closed by the peer{lived}{bytes}")
        }
        // Of those that this side still holds no more is known than the peer's FIN.
        Outcome::ClosedByPeer => {
            format!("closed by the peer (at least for sending){lived}{bytes}")
        }
        Outcome::Unknown => format!("ended in an unknown way{lived}{bytes}"),
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
    text::after(spread.count, spread.p50_ns, spread.p99_ns)
}

fn bytes(summary: &Summary) -> String {
    let (out, back) = (&summary.payload_out, &summary.payload_in);
    let known = out.connections.min(back.connections);
    let as_far = match known < summary.established_for.count {
        true => ", as far as that is known",
        false => "",
    };
    let bytes = Range::payload(out, back);
    bytes.map_or_else(String::new, |bytes| format!(" with {bytes}{as_far}"))
}

/// What else connected, so that nobody takes the first answer for the only one.
fn others(report: &Report, flow: &FlowRow, summary: &Summary) -> String {
    let same_process = flow.summary.opened - summary.opened;
    let elsewhere = report.total.opened.saturating_sub(flow.summary.opened);
    let mut parts = Vec::new();
    if same_process > 0 {
        parts.push(format!(
            "{} from its other threads",
            text::counted(same_process, "connection")
        ));
    }
    if elsewhere > 0 {
        parts.push(others_elsewhere(report, flow, elsewhere));
    }
    if report.total.older.seen > 0 {
        parts.push(older(&report.total.older));
    }
    if parts.is_empty() {
        return String::new();
    }
    format!(" Also: {}.", parts.join("; "))
}

/// Of the same process to other servers, or of others.
fn others_elsewhere(report: &Report, flow: &FlowRow, connections: u64) -> String {
    let counted = |connections| text::counted(connections, "connection");
    let (one, several, elsewhere) = match flow.process {
        Some(_) => ("other process", "other processes", "other servers"),
        None => ("other host", "other hosts", "other ports"),
    };
    if report.aggregated_only.is_some() {
        // Whose those are that were evicted is not known.
        let connections = counted(connections);
        return format!("{connections} to {elsewhere}, or from {several}");
    }
    let openers = report.openers;
    let same = openers.opened_by_first.saturating_sub(flow.summary.opened);
    let others = openers.count.saturating_sub(1);
    let parts = [
        (same, format!("the same source to {elsewhere}")),
        (connections.saturating_sub(same), text::counted(others, one)),
    ];
    let parts = parts
        .into_iter()
        .filter(|(connections, _)| *connections > 0);
    let parts = parts.map(|(connections, from)| format!("{} from {from}", counted(connections)));
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;

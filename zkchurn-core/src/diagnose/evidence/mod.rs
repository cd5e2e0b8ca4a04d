// SPDX-License-Identifier: MIT
//! What a line of a process's log is worth. A process does many things, and only what
//! ZooKeeper's client wrote, or what names it, says anything certain about it.

mod kinds;
#[cfg(test)]
mod tests;
mod thread;
mod weigh;

use super::case::{Case, ClientThread, Runtime};
use crate::{
    inspection::{
        LogSignature, logs::LogFinding, own_words::OwnWords, rotation::is_rotated_from, signature,
    },
    text,
};
use kinds::{SYMPTOMS, speaks_for};
use thread::{Named, is_of_another_thread, named_thread};

pub(super) use kinds::is_for;
pub(super) use thread::thread_of_another_kind;
pub(super) use weigh::weigh;

/// Whose line it is, the closer the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// A ZooKeeper client's of a server at a port where nothing of the process was seen: it
    /// may be another client, or the same by another way than its log names.
    Elsewhere,
    /// The process's: nothing in it is of a ZooKeeper client.
    Process,
    /// A ZooKeeper client's: it names the client, its classes, or a session.
    Client,
    /// The thread's that opened the connections: it names that thread.
    Thread,
    /// The server's, about this client: zkchurn reads a server's log only where it knows how
    /// its lines begin, so no client can have written it.
    Server,
}

/// How a reason begins that quotes ZooKeeper's client: a line of the time of the trace, and
/// one that was written earlier and still holds.
const NOW: &str = "its log says so";
const EARLIER: &str = "its log said so";
/// The same of a server's own log.
const SERVER_NOW: &str = "the server's log says so";
const SERVER_EARLIER: &str = "the server's log said so";

/// Of a line that tells what came before, and nothing of connections.
const STOOD_STILL: &str = "its log says that the program stood still";

/// Whether a reason is a line that ZooKeeper's client wrote.
pub(super) fn is_quote(reason: &str) -> bool {
    let beginnings = [NOW, EARLIER, SERVER_NOW, SERVER_EARLIER, STOOD_STILL];
    beginnings.iter().any(|begin| reason.starts_with(begin))
}

/// A line of the log of a case's process, written during the trace.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    finding: &'a LogFinding,
    origin: Origin,
}

impl<'a> LogLine<'a> {
    /// `None` where it tells of another client of the same process, or nobody in this process,
    /// or not this thread, can have written it: a process that collects what others log has
    /// their lines in its own files.
    fn of(case: &Case<'_>, finding: &'a LogFinding) -> Option<Self> {
        if case.is_remote_host() {
            let origin = Origin::Server;
            return Some(Self { finding, origin });
        }
        let text = match &finding.record {
            Some(record) => format!("{record}\n{}", finding.last),
            None => finding.last.clone(),
        };
        if is_of_another_program(case, &text) || is_of_another_thread(case, &text) {
            return None;
        }
        let Some(own) = own_words(case, finding) else {
            let origin = Origin::Process;
            return Some(Self { finding, origin });
        };
        let origin = match named_thread(case, &headed(finding, &own)) {
            Some(Named::This) => Origin::Thread,
            Some(Named::Another) => return None,
            Some(Named::Elsewhere) => Origin::Elsewhere,
            None if signature::names_client(&own) => Origin::Client,
            None => Origin::Process,
        };
        Some(Self { finding, origin })
    }

    /// Whether nothing but ZooKeeper's client, or somebody who speaks of it, can have
    /// written it.
    pub fn is_of_client(&self) -> bool {
        self.origin >= Origin::Client
    }

    /// Whether it is of a client of a server at a port that was not traced.
    pub fn is_of_elsewhere(&self) -> bool {
        self.origin == Origin::Elsewhere
    }

    /// Whether there is one for each of the connections, or nearly.
    pub fn is_for_each(&self, case: &Case<'_>) -> bool {
        is_for_each(case, self.finding)
    }

    /// Whether it is of the thread that connects, though another client of its process would
    /// write the same: that thread is a client's, or there is one for each of the connections, which
    /// a thread that is known to be no client's does not write.
    pub fn is_of_this_client(&self, case: &Case<'_>) -> bool {
        let is_another = || case.runtime == Runtime::Jvm && thread_of_another_kind(case).is_some();
        case.client_thread != ClientThread::NotSeen || (self.is_for_each(case) && !is_another())
    }

    /// Whether it was written before the trace, or nobody knows when.
    pub fn is_earlier(&self) -> bool {
        !self.finding.during_trace
    }

    /// Whether it is of one of these signatures.
    pub fn is_one_of(&self, signatures: &[LogSignature]) -> bool {
        let id = &self.finding.signature;
        signatures.iter().any(|one| one.id() == id)
    }

    /// Whether it is of most of the connections, and not of one in passing: a look is older
    /// than the latest of them, so a few such lines are enough.
    pub fn is_repeated(&self, case: &Case<'_>) -> bool {
        const ENOUGH: u64 = 3;
        self.count() >= ENOUGH || self.count() * 3 >= case.ended()
    }

    /// How many such lines the log has.
    pub fn count(&self) -> u64 {
        self.finding.count
    }

    /// The line, as a reason.
    pub fn quoted(&self) -> String {
        let line = self.finding.last.trim();
        let (now, earlier) = match self.origin {
            Origin::Server => (SERVER_NOW, SERVER_EARLIER),
            _ => (NOW, EARLIER),
        };
        if self.is_one_of(&[LogSignature::JVM_PAUSED, LogSignature::CLIENT_STARVED]) {
            return format!("{STOOD_STILL} ({}): \"{line}\"", self.finding.place());
        }
        match self.is_of_client() {
            true if self.is_earlier() => format!(
                "{earlier} {} ({}): \"{line}\"",
                before(self.finding.logged_ago_ms),
                self.finding.place()
            ),
            true => format!("{now} ({}): \"{line}\"", self.finding.place()),
            false if self.is_of_elsewhere() => format!(
                "its log says this of a client of a server at another port ({}): \"{line}\"",
                self.finding.place()
            ),
            false => {
                format!("its log says this, perhaps of something else than ZooKeeper: \"{line}\"")
            }
        }
    }

    /// The line, as a reason, where another client of the process may have written it.
    pub fn quoted_of_any_client(&self) -> String {
        format!(
            "its log says so of a ZooKeeper client, perhaps of another one of this process ({}): \
             \"{}\"",
            self.finding.place(),
            self.text()
        )
    }

    /// The line alone.
    pub fn text(&self) -> &'a str {
        self.finding.last.trim()
    }

    /// Whether it is Curator's word for an event that ZooKeeper's client sends also where it
    /// goes on without SASL, because it has no JAAS section (`ClientCnxn.SendThread.startConnect`),
    /// and that is in the log, too: then nobody refused it.
    pub fn tells_of_no_refusal(&self, case: &Case<'_>) -> bool {
        let has_no_section = || {
            let mut logs = case.logs.iter();
            logs.any(|log| log.signature == LogSignature::SASL_NOT_CONFIGURED.id())
        };
        let text = self.finding.last.to_ascii_lowercase();
        text.contains("connectionstate") && has_no_section()
    }

    fn signature(&self) -> Option<LogSignature> {
        let mut all = LogSignature::ALL.iter();
        all.find(|one| one.id() == self.finding.signature).copied()
    }
}

/// A line's own words, behind those of the record that it belongs to, which names the thread.
fn headed(finding: &LogFinding, own: &str) -> String {
    match &finding.record {
        Some(record) => format!("{}\n{own}", OwnWords::of(record).text),
        None => own.to_owned(),
    }
}

/// What the line, and the record that it belongs to, say by themselves; `None` where what it
/// was found by may be another's text.
fn own_words(case: &Case<'_>, finding: &LogFinding) -> Option<String> {
    let last = OwnWords::of(&finding.last);
    // One for each connection is of them.
    if !last.has_message && is_for_each(case, finding) && OwnWords::tells_of_failure(&finding.last)
    {
        return Some(finding.last.clone());
    }
    match &finding.record {
        None => last.has_message.then_some(last.text),
        Some(record) => {
            let record = OwnWords::of(record);
            let is_told = last.has_message || signature::names_client(&record.text);
            is_told.then(|| format!("{}\n{}", record.text, last.text))
        }
    }
}

/// Whether only a JVM can have written it, and the process is none.
fn is_of_another_program(case: &Case<'_>, text: &str) -> bool {
    case.runtime == Runtime::Other && signature::is_of_java(text)
}

/// Written as often as there were connections, such a line is of them, whatever host it
/// names: a proxy or a NAT on the way has another one. A client that pauses as it likes writes
/// another number of them. What a log was rotated into counts with it.
fn is_for_each(case: &Case<'_>, finding: &LogFinding) -> bool {
    const FEWEST: u64 = 4;
    let ended = case.ended();
    let is_as_many = |lines: u64| lines.abs_diff(ended) * 5 <= ended;
    finding.during_trace
        && ended >= FEWEST
        && (is_as_many(finding.count) || is_as_many(count_with_rotated(case, finding)))
}

/// How many such lines the log has, and what it was rotated into, as far as they have any of
/// the time of the trace.
fn count_with_rotated(case: &Case<'_>, finding: &LogFinding) -> u64 {
    let is_part = |file: &str, log: &str| file == log || is_rotated_from(file, log);
    let paths = case.logs.iter().map(|one| one.path.as_str());
    let logs = paths.filter(|log| is_part(&finding.path, log));
    let log = logs.min_by_key(|log| log.len()).unwrap_or(&finding.path);
    let parts = case.logs.iter().filter(|one| {
        one.during_trace && one.signature == finding.signature && is_part(&one.path, log)
    });
    parts.map(|one| one.count).sum()
}

/// When an earlier line was written, by its own time.
fn before(logged_ago_ms: Option<u64>) -> String {
    match logged_ago_ms {
        Some(ago) => format!(
            "{} before the look",
            text::duration(ago.saturating_mul(1_000_000))
        ),
        None => "earlier".to_owned(),
    }
}

/// The best line of these signatures that was written during the trace.
pub(super) fn best<'a>(case: &'a Case<'_>, signatures: &[LogSignature]) -> Option<LogLine<'a>> {
    closest(lines(case), signatures)
}

/// The best one that was written before.
pub(super) fn best_before<'a>(
    case: &'a Case<'_>,
    signatures: &[LogSignature],
) -> Option<LogLine<'a>> {
    let logs = case.logs.iter().filter(|log| !log.during_trace);
    closest(logs.filter_map(|log| LogLine::of(case, log)), signatures)
}

/// The one whose origin is closest, of equals the one that is listed first.
fn closest<'a>(
    lines: impl Iterator<Item = LogLine<'a>>,
    signatures: &[LogSignature],
) -> Option<LogLine<'a>> {
    let mut best: Option<LogLine<'a>> = None;
    for line in lines {
        let is_closer = best.is_none_or(|best| best.origin < line.origin);
        if is_closer && line.is_one_of(signatures) {
            best = Some(line);
        }
    }
    best
}

/// All lines that were written during the trace.
fn lines<'a>(case: &'a Case<'_>) -> impl Iterator<Item = LogLine<'a>> {
    let logs = case.logs.iter().filter(|log| log.during_trace);
    logs.filter_map(|log| LogLine::of(case, log))
}

/// A line of ZooKeeper's client that names a cause, whatever it is, or else what it led to.
pub(super) fn named_cause<'a>(case: &'a Case<'_>) -> Option<LogLine<'a>> {
    let told = |is_one: fn(LogSignature) -> bool| {
        lines(case).find(|line| line.is_of_client() && line.signature().is_some_and(is_one))
    };
    told(|one| !speaks_for(one).is_empty()).or_else(|| told(|one| SYMPTOMS.contains(&one)))
}

/// Whether ZooKeeper's client wrote anything about a connection during the trace.
pub(super) fn has_client_at_work(case: &Case<'_>) -> bool {
    case.runtime == Runtime::Jvm && lines(case).any(|line| line.is_of_client())
}

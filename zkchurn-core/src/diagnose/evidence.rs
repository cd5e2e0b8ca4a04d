// SPDX-License-Identifier: MIT
//! What a line of a process's log is worth. A process does many things, and only what
//! ZooKeeper's client wrote, or what names it, says anything certain about it.

use std::net::{IpAddr, SocketAddr};

use super::{
    case::{Case, Runtime},
    churn::Churn,
    finding::Confidence,
    join::Story,
    who::Who,
};
use crate::{
    inspection::{
        LogSignature, logs::LogFinding, own_words::OwnWords, rotation::is_rotated_from, signature,
    },
    ledger::Destination,
    process::java_name,
    text,
};

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
        let named = match named_thread(case, &own) {
            Some(Named::Elsewhere) if is_for_each(case, finding) => None,
            named => named,
        };
        let origin = match named {
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

/// Whose connection thread a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// That of the case.
    This,
    /// That of another client, whose connections were seen.
    Another,
    /// That of a client of a server at a port where nothing of the process was seen.
    Elsewhere,
}

/// Whether only a JVM can have written it, and the process is none.
fn is_of_another_program(case: &Case<'_>, text: &str) -> bool {
    case.runtime == Runtime::Other && signature::is_of_java(text)
}

/// Whether it names a connection thread of the Java client, and the thread that connects is
/// another one: that thread opens the client's connections itself (`ClientCnxnSocketNIO`).
fn is_of_another_thread(case: &Case<'_>, text: &str) -> bool {
    text.contains("SendThread(") && thread_of_another_kind(case).is_some()
}

/// The name of the thread that connects, where it is known to the end and is not that of a
/// connection thread of the Java client.
pub(super) fn thread_of_another_kind<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let Who::Thread { name, .. } = &case.who else {
        return None;
    };
    // Before Java 9 all threads have the process's name.
    let has_own_name = case.label().split(' ').next() != Some(name.comm.as_str());
    let is_whole = !name.is_cut && has_own_name && !name.comm.is_empty();
    let is_another = is_whole && !java_name::may_be_send_thread(name.comm.as_bytes());
    is_another.then_some(name.comm.as_str())
}

/// Written as often as there were connections, such a line is of them, whatever address it
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

/// Whose connection thread a line names, if it does.
fn named_thread(case: &Case<'_>, text: &str) -> Option<Named> {
    let send_thread = text.find("SendThread(");
    if let Some(position) = send_thread
        && let Some((host, port)) = server_of_send_thread(&text[position..])
    {
        // Where it is named by its address.
        let address = host.parse::<IpAddr>().ok();
        let address = address.map(|ip| SocketAddr::new(ip, port));
        let is_at = |one: &Destination, of: SocketAddr| matches!(one, Destination::Server { address, .. } if *address == of);
        // The same address in another network namespace is no other one to a log.
        let is_sibling = |of: SocketAddr| {
            let mut siblings = case.siblings.iter();
            siblings.any(|one| is_at(&one.destination, of))
                && !case.destinations.iter().any(|one| is_at(one, of))
        };
        match case.has_port(port) {
            true if address.is_some_and(is_sibling) => return Some(Named::Another),
            true => {}
            false if case.is_port_of_sibling(port) => return Some(Named::Another),
            false => return Some(Named::Elsewhere),
        }
    }
    let Who::Thread { name, .. } = &case.who else {
        return None;
    };
    let comm = &name.comm;
    // Shorter names, such as `java`, are in every other line.
    const TELLING: usize = 8;
    if comm.len() >= TELLING && text.contains(comm.as_str()) {
        return Some(Named::This);
    }
    let is_another = send_thread.is_some() && java_name::may_be_send_thread(comm.as_bytes());
    is_another.then_some(Named::Another)
}

/// The server in `SendThread(HOST:PORT)`, as `ClientCnxn.SendThread` names itself.
fn server_of_send_thread(text: &str) -> Option<(&str, u16)> {
    let (_, server) = text.split_once('(')?;
    let (server, _) = server.split_once(')')?;
    let (host, port) = server.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']), port.parse().ok()?))
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

/// What all kinds of churn lead to: such a line speaks for none of them.
const SYMPTOMS: [LogSignature; 5] = [
    LogSignature::C_CLIENT_ERROR,
    LogSignature::CLASS_NOT_FOUND,
    LogSignature::CLIENT_RECONNECTS,
    LogSignature::CONNECTION_DROPPED,
    LogSignature::CONNECTION_LOST,
];

/// Whether ZooKeeper's client wrote anything about a connection during the trace.
pub(super) fn has_client_at_work(case: &Case<'_>) -> bool {
    case.runtime == Runtime::Jvm && lines(case).any(|line| line.is_of_client())
}

/// The kinds of churn that a line of this signature speaks for; none where it only tells
/// what all of them lead to.
fn speaks_for(signature: LogSignature) -> &'static [Churn] {
    use LogSignature as Line;
    match signature {
        Line::WEB_APPLICATION_STOPPED
        | Line::ZOOKEEPER_CLASS_MISSING
        | Line::CLIENT_THREAD_LEFT_RUNNING
        | Line::JAR_REPLACED
        | Line::OUT_OF_MEMORY
        | Line::STACK_OVERFLOW
        | Line::INCOMPATIBLE_CLASS
        | Line::CLASS_MISSING
        | Line::CLASS_INITIALIZATION_FAILED
        | Line::CLIENT_LOOP_DIED => &[Churn::ClientFailsBeforeItSpeaks, Churn::ClientNeverSpeaks],
        Line::OUT_OF_THREADS | Line::OUT_OF_FILE_DESCRIPTORS => &[
            Churn::ClientFailsBeforeItSpeaks,
            Churn::ClientNeverSpeaks,
            Churn::ClientPerRequest,
            Churn::HandleLeak,
        ],
        Line::PACKET_TOO_LARGE => &[
            Churn::OversizedPacket,
            Churn::WrongProtocol,
            Churn::HttpAtPlaintextPort,
            Churn::TlsAtPlaintextPort,
        ],
        Line::AUTHENTICATION_FAILED | Line::KERBEROS_LOGIN_FAILED | Line::SASL_NOT_CONFIGURED => {
            &[Churn::AuthenticationRefused]
        }
        Line::TLS_MEETS_PLAINTEXT => &[
            Churn::TlsAtPlaintextPort,
            Churn::WrongProtocol,
            Churn::PlaintextAtTlsPort,
        ],
        Line::TLS_HANDSHAKE_FAILED => &[
            Churn::TlsHandshakeFailed,
            Churn::TlsAtPlaintextPort,
            Churn::WrongProtocol,
        ],
        Line::NAME_NOT_RESOLVED => &[Churn::StaleAddress],
        Line::OUT_OF_LOCAL_PORTS => &[Churn::NoLocalPort],
        Line::NO_ROUTE => &[Churn::Unreachable],
        Line::CLIENT_STARVED | Line::JVM_PAUSED => {
            &[Churn::ReadTimeouts, Churn::SessionExpiredLoop]
        }
        Line::SESSION_TIMED_OUT => &[Churn::ReadTimeouts, Churn::Blackhole],
        Line::CONNECT_TIMED_OUT | Line::CURATOR_TIMED_OUT => {
            &[Churn::Blackhole, Churn::ReadTimeouts, Churn::NotServed]
        }
        Line::TOO_MANY_CONNECTIONS => &[Churn::ConnectionLimit],
        Line::SERVER_BEHIND_CLIENT | Line::SERVER_NOT_SERVING => &[Churn::NotServed],
        Line::SESSION_MOVED => &[Churn::OneSessionTwoClients],
        Line::SESSION_EXPIRED | Line::SESSION_PASSWORD_WRONG => &[Churn::SessionExpiredLoop],
        Line::CONNECTION_REFUSED => &[Churn::Refused],
        Line::SERVER_CLOSED_CONNECTION => &[
            Churn::NotServed,
            Churn::ConnectionLimit,
            Churn::ClientNeverSpeaks,
        ],
        Line::CONNECTION_RESET => &[Churn::ConnectionLimit],
        Line::CLIENT_CLOSED_CONNECTION => {
            &[Churn::ClientFailsBeforeItSpeaks, Churn::TcpHealthProbe]
        }
        Line::NEW_CLIENT => &[Churn::ClientPerRequest, Churn::HandleLeak],
        // A fault of its own, which no rule knows by its shape.
        Line::PROTOCOL_OUT_OF_STEP => &[Churn::UnexplainedChurn],
        // A test holds the two lists against each other.
        _ => &[],
    }
}

/// Whether a line speaks for a kind of churn.
pub(super) fn is_for(line: &LogFinding, name: Churn) -> bool {
    let mut all = LogSignature::ALL.iter();
    let signature = all.find(|one| one.id() == line.signature);
    signature.is_some_and(|one| speaks_for(*one).contains(&name))
}

/// Whether such a line cannot stand beside a finding that it does not speak for: its
/// client does not work, or its server refuses it.
fn rules_out_others(signature: LogSignature) -> bool {
    use LogSignature as Line;
    const DECISIVE: [LogSignature; 8] = [
        Line::WEB_APPLICATION_STOPPED,
        Line::ZOOKEEPER_CLASS_MISSING,
        Line::JAR_REPLACED,
        Line::CLASS_MISSING,
        Line::PACKET_TOO_LARGE,
        Line::AUTHENTICATION_FAILED,
        Line::TLS_HANDSHAKE_FAILED,
        Line::TLS_MEETS_PLAINTEXT,
    ];
    DECISIVE.contains(&signature)
}

/// Holds what was found against what the logs say: a line of ZooKeeper's client that
/// speaks for a finding is among its reasons, and one that speaks for something that was
/// not found in that process weakens what goes by shapes only.
pub(super) fn weigh(stories: &mut [Story<'_>]) {
    let found: Vec<_> = stories
        .iter()
        .map(|story| {
            let kinds = story.verdicts.iter().map(|(rule, _)| rule.name);
            (story.owner, kinds.collect::<Vec<_>>())
        })
        .collect();
    for story in stories {
        let is_found = |kind: &Churn| {
            let of_owner = found.iter().filter(|(owner, _)| *owner == story.owner);
            of_owner.flat_map(|(_, kinds)| kinds).any(|one| one == kind)
        };
        weigh_one(&story.case, &mut story.verdicts, is_found);
    }
}

fn weigh_one(
    case: &Case<'_>,
    verdicts: &mut [(&'static super::rules::Rule, super::finding::Verdict)],
    is_found: impl Fn(&Churn) -> bool,
) {
    let Some((rule, verdict)) = verdicts.first_mut() else {
        return;
    };
    for line in lines(case).filter(LogLine::is_of_client) {
        let Some(signature) = line.signature() else {
            continue;
        };
        let kinds = speaks_for(signature);
        let is_quoted = |reasons: &[String]| reasons.iter().any(|why| why.contains(line.text()));
        if kinds.contains(&rule.name) {
            if !is_quoted(&verdict.reasons_for) && !is_quoted(&verdict.reasons_against) {
                verdict.reasons_for.push(line.quoted());
            }
        } else if verdict.confidence != Confidence::Certain
            && rules_out_others(signature)
            && !line.tells_of_no_refusal(case)
            // Several clients may share an address.
            && (line.origin != Origin::Server || line.is_repeated(case))
            && !kinds.iter().any(&is_found)
            && !is_quoted(&verdict.reasons_for)
        {
            verdict.confidence = Confidence::Possible;
            let against = &mut verdict.reasons_against;
            // Once is enough, with what it means.
            against.retain(|why| !why.contains(line.text()));
            let whose = match line.origin {
                Origin::Server => "the server's",
                _ => "its",
            };
            against.push(format!(
                "{whose} log names another cause ({}): \"{}\"",
                line.finding.place(),
                line.text()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Churn, SYMPTOMS, is_quote, speaks_for};
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence,
            finding::Finding,
            test_case::{
                Kind, back_off, diagnosed, diagnosed_beside_earlier_log, diagnosed_beside_log,
                diagnosed_with, every, names_and_alternatives, new_thread_each,
            },
        },
        inspection::{
            Inspection, LogSignature,
            logs::{LogFinding, LogSearch},
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{by, name, server_side},
        },
        outcome::Outcome,
        process::ProcessKey,
        registry::Registry,
    };

    const SILENT: Kind = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
    const WORKED: Kind = (79, 149, Outcome::AnsweredThenClosedByPeer);

    fn lead(findings: &[Finding]) -> (Churn, Confidence) {
        (findings[0].name, findings[0].confidence)
    }

    /// By a thread of a JVM whose name tells nothing.
    fn by_pool_thread(connections: Vec<Connection>) -> Vec<Connection> {
        by_thread_of("java", "pool-1-thread-3", connections)
    }

    fn by_thread_of(process: &str, thread: &str, connections: Vec<Connection>) -> Vec<Connection> {
        let connections = connections.into_iter().map(|one| {
            let mut one = by(one, 7, 8, thread);
            if let Some(opener) = &mut one.opener {
                opener.process_comm = Some(name(process));
            }
            one
        });
        connections.collect()
    }

    /// A monitor that collects what others log has their lines in its own file, and may write
    /// one whenever it looks at the port.
    #[test]
    fn what_nobody_of_the_process_can_have_written_is_no_evidence() {
        let class = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
        let here = "ERROR [main-SendThread(127.0.0.1:2181)] ClientCnxn - Uncaught exception";
        let elsewhere = "ERROR [main-SendThread(10.9.8.7:2199)] ClientCnxn - Uncaught exception";
        let strangers = [("python3", "python3"), ("java", "health-check")];
        for (process, thread) in strangers {
            for silent in [every(1_000, 12, SILENT), back_off(12, SILENT)] {
                let silent = by_thread_of(process, thread, silent);
                let alone = names_and_alternatives(&diagnosed(&silent));
                for record in [here, elsewhere] {
                    let line = ("zookeeper-class-missing", Some(record), class, 12);
                    let beside = names_and_alternatives(&diagnosed_beside_log(&silent, &[line]));
                    assert_eq!(beside, alone, "{process} {thread} {record}");
                }
            }
        }
        // The client's own thread.
        let own = by_thread_of("java", "main-SendThread", every(1_000, 12, SILENT));
        let line = ("zookeeper-class-missing", Some(here), class, 12);
        assert_eq!(
            lead(&diagnosed_beside_log(&own, &[line])),
            (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain)
        );
    }

    /// Whoever sends a request chooses what stands in an access log.
    #[test]
    fn what_was_sent_to_the_program_decides_nothing() {
        let silent = by_pool_thread(back_off(12, SILENT));
        let class = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
        let request =
            format!("10.1.2.3 - - [28/Nov/2026:13:00:00 +0000] \"GET /?q={class} HTTP/1.1\"");
        let thread = "SendThread(127.0.0.1:2181) pool-1-thread-3";
        let query = format!("INFO [pool-1-thread-3] shop.Search - query \"{class} {thread}\"");
        let alone = names_and_alternatives(&diagnosed(&silent));
        for text in [&request, &query] {
            let lines = [("zookeeper-class-missing", None, text.as_str(), 12)];
            let during = names_and_alternatives(&diagnosed_beside_log(&silent, &lines));
            let before = names_and_alternatives(&diagnosed_beside_earlier_log(&silent, &lines));
            assert_eq!((&during, &before), (&alone, &alone), "{text}");
        }
        let own = [("zookeeper-class-missing", None, class, 12)];
        let certain = (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain);
        assert_eq!(lead(&diagnosed_beside_log(&silent, &own)), certain);
    }

    #[test]
    fn of_lines_that_are_worth_the_same_the_first_comes_first() {
        let own = by_thread_of("java", "main-SendThread", every(1_000, 12, SILENT));
        let here = "ERROR [main-SendThread(127.0.0.1:2181)] ClientCnxn - Uncaught exception";
        let missing =
            |class: &str| format!("java.lang.NoClassDefFoundError: org/apache/zookeeper/{class}");
        let (one, other) = (missing("proto/One"), missing("proto/Other"));
        for (first, second) in [(&one, &other), (&other, &one)] {
            let lines = [first, second]
                .map(|text| ("zookeeper-class-missing", Some(here), text.as_str(), 6));
            let findings = diagnosed_beside_log(&own, &lines);
            let reasons = &findings[0].reasons_for;
            assert!(reasons[0].contains(first.as_str()), "{reasons:?}");
        }
    }

    #[test]
    fn an_error_that_does_not_name_zookeeper_decides_nothing() {
        let probes = by_pool_thread(every(1_000, 12, SILENT));
        let snappy = "java.lang.NoClassDefFoundError: org/xerial/snappy/SnappyOutputStream";
        let records = [
            None,
            Some("ERROR Metrics - export of zookeeper's figures failed"),
        ];
        for record in records {
            let with = diagnosed_beside_log(&probes, &[("class-missing", record, snappy, 3)]);
            let without = diagnosed(&probes);
            assert_eq!(
                names_and_alternatives(&with),
                names_and_alternatives(&without)
            );
            assert!(with.iter().all(|one| one.confidence != Confidence::Certain));
        }
    }

    #[test]
    fn a_class_of_zookeepers_or_a_record_of_its_client_decides() {
        let silent = by_pool_thread(back_off(12, SILENT));
        let of_zookeeper = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
        let findings = diagnosed_beside_log(
            &silent,
            &[("zookeeper-class-missing", None, of_zookeeper, 3)],
        );
        let certain = (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain);
        assert_eq!(lead(&findings), certain);
        let record = "WARN [main-SendThread(zk1:2181)] ClientCnxn - Session 0x1 for server zk1";
        let other = "java.lang.OutOfMemoryError: Java heap space";
        let findings = diagnosed_beside_log(&silent, &[("out-of-memory", Some(record), other, 3)]);
        assert_eq!(lead(&findings), certain);
    }

    #[test]
    fn a_line_of_a_client_of_another_server_leaves_it_open() {
        let silent = by_pool_thread(every(1_000, 12, SILENT));
        let record = "WARN [main-SendThread(zk1:12181)] ClientCnxn - Session 0x1 for server zk1";
        let other = "java.lang.OutOfMemoryError: Java heap space";
        let beside = |count| {
            let line = ("out-of-memory", Some(record), other, count);
            diagnosed_beside_log(&silent, &[line])
        };
        let findings = beside(3);
        assert_eq!(
            names_and_alternatives(&findings),
            [
                (Churn::ClientFailsBeforeItSpeaks, Confidence::Possible),
                (Churn::TcpHealthProbe, Confidence::Possible),
            ]
        );
        let quoted = findings[0].reasons_for.iter();
        assert!(quoted.clone().any(|why| why.contains("at another port")));
        // One for each of them: a proxy has another port than the server's.
        assert_eq!(
            lead(&beside(12)),
            (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain)
        );
    }

    #[test]
    fn lines_that_a_rotation_divided_count_together() {
        let silent = by_pool_thread(every(700, 20, SILENT));
        let opener = silent[0].opener.unwrap();
        let lead_beside = |paths: [&str; 2]| {
            let findings = paths.map(|path| {
                serde_json::from_value(serde_json::json!({
                    "signature": "zookeeper-class-missing", "meaning": "", "path": path,
                    "count": 10, "line": 1, "offset": 0, "during_trace": true, "record": null,
                    "last": "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches",
                }))
                .unwrap()
            });
            let mut registry = Registry::default();
            registry.insert_inspection(Inspection {
                key: ProcessKey::new(opener.thread.tgid, opener.process_start_ns.unwrap()),
                at_ns: 0,
                details: None,
                jvm: None,
                logs: Some(LogSearch {
                    findings: findings.to_vec(),
                    ..LogSearch::default()
                }),
            });
            lead(&diagnosed_with(&silent, &registry)).1
        };
        assert_eq!(lead_beside(["/app.log", "/app.log.1"]), Confidence::Certain);
        assert_eq!(lead_beside(["/app.log", "/other.log"]), Confidence::Likely);
    }

    #[test]
    fn a_line_of_a_client_whose_own_connections_were_seen_is_not_about_others() {
        let mut connections = by_pool_thread(every(1_000, 12, SILENT));
        let probe = lead(&diagnosed(&connections));
        for mut one in by_pool_thread(every(1_500, 3, WORKED)) {
            one.remote.set_port(12_181);
            connections.push(one);
        }
        let record = "WARN [main-SendThread(zk1:12181)] ClientCnxn - Session 0x1 for server zk1";
        let other = "java.lang.OutOfMemoryError: Java heap space";
        let is_probe = |connections: &[Connection], record| {
            let line = ("out-of-memory", Some(record), other, 12);
            let findings = diagnosed_beside_log(connections, &[line]);
            let mut found = findings.iter().map(|one| (one.name, one.confidence));
            found.any(|one| one == probe)
        };
        assert!(is_probe(&connections, record));
        // At the same port of another host.
        for one in &mut connections[12..] {
            one.remote = "10.0.0.9:2181".parse().unwrap();
        }
        let of_another = "WARN [main-SendThread(10.0.0.9:2181)] ClientCnxn - Session 0x1";
        assert!(is_probe(&connections, of_another));
        let of_this = "WARN [main-SendThread(127.0.0.1:2181)] ClientCnxn - Session 0x1";
        assert!(!is_probe(&connections, of_this));
    }

    #[test]
    fn one_expiry_that_the_log_tells_is_no_loop() {
        let mut healthy =
            new_thread_each(every(1_500, 14, (49, 41, Outcome::AnsweredThenClosedByUs)));
        let line =
            "WARN ClientCnxn: Unable to reconnect to ZooKeeper service, session 0x1 has expired";
        let findings = diagnosed_beside_log(&healthy, &[("session-expired", None, line, 1)]);
        assert!(
            findings
                .iter()
                .all(|one| one.confidence != Confidence::Certain)
        );
        for (connection, session) in healthy.iter_mut().zip(0x20..) {
            connection.handshake = Some(asked(0, Some((session, 4_000))));
        }
        let findings = diagnosed_beside_log(&healthy, &[("session-expired", None, line, 1)]);
        assert_eq!(
            lead(&findings),
            (Churn::ClientPerRequest, Confidence::Likely)
        );
    }

    #[test]
    fn a_refused_authentication_beats_what_shapes_suggest() {
        let sessions = new_thread_each(every(1_000, 12, WORKED));
        assert_eq!(
            lead(&diagnosed(&sessions)),
            (Churn::ClientPerRequest, Confidence::Likely)
        );
        let line = "ERROR [main-SendThread(zk1:2181)] ClientCnxn: SASL authentication with \
                    Zookeeper Quorum member failed";
        let findings =
            diagnosed_beside_log(&sessions, &[("authentication-failed", None, line, 12)]);
        assert_eq!(
            names_and_alternatives(&findings),
            [
                (Churn::AuthenticationRefused, Confidence::Likely),
                (Churn::ClientPerRequest, Confidence::Likely),
            ]
        );
    }

    /// A client without a JAAS section goes on without SASL, and Curator calls that failed.
    #[test]
    fn curators_failed_authentication_is_none_where_the_section_is_missing() {
        let sessions = new_thread_each(every(1_000, 12, WORKED));
        let curator = "ERROR org.apache.curator.ConnectionState - Authentication failed";
        let section = "WARN ClientCnxn: SASL configuration failed: No JAAS configuration section \
                       named 'Client' was found";
        let failed = ("authentication-failed", None, curator, 12);
        let missing = ("sasl-not-configured", None, section, 12);
        let findings = diagnosed_beside_log(&sessions, &[failed, missing]);
        assert_eq!(
            lead(&findings),
            (Churn::ClientPerRequest, Confidence::Likely)
        );
        let findings = diagnosed_beside_log(&sessions, &[failed]);
        assert_eq!(lead(&findings).0, Churn::AuthenticationRefused);
    }

    #[test]
    fn a_cause_that_no_finding_has_weakens_what_goes_by_shapes() {
        let sessions = new_thread_each(every(1_000, 12, WORKED));
        let line = "kazoo.client: Connection dropped: CERTIFICATE_VERIFY_FAILED";
        let findings = diagnosed_beside_log(&sessions, &[("tls-handshake-failed", None, line, 1)]);
        assert_eq!(
            lead(&findings),
            (Churn::ClientPerRequest, Confidence::Possible)
        );
        assert!(
            findings[0]
                .reasons_against
                .iter()
                .any(|why| why.contains(line))
        );
    }

    #[test]
    fn what_speaks_for_a_finding_is_among_its_reasons() {
        let refused = every(1_000, 6, (0, 0, Outcome::Refused));
        let line = "zk: dial tcp: connect: connection refused";
        let findings = diagnosed_beside_log(&refused, &[("connection-refused", None, line, 6)]);
        assert!(findings[0].reasons_for.iter().any(|why| why.contains(line)));
    }

    #[test]
    fn every_signature_speaks_for_something_or_is_a_symptom() {
        for signature in LogSignature::ALL {
            let is_symptom = SYMPTOMS.contains(signature);
            let kinds = speaks_for(*signature);
            assert_eq!(kinds.is_empty(), is_symptom, "{}", signature.id());
        }
    }

    #[test]
    fn a_line_that_no_rule_waits_for_is_quoted_where_nothing_else_explains() {
        let odd = every(700, 6, (61, 41, Outcome::AnsweredThenClosedByUs));
        for signature in ["protocol-out-of-step", "connection-dropped"] {
            let line = "kazoo.client: Connection dropped: xids do not match, expected 3 received 4";
            let findings = diagnosed_beside_log(&odd, &[(signature, None, line, 6)]);
            assert_eq!(
                lead(&findings),
                (Churn::UnexplainedChurn, Confidence::Possible)
            );
            assert!(findings[0].reasons_for.iter().any(|why| why.contains(line)));
        }
    }

    /// The look at a server that listens at 2181.
    fn server(pid: u32, client: Option<&str>, signature: LogSignature) -> Inspection {
        let line: LogFinding = serde_json::from_value(serde_json::json!({
            "signature": signature.id(), "meaning": "", "path": "/zookeeper.log", "count": 12,
            "last": "the line", "record": null, "line": 1, "offset": 0, "during_trace": true,
            "client": client,
        }))
        .unwrap();
        let file = serde_json::json!({"path": "/zookeeper.log", "size": 1, "searched": 1});
        Inspection {
            key: ProcessKey::new(pid, 0),
            at_ns: 0,
            details: None,
            jvm: None,
            logs: Some(LogSearch {
                files: vec![serde_json::from_value(file).unwrap()],
                findings: vec![line],
                serves: vec![2181],
                ..LogSearch::default()
            }),
        }
    }

    fn on_the_server(looks: Vec<Inspection>, kind: Kind) -> Finding {
        let connections: Vec<_> = back_off(12, kind).into_iter().map(server_side).collect();
        let mut registry = Registry::default();
        for look in looks {
            registry.insert_inspection(look);
        }
        diagnosed_with(&connections, &registry).remove(0)
    }

    #[test]
    fn the_servers_log_counts_for_the_client_that_it_names() {
        const TURNED_AWAY: Kind = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let limit = LogSignature::TOO_MANY_CONNECTIONS;
        let cases = [
            (Some("192.0.2.7"), Confidence::Certain),
            (Some("192.0.2.8"), Confidence::Possible),
        ];
        for (client, confidence) in cases {
            let found = on_the_server(vec![server(9, client, limit)], TURNED_AWAY);
            assert_eq!(
                (found.name, found.confidence),
                (Churn::ConnectionLimit, confidence)
            );
            let advice = found.would_decide.join("\n");
            assert!(!advice.contains("the server's log"), "{advice}");
            let is_quoted = found.reasons_for.iter().any(|why| is_quote(why));
            assert_eq!(is_quoted, confidence == Confidence::Certain);
        }
    }

    #[test]
    fn of_two_servers_at_one_port_no_line_holds_for_all_clients() {
        const UNANSWERED: Kind = (0, 49, Outcome::ClosedByUsWithoutAnswer);
        let idle = LogSignature::SERVER_NOT_SERVING;
        let says = |found: &Finding| found.reasons_for.join("\n").contains("the line");
        let one = on_the_server(vec![server(9, None, idle)], UNANSWERED);
        assert_eq!(one.name, Churn::NotServed);
        assert!(says(&one), "{:?}", one.reasons_for);
        let two = vec![server(8, None, idle), server(9, None, idle)];
        assert!(!says(&on_the_server(two, UNANSWERED)));
    }
}

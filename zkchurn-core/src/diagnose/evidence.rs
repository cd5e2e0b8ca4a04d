// SPDX-License-Identifier: MIT
//! What a line of a process's log is worth. A process does many things, and only what
//! ZooKeeper's client wrote, or what names it, says anything certain about it.

use super::{
    case::{Case, Runtime},
    churn::Churn,
    finding::Confidence,
    join::Story,
    who::Who,
};
use crate::{
    inspection::{LogSignature, logs::LogFinding, signature::NAMES_OF_ZOOKEEPER},
    process::java_name,
};

/// Whose line it is, the closer the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// The process's: nothing in it names ZooKeeper.
    Process,
    /// A ZooKeeper client's: it names the client, its classes, or a session.
    Client,
    /// The thread's that opened the connections: it names that thread.
    Thread,
}

/// A line of the log of a case's process, written during the trace.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    finding: &'a LogFinding,
    origin: Origin,
}

impl<'a> LogLine<'a> {
    /// `None` where it tells of another client of the same process.
    fn of(case: &Case<'_>, finding: &'a LogFinding) -> Option<Self> {
        let text = match &finding.record {
            Some(record) => format!("{record}\n{}", finding.last),
            None => finding.last.clone(),
        };
        let origin = match names_thread(case, &text) {
            Some(true) => Origin::Thread,
            Some(false) => return None,
            None if names_zookeeper(&text) => Origin::Client,
            None => Origin::Process,
        };
        Some(Self { finding, origin })
    }

    /// Whether nothing but ZooKeeper's client, or somebody who speaks of it, can have
    /// written it.
    pub fn is_of_client(&self) -> bool {
        self.origin >= Origin::Client
    }

    /// How many such lines the log has.
    pub fn count(&self) -> u64 {
        self.finding.count
    }

    /// The line, as a reason.
    pub fn quoted(&self) -> String {
        let line = self.finding.last.trim();
        match self.is_of_client() {
            true => format!("its log says so: \"{line}\""),
            false => format!(
                "its log says, without naming ZooKeeper, so it may be about something else: \
                 \"{line}\""
            ),
        }
    }

    /// The line alone.
    pub fn text(&self) -> &'a str {
        self.finding.last.trim()
    }

    fn signature(&self) -> Option<LogSignature> {
        let mut all = LogSignature::ALL.iter();
        all.find(|one| one.id() == self.finding.signature).copied()
    }
}

/// Whether a line names the thread of the case (`Some(true)`), or the connection thread
/// of another client (`Some(false)`).
fn names_thread(case: &Case<'_>, text: &str) -> Option<bool> {
    let send_thread = text.find("SendThread(");
    if let Some(position) = send_thread
        && let Some(port) = port_of_send_thread(&text[position..])
        && !case.has_port(port)
    {
        return Some(false);
    }
    let Who::Thread { comm, .. } = &case.who else {
        return None;
    };
    // Shorter names, such as `java`, are in every other line.
    const TELLING: usize = 8;
    if comm.len() >= TELLING && text.contains(comm.as_str()) {
        return Some(true);
    }
    let is_another = send_thread.is_some() && java_name::may_be_send_thread(comm.as_bytes());
    is_another.then_some(false)
}

/// The port in `SendThread(HOST:PORT)`, as `ClientCnxn.SendThread` names itself.
fn port_of_send_thread(text: &str) -> Option<u16> {
    let (name, _) = text.split_once(')')?;
    let (_, port) = name.rsplit_once(':')?;
    port.parse().ok()
}

fn names_zookeeper(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    NAMES_OF_ZOOKEEPER.iter().any(|name| text.contains(name))
}

/// The best line of these signatures: the one whose origin is closest, of equals the one
/// that is listed first.
pub fn best<'a>(case: &'a Case<'_>, signatures: &[LogSignature]) -> Option<LogLine<'a>> {
    let mut best: Option<LogLine<'a>> = None;
    for line in lines(case) {
        let is_one = signatures
            .iter()
            .any(|one| one.id() == line.finding.signature);
        if is_one && best.is_none_or(|best| best.origin < line.origin) {
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

/// A line of ZooKeeper's client that names a cause, whatever it is.
pub fn named_cause<'a>(case: &'a Case<'_>) -> Option<LogLine<'a>> {
    lines(case).find(|line| {
        let tells = |signature| !speaks_for(signature).is_empty();
        line.is_of_client() && line.signature().is_some_and(tells)
    })
}

/// Whether ZooKeeper's client wrote anything about a connection during the trace.
pub fn has_client_at_work(case: &Case<'_>) -> bool {
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
        // What all kinds lead to: CLIENT_RECONNECTS, C_CLIENT_ERROR, CONNECTION_DROPPED,
        // CONNECTION_LOST; and what is a fault of its own, PROTOCOL_OUT_OF_STEP.
        _ => &[],
    }
}

/// Whether such a line cannot stand beside a finding that it does not speak for: its
/// client does not work, or its server refuses it.
fn rules_out_others(signature: LogSignature) -> bool {
    use LogSignature as Line;
    const DECISIVE: [LogSignature; 9] = [
        Line::WEB_APPLICATION_STOPPED,
        Line::ZOOKEEPER_CLASS_MISSING,
        Line::JAR_REPLACED,
        Line::CLASS_MISSING,
        Line::CLIENT_LOOP_DIED,
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
pub fn weigh(stories: &mut [Story<'_>]) {
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
            if !is_quoted(&verdict.reasons_for) {
                verdict.reasons_for.push(line.quoted());
            }
        } else if verdict.confidence != Confidence::Certain
            && rules_out_others(signature)
            && !kinds.iter().any(&is_found)
            && !is_quoted(&verdict.reasons_for)
        {
            verdict.confidence = Confidence::Possible;
            verdict
                .reasons_against
                .push(format!("its log names another cause: \"{}\"", line.text()));
        }
    }
}

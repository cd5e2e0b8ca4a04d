// SPDX-License-Identifier: MIT
//! What the counts of one address mean: rules as data. Adding one is adding an
//! entry to [`RULES`].

use std::collections::BTreeMap;

use super::{begun, kind::Kind, moment::Moment, tally::Address};
use crate::{
    diagnose::{
        Churn, Confidence, Finding, Severity,
        case::Runtime,
        who::{Who, WhoRow},
    },
    handshake::word::WORDS,
    text,
};

/// Whose counts a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The address as text; `None` for lines that tell none.
    pub address: Option<&'a str>,
    /// What is known of it.
    pub details: &'a Address,
    /// How often a connection with another server of the ensemble broke, by its id.
    pub broken_with: &'a BTreeMap<u64, u64>,
}

pub(super) struct Rule {
    pub(super) name: Churn,
    pub(super) kinds: &'static [Kind],
    /// Fewer are nothing remarkable.
    pub(super) least: u64,
    pub(super) confidence: Confidence,
    pub(super) severity: Severity,
    /// What it does, with `{}` for the count of connections, or `{s}` for that of sessions.
    pub(super) does: &'static str,
    pub(super) means: &'static str,
    /// Kinds that look the same in a log.
    pub(super) cannot_tell_from: &'static [Churn],
    /// What would decide; empty where the server itself says so.
    pub(super) would_decide: &'static str,
    pub(super) next: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        name: Churn::ClosesWithoutSession,
        kinds: &[Kind::ClosedWithoutSession, Kind::BrokenWithoutSession],
        least: 3,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "opened {} that closed without a session",
        means: "each one ended before it had a session",
        cannot_tell_from: &[Churn::ClientFailsBeforeItSpeaks, Churn::TcpHealthProbe],
        would_decide: "the process behind the address: a failing client and a TCP health check \
            look the same here",
        next: "run `sudo zkchurn` on that host",
    },
    Rule {
        name: Churn::ConnectionLimit,
        kinds: &[Kind::LimitReached],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "was refused {} over its connection limit",
        means: "it had as many connections open as maxClientCnxns allows one address",
        cannot_tell_from: &[Churn::HandleLeak],
        would_decide: "the processes that hold the connections: one client that leaks them and \
            many clients behind one address (NAT, one host with many processes) look the same here",
        next: "run `sudo zkchurn` on that host, and `cons` or `ss -tn` on the server, to see who holds the connections",
    },
    Rule {
        name: Churn::ZxidAhead,
        kinds: &[Kind::ZxidAhead],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "was refused {} because it has seen a newer zxid than this server",
        means: "this server lags behind, or its data was lost or replaced while the client \
            kept running; the client retries forever",
        cannot_tell_from: &[],
        would_decide: "the zxid of the other servers (`srvr`): if they are ahead, this one lags; \
            if they are not, data was lost",
        next: "compare `srvr` on all servers; if data was lost, restart these clients",
    },
    Rule {
        name: Churn::SessionExpiredLoop,
        kinds: &[Kind::RenewalRefused],
        least: 3,
        confidence: Confidence::Likely,
        severity: Severity::Broken,
        does: "tried to resume an expired session in {}",
        means: "its sessions expire while it is away: long pauses, network loss, or a client that never creates a new handle",
        cannot_tell_from: &[],
        would_decide: "the client's log and the session ids: pauses and network loss look the \
            same here",
        next: "run `sudo zkchurn --jvm dump` on that host",
    },
    Rule {
        name: Churn::WrongPassword,
        kinds: &[Kind::WrongPassword],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "sent a wrong session password in {}",
        means: "it asked for another client's session, or for one from another ensemble",
        cannot_tell_from: &[],
        would_decide: "the client's connect string: a client that came from another ensemble and \
            a shared session id look the same here",
        next: "compare the client's connect string with this ensemble",
    },
    Rule {
        name: Churn::NotServed,
        kinds: &[Kind::NotServing],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "opened {} while the server was not serving",
        means: "the server had no quorum, or was starting or stopping: the clients are not at fault",
        cannot_tell_from: &[],
        would_decide: "the election lines around these: no quorum and a restart look the same \
            here",
        next: "look for LOOKING, LEADING and FOLLOWING in this log",
    },
    Rule {
        name: Churn::Throttled,
        kinds: &[Kind::Throttled],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "was turned away in {} by the connection throttle",
        means: "more clients connected at once than zookeeper.connection_throttle_tokens allows",
        cannot_tell_from: &[],
        would_decide: "",
        next: "start with the addresses that have most connections: the log does not say who used up the tokens",
    },
    Rule {
        name: Churn::ReadOnlyRefused,
        kinds: &[Kind::ReadOnlyRefused],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "was refused {} by a server in read-only mode",
        means: "the server lost its quorum and serves only clients that accept a read-only server",
        cannot_tell_from: &[],
        would_decide: "",
        next: "restore the quorum",
    },
    Rule {
        name: Churn::TlsAtPlaintextPort,
        kinds: &[Kind::Tls],
        least: 1,
        confidence: Confidence::Likely,
        severity: Severity::Broken,
        does: "spoke TLS to a plaintext port in {}",
        means: "the first bytes were those of a TLS record",
        cannot_tell_from: &[Churn::WrongProtocol],
        would_decide: "the process behind the address: a ZooKeeper client with TLS and a scanner \
            look the same here",
        next: "point the client at the secure port (secureClientPort), or run `sudo zkchurn` on that host to find it",
    },
    Rule {
        name: Churn::HttpAtPlaintextPort,
        kinds: &[Kind::Http],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "spoke HTTP to the ZooKeeper port in {}",
        means: "the first four bytes were an HTTP method: a health check, a browser or a scanner",
        cannot_tell_from: &[],
        would_decide: "",
        next: "run `sudo zkchurn` on that host",
    },
    Rule {
        name: Churn::ImpossibleLength,
        kinds: &[Kind::BadLength],
        least: 1,
        confidence: Confidence::Possible,
        severity: Severity::Broken,
        does: "sent an impossible length in {}",
        means: "it is another protocol, an unknown four-letter word, or a message over jute.maxbuffer",
        cannot_tell_from: &[Churn::WrongProtocol, Churn::OversizedPacket],
        would_decide: "the length, which is in the log (`Len error`)",
        next: "search this log for `Len error`; run `sudo zkchurn` on that host",
    },
    Rule {
        name: Churn::TlsHandshakeFailed,
        kinds: &[Kind::TlsHandshakeFailed],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "failed the TLS handshake in {}",
        means: "the certificates do not match, or the client does not speak TLS",
        cannot_tell_from: &[],
        would_decide: "the exception below each of these lines",
        next: "search this log for `Unsuccessful handshake`",
    },
    Rule {
        name: Churn::SessionsComeAndGo,
        kinds: &[Kind::EndedWithSession],
        least: 10,
        confidence: Confidence::Possible,
        severity: Severity::Wasteful,
        does: "ended {} that had a session",
        means: "possibly a new client for each request instead of one that is reused",
        cannot_tell_from: &[Churn::ClientPerRequest],
        would_decide: "the session ids in the log: one client that reconnects and a client for \
            each request have the same counts",
        next: "run `sudo zkchurn` on that host, and see whether each connection comes from a new thread",
    },
    Rule {
        name: Churn::FourLetterWordMonitor,
        kinds: &[Kind::FourLetterWord],
        least: 3,
        confidence: Confidence::Certain,
        severity: Severity::Harmless,
        does: "sent four-letter words in {}",
        means: "a monitor opens a connection for each command",
        cannot_tell_from: &[],
        would_decide: "",
        next: "nothing to do, unless it polls too often",
    },
    Rule {
        name: Churn::AuthenticationRefused,
        kinds: &[Kind::AuthenticationFailed],
        least: 3,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "failed to authenticate in {}",
        means: "its password, ticket or JAAS section is not what the server expects",
        cannot_tell_from: &[],
        would_decide: "",
        next: "compare the JAAS section of client and server, and with Kerberos both clocks; the \
            reason is in the exception below the line",
    },
    Rule {
        name: Churn::AuthenticationRefused,
        kinds: &[Kind::CredentialRefused],
        least: 3,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "had the credential of `addauth` refused in {}",
        means: "the server does not accept what the client gives for the scheme that the line names",
        cannot_tell_from: &[],
        would_decide: "",
        next: "search this log for `Authentication failed for scheme`; compare what the client gives to \
            `addauth` for that scheme (`digest`: USER:PASSWORD, `x509`: its certificate) with what \
            the server's provider of the scheme accepts",
    },
    Rule {
        name: Churn::AuthenticationRefused,
        kinds: &[Kind::SchemeUnknown],
        least: 3,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "asked in {} for an authentication scheme that the server lacks",
        means: "the client calls `addauth` with a scheme of which this server has no provider",
        cannot_tell_from: &[],
        would_decide: "",
        next: "search this log for `No authentication provider`: the line names the scheme, and those \
            that the server has; correct the client's, or set `authProvider.1` to the class of that \
            provider in zoo.cfg",
    },
    Rule {
        name: Churn::AuthenticationRefused,
        kinds: &[Kind::AuthenticationRequired],
        least: 3,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "had {} closed for not authenticating",
        means: "the server requires authentication; the client has no JAAS section, or failed before",
        cannot_tell_from: &[],
        would_decide: "",
        next: "give the client a JAAS section `Client`, or see `sessionRequireClientSASLAuth` and \
            `enforce.auth.enabled` of the server",
    },
    Rule {
        name: Churn::ServerOutOfDescriptors,
        kinds: &[Kind::OutOfDescriptors],
        least: 1,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "could not accept {}: no file descriptor left",
        means: "the server itself has as many files and sockets open as its limit allows; the \
            clients are not at fault, unless one holds very many connections",
        cannot_tell_from: &[Churn::HandleLeak],
        would_decide: "clients that never close and a limit that is too low look the same here: \
            count the server's sockets by address",
        next: "compare `ls /proc/PID/fd | wc -l` with `Max open files` in /proc/PID/limits of the \
            server; `ss -tn` says who holds the connections",
    },
    Rule {
        name: Churn::EnsembleChurn,
        kinds: &[Kind::ElectionConnection],
        least: 10,
        confidence: Confidence::Possible,
        severity: Severity::Broken,
        does: "made {} to the election port of this server",
        means: "another server of the ensemble keeps this connection open, so many mean that it \
            breaks; a TCP check of the port opens one each time",
        cannot_tell_from: &[Churn::TcpHealthProbe],
        would_decide: "whether a server of the ensemble has this address; a server that restarts, \
            a myid that two servers have and a firewall between look the same here: read that \
            server's own log",
        next: "look at that host: is it a server of the ensemble, does it restart, is its myid its \
            own, is a firewall between? `sudo zkchurn --port 3888` traces the same live",
    },
    Rule {
        name: Churn::EnsembleChurn,
        kinds: &[Kind::ElectionUnreachable],
        least: 10,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "could not be reached in {} to its election port",
        means: "that server is down, or its election port is closed or filtered; no client is at fault",
        cannot_tell_from: &[],
        would_decide: "a server that is down and a firewall look the same here: read that server's log",
        next: "look at that server and at what stands between",
    },
    Rule {
        name: Churn::EnsembleChurn,
        kinds: &[Kind::ElectionBroken],
        least: 10,
        confidence: Confidence::Certain,
        severity: Severity::Broken,
        does: "lost {} with other servers of the ensemble",
        means: "servers of an ensemble keep these connections open; no client is at fault",
        cannot_tell_from: &[],
        would_decide: "a server that restarts, a myid that two servers have and a firewall between \
            look the same here: read the other server's log",
        next: "look at the other server: does it restart, is its myid its own, is a firewall between?",
    },
];

/// Who a finding about the server itself is of.
pub const THIS_SERVER: &str = "this server";

/// Kinds that are about the server itself, so that no client is the subject.
const OF_SERVER: [Kind; 2] = [Kind::OutOfDescriptors, Kind::ElectionBroken];

/// What a subject does, most first.
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let of_ends = RULES.iter().filter_map(|rule| apply(rule, subject));
    let of_begins = begun::found(subject);
    let of_begins = of_begins.map(|found| finding(&found.rule, subject, found.count));
    of_ends.chain(of_begins).collect()
}

/// Worst first, then by how much of it there is.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| std::cmp::Reverse((finding.severity, finding.connections));
        key(one)
            .cmp(&key(other))
            .then_with(|| one.who.label.cmp(&other.who.label))
    });
}

fn apply(rule: &Rule, subject: &Subject<'_>) -> Option<Finding> {
    let count = subject
        .details
        .counts
        .sum(|kind| rule.kinds.contains(&kind));
    if count < rule.least {
        return None;
    }
    // Those that failed before are told of already.
    let counts = &subject.details.counts;
    if rule.kinds == [Kind::AuthenticationRequired]
        && counts.of(Kind::AuthenticationFailed) >= rule.least
    {
        return None;
    }
    Some(finding(rule, subject, count))
}

fn finding(rule: &Rule, subject: &Subject<'_>, count: u64) -> Finding {
    let sentences = |sentence: &str| match sentence {
        "" => Vec::new(),
        sentence => vec![sentence.to_owned()],
    };
    Finding {
        name: rule.name,
        title: rule.name.title(),
        confidence: confidence(rule, subject),
        severity: rule.severity,
        who: who(rule, subject),
        destinations: Vec::new(),
        connections: count,
        at_least: false,
        explains: None,
        summary: summary(rule, subject, count),
        seen: None,
        rhythm: rhythm(rule, subject),
        reasons_for: vec![format!("{}{}", means(rule, subject), extra(rule, subject))],
        reasons_against: doubts(rule, subject),
        numbers: BTreeMap::from([("lines", count)]),
        cannot_tell_from: rule.cannot_tell_from.to_vec(),
        alternatives: Vec::new(),
        would_decide: sentences(would_decide(rule, subject)),
        next: sentences(next(rule, subject)),
    }
}

/// The clients of an address, or those whose lines tell none.
fn who(rule: &Rule, subject: &Subject<'_>) -> WhoRow {
    match subject.address {
        None if rule.kinds.iter().any(|kind| OF_SERVER.contains(kind)) => {
            let host = THIS_SERVER.to_owned();
            WhoRow {
                words: host.clone(),
                ..Who::RemoteHost { host, netns: None }.row()
            }
        }
        Some(address) => {
            let host = address.to_owned();
            Who::RemoteHost { host, netns: None }.row()
        }
        None => {
            let host = "clients whose address this log does not report".to_owned();
            WhoRow {
                words: host.clone(),
                ..Who::RemoteHost { host, netns: None }.row()
            }
        }
    }
}

/// Whether it is about clients of which the log tells no address.
fn is_of_unknown_clients(rule: &Rule, subject: &Subject<'_>) -> bool {
    let is_of_server = rule.kinds.iter().any(|kind| OF_SERVER.contains(kind));
    subject.address.is_none() && !is_of_server
}

fn means(rule: &Rule, subject: &Subject<'_>) -> &'static str {
    match rule.name {
        // The limit of an address names it.
        Churn::ConnectionLimit if subject.address.is_none() => {
            "the server had as many connections open as maxCnxns allows for all clients together"
        }
        _ => rule.means,
    }
}

fn would_decide(rule: &Rule, subject: &Subject<'_>) -> &'static str {
    match rule.name {
        Churn::ConnectionLimit if subject.address.is_none() => {
            "who holds the connections, as this log names no client: one that leaks them and a limit \
             that is too low for all clients together look the same here"
        }
        _ => rule.would_decide,
    }
}

fn next(rule: &Rule, subject: &Subject<'_>) -> &'static str {
    if rule.name == Churn::ConnectionLimit && subject.address.is_none() {
        return "count the connections by address on the server (`cons`, `ss -tn`): the one with very \
                many is where to run `sudo zkchurn`; `sudo zkchurn --side server` on the server shows \
                who is turned away";
    }
    match is_of_unknown_clients(rule, subject) && rule.next.contains("on that host") {
        true => {
            "run `sudo zkchurn --side server` on the server: it shows the clients' addresses; then \
             `sudo zkchurn` on their hosts"
        }
        false => rule.next,
    }
}

fn summary(rule: &Rule, subject: &Subject<'_>, count: u64) -> String {
    let does = match (is_of_unknown_clients(rule, subject), rule.does) {
        (true, does) => {
            let (verb, rest) = match does.strip_prefix("was ") {
                Some(rest) => ("were ", rest),
                None => ("", does),
            };
            let rest = rest.replace("it has", "they have");
            format!("{verb}{}", rest.replace("over its", "over the server's"))
        }
        (false, does) => does.to_owned(),
    };
    let does = does
        .replace("{}", &text::counted(count, "connection"))
        .replace("{s}", &text::counted(count, "session"));
    let mut sentence = format!("{} {does}", who(rule, subject).label);
    if let Some((first, last)) = subject.details.range(rule.kinds) {
        sentence.push_str(&rate(count, first, last));
        sentence.push_str(&between(first, last));
    }
    sentence.push('.');
    sentence
}

/// `, 0.93/s`, where there is a time to divide by.
fn rate(count: u64, first: Moment, last: Moment) -> String {
    let seconds = last.0.saturating_sub(first.0) as f64 / 1000.0;
    match (count, seconds) {
        (3.., 10.0..) => {
            // The first opens the interval, as in any row of fence posts.
            let gaps = count.saturating_sub(1) as f64;
            format!(", {},", text::rate(gaps / seconds))
        }
        _ => String::new(),
    }
}

/// ` between 2026-11-25 10:00:03 and 14:00:01`.
fn between(first: Moment, last: Moment) -> String {
    let (from, to) = (first.date(), last.date());
    if first.0 / 1000 == last.0 / 1000 {
        format!(" at {first}")
    } else if from.date() == to.date() {
        format!(" between {first} and {:.0}", to.time())
    } else {
        format!(" between {first} and {last}")
    }
}

/// The rhythm speaks for one or the other, but many processes of one host mix.
fn rhythm(rule: &Rule, subject: &Subject<'_>) -> Option<String> {
    if rule.name != Churn::ClosesWithoutSession || subject.address.is_none() {
        return None;
    }
    let gaps = &subject.details.gaps;
    let words = gaps.rhythm().words(Runtime::Unknown)?;
    Some(match gaps.of_latest() {
        Some(latest) => format!("{words} (the last {latest} intervals)"),
        None => words,
    })
}

/// New sessions, not one that is taken up again: then it is no client that reconnects.
fn makes_new_sessions(subject: &Subject<'_>) -> bool {
    let of = |kind| subject.details.counts.of(kind);
    of(Kind::SessionAsked) >= 10 && of(Kind::RenewalAsked) * 4 < of(Kind::SessionAsked)
}

/// Fewer than one an hour: each planned restart of a server makes one or more.
fn is_rare(rule: &Rule, subject: &Subject<'_>) -> bool {
    is_less_than_one_in(3_600_000, rule, subject)
}

/// Sessions that end one by one, fewer than one in five minutes: a job that runs now and then has
/// one each time, and closes it in good order.
fn is_as_of_a_job(rule: &Rule, subject: &Subject<'_>) -> bool {
    let most = subject.details.busiest.most();
    rule.kinds == [Kind::EndedWithSession]
        && most.is_some_and(|(_, ended)| ended <= 2)
        && is_less_than_one_in(300_000, rule, subject)
}

fn is_less_than_one_in(milliseconds: i64, rule: &Rule, subject: &Subject<'_>) -> bool {
    let counts = &subject.details.counts;
    let count = counts.sum(|kind| rule.kinds.contains(&kind));
    let range = subject.details.range(rule.kinds);
    let times = range.map_or(0, |(first, last)| {
        last.0.saturating_sub(first.0) / milliseconds
    });
    count.saturating_sub(1) < times.unsigned_abs()
}

/// Whether an id is one that a server can have: a `myid` is 1 to 255 (ZooKeeper Administrator's
/// Guide). Of who speaks another protocol other bytes are read for it.
const fn is_server(id: u64) -> bool {
    1 <= id && id <= 255
}

/// Connections that broke with such servers.
fn broken_with(subject: &Subject<'_>, are_such: impl Fn(u64) -> bool) -> u64 {
    let such = subject.broken_with.iter();
    let such = such.filter(|(id, _)| are_such(**id));
    such.fold(0, |sum, (_, count)| sum.saturating_add(*count))
}

/// Whether more connections that broke were of strangers at the election port than of servers.
fn is_of_strangers(subject: &Subject<'_>) -> bool {
    broken_with(subject, |id| !is_server(id)) > broken_with(subject, is_server)
}

/// Connections at the election port, of which this server says that as many broke: who only
/// checks the port has none that could break.
fn breaks_as_often(rule: &Rule, subject: &Subject<'_>) -> bool {
    let broken = broken_with(subject, is_server);
    let opened = subject.details.counts.of(Kind::ElectionConnection);
    rule.kinds == [Kind::ElectionConnection] && broken.saturating_mul(2) >= opened
}

fn confidence(rule: &Rule, subject: &Subject<'_>) -> Confidence {
    match rule.name {
        Churn::SessionsComeAndGo if is_as_of_a_job(rule, subject) => Confidence::Possible,
        Churn::SessionsComeAndGo if makes_new_sessions(subject) => Confidence::Likely,
        Churn::EnsembleChurn if is_rare(rule, subject) || is_of_strangers(subject) => {
            Confidence::Possible
        }
        Churn::FourLetterWordMonitor if is_of_client(subject.details) => Confidence::Possible,
        Churn::EnsembleChurn if breaks_as_often(rule, subject) => Confidence::Likely,
        _ => rule.confidence,
    }
}

fn doubts(rule: &Rule, subject: &Subject<'_>) -> Vec<String> {
    let inferred = subject.details.inferred_sessions;
    match rule.name {
        Churn::SessionsComeAndGo if inferred > 0 => vec![format!(
            "the log names no address for {} of these sessions: it is that of the old client that \
             asked just before, when no other did",
            text::count(inferred)
        )],
        Churn::SessionsComeAndGo if is_as_of_a_job(rule, subject) => vec![
            "on average it is less than one in five minutes: a job that runs now and then, and \
             closes its session in good order, looks the same"
                .to_owned(),
        ],
        Churn::FourLetterWordMonitor if is_of_client(subject.details) => vec![
            "a ZooKeeper client asks `isro` itself while it is attached to a read-only server, and \
             looks for one that has its quorum: then it is no monitor, and not harmless"
                .to_owned(),
        ],
        Churn::EnsembleChurn if is_of_strangers(subject) => vec![format!(
            "{} there began with what no server sends (a myid is 1 to 255): a client whose connect \
             string has the election port in place of the client port, or a scanner, does that, and \
             the ensemble may be healthy",
            text::counted(broken_with(subject, |id| !is_server(id)), "connection")
        )],
        Churn::EnsembleChurn if is_rare(rule, subject) => vec![
            "on average it is less than one an hour: planned restarts of a server look the same"
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// What a rule says beyond its own words.
fn extra(rule: &Rule, subject: &Subject<'_>) -> String {
    let details = subject.details;
    match (rule.name, subject.address, details.limit) {
        (Churn::ClosesWithoutSession, None, _) => {
            "; ZooKeeper 3.5.5 to 3.5.10 logs the address at DEBUG only, and no version logs it \
             when a connection is reset: `zkchurn --side server` on the server shows it"
                .to_owned()
        }
        (Churn::ConnectionLimit, _, Some(limit)) => {
            format!(" (the limit is {})", text::count(limit))
        }
        (Churn::SessionsComeAndGo, _, _) if makes_new_sessions(subject) => {
            let asked = subject.details.counts.of(Kind::SessionAsked);
            format!(
                "; it asked for {}, and hardly ever for one that it had",
                text::counted(asked, "new session")
            )
        }
        (Churn::SessionsComeAndGo, _, _) if details.counts.of(Kind::Expired) >= 3 => {
            let expired = details.counts.of(Kind::Expired);
            format!(
                "; it left {} to expire instead of closing them",
                text::counted(expired, "session")
            )
        }
        (Churn::AuthenticationRefused, _, _)
            if details.counts.of(Kind::AuthenticationRequired) > 0 =>
        {
            let closed = details.counts.of(Kind::AuthenticationRequired);
            format!(
                "; the server closed {}",
                text::counted(closed, "connection")
            )
        }
        (Churn::EnsembleChurn, _, _) if broken_with(subject, is_server) > 0 => {
            let servers = subject.broken_with.iter().filter(|(id, _)| is_server(**id));
            let each: Vec<_> = servers
                .take(9)
                .map(|(id, times)| format!("with server {id} {}", text::counted(*times, "time")))
                .collect();
            format!("; connections broke {}", each.join(", "))
        }
        (Churn::FourLetterWordMonitor, Some(_), _) => {
            format!(" ({})", words(details).join(", "))
        }
        _ => String::new(),
    }
}

/// Whether `isro` is all that was asked.
fn is_of_client(details: &Address) -> bool {
    words(details) == ["isro"]
}

/// The four-letter words that an address asked.
pub fn words(details: &Address) -> Vec<&'static str> {
    let asked = |(place, _): &(usize, &&str)| details.words & (1 << place) != 0;
    let asked: Vec<_> = WORDS
        .iter()
        .enumerate()
        .filter(asked)
        .map(|(_, word)| *word)
        .collect();
    match asked.is_empty() {
        true => vec!["unknown words"],
        false => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serverlog::tally::{Event, LogTally};

    fn address(kind: Kind, seconds: impl Iterator<Item = i64>) -> Box<Address> {
        let ip = [10, 1, 2, 3].into();
        let mut tally = LogTally::default();
        for second in seconds {
            let at = Some(Moment(second * 1000));
            tally.count(ip, Event { kind, times: 1, at });
        }
        tally.addresses.remove(&ip).unwrap()
    }

    fn finding(address: &Address) -> Vec<Finding> {
        find(&Subject {
            address: Some("10.1.2.3"),
            details: address,
            broken_with: &BTreeMap::new(),
        })
    }

    #[test]
    fn a_health_check_and_a_failing_client_look_alike() {
        let probe = address(Kind::ClosedWithoutSession, (0..100).map(|n| n * 5));
        let findings = finding(&probe);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].summary,
            "10.1.2.3 opened 100 connections that closed without a session, 0.20/s, between 1970-01-01 00:00:00 and 00:08:15."
        );
        assert!(
            findings[0]
                .rhythm
                .as_deref()
                .unwrap()
                .contains("every 5.00 s")
        );
        assert!(
            findings[0]
                .cannot_tell_from
                .contains(&Churn::TcpHealthProbe)
        );
    }

    /// The limit of all clients together names none of them (`maxCnxns`).
    #[test]
    fn of_clients_without_an_address_it_is_not_said_what_is_so_of_one() {
        let of_all = |kind| {
            let findings = find(&Subject {
                address: None,
                details: &address(kind, 0..5),
                broken_with: &BTreeMap::new(),
            });
            findings.into_iter().next().expect("there is one")
        };
        let limit = of_all(Kind::LimitReached);
        assert!(
            limit
                .summary
                .contains("were refused 5 connections over the server's connection limit"),
            "{}",
            limit.summary
        );
        let means = &limit.reasons_for[0];
        assert!(
            means.contains("maxCnxns") && !means.contains("one address"),
            "{means}"
        );
        assert!(limit.next[0].contains("--side server"), "{:?}", limit.next);
        let ahead = of_all(Kind::ZxidAhead).summary;
        assert!(ahead.contains("were refused"), "{ahead}");
        assert!(ahead.contains("because they have seen"), "{ahead}");
        let not_serving = of_all(Kind::NotServing).summary;
        assert!(
            not_serving.contains("the server was not serving"),
            "{not_serving}"
        );
    }

    #[test]
    fn a_single_close_is_nothing_remarkable_but_a_refusal_is() {
        assert!(finding(&address(Kind::ClosedWithoutSession, 0..2)).is_empty());
        let refused = finding(&address(Kind::ZxidAhead, 0..1));
        assert_eq!(refused[0].name, Churn::ZxidAhead);
    }

    #[test]
    fn every_kind_of_end_has_its_rule() {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_end()) {
            let rules = RULES.iter().filter(|rule| rule.kinds.contains(&kind));
            assert_eq!(rules.count(), 1, "{kind:?}");
        }
    }

    /// A ZooKeeper client asks it itself.
    #[test]
    fn isro_alone_is_no_sure_monitor() {
        let said = |asked: &[&str]| {
            let mut words = address(Kind::FourLetterWord, 0..9);
            for (place, word) in WORDS.iter().enumerate() {
                words.words |= u32::from(asked.contains(word)) << place;
            }
            let found = finding(&words);
            (found[0].confidence, found[0].reasons_against.join("\n"))
        };
        assert_eq!(said(&["isro", "mntr"]).0, Confidence::Certain);
        let (confidence, against) = said(&["isro"]);
        assert_eq!(confidence, Confidence::Possible);
        assert!(against.contains("read-only server"), "{against}");
    }

    /// 193,273,528,320 is the length of a ConnectRequest, read as an id.
    #[test]
    fn a_client_at_the_election_port_is_no_server_of_the_ensemble() {
        let said = |id: u64| {
            let found = find(&Subject {
                address: Some("10.1.2.3"),
                details: &address(Kind::ElectionConnection, 0..20),
                broken_with: &BTreeMap::from([(id, 20)]),
            });
            let one = &found[0];
            let words = [
                &one.summary[..],
                &one.reasons_for.join(" "),
                &one.reasons_against.join(" "),
            ];
            (one.confidence, words.join(" "))
        };
        let (confidence, words) = said(3);
        assert_eq!(confidence, Confidence::Likely);
        assert!(words.contains("with server 3 20 times"), "{words}");
        let (confidence, words) = said(193_273_528_320);
        assert_eq!(confidence, Confidence::Possible);
        assert!(!words.contains("193273528320"), "{words}");
        assert!(
            words.contains("20 connections there began with what no server sends"),
            "{words}"
        );
    }
}

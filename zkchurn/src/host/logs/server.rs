// SPDX-License-Identifier: MIT
//! What the log of a ZooKeeper server says of its clients, as `zkchurn serverlog` reads it:
//! by address, and never what a client wrote into it.

use std::{collections::BTreeMap, net::IpAddr, ops::Range};

use zkchurn_core::{
    inspection::{LogSignature, logs::LogFinding},
    serverlog::{
        kind::Kind,
        moment::Moment,
        refusals::Refusals,
        told::{LogReader, What},
    },
};

use super::{Ranked, clock::LogClock, excerpt, tail::Tail};

/// Clients that are told apart, each by each kind.
const CLIENTS: usize = 128;

/// A line that names a cause decides, as one of a client's log does.
const RANK: u8 = 1;

/// The lines of one kind about one client.
struct Lines {
    count: u64,
    last: Range<usize>,
    before: u64,
    at: Option<Moment>,
}

/// What the end of one file says.
pub(super) fn findings(clock: &LogClock, path: &str, tail: &Tail) -> Vec<Ranked> {
    let mut reader = LogReader::default();
    let mut refusals = Refusals::default();
    let mut found: BTreeMap<(usize, Option<IpAddr>), (Kind, Lines)> = BTreeMap::new();
    let mut start = 0;
    let lines = tail.text.split_inclusive(|byte| *byte == b'\n');
    for (before, line) in lines.enumerate() {
        let whole = start..start + line.len();
        start = whole.end;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let Some(told) = reader.line(line.strip_suffix(b"\r").unwrap_or(line)) else {
            continue;
        };
        let mut times = told.times;
        let kind = match told.what {
            What::Event(kind) | What::End(kind) => kind,
            What::Limit(_) => Kind::LimitReached,
            What::LimitOfAll(_, source) => {
                times = refusals.new_ones(source, told.times);
                Kind::LimitReached
            }
            What::SocketClosed | What::Word(_) | What::ElectionBroken(_) => continue,
        };
        let scope = match (told.what, signature(kind)) {
            _ if times == 0 => continue,
            (What::LimitOfAll(..), Some(_)) => Scope::AllClients,
            (_, Some((_, scope))) => scope,
            (_, None) => continue,
        };
        let client = told.client.map(|client| client.ip);
        let client = match (client, scope) {
            (Some(ip), Scope::OneClient) => Some(ip),
            (None, Scope::OneClient) => continue,
            (_, Scope::AllClients) => None,
        };
        let key = (kind as usize, client);
        if found.len() >= CLIENTS && !found.contains_key(&key) {
            continue;
        }
        let known = found.get(&key).map_or(0, |(_, lines)| lines.count);
        let lines = Lines {
            count: known.saturating_add(times),
            last: whole.start..whole.start + line.len(),
            before: before as u64,
            at: told.at,
        };
        found.insert(key, (kind, lines));
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(_, (_, lines))| lines.last.start);
    let found = found
        .into_iter()
        .filter_map(|((_, client), (kind, lines))| {
            let (signature, _) = signature(kind)?;
            let written = tail.written_at(lines.last.start);
            Some((
                RANK,
                LogFinding {
                    signature: signature.id().to_owned(),
                    meaning: meaning(kind, client),
                    path: path.to_owned(),
                    count: lines.count,
                    last: excerpt::beginning(&tail.text, &lines.last),
                    record: None,
                    line: (tail.offset == 0).then_some(lines.before + 1),
                    offset: tail.offset + lines.last.start as u64,
                    logged_ago_ms: match written {
                        Some(written) => clock.since_ms(written / 1_000),
                        None => lines.at.and_then(|at| clock.moment_ago_ms(at)),
                    },
                    during_trace: false,
                    gone: None,
                    client,
                },
            ))
        });
    found.collect()
}

/// Whom a line is about.
#[derive(Clone, Copy)]
enum Scope {
    /// It is of no use where it does not name the client.
    OneClient,
    /// It holds for whoever connects.
    AllClients,
}

/// The cause that a line names; `None` where it only tells what all kinds lead to.
fn signature(kind: Kind) -> Option<(LogSignature, Scope)> {
    use LogSignature as Line;
    use Scope::{AllClients, OneClient};
    Some(match kind {
        Kind::LimitReached => (Line::TOO_MANY_CONNECTIONS, OneClient),
        Kind::NotServing => (Line::SERVER_NOT_SERVING, AllClients),
        Kind::ZxidAhead => (Line::SERVER_BEHIND_CLIENT, OneClient),
        Kind::RenewalRefused => (Line::SESSION_EXPIRED, OneClient),
        Kind::WrongPassword => (Line::SESSION_PASSWORD_WRONG, OneClient),
        Kind::AuthenticationFailed
        | Kind::AuthenticationRequired
        | Kind::CredentialRefused
        | Kind::SchemeUnknown => (Line::AUTHENTICATION_FAILED, OneClient),
        Kind::Tls => (Line::TLS_MEETS_PLAINTEXT, OneClient),
        Kind::Http | Kind::BadLength => (Line::PACKET_TOO_LARGE, OneClient),
        Kind::TlsHandshakeFailed => (Line::TLS_HANDSHAKE_FAILED, OneClient),
        _ => return None,
    })
}

fn meaning(kind: Kind, client: Option<IpAddr>) -> String {
    match client {
        Some(client) => format!("connections of {client} {}", kind.words()),
        None => format!("connections {}", kind.words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-25 04:13:01,249 [myid:1] - WARN  [NIOServerCxnFactory.AcceptThread:/0.0.0.0:2181:NIOServerCnxnFactory$AcceptThread@188] - Too many connections from /10.0.0.7 - max is 60
2026-11-25 04:13:02,249 [myid:1] - WARN  [NIOServerCxnFactory.AcceptThread:/0.0.0.0:2181:NIOServerCnxnFactory$AcceptThread@188] - Too many connections from /10.0.0.8 - max is 60
2026-11-25 04:13:03,249 [myid:1] - WARN  [NIOServerCxnFactory.AcceptThread:/0.0.0.0:2181:NIOServerCnxnFactory$AcceptThread@188] - Too many connections from /10.0.0.7 - max is 60
2026-11-25 04:13:04,000 [myid:1] - WARN  [NIOWorkerThread-1:NIOServerCnxn@373] - Close of session 0x0
java.io.IOException: ZooKeeperServer not running
\tat org.apache.zookeeper.server.NIOServerCnxn.readLength(NIOServerCnxn.java:554)
2026-11-25 04:13:05,000 [myid:1] - INFO  [main:App@1] - a znode's name: Too many connections from /10.0.0.9 - max is 60
";

    #[test]
    fn what_a_server_says_is_told_by_client() {
        let tail = Tail::new(LOG.as_bytes().to_vec(), 0, LOG.len() as u64);
        let found = findings(&LogClock::of_long_ago(), "/zookeeper.log", &tail);
        let found: Vec<_> = found
            .iter()
            .map(|(_, one)| {
                let client = one.client.map(|client| client.to_string());
                (one.signature.as_str(), client, one.count, one.line)
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "too-many-connections",
                    Some("10.0.0.8".to_owned()),
                    1,
                    Some(2)
                ),
                (
                    "too-many-connections",
                    Some("10.0.0.7".to_owned()),
                    2,
                    Some(3)
                ),
                ("server-not-serving", None, 1, Some(5)),
            ]
        );
    }

    /// `maxCnxns` is the limit of all clients, whom its lines do not name.
    #[test]
    fn the_limit_of_all_is_told_of_whoever_connects() {
        let head = "2026-11-25 04:13:01,249 [myid:1] - ERROR [nioEventLoopGroup-4-1:ServerCnxnFactory@117] - ";
        let line = format!("{head}Too many connections 1000 - max is 1000\n");
        let log = line.repeat(3);
        let tail = Tail::new(log.clone().into_bytes(), 0, log.len() as u64);
        let found = findings(&LogClock::of_long_ago(), "/zookeeper.log", &tail);
        let [(_, one)] = &found[..] else {
            panic!("{}", found.len());
        };
        let told = (one.signature.as_str(), one.client, one.count);
        assert_eq!(told, ("too-many-connections", None, 3));
    }
}

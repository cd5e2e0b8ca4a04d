// SPDX-License-Identifier: MIT
//! Whether it is ZooKeeper that is spoken at a peer (docs/adr/0017). Most rules only
//! mean something where it is.

use std::collections::HashSet;

use crate::{
    hash::HashMap,
    ledger::{
        Destination, Flow, FlowKey,
        manner::Said,
        protocol::Signs,
        shape::{Shape, Spoken},
        sizes,
    },
    text,
};

use super::{
    case::{Case, ClientThread},
    finding::{Confidence, Verdict},
};

/// ZooKeeper's port in its documentation and nearly everywhere else (`clientPort`).
const ZOOKEEPER_PORT: u16 = 2181;
/// Ports where something else is usual: as the IANA registry has them, or the programs'
/// own defaults. The last four are ZooKeeper's, but not for its clients.
const OTHERS: [(u16, &str); 16] = [
    (80, "HTTP"),
    (443, "HTTPS"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (5672, "AMQP"),
    (6379, "Redis"),
    (8443, "HTTPS"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (27017, "MongoDB"),
    (2888, "ZooKeeper's quorum"),
    (3888, "ZooKeeper's leader election"),
    (7000, "ZooKeeper's metrics"),
    (8080, "HTTP, also of ZooKeeper's admin server"),
];
/// Fewer contradictions may be an accident.
const FEWEST: u64 = 2;

/// What is spoken at the peers of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// ZooKeeper's: connections spoke it, or the client is one of ZooKeeper's, or the
    /// port is, and most connections that tell do not contradict.
    ZooKeeper,
    /// Nobody but the user, who named the port, says that it is ZooKeeper's.
    NotShown,
    /// Another: most connections that tell cannot have spoken ZooKeeper.
    Another(Signs),
}

impl Protocol {
    /// What the server is called in advice.
    pub const fn service(self) -> &'static str {
        match self {
            Self::ZooKeeper | Self::NotShown => "ZooKeeper",
            Self::Another(_) => "the service",
        }
    }
}

/// What a rule is true of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every protocol over TCP: it goes by errno, SYNs and RSTs.
    AnyProtocol,
    /// Clients and servers of ZooKeeper, unless something contradicts that.
    ZooKeeper,
    /// The same, and it takes payload sizes for ZooKeeper's that fit other protocols
    /// too.
    ZooKeeperBySize,
}

/// Where connections go: the server, or on its own host the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Service {
    Remote {
        address: std::net::SocketAddr,
        netns: Option<u32>,
    },
    Local {
        port: u16,
        netns: Option<u32>,
    },
}

impl Service {
    fn of(destination: &Destination) -> Self {
        match destination {
            Destination::Server { address, netns } => Self::Remote {
                address: *address,
                netns: *netns,
            },
            Destination::Client { port, netns, .. } => Self::Local {
                port: *port,
                netns: *netns,
            },
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Remote { address, .. } => address.port(),
            Self::Local { port, .. } => port,
        }
    }
}

/// What all connections to a service show of it, whoever opened them: a probe that says
/// nothing is judged by what others are answered there.
#[derive(Debug)]
pub struct Services {
    signs: HashMap<Service, Signs>,
    /// Where somebody was answered, or holds a connection.
    serving: HashSet<Service>,
    /// Where somebody was answered.
    answering: HashSet<Service>,
    /// Where somebody was answered who had begun with TLS.
    answering_tls: HashSet<Service>,
    /// Where somebody was answered who cannot have.
    answering_plain: HashSet<Service>,
}

impl Services {
    pub fn of(flows: &[(&FlowKey, &Flow)]) -> Self {
        let mut services: HashMap<_, Signs> = HashMap::default();
        let mut serving = HashSet::default();
        let mut answering = HashSet::default();
        let mut answering_tls = HashSet::default();
        let mut answering_plain = HashSet::default();
        for (key, flow) in flows {
            let service = Service::of(&key.destination);
            if flow.signs != Signs::default() {
                services.entry(service).or_default().absorb(&flow.signs);
            }
            if is_answered(flow) {
                answering.insert(service);
            }
            if is_answered(flow) || held_open(flow) > 0 {
                serving.insert(service);
            }
            if is_answered_by_tls(flow) {
                answering_tls.insert(service);
            }
            if is_answered_in_plaintext(flow) {
                answering_plain.insert(service);
            }
        }
        Self {
            signs: services,
            serving,
            answering,
            answering_tls,
            answering_plain,
        }
    }

    /// Takes what other connections show.
    pub fn absorb(&mut self, other: Self) {
        for (service, signs) in &other.signs {
            self.signs.entry(*service).or_default().absorb(signs);
        }
        self.serving.extend(other.serving);
        self.answering.extend(other.answering);
        self.answering_tls.extend(other.answering_tls);
        self.answering_plain.extend(other.answering_plain);
    }

    /// Notes that somebody holds a connection to this peer.
    pub fn hold(&mut self, destination: &Destination) {
        self.serving.insert(Service::of(destination));
    }

    /// Whether somebody was answered at one of these, or holds a connection there.
    pub fn serve(&self, destinations: &[Destination]) -> bool {
        let mut services = destinations.iter().map(Service::of);
        services.any(|service| self.serving.contains(&service))
    }

    /// Whether somebody was answered at one of these.
    pub fn answer(&self, destinations: &[Destination]) -> bool {
        let mut services = destinations.iter().map(Service::of);
        services.any(|service| self.answering.contains(&service))
    }

    /// Whether somebody who began with TLS was answered at one of these.
    pub fn answer_tls(&self, destinations: &[Destination]) -> bool {
        let mut services = destinations.iter().map(Service::of);
        services.any(|service| self.answering_tls.contains(&service))
    }

    /// Whether somebody who did not begin with TLS was answered at one of these.
    pub fn answer_in_plaintext(&self, destinations: &[Destination]) -> bool {
        let mut services = destinations.iter().map(Service::of);
        services.any(|service| self.answering_plain.contains(&service))
    }

    /// Notes that one of ZooKeeper's clients is known to connect there: what others say
    /// there is ZooKeeper, too.
    pub fn has_client(&mut self, destination: &Destination) {
        let signs = self.signs.entry(Service::of(destination)).or_default();
        signs.zookeeper += 1;
    }

    /// What is spoken at these destinations of a client that is perhaps known.
    pub fn protocol(&self, destinations: &[Destination], client: ClientThread) -> Protocol {
        let mut signs = Signs::default();
        for destination in destinations {
            let of_service = self.signs.get(&Service::of(destination));
            signs.absorb(of_service.unwrap_or(&Signs::default()));
        }
        // That the client is ZooKeeper's makes the server none: what was read counts, sizes do not.
        let (another, zookeeper) = match client {
            ClientThread::ByStack => (signs.another_read, signs.zookeeper_answers),
            _ => (signs.another, signs.zookeeper),
        };
        if another >= FEWEST && another > zookeeper {
            return Protocol::Another(signs);
        }
        if client == ClientThread::ByStack {
            return Protocol::ZooKeeper;
        }
        let port = |destination| Service::of(destination).port();
        let is_usual_port = destinations.iter().all(|one| port(one) == ZOOKEEPER_PORT);
        if signs.zookeeper > 0 || client == ClientThread::ByName || is_usual_port {
            return Protocol::ZooKeeper;
        }
        Protocol::NotShown
    }
}

/// Whether connections of a flow that ended were answered.
fn is_answered(flow: &Flow) -> bool {
    (flow.tally.shapes).count(|_, spoken| spoken == Spoken::Both) > 0
}

/// Whether connections of a flow that began with TLS were answered.
fn is_answered_by_tls(flow: &Flow) -> bool {
    let mut manners = flow.groups.iter().map(|(_, group)| group.manner);
    manners.any(|manner| manner.said == Said::Tls && manner.way.has_session())
}

/// Whether connections of a flow were answered that did not begin with TLS: by their first bytes,
/// or as they sent less than any ClientHello has. A TLS server answers plaintext with an alert of
/// 7 bytes (RFC 8446, 6).
fn is_answered_in_plaintext(flow: &Flow) -> bool {
    const CLIENT_HELLO: u64 = 100;
    let is_read = flow.groups.iter().any(|(_, group)| {
        let said = group.manner.said;
        matches!(said, Said::NewSession | Said::Renewal | Said::Expired)
    });
    let is_small = |shape: &Shape| {
        (1..CLIENT_HELLO).contains(&shape.client_bytes)
            && sizes::can_be_of_server(shape.server_bytes)
            && shape.server_bytes >= 40
    };
    is_read || flow.tally.shapes.find_exact(is_small).is_some()
}

/// Connections that stay open. Of those that end at once some are open at any moment, so a
/// few open ones beside many that ended show nothing.
fn held_open(flow: &Flow) -> u64 {
    let tally = &flow.tally;
    let new = match tally.open() * 10 > tally.shapes.ended() {
        true => tally.open(),
        false => 0,
    };
    tally.older.in_use() + new
}

impl Scope {
    /// The verdict of a rule of this scope as far as it holds for the case's protocol.
    pub fn limit(self, case: &Case<'_>, verdict: Verdict) -> Option<Verdict> {
        match (self, case.protocol) {
            (Self::AnyProtocol, _) | (_, Protocol::ZooKeeper) => Some(verdict),
            (_, Protocol::Another(_)) => None,
            (Self::ZooKeeper, Protocol::NotShown) => Some(verdict),
            (Self::ZooKeeperBySize, Protocol::NotShown) => Some(doubted(case, verdict)),
        }
    }
}

/// What sizes alone say where nothing shows that they are ZooKeeper's. Who read it in a
/// log or off the wire does not go by sizes.
fn doubted(case: &Case<'_>, mut verdict: Verdict) -> Verdict {
    if verdict.confidence == Confidence::Certain {
        return verdict;
    }
    let mut verdict = match usual_there(case) {
        Some((port, usual)) => {
            verdict.confidence = Confidence::Possible;
            verdict.but(format!(
                "port {port} is usually for {usual}, whose connections can have these sizes, \
                 and nothing here shows that ZooKeeper is spoken"
            ))
        }
        None => verdict.but(format!(
            "nothing here shows that ZooKeeper is spoken at {}, and connections of other \
             protocols can have these sizes",
            text::ports(&ports(case))
        )),
    };
    let says_how = |what: &String| what.starts_with("--handshake");
    match case.handshakes() {
        None if !verdict.would_decide.iter().any(says_how) => {
            // Before anything that takes it for ZooKeeper's.
            let reads = "--handshake, which reads the first bytes".to_owned();
            verdict.would_decide.insert(0, reads);
        }
        Some(handshakes) if handshakes.tls > 0 => {
            verdict =
                verdict.decided_by("the server's configuration: TLS hides which protocol it is");
        }
        _ => {}
    }
    verdict
}

/// Another protocol that is usual at a port of the case.
fn usual_there(case: &Case<'_>) -> Option<(u16, &'static str)> {
    let of_port = |port| OTHERS.iter().find(|(other, _)| *other == port);
    let mut ports = case.destinations.iter().map(|one| Service::of(one).port());
    ports.find_map(of_port).copied()
}

/// The ports of the case's peers, each once.
pub fn ports(case: &Case<'_>) -> Vec<u16> {
    let ports = case.destinations.iter().map(|one| Service::of(one).port());
    let mut ports: Vec<_> = ports.collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Whether it is ZooKeeper's client that is at the wrong server.
pub fn asks_for_session(case: &Case<'_>) -> bool {
    case.handshakes().is_some_and(|handshakes| {
        (handshakes.new_handles + handshakes.reconnects) * 2 > handshakes.connections
    })
}

/// Why it is another protocol, a sentence each.
pub fn reasons(case: &Case<'_>, signs: &Signs) -> Vec<String> {
    let mut reasons = Vec::new();
    if signs.another_read > 0 {
        let read = text::counted(signs.another_read, "connection");
        reasons.push(match asks_for_session(case) {
            // Those of others at the same port may have asked for something else.
            true => format!("{read} began with a request or an answer that is not ZooKeeper's"),
            false => format!("{read} began with bytes that are not ZooKeeper's, and went on"),
        });
    }
    let by_size = signs.another - signs.another_read;
    if by_size > 0 {
        let example = case.shapes().find_exact(|shape| {
            shape.server_bytes > 0
                && !(sizes::can_be_of_client(shape.client_bytes)
                    && sizes::can_be_of_server(shape.server_bytes))
        });
        let example = example.map_or_else(String::new, |shape| {
            format!(
                " (here: {} from the client, {} from the server)",
                text::counted(shape.client_bytes, "byte"),
                text::count(shape.server_bytes)
            )
        });
        reasons.push(format!(
            "{} had sizes that no ZooKeeper session has{example}: it begins with 48 or 49 \
             bytes from the client and 40 or 41 from the server",
            text::counted(by_size, "connection")
        ));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::Connection,
        diagnose::{
            Churn, Finding,
            test_case::{
                Kind, back_off, diagnosed, every, living, names, new_thread_each, observed,
            },
        },
        handshake::{Direction, Handshake, message::Message},
        ledger::{
            Ledger,
            handshakes::tests::first,
            test_connection::{by, established, server_side},
        },
        outcome::Outcome,
    };

    const BY_CLIENT: Outcome = Outcome::AnsweredThenClosedByUs;
    const BY_SERVER: Outcome = Outcome::AnsweredThenClosedByPeer;
    const SILENT: Kind = (0, 0, Outcome::ClosedByUsBeforeAnyByte);

    /// Connections to this port, by a program that is no client of ZooKeeper's.
    fn at(port: u16, comm: &str, connections: Vec<Connection>) -> Vec<Connection> {
        let of_program = |one: Connection| {
            let tid = one.opener.unwrap().thread.tid;
            let mut one = by(one, 77, tid, comm);
            one.remote.set_port(port);
            one
        };
        connections.into_iter().map(of_program).collect()
    }

    fn reading(
        request: &[u8],
        response: &[u8],
        mut connections: Vec<Connection>,
    ) -> Vec<Connection> {
        for connection in &mut connections {
            connection.handshake = Some(Handshake {
                request: first(Message::of(Direction::Client, request)),
                response: first(Message::of(Direction::Server, response)),
            });
        }
        connections
    }

    fn only_one(findings: &[Finding], name: Churn, confidence: Confidence) {
        assert_eq!(names(findings), [(name, confidence)]);
    }

    #[test]
    fn first_bytes_of_another_protocol_silence_the_rules_at_any_port() {
        let http = reading(
            b"GET / HTTP/1.1",
            b"HTTP/1.1 200 OK",
            every(300, 12, (79, 5_000, BY_CLIENT)),
        );
        for port in [2181, 8080] {
            let connections = new_thread_each(at(port, "curl", http.clone()));
            only_one(
                &diagnosed(&connections),
                Churn::NotZooKeeper,
                Confidence::Certain,
            );
        }
        let postgres = reading(
            &[0, 0, 0, 84, 0, 3, 0, 0, b'u', b's'],
            &[b'R', 0, 0, 0, 23, 0, 0, 0, 10],
            living(20_000, every(21_000, 6, (230, 540, BY_CLIENT))),
        );
        only_one(
            &diagnosed(&at(5432, "psql", postgres)),
            Churn::NotZooKeeper,
            Confidence::Certain,
        );
    }

    #[test]
    fn the_reasons_are_told_with_an_example() {
        let by_size = at(6379, "redis", every(1_000, 9, (120, 5, BY_CLIENT)));
        let read = reading(b"GET / HTTP/1.1", b"HTTP/1.1 200 OK", by_size.clone());
        for (connections, reason) in [
            (
                by_size,
                "9 connections had sizes that no ZooKeeper session has \
                 (here: 120 bytes from the client, 5 from the server)",
            ),
            (
                read,
                "9 connections began with bytes that are not ZooKeeper's, and went on",
            ),
        ] {
            let findings = diagnosed(&connections);
            let [why] = &findings[0].reasons_for[..] else {
                panic!("{:?}", findings[0].reasons_for);
            };
            assert!(why.starts_with(reason), "{why}");
        }
    }

    #[test]
    fn sizes_that_no_session_has_silence_them_too() {
        for (program, port, kind) in [
            ("redis-cli", 6379, (14, 7, BY_CLIENT)),
            ("redis, SET", 6379, (120, 5, BY_CLIENT)),
            ("pg_isready", 5432, (58, 25, BY_CLIENT)),
            ("mysqladmin", 3306, (0, 78, BY_CLIENT)),
            ("http", 8080, (140, 58, BY_SERVER)),
        ] {
            let findings = diagnosed(&at(port, program, every(1_000, 9, kind)));
            only_one(&findings, Churn::NotZooKeeper, Confidence::Likely);
            let finding = &findings[0];
            assert!(finding.summary.contains(&port.to_string()), "{finding:?}");
            let seen_there: Vec<_> = every(1_000, 9, (kind.1, kind.0, kind.2))
                .into_iter()
                .map(server_side)
                .collect();
            only_one(
                &diagnosed(&seen_there),
                Churn::NotZooKeeper,
                Confidence::Likely,
            );
        }
    }

    #[test]
    fn sizes_that_fit_many_protocols_are_doubted_where_nothing_shows_zookeeper() {
        let http = new_thread_each(every(300, 12, (79, 5_000, BY_CLIENT)));
        let findings = diagnosed(&at(8080, "wrk", http.clone()));
        only_one(&findings, Churn::ClientPerRequest, Confidence::Possible);
        let doubt = &findings[0].reasons_against[0];
        assert!(doubt.contains("port 8080 is usually for HTTP"), "{doubt}");
        assert!(findings[0].would_decide[0].starts_with("--handshake"));
        // Who traces a port of nobody's means ZooKeeper; the doubt is said all the same.
        let findings = diagnosed(&at(12_181, "wrk", http.clone()));
        only_one(&findings, Churn::ClientPerRequest, Confidence::Likely);
        let doubt = &findings[0].reasons_against[0];
        assert!(doubt.contains("spoken at port 12181,"), "{doubt}");

        // The usual port, the name of the thread, or another client there, shows it.
        let usual = diagnosed(&at(2181, "wrk", http.clone()));
        only_one(&usual, Churn::ClientPerRequest, Confidence::Likely);
        let named = diagnosed(&at(8080, "main-SendThread", http.clone()));
        only_one(&named, Churn::ClientPerRequest, Confidence::Likely);
        let mut both = at(8080, "wrk", http);
        both.extend(
            at(8080, "idle", every(9_000, 1, (73, 81, BY_CLIENT)))
                .into_iter()
                .map(|one| by(one, 78, 78, "idle")),
        );
        only_one(
            &diagnosed(&both),
            Churn::ClientPerRequest,
            Confidence::Likely,
        );
    }

    #[test]
    fn large_answers_and_long_lives_alone_mean_little_at_the_port_of_another_protocol() {
        let download = every(2_000, 6, (90, 3_000_000, BY_SERVER));
        let polled = living(5_000, every(6_000, 9, (900, 900, BY_CLIENT)));
        for connections in [at(443, "app", download), at(5432, "app", polled)] {
            let findings = diagnosed(&connections);
            assert!(!findings.is_empty());
            for finding in findings {
                assert_eq!(finding.confidence, Confidence::Possible, "{finding:?}");
                let says_so = |why: &String| why.contains("is usually for");
                assert!(finding.reasons_against.iter().any(says_so), "{finding:?}");
            }
        }
    }

    #[test]
    fn open_ones_beside_many_that_ended_are_not_held() {
        for (open, ended, held) in [(1, 0, 1), (1, 9, 1), (1, 10, 0), (2, 19, 2), (2, 20, 0)] {
            let mut ledger = Ledger::default();
            for (place, connection) in every(1_000, open + ended, SILENT).iter().enumerate() {
                ledger.observe(&established(*connection), Outcome::StillOpen);
                if place as u64 >= open {
                    ledger.observe(connection, Outcome::of(connection));
                }
            }
            let (_, flow) = ledger.flows()[0];
            assert_eq!(held_open(flow), held, "{open} open beside {ended}");
        }
    }

    #[test]
    fn who_says_nothing_is_judged_by_what_others_are_answered() {
        let mut connections = at(6379, "redis-cli", every(1_000, 9, (14, 7, BY_CLIENT)));
        let jvm = back_off(15, SILENT).into_iter();
        connections.extend(jvm.map(|mut one| {
            one.remote.set_port(6379);
            by(one, 42, 43, "pool-1")
        }));
        let found = names(&diagnosed(&connections));
        assert!(
            found
                .iter()
                .all(|(name, _)| matches!(name, Churn::NotZooKeeper | Churn::TcpHealthProbe)),
            "{found:?}"
        );
    }

    #[test]
    fn what_tcp_says_is_true_of_every_protocol() {
        let mut connections = at(6379, "app", every(1_000, 9, (14, 7, BY_CLIENT)));
        let refused = at(6379, "app", every(1_000, 4, (0, 0, Outcome::Refused)));
        connections.extend(refused.into_iter().map(|one| by(one, 78, 78, "app")));
        let findings = diagnosed(&connections);
        let refused = findings
            .iter()
            .find(|finding| finding.name == Churn::Refused)
            .unwrap();
        assert_eq!(refused.confidence, Confidence::Certain);
        assert!(!refused.next.iter().any(|next| next.contains("ZooKeeper")));
    }

    #[test]
    fn a_client_of_zookeeper_at_the_wrong_server_is_told() {
        let request = [
            0, 0, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x75, 0x30, 0, 0, 0, 0, 0, 0, 0,
            0,
        ];
        let kind = (49, 30, BY_SERVER);
        let connections = reading(&request, b"-ERR unbalanced", back_off(9, kind));
        let findings = diagnosed(&connections);
        only_one(&findings, Churn::NotZooKeeper, Confidence::Certain);
        assert!(findings[0].next[0].contains("connect string"));

        // A thread dump that shows the client takes nothing back of what the server said, and
        // the sizes alone say less than the dump.
        let by_size = every(1_000, 9, (14, 7, BY_CLIENT));
        for (connections, is_another) in [(connections, true), (by_size, false)] {
            let ledger = observed(&connections);
            let flows = ledger.flows();
            let mut services = Services::of(&flows);
            let peer = flows[0].0.destination;
            services.has_client(&peer);
            let protocol = services.protocol(&[peer], ClientThread::ByStack);
            let is_told = matches!(protocol, Protocol::Another(_));
            assert_eq!(is_told, is_another, "{protocol:?}");
        }
    }

    #[test]
    fn an_answer_that_comes_too_late_is_told_as_such() {
        let request = [
            0, 0, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x75, 0x30, 0, 0, 0, 0, 0, 0, 0,
            0,
        ];
        let given_up = (49, 0, Outcome::ClosedByUsWithoutAnswer);
        let connections = reading(&request, b"HTTP/1.1 400 Bad", back_off(9, given_up));
        let findings = diagnosed(&connections);
        only_one(&findings, Churn::NotZooKeeper, Confidence::Certain);
        let words = findings[0].reasons_for.join("\n");
        assert!(
            words.contains("something else, after the client has given up"),
            "{words}"
        );
    }

    #[test]
    fn a_stranger_at_a_zookeeper_server_contradicts_nothing() {
        let unanswered = (79, 0, Outcome::ClosedByPeerWithoutAnswer);
        let findings = diagnosed(&at(2281, "curl", every(1_000, 7, unanswered)));
        only_one(&findings, Churn::WrongProtocol, Confidence::Likely);
    }
}

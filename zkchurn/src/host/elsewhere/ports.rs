// SPDX-License-Identifier: MIT
//! From sockets, their holders and ZooKeeper's processes to ports.

use std::collections::{BTreeMap, HashMap, HashSet};

use zkchurn_common::state;
use zkchurn_core::{
    elsewhere::{Elsewhere, MOST_PORTS, PortSeen, Who, Why},
    frame::Sides,
};

use super::{Request, processes::ZooKeeper};
use crate::host::sock_diag::{DiagSocket, TIME_WAIT, holders::Holder};

/// Ports of clients in ZooKeeper's documentation, in images and charts, and of what speaks its
/// protocol: several servers of one host, TLS, ClickHouse Keeper, node ports.
const NUMBERS: [u16; 14] = [
    2181, 2182, 2183, 2184, 2185, 2281, 2282, 9181, 9281, 12181, 21810, 21811, 22181, 32181,
];
/// Ports of a server that clients do not use: of its followers, of elections, of the admin
/// server.
const NOT_FOR_CLIENTS: [u16; 3] = [2888, 3888, 8080];
/// Sockets in TIME_WAIT from which on a port tells where connections end.
const ENDS_FROM: u64 = 3;

/// What was found on this host.
pub(super) struct Seen<'a> {
    pub sockets: &'a [DiagSocket],
    /// By the inode of the socket.
    pub holders: &'a HashMap<u32, Holder>,
    /// By pid.
    pub processes: &'a HashMap<u32, ZooKeeper>,
}

/// Counts of a port, on one side.
#[derive(Default)]
struct Tally {
    open: u64,
    time_wait: u64,
    /// Who holds connections, by pid; of accepted ones the server.
    holders: BTreeMap<u32, String>,
}

/// Puts it together, without what is traced.
pub(super) fn elsewhere(seen: &Seen<'_>, request: &Request, notes: Vec<String>) -> Elsewhere {
    let mut ports = Vec::new();
    if request.sides != Sides::Server {
        ports.extend(client_ports(seen, request));
    }
    if request.sides != Sides::Client {
        ports.extend(server_ports(seen, request));
    }
    ports.sort_by_key(|port: &PortSeen| {
        let sockets = port.time_wait + port.open;
        (port.why, u64::MAX - sockets, port.port)
    });
    ports.truncate(MOST_PORTS);
    let mut notes = notes;
    if !request.pids.is_empty() {
        notes.insert(0, "Other processes were not looked at.".to_owned());
    }
    // Of the server's side a client of this host tells nothing.
    let is_missing = ports.is_empty() && request.sides != Sides::Server;
    let client = client(seen, request).filter(|_| is_missing);
    Elsewhere {
        client: client.map(|process| process.who.clone()),
        ports,
        notes,
    }
}

/// A process with a ZooKeeper client, of those that are traced.
fn client<'a>(seen: &'a Seen<'_>, request: &'a Request) -> Option<&'a ZooKeeper> {
    clients(seen, request).min_by_key(|process| process.who.pid)
}

fn clients<'a>(seen: &'a Seen<'_>, request: &'a Request) -> impl Iterator<Item = &'a ZooKeeper> {
    let is_traced =
        |process: &&ZooKeeper| request.pids.is_empty() || request.pids.contains(&process.who.pid);
    let clients = seen.processes.values().filter(|process| !process.is_server);
    clients.filter(is_traced)
}

/// Where ZooKeeper's servers of this host listen for clients.
fn listened(seen: &Seen<'_>) -> BTreeMap<u16, Who> {
    let mut by_port = BTreeMap::new();
    for socket in seen.sockets {
        let Some(holder) = seen.holders.get(&socket.inode) else {
            continue;
        };
        let server = seen.processes.get(&holder.key.pid);
        let port = socket.local.port();
        if socket.state == state::LISTEN
            && !NOT_FOR_CLIENTS.contains(&port)
            && let Some(server) = server.filter(|process| process.is_server)
            && !server.peer_ports.contains(&port)
        {
            by_port.insert(port, server.who.clone());
        }
    }
    by_port
}

/// What is neither this host's server's side nor traced, by the remote port.
fn opened(seen: &Seen<'_>, request: &Request) -> BTreeMap<u16, Tally> {
    let is_listening = |socket: &&DiagSocket| socket.state == state::LISTEN;
    let place = |socket: &DiagSocket| (socket.netns, socket.local.port());
    let listening: HashSet<_> = seen
        .sockets
        .iter()
        .filter(is_listening)
        .map(place)
        .collect();
    let mut by_port: BTreeMap<u16, Tally> = BTreeMap::new();
    for socket in seen.sockets {
        let holder = seen.holders.get(&socket.inode);
        // A socket in TIME_WAIT has no holder: it may be theirs.
        let is_wanted = request.pids.is_empty()
            || socket.state == TIME_WAIT
            || holder.is_some_and(|by| request.pids.contains(&by.key.pid));
        let port = socket.remote.port();
        if !is_wanted
            || socket.state == state::LISTEN
            || request.ports.contains(&port)
            || listening.contains(&place(socket))
        {
            continue;
        }
        let tally = by_port.entry(port).or_default();
        match socket.state {
            TIME_WAIT => tally.time_wait += 1,
            _ => tally.open += 1,
        }
        if let Some(holder) = holder {
            tally.holders.insert(holder.key.pid, holder.comm.clone());
        }
    }
    by_port
}

fn client_ports(seen: &Seen<'_>, request: &Request) -> Vec<PortSeen> {
    let listened = listened(seen);
    let connected = connected(seen, request);
    let mut ports = Vec::new();
    let mut unsure = Vec::new();
    for (port, tally) in opened(seen, request) {
        // Whose client is at a traced port connects to others for something else.
        let of = |process: &&ZooKeeper| {
            let pid = process.who.pid;
            tally.holders.contains_key(&pid) && !connected.contains(&pid)
        };
        let is_of_others = is_well_known(port);
        let naming = clients(seen, request).find(|process| names_port(&process.command, port));
        let holding = clients(seen, request).find(of);
        let who = |process: Option<&ZooKeeper>| process.map(|process| process.who.clone());
        let any = || {
            let (pid, comm) = tally.holders.iter().next()?;
            let (pid, label) = (*pid, comm.clone());
            Some(Who { pid, label })
        };
        let (why, who) = if let Some(server) = listened.get(&port) {
            (Why::Server, Some(server.clone()))
        } else if let Some(process) = naming.filter(|_| !is_of_others) {
            (Why::Named, who(Some(process)))
        } else if NUMBERS.contains(&port) {
            (Why::Number, who(holding).or_else(any))
        } else if holding.is_some() && !is_of_others {
            (Why::Client, who(holding))
        } else {
            unsure.push((port, tally));
            continue;
        };
        ports.push(seen_port(port, false, why, &tally, who));
    }
    // Where connections end at once none is open to tell whose they are.
    let surely = |port: &PortSeen| port.why != Why::Client;
    if !ports.iter().any(surely)
        && let Some(process) = client(seen, request)
        && !connected.contains(&process.who.pid)
    {
        for (port, tally) in unsure {
            if tally.time_wait >= ENDS_FROM && !is_well_known(port) {
                let who = Some(process.who.clone());
                ports.push(seen_port(port, false, Why::Ends, &tally, who));
            }
        }
    }
    ports
}

/// Processes that hold a connection to a traced port.
fn connected(seen: &Seen<'_>, request: &Request) -> HashSet<u32> {
    let to_traced = seen.sockets.iter().filter(|socket| {
        socket.state != state::LISTEN && request.ports.contains(&socket.remote.port())
    });
    let holders = to_traced.filter_map(|socket| seen.holders.get(&socket.inode));
    holders.map(|holder| holder.key.pid).collect()
}

/// Ports of other protocols that a host with a ZooKeeper client connects to as well.
fn is_well_known(port: u16) -> bool {
    port < 1024 || [3306, 5432, 6379, 8080, 8443, 9092, 9093, 9200, 27017].contains(&port)
}

fn server_ports(seen: &Seen<'_>, request: &Request) -> Vec<PortSeen> {
    let ports = listened(seen).into_iter();
    let ports = ports.filter(|(port, _)| !request.ports.contains(port));
    ports
        .map(|(port, server)| {
            let mut tally = Tally::default();
            for socket in seen.sockets {
                match socket.state {
                    _ if socket.local.port() != port => {}
                    state::LISTEN => {}
                    TIME_WAIT => tally.time_wait += 1,
                    _ => tally.open += 1,
                }
            }
            seen_port(port, true, Why::Server, &tally, Some(server))
        })
        .collect()
}

fn seen_port(port: u16, accepted: bool, why: Why, tally: &Tally, who: Option<Who>) -> PortSeen {
    PortSeen {
        port,
        accepted,
        why,
        open: tally.open,
        time_wait: tally.time_wait,
        who,
    }
}

/// Whether an argument has `host:PORT` in it, as a connect string has.
fn names_port(command: &[String], port: u16) -> bool {
    let needle = format!(":{port}");
    command.iter().any(|argument| {
        argument.match_indices(&needle).any(|(at, _)| {
            let before = argument[..at].chars().next_back();
            let behind = argument[at + needle.len()..].chars().next();
            let of_host =
                |character: char| character.is_alphanumeric() || ".-_]".contains(character);
            before.is_some_and(of_host) && !behind.is_some_and(|next| next.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkchurn_core::process::ProcessKey;

    const CLIENT: u32 = 7;
    const SERVER: u32 = 8;

    fn socket(local: u16, remote: u16, state: u8, inode: u32) -> DiagSocket {
        DiagSocket {
            cookie: u64::from(local) << 16 | u64::from(remote),
            netns: 1,
            state,
            local: ([127, 0, 0, 1], local).into(),
            remote: ([127, 0, 0, 1], remote).into(),
            ipv6_socket: false,
            uid: 0,
            inode,
            expires_ms: 0,
        }
    }

    fn process(pid: u32, command: &str, is_server: bool) -> (u32, ZooKeeper) {
        let label = format!("java ({pid})");
        let command = command.split(' ').map(str::to_owned).collect();
        let who = Who { pid, label };
        let zookeeper = ZooKeeper {
            who,
            is_server,
            command,
            peer_ports: Vec::new(),
        };
        (pid, zookeeper)
    }

    fn held(pairs: &[(u32, u32)]) -> HashMap<u32, Holder> {
        let holder = |pid| Holder {
            key: ProcessKey::new(pid, 0),
            comm: "java".to_owned(),
            other_processes: 0,
        };
        pairs
            .iter()
            .map(|(inode, pid)| (*inode, holder(*pid)))
            .collect()
    }

    fn found(
        sockets: &[DiagSocket],
        holders: &HashMap<u32, Holder>,
        processes: impl IntoIterator<Item = (u32, ZooKeeper)>,
        sides: Sides,
    ) -> Vec<(u16, Why, u64, u64)> {
        let processes = processes.into_iter().collect();
        let seen = Seen {
            sockets,
            holders,
            processes: &processes,
        };
        let request = Request {
            ports: vec![2181],
            sides,
            pids: Vec::new(),
        };
        let ports = elsewhere(&seen, &request, Vec::new()).ports;
        let row = |port: PortSeen| (port.port, port.why, port.open, port.time_wait);
        ports.into_iter().map(row).collect()
    }

    #[test]
    fn where_connections_end_at_once_a_client_of_this_host_tells_the_port() {
        let mut sockets: Vec<_> = (0..5)
            .map(|n| socket(40_000 + n, 11_035, TIME_WAIT, 0))
            .collect();
        sockets.push(socket(41_000, 443, TIME_WAIT, 0));
        let client = process(CLIENT, "java Shop", false);
        let ports = found(&sockets, &HashMap::new(), [client], Sides::Client);
        assert_eq!(ports, [(11_035, Why::Ends, 0, 5)]);
        let nobody = found(&sockets, &HashMap::new(), [], Sides::Client);
        assert_eq!(nobody, [], "any program may end connections");
        let client = process(CLIENT, "java Shop zk1:11035,zk2:11035/shop", false);
        let named = found(&sockets, &HashMap::new(), [client], Sides::Client);
        assert_eq!(named, [(11_035, Why::Named, 0, 5)]);
    }

    /// A database and a broker of a JVM whose client is well at the traced port.
    #[test]
    fn what_a_client_connects_to_besides_is_not_taken_for_zookeeper() {
        let command = "java Shop -Ddb=jdbc:postgresql://db:5432/x kafka:9092 cache:11211";
        let mut sockets = vec![
            socket(40_000, 5432, state::ESTABLISHED, 1),
            socket(40_001, 9092, state::ESTABLISHED, 1),
        ];
        let holders = held(&[(1, CLIENT)]);
        let client = || [process(CLIENT, command, false)];
        let ports = found(&sockets, &holders, client(), Sides::Client);
        assert_eq!(ports, [], "of other protocols");
        sockets.push(socket(40_002, 12_000, state::ESTABLISHED, 1));
        let ports = found(&sockets, &holders, client(), Sides::Client);
        assert_eq!(ports, [(12_000, Why::Client, 1, 0)]);
        sockets.push(socket(40_003, 2181, state::ESTABLISHED, 1));
        let ports = found(&sockets, &holders, client(), Sides::Client);
        assert_eq!(ports, [], "its client is at the traced port");
    }

    #[test]
    fn only_what_was_looked_at_is_told_of() {
        let sockets = [socket(40_000, 12_000, state::ESTABLISHED, 1)];
        let holders = held(&[(1, CLIENT)]);
        let processes = [process(CLIENT, "java Shop", false)].into();
        let seen = Seen {
            sockets: &sockets,
            holders: &holders,
            processes: &processes,
        };
        let told = |sides, pids: &[u32]| {
            let request = Request {
                ports: vec![2181],
                sides,
                pids: pids.to_vec(),
            };
            elsewhere(&seen, &request, Vec::new())
        };
        assert_eq!(told(Sides::Server, &[]).client, None);
        let sentence = told(Sides::Client, &[99]).sentence(Sides::Client);
        assert!(
            sentence.contains("other processes were not looked at"),
            "{sentence}"
        );
    }

    #[test]
    fn the_other_end_of_a_connection_of_this_host_is_no_port_to_trace() {
        let sockets = [
            socket(2182, 0, state::LISTEN, 1),
            socket(8005, 0, state::LISTEN, 5),
            socket(40_000, 2182, state::ESTABLISHED, 2),
            socket(2182, 40_000, state::ESTABLISHED, 1),
            // Tomcat's own clients.
            socket(8005, 50_000, state::ESTABLISHED, 2),
        ];
        let holders = held(&[(1, SERVER), (2, CLIENT), (5, CLIENT)]);
        let processes = || {
            [
                process(SERVER, "java QuorumPeerMain", true),
                process(CLIENT, "java Shop", false),
            ]
        };
        let ports = found(&sockets, &holders, processes(), Sides::Client);
        assert_eq!(ports, [(2182, Why::Server, 1, 0)]);
        let ports = found(&sockets, &holders, processes(), Sides::Server);
        assert_eq!(ports, [(2182, Why::Server, 1, 0)]);
    }

    #[test]
    fn where_servers_meet_is_no_port_of_clients() {
        let sockets = [
            socket(2182, 0, state::LISTEN, 1),
            socket(13_888, 0, state::LISTEN, 3),
            socket(2182, 40_000, state::ESTABLISHED, 1),
            socket(13_888, 40_001, state::ESTABLISHED, 3),
        ];
        let holders = held(&[(1, SERVER), (3, SERVER)]);
        let (pid, mut server) = process(SERVER, "java QuorumPeerMain zoo.cfg", true);
        server.peer_ports = vec![12_888, 13_888];
        let ports = found(&sockets, &holders, [(pid, server)], Sides::Server);
        assert_eq!(ports, [(2182, Why::Server, 1, 0)]);
    }

    #[test]
    fn only_whole_ports_behind_a_host_are_named() {
        for (argument, is_named) in [
            ("-Dzookeeper.connect=zk1:2182/chroot", true),
            ("zk1:2181,zk2:2182", true),
            ("[::1]:2182", true),
            ("zk1:21820", false),
            ("12:2182", true),
            (":2182", false),
            ("2182", false),
        ] {
            let command = [argument.to_owned()];
            assert_eq!(names_port(&command, 2182), is_named, "{argument}");
        }
    }
}

// SPDX-License-Identifier: MIT
//! The lists of sockets against `ss`, against what the sockets said of
//! themselves while they lived, and across network namespaces.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    process::Stdio,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt::socket_cookie;
use zkchurn::host::sock_diag::{
    DiagSocket, Listing, Query, TIME_WAIT,
    holders::{Holder, holders},
    list, list_of, namespaces,
};
use zkchurn_common::state::ESTABLISHED;
use zkchurn_core::frame::Sides;

use crate::{
    namespace::{in_namespace, inode},
    peer::{connect, listen, v4, v4_mapped, v6},
    tracer::{unused_port, wait_for},
};

mod environment;
mod ss;

use environment::{Named, Waiting};

const LIMIT: Duration = Duration::from_secs(10);
const STATES: u32 = 1 << TIME_WAIT | 1 << ESTABLISHED;

/// Who a socket said it was while it lived, and where.
type Alive = (u64, SocketAddr, SocketAddr);

fn alive(stream: &TcpStream) -> Alive {
    let local = canonical(stream.local_addr().unwrap());
    let remote = canonical(stream.peer_addr().unwrap());
    (socket_cookie(stream).unwrap(), local, remote)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    (address.ip().to_canonical(), address.port()).into()
}

/// `count` connections to each address that this side closed first.
fn closed(port: u16, addresses: &[SocketAddr], count: usize) -> BTreeSet<Alive> {
    let listener = listen(port);
    let all = addresses.iter().flat_map(|to| (0..count).map(move |_| to));
    all.map(|to| {
        let client = connect(*to);
        // One after another: a full backlog ends in resets.
        let (mut server, _) = listener.accept().unwrap();
        let alive = alive(&client);
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        alive
    })
    .collect()
}

/// The client sockets to `ports` in this namespace.
fn client(ports: &[u16], states: u32) -> Listing {
    own(ports, Sides::Client, states)
}

fn own(ports: &[u16], sides: Sides, states: u32) -> Listing {
    let query = Query {
        ports,
        sides,
        states,
    };
    list_of(&query, &HashSet::new())
}

fn known(sockets: &[DiagSocket]) -> BTreeSet<Alive> {
    let known = sockets
        .iter()
        .map(|socket| (socket.cookie, socket.local, socket.remote));
    known.collect()
}

/// Waits until the last FIN made the closed ones TIME_WAIT sockets.
fn wait_for_time_wait(port: u16, count: usize) {
    wait_for(LIMIT, "TIME_WAIT sockets", || {
        client(&[port], 1 << TIME_WAIT).sockets.len() >= count
    });
}

fn row_of(socket: &DiagSocket) -> ss::Row {
    ss::Row {
        state: socket.state,
        ipv6_socket: socket.ipv6_socket,
        local: socket.local,
        remote: socket.remote,
        inode: socket.inode,
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_row_is_the_one_that_ss_shows_and_what_the_socket_said_of_itself() {
    let port = unused_port();
    in_namespace(move || {
        let addresses = [v4(port), v6(port), v4_mapped(port)];
        let mut expected = closed(port, &addresses, 12);
        let _listener = listen(port);
        let open = addresses.map(connect);
        expected.extend(open.iter().map(alive));
        wait_for_time_wait(port, 36);

        let before = own(&[port], Sides::Both, STATES);
        let shown = ss::rows();
        let after = own(&[port], Sides::Both, STATES);

        assert!(before.notes.is_empty(), "{:?}", before.notes);
        assert_eq!(known(&client(&[port], STATES).sockets), expected);
        // The open ones have a server side too.
        assert_eq!(shown.len(), 36 + 2 * open.len());
        assert_eq!(before.sockets.len(), shown.len());
        assert_eq!(after.sockets.len(), shown.len());
        let netns = u32::try_from(inode()).unwrap();
        for (before, after) in before.sockets.iter().zip(&after.sockets) {
            let (row, left) = &shown[&before.cookie];
            assert_eq!(row, &row_of(before));
            assert_eq!(before.cookie, after.cookie);
            assert_eq!(before.netns, netns);
            if before.state == TIME_WAIT {
                assert!(before.expires_ms >= *left && after.expires_ms < left + 1000);
                assert!((50_000..=60_000).contains(&after.expires_ms), "{after:?}");
            }
        }
        let inodes: HashSet<u32> = open.iter().map(inode_of).collect();
        let listed = client(&[port], 1 << ESTABLISHED).sockets;
        assert_eq!(
            listed.iter().map(|one| one.inode).collect::<HashSet<_>>(),
            inodes
        );
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn only_sockets_of_the_ports_the_side_and_the_states_are_listed() {
    let (port, other) = (unused_port(), unused_port());
    in_namespace(move || {
        let ours = closed(port, &[v4(port), v6(port)], 5);
        let others = closed(other, &[v4(other), v6(other)], 5);
        let listener = listen(port);
        let served = closed_by_the_server(&listener, port);
        wait_for_time_wait(port, ours.len());
        wait_for_time_wait(other, others.len());
        wait_for(LIMIT, "a server's TIME_WAIT", || {
            !own(&[port], Sides::Server, 1 << TIME_WAIT)
                .sockets
                .is_empty()
        });

        let sees = |ports: &[u16], sides, states| known(&own(ports, sides, states).sockets);
        let time_wait = 1 << TIME_WAIT;
        let served = BTreeSet::from([served]);
        assert_eq!(sees(&[port], Sides::Client, time_wait), ours);
        assert_eq!(sees(&[other], Sides::Client, time_wait), others);
        assert_eq!(sees(&[port], Sides::Server, time_wait), served);
        assert_eq!(sees(&[other], Sides::Server, time_wait), BTreeSet::new());
        assert_eq!(sees(&[port], Sides::Both, time_wait), &ours | &served);
        let both = sees(&[port, other, port], Sides::Client, time_wait);
        assert_eq!(both, &ours | &others);
        assert_eq!(
            sees(&[port], Sides::Both, 1 << ESTABLISHED),
            BTreeSet::new()
        );
        assert_eq!(sees(&[0], Sides::Both, u32::MAX), BTreeSet::new());
        // Without a port all of them, on both sides.
        let all = sees(&[], Sides::Both, u32::MAX);
        assert!(all.is_superset(&(&both | &served)), "{all:?}");
    });
}

/// A connection that the server closes first, as its side of it.
fn closed_by_the_server(listener: &TcpListener, port: u16) -> Alive {
    let mut client = connect(v4(port));
    let (server, _) = listener.accept().unwrap();
    let alive = alive(&server);
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    alive
}

/// Closed connections of the namespace of this thread, and its inode.
fn closed_here(port: u16) -> (u32, BTreeSet<Alive>) {
    let closed = closed(port, &[v4_mapped(port)], 3);
    wait_for_time_wait(port, closed.len());
    (u32::try_from(inode()).unwrap(), closed)
}

fn of(netns: u32, listing: &Listing) -> BTreeSet<Alive> {
    let sockets = listing.sockets.iter().copied();
    let inside: Vec<_> = sockets.filter(|socket| socket.netns == netns).collect();
    known(&inside)
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn sockets_in_namespaces_of_other_processes_and_in_named_ones_are_listed() {
    let port = unused_port();
    let mut processes = Vec::new();
    let mut expected = BTreeMap::new();
    for _ in 0..3 {
        let (process, (netns, closed)) =
            in_namespace(move || (Waiting::start(Stdio::piped()), closed_here(port)));
        processes.push(process);
        expected.insert(netns, closed);
    }
    let named = Named::new();
    let (named_netns, closed) = named.run(|| closed_here(port));
    expected.insert(named_netns, closed);
    let query = Query {
        ports: &[port],
        sides: Sides::Client,
        states: 1 << TIME_WAIT,
    };

    let own_before = namespaces::own_inode().unwrap();
    let all = list(&query);
    let only = list_of(&query, &HashSet::from([named_netns]));
    let none = list_of(&query, &HashSet::new());
    assert_eq!(namespaces::own_inode().unwrap(), own_before);

    assert_eq!(expected.len(), 4);
    for (netns, closed) in &expected {
        assert_eq!(of(*netns, &all), *closed);
    }
    assert!(all.sockets.iter().all(|one| one.remote.port() == port));
    assert_eq!(known(&only.sockets), expected[&named_netns]);
    assert_eq!((only.notes, none), (Vec::new(), Listing::default()));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_namespace_of_a_single_thread_is_found_when_it_is_asked_for() {
    let port = unused_port();
    let (told, tell) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let inside = thread::spawn(move || {
        in_namespace(move || {
            told.send(closed_here(port)).unwrap();
            // Ends when the sender is dropped.
            let _ = ended.recv();
        });
    });
    let (netns, closed) = tell.recv_timeout(LIMIT).expect("closed connections");
    let query = Query {
        ports: &[port],
        sides: Sides::Client,
        states: 1 << TIME_WAIT,
    };
    let listing = list_of(&query, &HashSet::from([netns]));
    drop(end);
    inside.join().unwrap();
    assert_eq!(of(netns, &listing), closed, "{listing:?}");
    assert!(listing.notes.is_empty(), "{:?}", listing.notes);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_table_of_twenty_thousand_is_listed_completely_and_soon() {
    let port = unused_port();
    in_namespace(move || {
        allow_time_wait_sockets(20_000);
        // Several addresses, so that free ports are found without a long search.
        let addresses = [1, 2, 3, 4].map(|host| ([127, 0, 0, host], port).into());
        let closed = closed(port, &addresses, 5_000);
        wait_for_time_wait(port, closed.len());
        let start = Instant::now();
        let listing = client(&[port], 1 << TIME_WAIT);
        let elapsed = start.elapsed();
        eprintln!("20,000 sockets listed in {elapsed:?}");
        assert!(listing.notes.is_empty(), "{:?}", listing.notes);
        assert_eq!(known(&listing.sockets), closed);
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    });
}

/// Has this namespace keep so many sockets in TIME_WAIT. By itself it keeps as many as
/// the memory of the machine allows (net/ipv4/tcp_ipv4.c, `tcp_sk_init`).
fn allow_time_wait_sockets(most: u32) {
    const SETTING: &str = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
    let allowed: u32 = fs::read_to_string(SETTING).unwrap().trim().parse().unwrap();
    if allowed < most {
        fs::write(SETTING, most.to_string()).unwrap();
    }
}

fn inode_of(stream: &TcpStream) -> u32 {
    let file = fs::File::from(OwnedFd::from(stream.try_clone().unwrap()));
    u32::try_from(file.metadata().unwrap().ino()).unwrap()
}

/// Waits until `inode` is held as expected: a process that another test starts
/// has our descriptors too until it executes its program.
fn wait_for_holder(inode: u32, pid: u32, comm: &str, other_processes: u32) -> Holder {
    let mut last = None;
    wait_for(LIMIT, "the holder", || {
        last = holders(HashSet::from([inode]), &[]).by_inode.remove(&inode);
        last.as_ref().is_some_and(|holder| {
            (holder.key.pid, holder.comm.as_str()) == (pid, comm)
                && holder.other_processes == other_processes
        })
    });
    last.unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_socket_is_held_by_the_process_that_has_it_now() {
    let port = unused_port();
    in_namespace(move || {
        let _listener = listen(port);
        let (given, shared) = (connect(v4(port)), connect(v4(port)));
        let (given_inode, shared_inode) = (inode_of(&given), inode_of(&shared));
        let child = Waiting::start(OwnedFd::from(given));
        let sharing = Waiting::start(OwnedFd::from(shared.try_clone().unwrap()));

        let holder = wait_for_holder(given_inode, child.0.id(), "cat", 0);
        let name = fs::read_to_string("/proc/self/comm").unwrap();
        // The child has the higher pid, unless pids began anew.
        let me = std::process::id();
        let (first, comm) = match sharing.0.id() < me {
            true => (sharing.0.id(), "cat"),
            false => (me, name.trim_end()),
        };
        wait_for_holder(shared_inode, first, comm, 1);

        let identity = zkchurn::host::proc::identity::read(holder.key).unwrap();
        assert_eq!(identity.command, ["cat"]);
        let listed = client(&[port], 1 << ESTABLISHED).sockets;
        let inodes: BTreeSet<_> = listed.iter().map(|socket| socket.inode).collect();
        assert_eq!(inodes, BTreeSet::from([given_inode, shared_inode]));
    });
}

// SPDX-License-Identifier: MIT
//! A network namespace of a test's own, with the faults that it needs.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::AsFd,
    process::{Command, Stdio},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use zkchurn_lab::harness::{namespace, proc};

use crate::in_time::{ChildInTime, LIMIT};

/// The longest that a test may take: several times what the slowest needs on a busy machine.
const TEST_LIMIT: Duration = Duration::from_secs(600);

/// Runs `test` in a thread that has a new network namespace with loopback up.
/// Threads and processes that it starts share the namespace. Panics where it does not end,
/// and says where its threads wait.
pub(crate) fn in_namespace<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (end, ended) = channel::<()>();
    let thread = thread::spawn(move || {
        // Dropped at the end, also by a panic.
        let _end = end;
        enter(&new());
        ip("link set lo up");
        keep_time_wait();
        test()
    });
    if ended.recv_timeout(TEST_LIMIT) == Err(RecvTimeoutError::Timeout) {
        panic!(
            "the test has not ended after {TEST_LIMIT:?}; its threads wait:\n{}",
            waiting()
        );
    }
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Where in the kernel each thread of this process waits: `wchan` of proc(5).
fn waiting() -> String {
    let threads = proc::threads(std::process::id()).unwrap();
    let lines = threads.iter().map(|tid| {
        let of = |file| fs::read_to_string(format!("/proc/self/task/{tid}/{file}"));
        let (comm, wchan) = (
            of("comm").unwrap_or_default(),
            of("wchan").unwrap_or_default(),
        );
        format!("{tid} {}: {wchan}\n", comm.trim_end())
    });
    lines.collect()
}

/// Moves this thread into a network namespace.
pub(crate) fn enter(namespace: &File) {
    let kind = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(namespace.as_fd(), kind).expect("entering needs root");
}

/// A new network namespace. A process makes it: unshare(2) is `unsafe` in rustix,
/// for what else it can take apart.
fn new() -> File {
    let mut maker = Command::new("unshare")
        .args(["--net", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`unshare` of util-linux is installed (cargo xtask setup)");
    // When it answers it is inside.
    let mut stdin = maker.stdin.take().unwrap();
    stdin.write_all(b"\n").unwrap();
    let answer = maker.stdout.take().unwrap().read_exact(&mut [0]);
    answer.expect("a new network namespace needs root");
    let namespace = File::open(format!("/proc/{}/ns/net", maker.id())).unwrap();
    drop(stdin);
    maker.wait_in_time().unwrap();
    namespace
}

/// Lets nothing but its timer end a TIME_WAIT in this namespace: no connection
/// that wants its port, and no reset (RFC 1337), which the peer sends when
/// loopback reorders the last segments on their way between processors.
pub(crate) fn keep_time_wait() {
    fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "0").unwrap();
    fs::write("/proc/sys/net/ipv4/tcp_rfc1337", "1").unwrap();
}

/// Inode of this thread's network namespace.
pub(crate) fn inode() -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/thread-self/ns/net").unwrap().ino()
}

pub(crate) fn ip(arguments: &str) {
    let words: Vec<_> = arguments.split(' ').collect();
    namespace::ip(&words).unwrap();
}

/// Has connections over IPv4's loopback begin with a congestion window of `segments`.
pub(crate) fn begin_with_window(segments: u32) {
    ip(&format!(
        "route replace local 127.0.0.1 dev lo table local initcwnd {segments}"
    ));
}

/// An address whose packets vanish: it has a neighbour entry for a machine
/// that is not there. A connect gives up after one retransmitted SYN (3 s).
pub(crate) fn black_hole() -> &'static str {
    wire();
    ip("neigh add 10.255.1.2 lladdr 02:00:00:00:00:99 dev wire0 nud permanent");
    fs::write("/proc/sys/net/ipv4/tcp_syn_retries", "1").unwrap();
    "10.255.1.2"
}

/// An address on the wire that nobody has: ARP for it fails.
pub(crate) fn nobody() -> &'static str {
    wire();
    "10.255.1.3"
}

fn wire() {
    ip("link add wire0 type veth peer name wire1");
    ip("addr add 10.255.1.1/24 dev wire0");
    ip("link set wire0 up");
    ip("link set wire1 up");
}

/// A router in a namespace of its own, there until it is dropped.
pub(crate) struct Router {
    _until_dropped: Sender<()>,
}

/// Reaches 10.255.2.1 and fd00:2::1 by way of a router that prohibits both.
pub(crate) fn router_that_rejects() -> Router {
    wire();
    let (say, hear) = channel();
    let (moved, wait_until_moved) = channel();
    let (_until_dropped, wait_until_dropped) = channel::<()>();
    thread::spawn(move || {
        enter(&new());
        say.send(rustix::thread::gettid().as_raw_pid()).unwrap();
        wait_until_moved.recv_timeout(LIMIT).unwrap();
        reject();
        say.send(0).unwrap();
        wait_until_dropped.recv().unwrap_or_default();
    });
    let process = std::process::id();
    let thread = hear.recv_timeout(LIMIT).expect("a router in its namespace");
    ip(&format!(
        "link set wire1 netns /proc/{process}/task/{thread}/ns/net"
    ));
    moved.send(()).unwrap();
    hear.recv_timeout(LIMIT).expect("a router that rejects");
    ip("-6 addr add fd00:1::1/64 dev wire0 nodad");
    ip("route add 10.255.2.0/24 via 10.255.1.9");
    ip("-6 route add fd00:2::/64 via fd00:1::9");
    Router { _until_dropped }
}

/// Makes this thread's namespace that router, at wire1.
fn reject() {
    ip("link set lo up");
    ip("link set wire1 up");
    ip("addr add 10.255.1.9/24 dev wire1");
    ip("-6 addr add fd00:1::9/64 dev wire1 nodad");
    // No kind of message is limited. A limit of 0 would not do: on Linux 6.1 it empties
    // the bucket that unreachable routes take from as well (net/ipv4/inetpeer.c,
    // `inet_peer_xrlim_allow`, and net/ipv4/route.c, `ip_error`), and one SYN a second is
    // answered. Left alone, that bucket is good for five at once.
    for (name, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv4/icmp_ratemask", "0"),
        ("ipv6/conf/all/forwarding", "1"),
        ("ipv6/icmp/ratelimit", "0"),
    ] {
        fs::write(format!("/proc/sys/net/{name}"), value).unwrap();
    }
    ip("route add prohibit 10.255.2.0/24");
    ip("-6 route add prohibit fd00:2::/64");
}

// SPDX-License-Identifier: MIT
//! A network namespace of a test's own, with the faults that it needs.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::AsFd,
    process::{Command, Stdio},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use zkchurn_lab::harness::namespace;

/// Runs `test` in a thread that has a new network namespace with loopback up.
/// Threads and processes that it starts share the namespace.
pub fn in_namespace<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::spawn(|| {
        enter(&new());
        ip("link set lo up");
        keep_time_wait();
        test()
    });
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Moves this thread into a network namespace.
pub fn enter(namespace: &File) {
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
    maker.wait().unwrap();
    namespace
}

/// Lets nothing but its timer end a TIME_WAIT in this namespace: no connection
/// that wants its port, and no reset (RFC 1337), which the peer sends when
/// loopback reorders the last segments on their way between processors.
pub fn keep_time_wait() {
    fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "0").unwrap();
    fs::write("/proc/sys/net/ipv4/tcp_rfc1337", "1").unwrap();
}

/// Inode of this thread's network namespace.
pub fn inode() -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/thread-self/ns/net").unwrap().ino()
}

fn ip(arguments: &str) {
    let words: Vec<_> = arguments.split(' ').collect();
    namespace::ip(&words).unwrap();
}

/// Has connections over IPv4's loopback begin with a congestion window of `segments`.
pub fn begin_with_window(segments: u32) {
    ip(&format!(
        "route replace local 127.0.0.1 dev lo table local initcwnd {segments}"
    ));
}

/// An address whose packets vanish: it has a neighbour entry for a machine
/// that is not there. A connect gives up after one retransmitted SYN (3 s).
pub fn black_hole() -> &'static str {
    wire();
    ip("neigh add 10.255.1.2 lladdr 02:00:00:00:00:99 dev wire0 nud permanent");
    fs::write("/proc/sys/net/ipv4/tcp_syn_retries", "1").unwrap();
    "10.255.1.2"
}

/// An address on the wire that nobody has: ARP for it fails.
pub fn nobody() -> &'static str {
    wire();
    "10.255.1.3"
}

fn wire() {
    ip("link add wire0 type veth peer name wire1");
    ip("addr add 10.255.1.1/24 dev wire0");
    ip("link set wire0 up");
    ip("link set wire1 up");
}

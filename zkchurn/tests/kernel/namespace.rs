// SPDX-License-Identifier: MIT
//! A network namespace of a test's own, with the faults that it needs.

use std::{fs, process::Command, thread};

use nix::sched::{CloneFlags, unshare};

use crate::in_time::CommandInTime;

/// Runs `test` in a thread that has a new network namespace with loopback up.
/// Threads and processes that it starts share the namespace.
pub fn in_namespace<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("a new network namespace needs root");
        ip("link set lo up");
        keep_time_wait();
        test()
    });
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
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
    let status = Command::new("ip")
        .args(arguments.split(' '))
        .status_in_time();
    let status = status.expect("`ip` of iproute2 is installed (cargo xtask setup)");
    assert!(status.success(), "ip {arguments}: {status}");
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

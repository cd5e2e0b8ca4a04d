// SPDX-License-Identifier: MIT
//! A host whose table of sockets is full of connections when the trace begins.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{figure, size};
use crate::{
    namespace::in_namespace,
    tracer::{Tracer, unused_port},
};

/// Connects to itself over as many addresses as its arguments say and holds all
/// until its input ends.
const HOLD: &str = r#"
    use IO::Socket::INET;
    my ($port, $group, $count) = @ARGV;
    my $address = "127.0.1.$group";
    my $server = IO::Socket::INET->new(Listen => 4096, LocalAddr => $address,
        LocalPort => $port, ReuseAddr => 1) or die "listen: $!";
    my @held;
    for (1 .. $count) {
        my $client = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port)
            or die "connect: $!";
        push @held, $client, $server->accept();
    }
    $| = 1;
    print "held\n";
    <STDIN>;
"#;

struct Holder(Child);

impl Holder {
    fn start(port: u16, group: usize, count: usize) -> Self {
        let arguments = [port.to_string(), group.to_string(), count.to_string()];
        // A login has 1,024 descriptors; a connection takes two of its process.
        let raise = format!("ulimit -n {} && exec \"$0\" \"$@\"", 2 * count + 64);
        let child = Command::new("sh")
            .args(["-c", &raise, "perl", "-e", HOLD])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn await_held(&mut self) {
        let mut line = String::new();
        let stdout = self.0.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n", "see its message");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Begins a trace beside `groups` times `each` connections.
fn trace_beside(
    groups: usize,
    each: usize,
    table: &'static str,
) -> (crate::tracer::Trace, Duration) {
    in_namespace(move || {
        let port = unused_port();
        let start = |group| Holder::start(port, group, each);
        let mut holders: Vec<_> = (1..=groups).map(start).collect();
        holders.iter_mut().for_each(Holder::await_held);
        let begun = Instant::now();
        let port = port.to_string();
        let tracer = Tracer::start(&["--port", &port, "--table-size", table]);
        let started = begun.elapsed();
        (tracer.finish(), started)
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn all_are_followed_where_the_table_has_room() {
    let (groups, each) = size((11, 9_100), (2, 2_000));
    let (trace, started) = trace_beside(groups, each, "131072");
    let count = groups * each;
    figure(&format!(
        "{count} connections ({} sockets) at start: tracing after {:.2} s",
        2 * count,
        started.as_secs_f64()
    ));
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), count);
    assert_eq!(trace.report["total"]["older"]["open"], count);
    let named = |one: &&serde_json::Value| one["process"]["name"] == "perl";
    assert_eq!(trace.connections.iter().filter(named).count(), count);
    assert!(started < Duration::from_secs(15), "{started:?}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn those_that_find_no_room_are_said() {
    let (trace, _) = trace_beside(1, 500, "400");
    assert_eq!(trace.connections.len(), 400);
    let degraded = trace.report["degraded"].to_string();
    let words = "the table is full: 100 connections older than the trace";
    assert!(degraded.contains(words), "{degraded}");
}

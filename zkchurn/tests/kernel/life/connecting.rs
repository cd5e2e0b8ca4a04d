// SPDX-License-Identifier: MIT
//! How a connect goes.

use super::{Case, Server, live, run};
use crate::namespace::{black_hole, in_namespace};

const ON_LOOPBACK: &[Case] = &[
    Case {
        name: "refused",
        server: Server::Nobody,
        client: "fails(tcp(), to(), 'ECONNREFUSED')",
        expected: &["outcome=refused error=ECONNREFUSED closer=none segments=1 out=0"],
    },
    Case {
        name: "refused without waiting",
        server: Server::Nobody,
        client: "my $s = nonblocking(); fails($s, to(), 'EINPROGRESS', 'ECONNREFUSED'); nap(0.1); close $s",
        expected: &["outcome=refused error=ECONNREFUSED closer=none out=0"],
    },
    Case {
        name: "Fast Open, data in the SYN",
        server: Server::Echoes,
        client: "my $s = tcp(); send($s, 'hello', MSG_FASTOPEN, to()) or die $!; hear($s, 5); close $s",
        expected: &["outcome=answered_then_closed_by_us out=5 in=5 closer=client first=us"],
    },
    Case {
        name: "Fast Open, refused",
        server: Server::Nobody,
        client: "my $s = tcp(); send($s, 'hello', MSG_FASTOPEN, to()); $!{ECONNREFUSED} or die $!",
        expected: &["outcome=refused error=ECONNREFUSED out=5 in=0"],
    },
    Case {
        name: "Fast Open, closed before the first write",
        server: Server::Echoes,
        client: "my $s = tcp(); option($s, TCP, TCP_FASTOPEN_CONNECT, pack('i', 1)); connect($s, to()) or die $!; nap(0.2); close $s",
        expected: &["outcome=never_sent error=none closer=client segments=0 out=0"],
    },
    Case {
        name: "Fast Open, the first write connects",
        server: Server::Echoes,
        client: "my $s = tcp(); option($s, TCP, TCP_FASTOPEN_CONNECT, pack('i', 1)); connect($s, to()) or die $!; nap(0.2); say_($s, 'hello'); hear($s, 5); close $s",
        expected: &["outcome=answered_then_closed_by_us out=5 in=5 closer=client"],
    },
    Case {
        name: "connects to itself",
        server: Server::ByClient,
        client: "my $s = tcp(); bind($s, to()) or die $!; connect($s, to()) or die $!; say_($s, 'me'); hear($s, 2); close $s",
        expected: &["outcome=answered_then_closed_by_us out=2 in=2 closer=client first=us"],
    },
    Case {
        name: "0.0.0.0 is this host",
        server: Server::Echoes,
        client: "my $s = tcp(); connect($s, to('0.0.0.0')) or die $!; say_($s, 'a'); hear($s, 1); close $s",
        expected: &["outcome=answered_then_closed_by_us out=1 in=1"],
    },
    Case {
        name: "the same socket twice, disconnected in between",
        server: Server::Echoes,
        client: "my $s = dial(); say_($s, '123'); hear($s, 3); disconnect($s); connect($s, to()) or die $!; say_($s, '12345'); hear($s, 5); close $s",
        expected: &[
            "outcome=reset_by_us reset=sent first=us out=3 in=3 closer=client error=none",
            "outcome=answered_then_closed_by_us reset=none out=5 in=5 closer=client",
        ],
    },
    Case {
        name: "the bound address is in use",
        server: Server::Echoes,
        client: "my @s = map { tcp() } 1 .. 2; for (@s) { option($_, SOL_SOCKET, SO_REUSEADDR, pack('i', 1)); bind($_, to('127.0.0.1', 42300)) or die $! } \
                 connect($s[0], to()) or die $!; fails($s[1], to(), 'EADDRNOTAVAIL'); close $_ for @s",
        expected: &[
            "outcome=local_address_in_use error=none segments=0 out=0 local=127.0.0.1:42300",
            "outcome=closed_by_us_before_any_byte closer=client local=127.0.0.1:42300",
        ],
    },
    Case {
        name: "both ends connect at once",
        server: Server::ByClient,
        client: "run(qw(tc qdisc add dev lo root tbf rate 4kbit burst 90 limit 9000)); \
                 socket(my $u, AF_INET, SOCK_DGRAM, 0); send($u, 'x' x 40, 0, to()); my ($a, $b) = map { nonblocking() } 1 .. 2; \
                 option($a, SOL_SOCKET, SO_REUSEADDR, pack('i', 1)); bind($a, to()) or die $!; bind($b, to('127.0.0.1', 42301)) or die $!; \
                 fails($a, to('127.0.0.1', 42301), 'EINPROGRESS'); fails($b, to(), 'EINPROGRESS'); nap(1.5); run(qw(tc qdisc del dev lo root)); nap(0.1); \
                 fcntl($_, 4, 2) for $a, $b; say_($b, 'abc'); hear($a, 3); say_($a, 'defg'); hear($b, 4); close $b; nap(0.1); close $a",
        expected: &[
            "outcome=answered_then_closed_by_us out=3 in=4 first=us closer=client local=127.0.0.1:42301",
        ],
    },
    // The last one: it takes the ports away.
    Case {
        name: "no local port is free",
        server: Server::Echoes,
        client: "sysctl('net/ipv4/ip_local_port_range', '50000 50003'); my @s = map { dial() } 1 .. 4; fails(tcp(), to(), 'EADDRNOTAVAIL'); close $_ for @s",
        expected: &[
            "outcome=no_local_port error=none segments=0 out=0 local=127.0.0.1:0",
            "outcome=closed_by_us_before_any_byte",
            "outcome=closed_by_us_before_any_byte",
            "outcome=closed_by_us_before_any_byte",
            "outcome=closed_by_us_before_any_byte",
        ],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn on_loopback() {
    live(ON_LOOPBACK);
}

/// 10.255.1.2, from where nothing comes back.
const INTO_A_BLACK_HOLE: &[Case] = &[
    Case {
        name: "closed while it connects",
        server: Server::ByClient,
        client: "my $s = nonblocking(); fails($s, to('10.255.1.2'), 'EINPROGRESS'); nap(0.2); close $s",
        expected: &["outcome=given_up error=none closer=client first=none out=0"],
    },
    Case {
        name: "ss -K while it connects",
        server: Server::ByClient,
        client: "my $s = nonblocking(); fails($s, to('10.255.1.2'), 'EINPROGRESS'); nap(0.2); open STDOUT, '>', '/dev/null'; run(qw(ss -t4K dst 10.255.1.2 dport =), \":$port\"); nap(0.1); close $s",
        expected: &["outcome=aborted error=ECONNABORTED reset=none closer=none first=none out=0"],
    },
    Case {
        name: "shut down while it connects",
        server: Server::ByClient,
        client: "my $s = nonblocking(); fails($s, to('10.255.1.2'), 'EINPROGRESS'); nap(0.2); shutdown($s, 1); nap(0.1); close $s",
        expected: &["outcome=given_up error=none closer=client"],
    },
    Case {
        name: "disconnected while it connects",
        server: Server::ByClient,
        client: "my $s = nonblocking(); fails($s, to('10.255.1.2'), 'EINPROGRESS'); nap(0.2); disconnect($s); close $s",
        expected: &["outcome=given_up error=none closer=client"],
    },
    Case {
        name: "killed while it connects",
        server: Server::ByClient,
        client: "child { fails(nonblocking(), to('10.255.1.2'), 'EINPROGRESS'); my $s = nonblocking(); fails($s, to('10.255.1.2'), 'EINPROGRESS'); nap(0.2) }; wait",
        // The first socket is closed by the end of its statement.
        expected: &[
            "outcome=given_up pid=child closer=child",
            "outcome=given_up pid=child closer=child",
        ],
    },
    Case {
        name: "times out",
        server: Server::ByClient,
        client: "fails(tcp(), to('10.255.1.2'), 'ETIMEDOUT')",
        expected: &["outcome=timed_out error=ETIMEDOUT closer=none"],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn into_a_black_hole() {
    in_namespace(|| {
        assert_eq!(black_hole(), "10.255.1.2");
        run(INTO_A_BLACK_HOLE);
    });
}

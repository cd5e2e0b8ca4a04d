// SPDX-License-Identifier: MIT
//! Every way to end a connection, with the way of the RST.

use super::{Case, Server, live};

const CASES: &[Case] = &[
    Case {
        name: "half-closed for a while",
        server: Server::Echoes,
        client: "my $s = dial(); say_($s, 'abc'); shutdown($s, 1); nap(0.5); hear_all($s) == 3 or die; close $s",
        expected: &[
            "outcome=answered_then_closed_by_us first=us reset=none out=3 in=3 closer=client",
        ],
    },
    Case {
        name: "closed with unread data",
        server: Server::Sends(b"12345678"),
        client: "my $s = dial(); wait_for($s, 8); close $s",
        expected: &[
            "outcome=reset_by_us first=us reset=sent in=8 unread=8 out=0 closer=client error=none",
        ],
    },
    Case {
        name: "receiving shut down, then closed with unread data",
        server: Server::Sends(b"12345678"),
        client: "my $s = dial(); shutdown($s, 0); wait_for($s, 8); close $s",
        expected: &["outcome=reset_by_us first=us reset=sent in=8 closer=client"],
    },
    Case {
        name: "sending shut down, then closed with unread data",
        server: Server::SendsAndStays(b"12345678"),
        client: "my $s = dial(); wait_for($s, 8); shutdown($s, 1); nap(0.1); close $s",
        expected: &[
            "outcome=answered_then_closed_by_us first=us reset=sent in=8 closer=client error=none",
        ],
    },
    Case {
        name: "data comes after both directions are shut down",
        server: Server::SendsLate(b"late"),
        client: "my $s = dial(); shutdown($s, 2); nap(0.8); close $s",
        expected: &[
            "outcome=closed_by_us_before_any_byte first=us reset=sent in=0 closer=client error=ECONNRESET",
        ],
    },
    // No RST is sent, and no FIN (net/ipv4/tcp.c, `tcp_disconnect`).
    Case {
        name: "closed in repair mode, as by CRIU",
        server: Server::Echoes,
        client: "my $s = dial(); say_($s, 'abc'); wait_for($s, 3); setsockopt($s, 6, 19, pack('i', 1)) or die $!; close $s",
        expected: &[
            "outcome=answered_then_closed_by_us first=us reset=none out=3 in=3 closer=client error=none",
        ],
    },
    Case {
        name: "the peer resets after both directions are shut down",
        server: Server::ResetsAfterFin,
        client: "my $s = dial(); shutdown($s, 2); nap(0.3); close $s",
        expected: &["first=us reset=received in=0 closer=client error=ECONNRESET"],
    },
    Case {
        name: "the peer resets after our FIN",
        server: Server::ResetsAfterFin,
        client: "my $s = dial(); shutdown($s, 1); nap(0.3); close $s",
        expected: &[
            "outcome=closed_by_us_before_any_byte first=us reset=received closer=client error=ECONNRESET",
        ],
    },
    Case {
        name: "the peer resets",
        server: Server::Resets,
        client: "my $s = dial(); sysread($s, my $b, 1); $!{ECONNRESET} or die $!; close $s",
        expected: &["outcome=reset_by_peer first=peer reset=received error=ECONNRESET closer=none"],
    },
    Case {
        name: "closed after the peer with unread data",
        server: Server::SendsAndCloses(b"abc"),
        client: "my $s = dial(); wait_for($s, 3); nap(0.2); close $s",
        expected: &[
            "outcome=answered_then_closed_by_peer first=peer reset=sent in=3 unread=3 closer=client error=none",
        ],
    },
    Case {
        name: "closed after the peer with all read",
        server: Server::SendsAndCloses(b"abc"),
        client: "my $s = dial(); hear_all($s) == 3 or die; nap(0.1); close $s",
        expected: &[
            "outcome=answered_then_closed_by_peer first=peer reset=none in=3 unread=0 closer=client error=none",
        ],
    },
    Case {
        name: "aborted after the peer closed",
        server: Server::SendsAndCloses(b""),
        client: "my $s = dial(); hear_all($s); abort_at_close($s); close $s",
        expected: &["first=peer reset=sent in=0 closer=client error=none"],
    },
    Case {
        name: "written after the peer closed",
        server: Server::SendsAndCloses(b""),
        client: "my $s = dial(); hear_all($s); say_($s, 'x'); nap(0.2); close $s",
        expected: &[
            "outcome=reset_by_peer first=peer reset=received error=EPIPE closer=none out=1",
        ],
    },
    Case {
        name: "TCP_LINGER2 below 0",
        server: Server::Sends(b""),
        client: "my $s = dial(); option($s, TCP, TCP_LINGER2, pack('i', -1)); close $s; nap(0.1)",
        expected: &["outcome=closed_by_us_before_any_byte first=us reset=sent closer=client"],
    },
    Case {
        name: "SO_LINGER 0",
        server: Server::Echoes,
        client: "my $s = dial(); say_($s, 'abc'); hear($s, 3); abort_at_close($s); close $s",
        expected: &["outcome=reset_by_us first=us reset=sent out=3 in=3 closer=client error=none"],
    },
    Case {
        name: "SO_LINGER with time",
        server: Server::Echoes,
        client: "my $s = dial(); option($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 2)); say_($s, 'abc'); hear($s, 3); close $s",
        expected: &[
            "outcome=answered_then_closed_by_us first=us reset=none out=3 in=3 closer=client",
        ],
    },
    Case {
        name: "ss -K",
        server: Server::Echoes,
        client: "my $s = dial(); say_($s, 'a'); hear($s, 1); open STDOUT, '>', '/dev/null'; run(qw(ss -t4K dst 127.0.0.1 dport =), \":$port\"); nap(0.1); close $s",
        expected: &[
            "outcome=aborted first=us reset=sent error=ECONNABORTED out=1 in=1 closer=none",
        ],
    },
    Case {
        name: "ss -K after our FIN",
        server: Server::SendsAndStays(b"12345678"),
        client: "my $s = dial(); wait_for($s, 8); hear($s, 8); shutdown($s, 1); nap(0.1); open STDOUT, '>', '/dev/null'; run(qw(ss -t4K dst 127.0.0.1 dport =), \":$port\"); nap(0.1); close $s",
        expected: &[
            "outcome=answered_then_closed_by_us first=us reset=sent error=ECONNABORTED out=0 in=8",
        ],
    },
    Case {
        name: "TCP_USER_TIMEOUT",
        server: Server::GoesDeaf,
        client: "my $s = dial(); say_($s, 'abc'); hear($s, 1); option($s, TCP, TCP_USER_TIMEOUT, pack('i', 800)); say_($s, 'x' x 7); sysread($s, my $b, 1); $!{ETIMEDOUT} or die $!; close $s",
        expected: &[
            "outcome=broken first=kernel reset=none error=ETIMEDOUT out=10 in=1 closer=none",
        ],
    },
    Case {
        name: "keepalive",
        server: Server::GoesDeaf,
        client: "my $s = dial(); say_($s, 'abc'); hear($s, 1); option($s, TCP, TCP_KEEPIDLE, pack('i', 1)); option($s, TCP, TCP_KEEPINTVL, pack('i', 1)); \
                 option($s, TCP, TCP_KEEPCNT, pack('i', 1)); option($s, SOL_SOCKET, SO_KEEPALIVE, pack('i', 1)); sysread($s, my $b, 1); $!{ETIMEDOUT} or die $!; close $s",
        expected: &[
            "outcome=broken first=kernel reset=none error=ETIMEDOUT out=3 in=1 closer=none",
        ],
    },
    Case {
        name: "the listener is closed before accept",
        server: Server::ByClient,
        client: "my $l = tcp(); bind($l, to()) or die $!; listen($l, 5) or die $!; my $s = dial(); say_($s, 'hi'); nap(0.1); close $l; nap(0.1); close $s",
        expected: &[
            "outcome=reset_by_peer first=peer reset=received error=ECONNRESET out=2 closer=none",
        ],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_with_the_way_of_the_reset() {
    live(CASES);
}

/// Another process asks for SO_ERROR all the time, which takes the error away.
const TAKES_THE_ERROR: Case = Case {
    name: "SO_ERROR is asked all the time",
    server: Server::Resets,
    client: "my @s = map { dial() } 1 .. 8; my @k; for my $s (@s) { push @k, fork // die; next if $k[-1]; alarm 20; getsockopt($s, SOL_SOCKET, SO_ERROR) while 1 } \
             nap(1.2); kill KILL => @k; waitpid($_, 0) for @k; close $_ for @s",
    expected: &["outcome=reset_by_peer first=peer reset=received closer=none"; 8],
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_error_that_is_taken_is_still_the_peers_reset() {
    live(&[TAKES_THE_ERROR]);
}

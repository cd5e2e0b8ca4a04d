// SPDX-License-Identifier: MIT
//! Payload is counted once, and only what left the socket.

use super::{Case, Server, live};

const CASES: &[Case] = &[
    Case {
        name: "one byte at a time",
        server: Server::Echoes,
        client: "my $s = dial(); option($s, TCP, 1, pack('i', 1)); for (1 .. 3000) { say_($s, 'x') } hear($s, 3000); close $s",
        expected: &["out=3000 in=3000 unsent=0 unread=0 first=us"],
    },
    Case {
        name: "urgent data",
        server: Server::Sends(b""),
        client: "my $s = dial(); say_($s, 'ab'); send($s, '!', MSG_OOB) or die $!; say_($s, 'cd'); shutdown($s, 1); hear_all($s); close $s",
        expected: &["out=5 in=0 first=us"],
    },
    Case {
        name: "a megabyte each way",
        server: Server::Sends(&[7; 1 << 20]),
        client: "my $s = dial(); hear($s, 1 << 20); say_($s, 'x' x (1 << 20)); shutdown($s, 1); hear_all($s); close $s",
        expected: &["out=1048576 in=1048576 first=us reset=none"],
    },
    Case {
        name: "read in part, then closed",
        server: Server::Sends(b"12345678"),
        client: "my $s = dial(); wait_for($s, 8); hear($s, 3); close $s",
        expected: &["in=8 unread=5 reset=sent"],
    },
    Case {
        name: "this host drops it for a while",
        server: Server::Echoes,
        client: "my $s = dial(); run(qw(tc qdisc add dev lo root tbf rate 8bit burst 1 limit 1)); say_($s, 'x' x 45); nap(1.5); run(qw(tc qdisc del dev lo root)); hear($s, 45); close $s",
        expected: &["outcome=answered_then_closed_by_us out=45 in=45 unsent=0"],
    },
    Case {
        name: "this host drops it until it is aborted",
        server: Server::Sends(b""),
        client: "my $s = dial(); nap(0.1); run(qw(tc qdisc add dev lo root tbf rate 8bit burst 1 limit 1)); say_($s, 'x' x 45); nap(1.5); abort_at_close($s); close $s; run(qw(tc qdisc del dev lo root))",
        expected: &["outcome=reset_by_us out=0 in=0 unsent=45 reset=sent closer=client"],
    },
    Case {
        name: "the peer hears nothing until it is aborted",
        server: Server::GoesDeaf,
        client: "my $s = dial(); say_($s, 'abc'); hear($s, 1); say_($s, 'x' x 45); nap(0.7); abort_at_close($s); close $s",
        expected: &["outcome=reset_by_us out=48 in=1 unsent=0 reset=sent closer=client"],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_byte_once() {
    live(CASES);
}

// SPDX-License-Identifier: MIT
//! Whose connection it is, and who closes it.

use super::{Case, Server, live};

const CASES: &[Case] = &[
    Case {
        name: "inherited, the parent closes last",
        server: Server::Echoes,
        client: "my $s = dial(); my $c = child { close $s }; waitpid($c, 0); nap(0.1); close $s",
        expected: &["outcome=closed_by_us_before_any_byte closer=client first=us"],
    },
    Case {
        name: "inherited, the child closes last",
        server: Server::Echoes,
        client: "my $s = dial(); my $c = child { nap(0.3); close $s; nap(0.1) }; close $s; waitpid($c, 0)",
        expected: &["outcome=closed_by_us_before_any_byte closer=child first=us"],
    },
    Case {
        name: "inherited by an orphan's child",
        server: Server::Echoes,
        client: "my $s = dial(); pipe my $r, my $w; unless (fork // die) { close $r; my $c = child { nap(0.3); close $s; nap(0.1) }; kill KILL => $$ } close $w; close $s; wait; sysread($r, my $b, 1)",
        expected: &["closer=child first=us"],
    },
    Case {
        name: "ends",
        server: Server::Echoes,
        client: "my $c = fork // die; unless ($c) { my $s = dial(); say_($s, 'q'); hear($s, 1); exit } truth(child => $c); waitpid($c, 0)",
        expected: &["outcome=answered_then_closed_by_us pid=child closer=child out=1 in=1"],
    },
    Case {
        name: "is killed",
        server: Server::Echoes,
        client: "my $c = child { my $s = dial(); say_($s, 'q'); hear($s, 1); kill KILL => $$ }; waitpid($c, 0)",
        expected: &["outcome=answered_then_closed_by_us pid=child closer=child out=1 in=1"],
    },
    Case {
        name: "is killed with unread data",
        server: Server::Sends(b"1234"),
        client: "my $c = child { my $s = dial(); wait_for($s, 4); kill KILL => $$ }; waitpid($c, 0)",
        expected: &["outcome=reset_by_us reset=sent pid=child closer=child in=4"],
    },
    Case {
        name: "executes another program, which closes on exec",
        server: Server::Echoes,
        client: "my $c = fork // die; unless ($c) { my $s = dial(); exec 'sleep', '0.3' } truth(child => $c); waitpid($c, 0)",
        expected: &["outcome=closed_by_us_before_any_byte pid=child closer=child"],
    },
    Case {
        name: "executes another program, which inherits it",
        server: Server::Echoes,
        client: "my $c = fork // die; unless ($c) { $^F = 1000; my $s = dial(); exec 'sleep', '0.3' } truth(child => $c); waitpid($c, 0)",
        expected: &[
            "outcome=closed_by_us_before_any_byte pid=child closer=child closer_comm=sleep",
        ],
    },
    Case {
        name: "two descriptors",
        server: Server::Echoes,
        client: "my $s = dial(); open my $d, '>&', $s or die $!; close $s; nap(0.2); say_($d, 'late'); close $d",
        expected: &["closer=client first=us out=4"],
    },
    Case {
        name: "passed to another process, which closes it",
        server: Server::Echoes,
        client: "my ($x, $y) = pair(); my $c = child { close $x; my $s = take($y); nap(0.3); close $s; nap(0.1) }; \
                 close $y; my $s = dial(); pass($x, $s); close $s; waitpid($c, 0)",
        expected: &["closer=child first=us"],
    },
    Case {
        name: "passed to nobody",
        server: Server::Echoes,
        client: "my ($x, $y) = pair(); my $s = dial(); pass($x, $s); close $s; nap(0.1); close $x; close $y; nap(0.1)",
        expected: &["closer=client first=us"],
    },
    Case {
        name: "another user after connect",
        server: Server::Echoes,
        client: "my $c = child { my $s = dial(); $> = 1234; $< = 1234; close $s }; waitpid($c, 0)",
        expected: &["uid=0 pid=child closer=child"],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn opener_and_closer() {
    live(CASES);
}

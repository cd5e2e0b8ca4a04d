// SPDX-License-Identifier: MIT
//! MPTCP: a worker of the kernel closes the subflows, for whoever closed the socket.

use super::{Case, Server, live};

const CASES: &[Case] = &[
    Case {
        name: "the client closes",
        server: Server::EchoesMptcp,
        client: "my $s = dial(MPTCP); say_($s, '12345'); hear($s, 5); nap(0.1); close $s; nap(0.3)",
        expected: &[
            "outcome=answered_then_closed_by_us first=us out=5 in=5 closer=client reset=none",
        ],
    },
    Case {
        name: "the client is killed",
        server: Server::EchoesMptcp,
        client: "my $c = child { my $s = dial(MPTCP); say_($s, '123'); hear($s, 3); kill KILL => $$ }; waitpid($c, 0); nap(0.3)",
        expected: &[
            "outcome=answered_then_closed_by_us first=us out=3 in=3 pid=child closer=child",
        ],
    },
    Case {
        name: "the server closes",
        server: Server::SendsAndClosesMptcp(b"1234"),
        client: "my $s = dial(MPTCP); hear_all($s) == 4 or die; nap(0.3); close $s; nap(0.3)",
        expected: &["outcome=answered_then_closed_by_peer first=peer in=4 closer=client"],
    },
    Case {
        name: "the server speaks plain TCP",
        server: Server::Echoes,
        client: "my $s = dial(MPTCP); say_($s, '12345'); hear($s, 5); close $s; nap(0.1)",
        expected: &["outcome=answered_then_closed_by_us first=us out=5 in=5 closer=client"],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_closer_is_who_closed_the_socket() {
    live(CASES);
}

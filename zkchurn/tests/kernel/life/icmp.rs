// SPDX-License-Identifier: MIT
//! A router answers the SYN with ICMP, at once, while the client holds its socket's lock.

use super::{Case, Server, run};
use crate::namespace::{in_namespace, router_that_rejects};

const CASES: &[Case] = &[
    Case {
        name: "prohibited, without waiting",
        server: Server::ByClient,
        client: "my $s = nonblocking(); fails($s, to('10.255.2.1'), 'EINPROGRESS', 'EHOSTUNREACH'); nap(0.2); close $s",
        expected: &["outcome=unreachable soft=EHOSTUNREACH closer=client error=none"],
    },
    Case {
        name: "prohibited, without waiting, the error taken",
        server: Server::ByClient,
        client: "my $s = nonblocking(); fails($s, to('10.255.2.1'), 'EINPROGRESS', 'EHOSTUNREACH'); nap(0.2); my $e = unpack('i', getsockopt($s, SOL_SOCKET, SO_ERROR)); $e == 113 or die \"SO_ERROR is $e\"; close $s",
        expected: &["outcome=unreachable closer=client error=none"],
    },
    Case {
        name: "prohibited",
        server: Server::ByClient,
        client: "fails(tcp(), to('10.255.2.1'), 'EHOSTUNREACH')",
        expected: &["outcome=unreachable error=EHOSTUNREACH closer=none"],
    },
    Case {
        name: "prohibited over IPv6",
        server: Server::ByClient,
        client: "socket(my $s, AF_INET6, SOCK_STREAM, 0) or die $!; fails($s, pack_sockaddr_in6($port, Socket::inet_pton(AF_INET6, 'fd00:2::1')), 'EACCES')",
        expected: &["outcome=unreachable error=EACCES closer=none"],
    },
];

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn is_no_giving_up() {
    in_namespace(|| {
        let _router = router_that_rejects();
        run(CASES);
    });
}

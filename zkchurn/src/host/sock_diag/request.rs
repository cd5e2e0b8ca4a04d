// SPDX-License-Identifier: MIT
//! The dump requests for a query (`struct inet_diag_req_v2`,
//! include/uapi/linux/inet_diag.h).
//!
//! The kernel itself matches family, ports and state, TIME_WAIT sockets
//! included: `inet_diag_dump_icsk` (net/ipv4/inet_diag.c) compares `idiag_sport`
//! and `idiag_dport` with `sk_num` and `sk_dport` of `struct sock_common`, which
//! a `struct inet_timewait_sock` shares (`twsk_build_assert`), and the state mask
//! with the TIME_WAIT socket's `tw_substate`: a FIN_WAIT2 that the kernel keeps
//! in such a socket answers as FIN_WAIT2. Port 0 means any.

use bytes::BufMut;

use super::{
    Query, message,
    row::{AF_INET, AF_INET6},
};
use zkchurn_core::frame::Sides;

/// Bytes of `struct inet_diag_req_v2`.
const LENGTH: usize = 56;
const IPPROTO_TCP: u8 = 6;
/// Each byte of `INET_DIAG_NOCOOKIE`.
const NO_COOKIE: u8 = 0xff;

/// Sequence number of a request: each travels on a socket of its own.
pub(super) const SEQUENCE: u32 = 1;

/// The messages that together list at least what `query` wants, in the namespace
/// of the socket that they are sent on: one a family, because the kernel walks its
/// whole table for each. So it matches a single port itself, and for several ports
/// or both sides lists every socket in the states; docs/adr/0005 has the figures.
pub(super) fn requests(query: &Query) -> [Vec<u8>; 2] {
    let (local_port, remote_port) = match (query.ports, query.sides) {
        ([port], Sides::Server) => (*port, 0),
        ([port], Sides::Client) => (0, *port),
        _ => (0, 0),
    };
    [AF_INET, AF_INET6].map(|family| request(family, local_port, remote_port, query.states))
}

fn request(family: u8, local_port: u16, remote_port: u16, states: u32) -> Vec<u8> {
    let mut request = Vec::with_capacity(LENGTH);
    request.put_slice(&[family, IPPROTO_TCP, 0, 0]);
    request.put_u32_ne(states);
    request.put_u16(local_port);
    request.put_u16(remote_port);
    // Any addresses on any interface; a dump looks at neither, nor at the cookie.
    request.put_bytes(0, 36);
    request.put_bytes(NO_COOKIE, 8);
    message::dump_request(SEQUENCE, &request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_travel_in_network_order_where_the_kernel_looks_for_them() {
        let states = 1 << 6 | 1 << 1;
        let sent = |sides| {
            requests(&Query {
                ports: &[2181],
                sides,
                states,
            })
        };
        let (client, server) = (sent(Sides::Client), sent(Sides::Server));
        for (requests, ports) in [(client, [0, 0, 0x08, 0x85]), (server, [0x08, 0x85, 0, 0])] {
            let families: Vec<_> = requests.iter().map(|bytes| bytes[16]).collect();
            assert_eq!(families, [2, 10]);
            for bytes in requests {
                // struct nlmsghdr and struct inet_diag_req_v2.
                assert_eq!(bytes.len(), 16 + 56);
                assert_eq!(bytes[..4], 72_u32.to_ne_bytes());
                assert_eq!(bytes[4..6], 20_u16.to_ne_bytes());
                assert_eq!(bytes[6..8], 0x301_u16.to_ne_bytes());
                // Protocol, states, idiag_sport and idiag_dport.
                assert_eq!(bytes[17], 6);
                assert_eq!(bytes[20..24], states.to_ne_bytes());
                assert_eq!(bytes[24..28], ports);
            }
        }
    }

    #[test]
    fn several_ports_or_both_sides_are_one_request_a_family_for_all_ports() {
        for (ports, sides) in [
            (&[2181, 2182][..], Sides::Client),
            (&[2181], Sides::Both),
            (&[], Sides::Server),
        ] {
            let states = 1;
            let query = Query {
                ports,
                sides,
                states,
            };
            for bytes in requests(&query) {
                assert_eq!(bytes[20..24], states.to_ne_bytes());
                assert_eq!(bytes[24..28], [0; 4], "{ports:?} {sides:?}");
            }
        }
    }
}

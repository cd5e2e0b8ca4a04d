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

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, IPPROTO_TCP, SockDiagMessage,
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};

use super::Query;
use crate::frame::Sides;

/// Sequence number of a request: each travels on a socket of its own.
pub const SEQUENCE: u32 = 1;

/// The messages that together ask for what `query` wants, in the namespace of
/// the socket that they are sent on.
pub fn requests(query: &Query) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    let ports = query.ports.iter().filter(|port| **port != 0);
    for port in ports {
        for family in [AF_INET, AF_INET6] {
            if query.sides != Sides::Server {
                requests.push(request(family, 0, *port, query.states));
            }
            if query.sides != Sides::Client {
                requests.push(request(family, *port, 0, query.states));
            }
        }
    }
    requests
}

fn request(family: u8, local_port: u16, remote_port: u16, states: u32) -> Vec<u8> {
    let any = match family {
        AF_INET => SocketId::new_v4(),
        _ => SocketId::new_v6(),
    };
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::from_bits_retain(states),
        socket_id: SocketId {
            source_port: local_port,
            destination_port: remote_port,
            ..any
        },
    };
    let mut message = NetlinkMessage::from(SockDiagMessage::InetRequest(request));
    message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.header.sequence_number = SEQUENCE;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_travel_in_network_order_where_the_kernel_looks_for_them() {
        let query = Query {
            ports: &[0, 2181],
            sides: Sides::Both,
            states: 1 << 6 | 1 << 1,
        };
        let requests = requests(&query);
        let told: Vec<_> = requests
            .iter()
            // Family, protocol, states, idiag_sport, idiag_dport.
            .map(|bytes| (bytes[16], bytes[17], &bytes[20..24], &bytes[24..28]))
            .collect();
        let states = &(1_u32 << 6 | 1 << 1).to_ne_bytes()[..];
        let (client, server) = (&[0, 0, 0x08, 0x85][..], &[0x08, 0x85, 0, 0][..]);
        assert_eq!(
            told,
            [
                (2, 6, states, client),
                (2, 6, states, server),
                (10, 6, states, client),
                (10, 6, states, server),
            ]
        );
        // struct nlmsghdr and struct inet_diag_req_v2.
        assert!(requests.iter().all(|bytes| bytes.len() == 16 + 56));
        assert_eq!(requests[0][..4], 72_u32.to_ne_bytes());
        assert_eq!(requests[0][4..6], 20_u16.to_ne_bytes());
        assert_eq!(requests[0][6..8], 0x301_u16.to_ne_bytes());
    }
}

// SPDX-License-Identifier: MIT
//! One socket of a dump: `struct inet_diag_msg` (include/uapi/linux/inet_diag.h).
//!
//! The crate netlink-packet-sock-diag is no help: it throws away the time left of
//! TIME_WAIT sockets and refuses a row for the sake of an attribute that is of no
//! interest here.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | `idiag_family` |
//! | 1 | `idiag_state` |
//! | 2, 3 | `idiag_timer`, `idiag_retrans` |
//! | 4, 6 | `idiag_sport`, `idiag_dport`, network order |
//! | 8, 24 | `idiag_src`, `idiag_dst`, 16 bytes each |
//! | 40 | `idiag_if` |
//! | 44, 48 | `idiag_cookie`, lower half first, each in host order |
//! | 52 | `idiag_expires`, milliseconds |
//! | 56, 60 | `idiag_rqueue`, `idiag_wqueue` |
//! | 64, 68 | `idiag_uid`, `idiag_inode` |

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Buf;
use zkchurn_core::decode::socket_address;

use super::DiagSocket;

/// `AF_INET` and `AF_INET6` (include/linux/socket.h)
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

const LENGTH: usize = 72;

/// Reads a socket of namespace `netns`; `None` when it is cut or of another family.
pub(super) fn parse(bytes: &[u8], netns: u32) -> Option<DiagSocket> {
    let mut rest = bytes.get(..LENGTH)?;
    let family = rest.get_u8();
    let state = rest.get_u8();
    rest.advance(2);
    let local_port = rest.get_u16();
    let remote_port = rest.get_u16();
    let local = address(family, rest.get_u128())?;
    let remote = address(family, rest.get_u128())?;
    let interface = rest.get_u32_ne();
    // sock_diag_save_cookie (net/core/sock_diag.c).
    let cookie = u64::from(rest.get_u32_ne()) | u64::from(rest.get_u32_ne()) << 32;
    let expires_ms = rest.get_u32_ne();
    rest.advance(8);
    Some(DiagSocket {
        cookie,
        netns,
        state,
        local: socket_address(local, local_port, interface),
        remote: socket_address(remote, remote_port, interface),
        ipv6_socket: family == AF_INET6,
        uid: rest.get_u32_ne(),
        inode: rest.get_u32_ne(),
        expires_ms,
    })
}

/// An IPv4 address stands in the first of four words.
fn address(family: u8, bits: u128) -> Option<Ipv6Addr> {
    match family {
        AF_INET => Some(Ipv4Addr::from_bits((bits >> 96) as u32).to_ipv6_mapped()),
        AF_INET6 => Some(Ipv6Addr::from_bits(bits)),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A TIME_WAIT socket 127.0.0.1:60888 to 127.0.0.1:2181, laid out as x86-64
    /// does, with a cookie that needs both halves.
    #[rustfmt::skip]
    pub(crate) const V4: [u8; LENGTH] = [
        2, 6, 3, 0, 0xed, 0xd8, 0x08, 0x85,
        127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0x3d, 0xc3, 1, 0, 7, 0, 0, 0,
        0x58, 0xea, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[cfg(target_endian = "little")]
    #[test]
    fn a_time_wait_row_keeps_cookie_and_time_left() {
        let expected = DiagSocket {
            cookie: 0x7_0001_c33d,
            netns: 9,
            state: 6,
            local: ([127, 0, 0, 1], 60888).into(),
            remote: ([127, 0, 0, 1], 2181).into(),
            ipv6_socket: false,
            uid: 0,
            inode: 0,
            expires_ms: 59_992,
        };
        assert_eq!(parse(&V4, 9), Some(expected));
    }

    #[test]
    fn a_mapped_address_becomes_ipv4_and_the_socket_stays_ipv6() {
        let mut bytes = V4;
        bytes[0] = 10;
        let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().octets();
        bytes[8..24].copy_from_slice(&mapped);
        bytes[24..40].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
        let socket = parse(&bytes, 0).unwrap();
        assert_eq!(socket.local, ([192, 0, 2, 1], 60888).into());
        assert_eq!(socket.remote, (Ipv6Addr::LOCALHOST, 2181).into());
        assert!(socket.ipv6_socket);
    }

    #[test]
    fn a_cut_row_and_a_strange_family_are_none() {
        for length in 0..LENGTH {
            assert_eq!(parse(&V4[..length], 0), None);
        }
        let mut unix = V4;
        unix[0] = 1;
        assert_eq!(parse(&unix, 0), None);
    }
}

// SPDX-License-Identifier: MIT
//! Other addresses, the same ones for the same ones: of networks that nobody has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::hash::HashMap;

/// Addresses that get one of their own; further ones share the last.
const MOST: u32 = 100_000;
/// 198.18.0.0/15 is for benchmarks of networks (RFC 2544), 2001:db8::/32 for documents (RFC
/// 3849).
const FIRST_V4: u32 = 0xc612_0001;
const FIRST_V6: u128 = 0x2001_0db8 << 96;
const FIRST_LINK_LOCAL: u128 = 0xfe80 << 112;

/// Which address stands for which.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: HashMap<IpAddr, IpAddr>,
}

impl Addresses {
    /// The address that stands for this one. Loopback and the unspecified address are the same
    /// everywhere, and tell something.
    pub(super) fn of(&mut self, address: IpAddr) -> IpAddr {
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return address;
        }
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let number = (self.known.len() as u32).min(MOST);
        let other = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(FIRST_V4 + number)),
            IpAddr::V6(v6) => {
                let first = match v6.is_unicast_link_local() {
                    true => FIRST_LINK_LOCAL,
                    false => FIRST_V6,
                };
                IpAddr::V6(Ipv6Addr::from_bits(first + u128::from(number) + 1))
            }
        };
        if number < MOST {
            self.known.insert(address, other);
        }
        other
    }

    /// The same for the bytes of a record: IPv6, or v4-mapped.
    pub(super) fn replace(&mut self, bytes: &mut [u8; 16]) {
        let address = Ipv6Addr::from_octets(*bytes);
        let other = match self.of(IpAddr::V6(address)) {
            IpAddr::V4(other) => other.to_ipv6_mapped(),
            IpAddr::V6(other) => other,
        };
        *bytes = other.octets();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stands_for_one_and_mapped_ones_are_ipv4() {
        let mut addresses = Addresses::default();
        let first = addresses.of("10.1.2.3".parse().unwrap());
        let second = addresses.of("10.1.2.4".parse().unwrap());
        assert_ne!(first, second);
        assert_eq!(addresses.of("::ffff:10.1.2.3".parse().unwrap()), first);
        let mut bytes = "::ffff:10.1.2.4".parse::<Ipv6Addr>().unwrap().octets();
        addresses.replace(&mut bytes);
        assert_eq!(IpAddr::from(bytes).to_canonical(), second);
        let loopback = "::1".parse().unwrap();
        assert_eq!(addresses.of(loopback), loopback);
        let local: IpAddr = "fe80::1".parse().unwrap();
        let other = addresses.of(local);
        assert!(other != local && other.to_string().starts_with("fe80::"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut addresses = Addresses::default();
        for number in 0..2 * MOST {
            addresses.of(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)));
        }
        assert_eq!(addresses.known.len(), MOST as usize);
    }
}

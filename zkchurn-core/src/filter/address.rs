// SPDX-License-Identifier: MIT
//! `10.0.1.7`, `10.0.1.0/24`, `10.0.1.7:2181`, `fd00::/8`, `[fd00::7]:2181`, and of link-local
//! ones `[fe80::1%3]:2181`, `fe80::1%3`.

use std::net::{IpAddr, SocketAddr};

/// Some addresses, and maybe one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    network: IpAddr,
    /// Leading bits that count.
    bits: u32,
    /// Of a link-local address: the index of its interface, which may be any if it is not said.
    scope: Option<u32>,
    port: Option<u16>,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAddress {
    /// An interface is named, whose number nobody knows here: the trace may be another host's.
    NamedScope,
    Other,
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// It is none, or it names an interface.
    pub(super) fn parse(text: &str) -> Result<Self, NoAddress> {
        let (text, scope) = split_scope(text)?;
        let address = Self::without_scope(&text).ok_or(NoAddress::Other)?;
        match scope {
            Some(_) if !is_link_local(address.network) => Err(NoAddress::Other),
            scope => Ok(Self { scope, ..address }),
        }
    }

    fn without_scope(text: &str) -> Option<Self> {
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Some(Self::whole(socket.ip(), Some(socket.port())));
        }
        match text.split_once('/') {
            None => {
                let inner = text
                    .strip_prefix('[')
                    .and_then(|text| text.strip_suffix(']'));
                let address = inner.unwrap_or(text).parse().ok()?;
                Some(Self::whole(address, None))
            }
            Some((network, bits)) => {
                let network: IpAddr = network.parse().ok()?;
                let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
                let bits = bits.parse().ok().filter(|_| is_number)?;
                (bits <= width(network)).then_some(Self {
                    network,
                    bits,
                    scope: None,
                    port: None,
                })
            }
        }
    }

    fn whole(address: IpAddr, port: Option<u16>) -> Self {
        let network = address.to_canonical();
        Self {
            network,
            bits: width(network),
            scope: None,
            port,
        }
    }

    /// Whether it is one of them.
    pub(super) fn matches(&self, socket: SocketAddr) -> bool {
        let scope = match socket {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(socket) => socket.scope_id(),
        };
        self.port.is_none_or(|port| port == socket.port())
            && self.scope.is_none_or(|own| own == scope)
            && self.contains(socket.ip())
    }

    /// Whether the address is one of them, whatever its port and scope.
    fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The text without `%3`, and that number.
fn split_scope(text: &str) -> Result<(String, Option<u32>), NoAddress> {
    let Some((before, rest)) = text.split_once('%') else {
        return Ok((text.to_owned(), None));
    };
    let (scope, after) = rest.split_at(rest.find([']', '/']).unwrap_or(rest.len()));
    if scope.is_empty() {
        return Err(NoAddress::Other);
    }
    let is_number = scope.bytes().all(|byte| byte.is_ascii_digit());
    let scope = scope.parse().ok().filter(|_| is_number);
    let scope = scope.ok_or(NoAddress::NamedScope)?;
    Ok((format!("{before}{after}"), Some(scope)))
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_ports_and_both_families() {
        let matches = |pattern: &str, socket: &str| {
            Address::parse(pattern)
                .unwrap()
                .matches(socket.parse().unwrap())
        };
        assert!(matches("10.0.1.0/24", "10.0.1.255:2181"));
        assert!(!matches("10.0.1.0/24", "10.0.2.1:2181"));
        assert!(matches("0.0.0.0/0", "10.0.2.1:2181") && !matches("0.0.0.0/0", "[::1]:2181"));
        assert!(matches("::/0", "[fd00::1]:1") && matches("fd00::/8", "[fd12::1]:1"));
        assert!(matches("[fd00::7]:2181", "[fd00::7]:2181"));
        assert!(!matches("10.0.0.1:2181", "10.0.0.1:2182"));
        assert!(matches("::ffff:10.0.0.1", "10.0.0.1:2181"));
        for wrong in [
            "10.0.1.0/33",
            "::/129",
            "10.0.1",
            "zk1",
            "10.0.1.0/+8",
            "/8",
            "",
            "fe80::1%",
            "10.0.1.7%3",
            "[fd00::7%3]:2181",
            "fe80::1%3%4",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_local_address_is_one_at_its_interface_only() {
        let matches = |pattern: &str, socket: &str| {
            let address = Address::parse(pattern).unwrap();
            address.matches(socket.parse().unwrap())
        };
        let printed = "[fe80::1%3]:2181";
        for pattern in [
            printed,
            "[fe80::1%3]",
            "fe80::1%3",
            "fe80::%3/64",
            "fe80::1",
            "[fe80::1]:2181",
            "fe80::/10",
        ] {
            assert!(matches(pattern, printed), "{pattern}");
        }
        for pattern in [
            "[fe80::1%4]:2181",
            "fe80::1%4",
            "fe80::%4/64",
            "[fe80::1%3]:2182",
            "fe80::2%3",
        ] {
            assert!(!matches(pattern, printed), "{pattern}");
        }
        for pattern in [
            "[fe80::1%lo]:2181",
            "fe80::1%eth0",
            "fe80::%br-1/64",
            "fe80::1%+3",
        ] {
            assert_eq!(Address::parse(pattern), Err(NoAddress::NamedScope));
        }
    }
}

// SPDX-License-Identifier: MIT
//! `10.0.1.7`, `10.0.1.0/24`, `10.0.1.7:2181`, `fd00::/8`, `[fd00::7]:2181`

use std::net::{IpAddr, SocketAddr};

/// Some addresses, and maybe one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    network: IpAddr,
    /// Leading bits that count.
    bits: u32,
    port: Option<u16>,
}

impl Address {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Option<Self> {
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
            port,
        }
    }

    /// Whether it is one of them.
    pub(super) fn matches(&self, socket: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == socket.port()) && self.contains(socket.ip())
    }

    /// Whether the address is one of them, whatever its port.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
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
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }
}

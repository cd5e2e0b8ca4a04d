// SPDX-License-Identifier: MIT
//! The set of traced ports.

/// Number of 64-bit words that hold one bit for each of the 65,536 ports.
pub const PORT_SET_WORDS: usize = 1024;

/// One bit for each TCP port.
///
/// A bitmap costs the kernel program the same few instructions for one port
/// and for all of them, where a list would cost a comparison for each port on
/// every state change of every TCP socket of the host.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct PortSet {
    words: [u64; PORT_SET_WORDS],
}

impl PortSet {
    /// The set without any port.
    pub const EMPTY: Self = Self {
        words: [0; PORT_SET_WORDS],
    };

    /// Adds `port`, given in host byte order.
    pub const fn insert(&mut self, port: u16) {
        self.words[(port >> 6) as usize] |= 1 << (port & 63);
    }

    /// Whether `port`, given in host byte order, is in the set.
    #[inline(always)]
    pub const fn contains(&self, port: u16) -> bool {
        self.words[(port >> 6) as usize] & (1 << (port & 63)) != 0
    }

    /// The words, for the loader to write into the program's global.
    pub const fn words(&self) -> &[u64; PORT_SET_WORDS] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::PortSet;

    #[test]
    fn holds_exactly_the_inserted_ports() {
        let wanted = [0, 63, 64, 2181, 4181, u16::MAX];
        let mut ports = PortSet::EMPTY;
        for port in wanted {
            ports.insert(port);
        }
        for port in 0..=u16::MAX {
            assert_eq!(ports.contains(port), wanted.contains(&port), "port {port}");
        }
    }
}

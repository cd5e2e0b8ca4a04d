// SPDX-License-Identifier: MIT
//! The hosts of the fleet, and which of them is up to something.

/// What a host does beside what all do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// Churns from the server's restart on.
    Churns,
    /// The same, until it is restarted itself.
    ChurnedUntilRestart,
    /// Opens clients and never closes them.
    Leaks,
    /// Its clock is three hours ahead.
    ClockAhead,
    /// Tells nothing any more.
    Silent,
}

/// A host.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub name: String,
    pub boot_id: String,
    pub run_id: String,
    pub address: String,
    pub pid: u64,
    pub planted: Planted,
    /// When in each minute it does what all do, milliseconds.
    pub phase_ms: u64,
}

/// Fewest hosts: each kind of planted host, and others.
pub(super) const FEWEST: u32 = 10;

impl Host {
    /// The one with this number, of so many.
    pub(super) fn of(number: u32, hosts: u32) -> Self {
        // Spread over the fleet, so that neither the first nor the last are special.
        let step = (hosts / FEWEST).max(1);
        let planted = match (number % step, number / step) {
            (0, 1 | 4 | 8) => Planted::Churns,
            (0, 5) => Planted::ChurnedUntilRestart,
            (0, 2) => Planted::Leaks,
            (0, 6) => Planted::ClockAhead,
            (0, 9) => Planted::Silent,
            _ => Planted::Nothing,
        };
        let mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            name: format!("app-{number:04}"),
            boot_id: format!("{number:08x}-0000-4000-8000-{:012x}", mixed >> 16),
            run_id: format!(
                "{number:08x}-1111-4000-8000-{:012x}",
                mixed & 0xffff_ffff_ffff
            ),
            address: format!(
                "10.{}.{}.{}",
                20 + number / 65_536,
                number / 256 % 256,
                number % 256
            ),
            pid: 1_000 + mixed % 60_000,
            planted,
            phase_ms: mixed % 60_000,
        }
    }

    /// The version that its group of hosts runs: the one that churns is on a few others, too.
    pub(super) fn version(&self) -> &'static str {
        match self.planted {
            Planted::Churns | Planted::ChurnedUntilRestart | Planted::Leaks => "2.5.0",
            _ => "2.4.1",
        }
    }
}

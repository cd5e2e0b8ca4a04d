// SPDX-License-Identifier: MIT
//! Counts: of each client address, and of all.

use std::{collections::HashMap, net::IpAddr};

use super::{
    kind::{KINDS, Kind},
    moment::Moment,
    rate::{Bucket, Busiest, Gaps, Histogram},
};

/// Addresses that are counted one by one; those that come later are counted
/// together.
pub const ADDRESSES: usize = 65_536;

/// Counts by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([u64; KINDS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

impl Counts {
    /// Adds to a kind.
    pub fn add(&mut self, kind: Kind, count: u64) {
        if let Some(sum) = self.0.get_mut(kind as usize) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// Of the kinds that `is` holds for.
    pub fn sum(&self, is: impl Fn(Kind) -> bool) -> u64 {
        let counted = Kind::ALL.into_iter().filter(|kind| is(*kind));
        counted.fold(0, |sum, kind| sum.saturating_add(self.of(kind)))
    }
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// How many times.
    pub times: u64,
    /// When, where the log tells it.
    pub at: Option<Moment>,
}

/// What is known of one address.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// Its counts.
    pub counts: Counts,
    /// When it was seen first.
    pub first: Option<Moment>,
    /// When it was seen last.
    pub last: Option<Moment>,
    /// First and last end of a connection without a session.
    pub failing: Option<(Moment, Moment)>,
    /// The minute in which most of its connections ended.
    pub busiest: Busiest,
    /// The times between connections that closed without a session.
    pub gaps: Gaps,
    /// Its four-letter words, as bits in the order of [`WORDS`].
    pub words: u32,
    /// The limit that it ran into last.
    pub limit: Option<u64>,
}

impl Address {
    fn add(&mut self, event: Event) {
        self.counts.add(event.kind, event.times);
        let Some(at) = event.at else { return };
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        if event.kind.is_end() {
            self.busiest.add(at, event.times);
        }
        if matches!(
            event.kind,
            Kind::ClosedWithoutSession | Kind::BrokenWithoutSession
        ) {
            self.gaps.add(at);
            let (first, last) = self.failing.unwrap_or((at, at));
            self.failing = Some((first.min(at), last.max(at)));
        }
    }
}

/// The four-letter words (`org.apache.zookeeper.server.command.FourLetterCommands`).
pub const WORDS: [&str; 19] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst",
    "srvr", "stat", "stmk", "wchc", "wchp", "wchs", "reqs",
];

/// All that was counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// By address.
    pub addresses: HashMap<IpAddr, Address>,
    /// Events of the addresses that found no place.
    pub others: Counts,
    /// Events of which the log tells no address.
    pub without_address: Counts,
    /// Over time.
    pub histogram: Histogram,
    /// The minute in which most connections ended.
    pub busiest: Busiest,
    /// First and last end of a connection that no address is told of.
    pub unaddressed: Option<(Moment, Moment)>,
}

impl Tally {
    /// Counts an event for an address.
    pub fn count(&mut self, ip: IpAddr, event: Event) {
        match self.address(ip) {
            Some(address) => address.add(event),
            None => self.others.add(event.kind, event.times),
        }
    }

    /// Counts an event for which no address is told.
    pub fn count_without_address(&mut self, event: Event) {
        self.without_address.add(event.kind, event.times);
        if let (true, Some(at)) = (event.kind.is_end(), event.at) {
            let (first, last) = self.unaddressed.unwrap_or((at, at));
            self.unaddressed = Some((first.min(at), last.max(at)));
        }
    }

    /// Counts an event over time.
    pub fn count_in_time(&mut self, event: Event) {
        let Some(at) = event.at else { return };
        if event.kind == Kind::Accepted {
            let accepted = event.times;
            self.histogram.add(at, Bucket { accepted, ended: 0 });
        } else if event.kind.is_end() {
            let ended = event.times;
            self.histogram.add(at, Bucket { accepted: 0, ended });
            self.busiest.add(at, ended);
        }
    }

    /// The place of an address, if there is one.
    pub fn address(&mut self, ip: IpAddr) -> Option<&mut Address> {
        if self.addresses.len() >= ADDRESSES && !self.addresses.contains_key(&ip) {
            return None;
        }
        Some(self.addresses.entry(ip).or_default())
    }

    /// Of all addresses and none.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        let of_addresses = self.addresses.values().map(|address| &address.counts);
        for counts in of_addresses.chain([&self.others, &self.without_address]) {
            for kind in Kind::ALL {
                total.add(kind, counts.of(kind));
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bounded_and_nothing_is_lost() {
        let mut tally = Tally::default();
        let event = Event {
            kind: Kind::ClosedWithoutSession,
            times: 1,
            at: Some(Moment(0)),
        };
        for number in 0..70_000u32 {
            tally.count(IpAddr::from(number.to_be_bytes()), event);
        }
        assert_eq!(tally.addresses.len(), ADDRESSES);
        assert_eq!(
            tally.others.of(Kind::ClosedWithoutSession),
            70_000 - ADDRESSES as u64
        );
        assert_eq!(tally.total().of(Kind::ClosedWithoutSession), 70_000);
    }
}

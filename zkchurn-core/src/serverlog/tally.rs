// SPDX-License-Identifier: MIT
//! Counts: of each client address, and of all.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use foldhash::quality::RandomState;

use super::{
    busiest::{Busiest, Room},
    kind::{KINDS, Kind},
    moment::Moment,
    rate::{Bucket, Gaps, LogHistogram},
};

/// Addresses that are counted one by one; those that come later are counted
/// together.
pub const ADDRESSES: usize = 65_536;

/// Minutes of all addresses together, to find the busiest one of each: 8 MB.
const MINUTES_OF_ADDRESSES: usize = 500_000;

/// Minutes of all lines, to find the busiest one: three months.
const MINUTES_OF_ALL: usize = 131_072;

/// How many lines there were of each kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([u64; KINDS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

impl Counts {
    pub fn add(&mut self, kind: Kind, count: u64) {
        if let Some(sum) = self.0.get_mut(kind as usize) {
            *sum = sum.saturating_add(count);
        }
    }

    pub fn of(&self, kind: Kind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// Of the kinds that `is` holds for.
    pub fn sum(&self, is: impl Fn(Kind) -> bool) -> u64 {
        let counted = Kind::ALL.into_iter().filter(|kind| is(*kind));
        counted.fold(0, |sum, kind| sum.saturating_add(self.of(kind)))
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub kind: Kind,
    pub times: u64,
    /// When, where the log tells it.
    pub at: Option<Moment>,
}

/// A time in milliseconds since 1970, in 48 bits: there are many addresses. Its bytes stand in
/// the order in which they compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Short([u8; 6]);

impl Short {
    const EARLIEST: Self = Self([0; 6]);
    const LATEST: Self = Self([u8::MAX; 6]);

    /// `None` for times before 1970 and after the year 10889.
    fn of(moment: Moment) -> Option<Self> {
        let [0, 0, short @ ..] = moment.0.to_be_bytes() else {
            return None;
        };
        Some(Self(short))
    }

    fn moment(self) -> Moment {
        let [a, b, c, d, e, f] = self.0;
        Moment(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

/// First and last time of each kind.
#[derive(Clone, Debug)]
struct Ranges([(Short, Short); KINDS]);

impl Default for Ranges {
    fn default() -> Self {
        Self([(Short::LATEST, Short::EARLIEST); KINDS])
    }
}

/// What is known of one address, or of several together.
#[derive(Clone, Debug, Default)]
pub struct Address {
    pub counts: Counts,
    ranges: Ranges,
    /// When it was seen first.
    pub first: Option<Moment>,
    /// When it was seen last.
    pub last: Option<Moment>,
    /// The minute in which most of its connections ended.
    pub busiest: Busiest,
    /// The times between connections that closed without a session.
    pub gaps: Gaps,
    /// Its four-letter words, as bits in the order of [`WORDS`](crate::handshake::word::WORDS).
    pub words: u32,
    /// The limit that it ran into last.
    pub limit: Option<u64>,
    /// Sessions that are taken for its own because no other client of the old protocol asked
    /// in these seconds.
    pub inferred_sessions: u64,
}

impl Address {
    pub(super) fn add(&mut self, event: Event, room: &mut Room) {
        self.counts.add(event.kind, event.times);
        let Some(at) = event.at else { return };
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        if event.kind.is_end() {
            self.busiest.add(at, event.times, room);
        }
        if matches!(
            event.kind,
            Kind::ClosedWithoutSession | Kind::BrokenWithoutSession
        ) {
            self.gaps.add(at);
        }
        if let (Some(range), Some(at)) = (self.ranges.0.get_mut(event.kind as usize), Short::of(at))
        {
            *range = (range.0.min(at), range.1.max(at));
        }
    }

    /// First and last time at which one of these was seen.
    pub fn range(&self, kinds: &[Kind]) -> Option<(Moment, Moment)> {
        self.range_where(|kind| kinds.contains(&kind))
    }

    /// First and last time of the kinds that `is` holds for.
    pub fn range_where(&self, is: impl Fn(Kind) -> bool) -> Option<(Moment, Moment)> {
        let ranges = Kind::ALL
            .into_iter()
            .filter(|kind| is(*kind))
            .filter_map(|kind| self.ranges.0.get(kind as usize));
        let none = (Short::LATEST, Short::EARLIEST);
        let (first, last) = ranges.fold(none, |(first, last), range| {
            (first.min(range.0), last.max(range.1))
        });
        (first <= last).then(|| (first.moment(), last.moment()))
    }
}

type Addresses = HashMap<IpAddr, Box<Address>, RandomState>;

/// All that was counted.
#[derive(Debug)]
pub struct LogTally {
    pub addresses: Addresses,
    /// Events of the addresses that found no place.
    pub others: Address,
    /// Events of which the log tells no address.
    pub without_address: Address,
    pub histogram: LogHistogram,
    /// Connections that ended by lines without a time that was understood.
    pub ended_without_time: u64,
    /// The minute in which most connections ended.
    pub busiest: Busiest,
    /// How often a connection with another server of the ensemble broke, by its id.
    pub broken_with: BTreeMap<u64, u64>,
    room: Room,
    room_of_all: Room,
}

impl Default for LogTally {
    fn default() -> Self {
        Self {
            addresses: HashMap::default(),
            others: Address::default(),
            without_address: Address::default(),
            histogram: LogHistogram::default(),
            ended_without_time: 0,
            busiest: Busiest::default(),
            broken_with: BTreeMap::new(),
            room: Room::of(MINUTES_OF_ADDRESSES),
            room_of_all: Room::of(MINUTES_OF_ALL),
        }
    }
}

/// Servers of an ensemble that are counted; more than anybody has.
const SERVERS: usize = 256;

impl LogTally {
    /// Counts a connection with another server that broke.
    pub fn broken_with(&mut self, id: Option<u64>, times: u64) {
        let Some(id) = id else { return };
        if self.broken_with.len() < SERVERS || self.broken_with.contains_key(&id) {
            let count = self.broken_with.entry(id).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// Counts an event for an address.
    pub fn count(&mut self, ip: IpAddr, event: Event) {
        match place(&mut self.addresses, ip) {
            Some(address) => address.add(event, &mut self.room),
            None => self.others.add(event, &mut self.room),
        }
    }

    /// Counts an event for which no address is told.
    pub fn count_without_address(&mut self, event: Event) {
        self.without_address.add(event, &mut self.room);
    }

    /// Counts an event over time.
    pub fn count_in_time(&mut self, event: Event) {
        let Some(at) = event.at else {
            let ended = event.times * u64::from(event.kind.is_end());
            self.ended_without_time = self.ended_without_time.saturating_add(ended);
            return;
        };
        if event.kind == Kind::Accepted {
            let accepted = event.times;
            self.histogram.add(at, Bucket { accepted, ended: 0 });
        } else if event.kind.is_end() {
            let ended = event.times;
            self.histogram.add(at, Bucket { accepted: 0, ended });
            self.busiest.add(at, ended, &mut self.room_of_all);
        }
    }

    /// The place of an address, if there is one.
    pub fn address(&mut self, ip: IpAddr) -> Option<&mut Address> {
        place(&mut self.addresses, ip)
    }

    /// Of all addresses and none.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        let of_addresses = self.addresses.values().map(Box::as_ref);
        for address in of_addresses.chain([&self.others, &self.without_address]) {
            for kind in Kind::ALL {
                total.add(kind, address.counts.of(kind));
            }
        }
        total
    }
}

fn place(addresses: &mut Addresses, ip: IpAddr) -> Option<&mut Address> {
    if addresses.len() >= ADDRESSES && !addresses.contains_key(&ip) {
        return None;
    }
    Some(addresses.entry(ip).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bounded_and_nothing_is_lost() {
        let mut tally = LogTally::default();
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
            tally.others.counts.of(Kind::ClosedWithoutSession),
            70_000 - ADDRESSES as u64
        );
        assert_eq!(tally.total().of(Kind::ClosedWithoutSession), 70_000);
    }
}

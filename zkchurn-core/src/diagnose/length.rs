// SPDX-License-Identifier: MIT
//! Whether connections that lived for different powers of ten are one way all the same: their
//! lengths lie on both sides of one, with as much said, and ended by the same side.

use super::cluster::Part;
use crate::ledger::{shape::Ending, tally::Range};

/// So few are no length of their own, but the end of another one.
const FEW: u64 = 3;
/// Lengths that are further apart have nothing between them.
const NEAR: u64 = 4;
/// Bytes of one way differ at most so many times.
const ALIKE: u64 = 2;

/// Whether those of the next power of ten are the same as those of the one before.
pub(super) fn is_one(shorter: &[Part<'_>], longer: &[Part<'_>]) -> bool {
    let (shorter, longer) = (Lot::of(shorter), Lot::of(longer));
    shorter.is_next_to(&longer)
        && shorter.is_ended_like(&longer)
        && are_alike(&shorter.sent, &longer.sent)
        && are_alike(&shorter.received, &longer.received)
}

/// What some connections have in common.
#[derive(Default)]
struct Lot {
    ended: u64,
    by_server: u64,
    /// Of those established, nanoseconds.
    shortest_ns: Option<u64>,
    longest_ns: Option<u64>,
    sent: Vec<Range>,
    received: Vec<Range>,
}

impl Lot {
    fn of(parts: &[Part<'_>]) -> Self {
        let mut lot = Self::default();
        for tally in parts.iter().map(Part::tally) {
            lot.ended += tally.ended;
            lot.by_server += tally.shapes.count(|ending, _| {
                matches!(ending, Ending::ClosedByServer | Ending::ResetByServer)
            });
            let lived = match tally.ended_established {
                0 => &tally.connecting_for,
                _ => &tally.established_for,
            };
            let shortest = [lot.shortest_ns, lived.min()].into_iter().flatten().min();
            lot.shortest_ns = shortest;
            lot.longest_ns = lot.longest_ns.max(lived.max());
            lot.sent.push(tally.payload_out);
            lot.received.push(tally.payload_in);
        }
        lot
    }

    /// Whether no gap parts their lengths.
    fn is_next_to(&self, longer: &Self) -> bool {
        match (self.longest_ns, longer.shortest_ns) {
            (Some(longest), Some(shortest)) => {
                self.ended.min(longer.ended) < FEW || shortest <= longest.saturating_mul(NEAR)
            }
            _ => false,
        }
    }

    /// Whether the same side ended most of them: the shares differ by half at most.
    fn is_ended_like(&self, other: &Self) -> bool {
        let one = self.by_server * other.ended;
        let two = other.by_server * self.ended;
        one.abs_diff(two) * 2 <= self.ended * other.ended
    }
}

/// Whether both are over the same numbers of bytes, or nearly.
fn are_alike(one: &[Range], other: &[Range]) -> bool {
    match (bounds(one), bounds(other)) {
        (Some((from, until)), Some((begins, ends))) => {
            from.max(begins) <= until.min(ends).saturating_mul(ALIKE)
        }
        (None, None) => true,
        _ => false,
    }
}

fn bounds(ranges: &[Range]) -> Option<(u64, u64)> {
    let known = ranges.iter().filter(|range| range.connections > 0);
    known
        .map(|range| (range.min, range.max))
        .reduce(|(from, until), (begins, ends)| (from.min(begins), until.max(ends)))
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::Connection,
        diagnose::{
            Churn, Depth, cluster,
            test_case::{Kind, diagnosed, every, living},
        },
        ledger::{Ledger, test_connection::by},
        outcome::Outcome,
    };

    const SESSION: Kind = (101, 81, Outcome::AnsweredThenClosedByUs);
    const SILENT: Kind = (0, 0, Outcome::ClosedByUsBeforeAnyByte);

    /// Of one thread, one each 300 ms that lives for so many milliseconds.
    fn lasting(lives: &[u64], kind: Kind) -> Vec<Connection> {
        let all = every(300, lives.len() as u64, kind).into_iter().zip(lives);
        let all = all.flat_map(|(one, lived)| living(*lived, vec![one]));
        all.map(|one| by(one, 7, 8, "python3")).collect()
    }

    fn told(mut connections: Vec<Connection>) -> Vec<(Churn, u64)> {
        connections.sort_by_key(|one| one.started_ns);
        let findings = diagnosed(&connections);
        findings
            .iter()
            .map(|one| (one.name, one.connections))
            .collect()
    }

    #[test]
    fn what_lies_on_both_sides_of_a_power_of_ten_is_one_way() {
        assert_eq!(
            told(lasting(&[8, 13, 9, 11, 7, 12, 14, 9], SESSION)),
            [(Churn::ClientPerRequest, 8)]
        );
        let large = (79, 3_000_041, Outcome::AnsweredThenClosedByUs);
        assert_eq!(
            told(lasting(&[11, 3, 3, 21], large)),
            [(Churn::ClientPerRequest, 4)]
        );
    }

    #[test]
    fn two_lengths_with_nothing_between_them_are_two_ways() {
        let two = [3, 80, 3, 85, 4, 90, 3, 80, 4, 95];
        let of_cluster = clusters(&lasting(&two, SESSION));
        assert_eq!(of_cluster, 2);
        assert_eq!(clusters(&lasting(&[3, 80, 3, 4, 3], SESSION)), 1);
    }

    #[test]
    fn who_says_more_or_is_closed_by_the_other_side_is_another() {
        let mut all = lasting(&[8, 9, 8, 9], SESSION);
        all.extend(lasting(
            &[12, 13, 12],
            (700, 900, Outcome::AnsweredThenClosedByUs),
        ));
        assert_eq!(clusters(&all), 2);
        let mut all = lasting(&[8, 9, 8, 9], SESSION);
        all.extend(lasting(
            &[12, 13, 12],
            (101, 81, Outcome::AnsweredThenClosedByPeer),
        ));
        assert_eq!(clusters(&all), 2);
    }

    /// A session that took 7 ms once, and probes of which one did, of one thread.
    #[test]
    fn what_spoke_is_in_no_group_of_silent_ones() {
        let sessions = lasting(&[2, 3, 2, 3, 2, 3, 77, 2], SESSION);
        let silent = lasting(&[2, 2, 2, 2, 2, 2, 77, 2], SILENT);
        let all = sessions.iter().chain(&silent).copied().collect();
        assert_eq!(
            told(all),
            [(Churn::ClientPerRequest, 8), (Churn::TcpHealthProbe, 8)]
        );
        let mut all = silent;
        all.extend(lasting(&[2], SESSION));
        assert_eq!(told(all), [(Churn::TcpHealthProbe, 8)]);
    }

    fn clusters(connections: &[Connection]) -> usize {
        let mut ledger = Ledger::default();
        for one in connections {
            ledger.observe(one, Outcome::of(one));
        }
        let flows = ledger.flows();
        let (owners, _) = cluster::by_owner(&flows, Depth::All);
        let of = |(owner, members): (&_, &Vec<_>)| cluster::clusters(*owner, members).len();
        owners.iter().map(of).sum()
    }
}

// SPDX-License-Identifier: MIT
//! When accepted connections ended that had been used, whoever closed them: a server that loses its
//! quorum, or is drained, ends all of them at once though its process goes on, and so do clients
//! that are stopped together.
//!
//! Only the latest are kept, as of [`super::server_ends`].

use super::{
    Destination,
    server_ends::{APART_NS, AT_ONCE_NS, MOST_SERVERS, QUIET_NS, Server, insert},
};
use crate::{
    connection::{Connection, Side, Stage},
    hash::HashMap,
};

/// Two that end at once are chance sooner.
const TOGETHER: usize = 3;
/// Of such moments, one is no rule.
const FEWEST: u64 = 2;

/// When one ended, and when it had begun, nanoseconds of `CLOCK_MONOTONIC`; no begin where it is
/// older than the trace.
type End = (u64, Option<u64>);

/// The ends at each port of this host.
#[derive(Clone, Debug, Default)]
pub struct CommonEnds {
    of: HashMap<Server, Vec<End>>,
}

/// Moments at which connections of a port ended together that had begun at different times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommonMoments {
    pub moments: u64,
    /// Connections that ended then.
    pub connections: u64,
}

impl CommonEnds {
    pub(super) fn observe(&mut self, connection: &Connection) {
        let is_over = matches!(connection.stage, Stage::Ended | Stage::FoundClosed);
        let has_spoken = |bytes: Option<u64>| bytes.is_some_and(|bytes| bytes > 0);
        let was_used =
            has_spoken(connection.traffic.payload_out) && has_spoken(connection.traffic.payload_in);
        if connection.side != Side::Server || !is_over || !was_used {
            return;
        }
        let Some(at_ns) = connection.left_established_ns else {
            return;
        };
        let server = Server::of(&Destination::of(connection));
        if self.of.len() >= MOST_SERVERS && !self.of.contains_key(&server) {
            return;
        }
        let started_ns = (!connection.before_start).then_some(connection.started_ns);
        insert(self.of.entry(server).or_default(), (at_ns, started_ns));
    }

    /// What both have seen, as if one had.
    pub fn and(mut self, other: &Self) -> Self {
        for (server, others) in &other.of {
            if self.of.len() >= MOST_SERVERS && !self.of.contains_key(server) {
                continue;
            }
            let kept = self.of.entry(*server).or_default();
            others.iter().for_each(|end| insert(kept, *end));
        }
        self
    }

    /// Of each port. It takes time: once for all who ask.
    pub fn moments(&self) -> MomentsOfPorts {
        let ports = self.of.iter();
        let moments = ports.filter_map(|(port, ends)| Some((*port, moments(ends)?)));
        MomentsOfPorts {
            of: moments.collect(),
        }
    }
}

/// The moments of each port of this host.
#[derive(Clone, Debug, Default)]
pub struct MomentsOfPorts {
    of: HashMap<Server, CommonMoments>,
}

impl MomentsOfPorts {
    /// `None` where most connections did not end at such moments.
    pub fn at(&self, destination: &Destination) -> Option<CommonMoments> {
        self.of.get(&Server::of(destination)).copied()
    }
}

fn moments(ends: &[End]) -> Option<CommonMoments> {
    let all: Vec<&[End]> = ends
        .chunk_by(|(one, _), (next, _)| next - one <= AT_ONCE_NS)
        .collect();
    let mut common = CommonMoments::default();
    for (place, moment) in all.iter().enumerate() {
        let [(from, _), .., (until, _)] = moment else {
            continue;
        };
        let before = place
            .checked_sub(1)
            .and_then(|place| all.get(place)?.last());
        let next = all.get(place + 1).and_then(|next| next.first());
        let is_apart = before.is_none_or(|(before, _)| from - before >= QUIET_NS)
            && next.is_none_or(|(next, _)| next - until >= QUIET_NS);
        if is_apart && moment.len() >= TOGETHER && began_apart(moment, until - from) {
            common.moments += 1;
            common.connections += moment.len() as u64;
        }
    }
    let is_most = common.connections * 3 >= ends.len() as u64 * 2;
    (common.moments >= FEWEST && is_most).then_some(common)
}

/// Whether they began further apart than they ended: what began together may be one batch of work.
fn began_apart(moment: &[End], ended_within_ns: u64) -> bool {
    let is_older = moment.iter().any(|(_, started)| started.is_none());
    let starts = || moment.iter().filter_map(|(_, started)| *started);
    let began_within = match (starts().min(), starts().max()) {
        (Some(earliest), Some(latest)) => latest - earliest,
        _ => 0,
    };
    ended_within_ns <= AT_ONCE_NS
        && (is_older || began_within >= APART_NS.max(ended_within_ns.saturating_mul(4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::test_connection::{MS, ended, server_side},
        outcome::Outcome,
    };

    /// So many at each of these moments, of which each began `apart_ms` after the one before.
    fn ends(at_ms: &[u64], each: u64, apart_ms: u64) -> CommonEnds {
        let mut ends = CommonEnds::default();
        for (at, place) in at_ms
            .iter()
            .flat_map(|at| (0..each).map(move |one| (at, one)))
        {
            let start = at - 900 + place * apart_ms;
            let one = ended(start, 121, 97, Outcome::AnsweredThenClosedByPeer);
            ends.observe(&Connection {
                left_established_ns: Some((at + place % 4) * MS),
                ..server_side(one)
            });
        }
        ends
    }

    fn told(ends: &CommonEnds) -> Option<(u64, u64)> {
        let one = server_side(ended(1, 1, 1, Outcome::AnsweredThenClosedByPeer));
        let moments = ends.moments().at(&Destination::of(&one));
        moments.map(|moments| (moments.moments, moments.connections))
    }

    #[test]
    fn what_begins_apart_and_ends_together_twice_does_so_for_a_common_reason() {
        assert_eq!(told(&ends(&[2_000, 4_000, 6_000], 5, 100)), Some((3, 15)));
        assert_eq!(told(&ends(&[2_000], 5, 100)), None, "once");
        assert_eq!(told(&ends(&[2_000, 4_000], 2, 100)), None, "two each");
        assert_eq!(told(&ends(&[2_000, 4_000], 5, 1)), None, "one batch");
        assert_eq!(
            told(&ends(&[2_000, 2_300, 2_600], 5, 100)),
            None,
            "no quiet"
        );
        let both = ends(&[2_000], 5, 100).and(&ends(&[4_000], 5, 100));
        assert_eq!(told(&both), Some((2, 10)));
    }

    #[test]
    fn where_most_end_at_other_times_the_moments_are_chance() {
        let mut all = ends(&[2_000, 4_000], 3, 100);
        for step in 0..6 {
            all = all.and(&ends(&[7_000 + step * 700], 1, 0));
        }
        assert_eq!(told(&all), None);
    }
}

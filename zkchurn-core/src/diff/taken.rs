// SPDX-License-Identifier: MIT
//! What of a trace is compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    MOST_FAMILIES,
    family::{Family, Key},
};
use crate::{
    connection::{Connection, Side},
    frame::TraceStart,
    ledger::Destination,
    outcome::Outcome,
    process::ProcessIdentity,
    report::Report,
};

/// What was collected of a trace.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub(super) families: BTreeMap<Key, Family>,
    /// Connections of families beyond [`MOST_FAMILIES`].
    pub(super) beyond: u64,
    start: Option<TraceStart>,
    pub(super) report: Option<Report>,
    /// Whether a part of it could not be read.
    pub(super) is_damaged: bool,
    /// Hosts of its own, by address and port, of connections that it has the opening end of.
    own_hosts: BTreeSet<(IpAddr, u16)>,
}

/// Such hosts that are remembered; with so many any host may be one.
const MOST_OWN_HOSTS: usize = 4096;

impl Taken {
    /// The trace begins.
    pub fn begin(&mut self, start: &TraceStart) {
        self.start = Some(start.clone());
    }

    /// A connection has ended, or was open at the end.
    pub fn count(
        &mut self,
        connection: &Connection,
        outcome: Outcome,
        process: Option<&ProcessIdentity>,
    ) {
        if connection.side == Side::Client {
            self.own_host(connection.local.ip(), connection.remote.port());
        }
        let key = Key::of(connection, process);
        if self.families.len() >= MOST_FAMILIES && !self.families.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        let start = self.start.as_ref();
        let from_ns = start.map_or(0, |start| start.clock.monotonic_ns);
        let family = self.families.entry(key).or_default();
        family.count(connection, outcome, from_ns);
    }

    /// The accepting end of a connection that is counted at its opening end.
    pub fn other_end(&mut self, accepting: &Connection) {
        self.own_host(accepting.remote.ip(), accepting.local.port());
    }

    fn own_host(&mut self, host: IpAddr, port: u16) {
        if self.own_hosts.len() < MOST_OWN_HOSTS {
            self.own_hosts.insert((host, port));
        }
    }

    /// Whether accepted connections of this key may be counted at their opening ends.
    pub(super) fn may_have_merged(&self, key: &Key) -> bool {
        match key.destination {
            Destination::Server { .. } => false,
            Destination::Client { host, port, .. } => {
                self.own_hosts.len() >= MOST_OWN_HOSTS || self.own_hosts.contains(&(host, port))
            }
        }
    }

    /// The trace is over.
    pub fn end(&mut self, report: &Report) {
        self.report = Some(report.clone());
    }

    /// A program at the same peer that may be this one: one of the two was not looked up, so
    /// that its name lacks the application.
    pub(super) fn alike(&self, key: &Key) -> Option<&Key> {
        let first = Key {
            destination: key.destination,
            program: String::new(),
        };
        let others = self.families.range(first..).map(|(other, _)| other);
        let mut others = others.take_while(|other| other.destination == key.destination);
        others.find(|other| other.may_be(key))
    }

    /// A part of it could not be read: what is not there may have been.
    #[must_use]
    pub fn damaged(mut self, is_damaged: bool) -> Self {
        self.is_damaged = is_damaged;
        self
    }

    /// Which trace it is, where the recording has an id.
    pub(super) fn run_id(&self) -> Option<&str> {
        self.start.as_ref()?.run_id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_connection::{ended, server_side};

    #[test]
    fn that_a_part_could_not_be_read_takes_away_nothing_of_the_rest() {
        let connection = ended(1, 0, 0, Outcome::Refused);
        let mut taken = Taken::default();
        taken.count(&connection, Outcome::Refused, None);
        assert_eq!(taken.families.len(), 1);
        for is_damaged in [true, false] {
            let taken = taken.clone().damaged(is_damaged);
            assert_eq!(taken.is_damaged, is_damaged);
            assert_eq!(taken.families.len(), 1);
        }
    }

    /// A container that is started anew has another one.
    #[test]
    fn the_network_namespace_makes_no_other_family() {
        let mut connection = ended(1, 0, 0, Outcome::Refused);
        connection.remote.set_ip([127, 0, 0, 1].into());
        let mut taken = Taken::default();
        for netns in [Some(1), Some(2), None] {
            connection.netns = netns;
            taken.count(&connection, Outcome::Refused, None);
            taken.count(&server_side(connection), Outcome::Refused, None);
        }
        assert_eq!(taken.families.len(), 2);
    }
}

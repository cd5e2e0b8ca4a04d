// SPDX-License-Identifier: MIT
//! What is counted of one program and its peer.

use std::net::IpAddr;

use super::{
    FamilyNumbers, OutcomeShare,
    few::Begun,
    lifetimes::Lifetimes,
    starts::Starts,
    statistics::{Rate, STRETCHES, median},
};
use crate::{
    connection::{Connection, Side, Stage},
    ledger::{Destination, counts::Counts},
    outcome::Outcome,
    process::ProcessIdentity,
};

/// What makes two families the same one, also after a restart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub destination: Destination,
    /// Name of the program with its application; of a process that nobody could look up its
    /// leader's name. Empty on the server's side, where the peer tells who it is.
    pub program: String,
}

impl Key {
    pub(super) fn of(connection: &Connection, process: Option<&ProcessIdentity>) -> Self {
        let by_opener = connection.opener.and_then(|opener| opener.process_comm);
        let comm = by_opener.or(connection.holder.map(|holder| holder.comm));
        let program = match (connection.side, process, comm) {
            (Side::Server, ..) => String::new(),
            (Side::Client, Some(process), _) => process.label(),
            (Side::Client, None, Some(comm)) => comm.to_string(),
            (Side::Client, None, None) => "a process that was not seen".to_owned(),
        };
        Self {
            // After a restart of a container it is another one.
            destination: Destination::of(connection).anywhere(),
            program,
        }
    }

    /// Whether the two may be one program of which only one was looked up.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        let is_bare = |one: &str, other: &str| {
            let rest = other.strip_prefix(one);
            rest.is_some_and(|rest| rest.starts_with(" ("))
        };
        is_bare(&self.program, &other.program) || is_bare(&other.program, &self.program)
    }

    /// The same without what tells its version: a directory or an archive of the program is often
    /// named after that, or after a date.
    pub(super) fn unversioned(&self) -> Self {
        Self {
            destination: self.destination,
            program: unversioned(&self.program),
        }
    }

    /// The port that had to be traced for it to be seen.
    pub(super) fn port(&self) -> u16 {
        match self.destination {
            Destination::Server { address, .. } => address.port(),
            Destination::Client { port, .. } => port,
        }
    }

    pub(super) fn side(&self) -> Side {
        self.destination.side()
    }

    /// The program, or the remote host.
    pub(super) fn who(&self) -> String {
        match self.destination {
            Destination::Server { .. } => self.program.clone(),
            Destination::Client { host, .. } => format!("remote host {host}"),
        }
    }

    pub(super) fn peer(&self) -> String {
        match self.destination {
            Destination::Server { address, .. } => address.to_string(),
            Destination::Client { port, .. } => format!(":{port}"),
        }
    }
}

/// A name with each number in it, such as `1.4.2` or `20261128`, as `#`; an address has no version.
pub(super) fn unversioned(name: &str) -> String {
    let is_address = |word: &str| word.parse::<IpAddr>().is_ok();
    if name.split(' ').any(is_address) {
        return name.to_owned();
    }
    let mut without = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find(|one: char| one.is_ascii_digit()) {
        without.push_str(&rest[..at]);
        without.push('#');
        let is_of_number = |one: char| one.is_ascii_digit() || matches!(one, '.' | '-' | '_');
        let number = rest[at..].find(|one| !is_of_number(one));
        let number = &rest[at..number.map_or(rest.len(), |length| at + length)];
        // What separates it from what is behind it is no part of it.
        let number = number.trim_end_matches(['.', '-', '_']);
        rest = &rest[at + number.len()..];
    }
    without.push_str(rest);
    without
}

/// The counts of a family.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    pub opened: u64,
    /// Without those that are older than the trace.
    pub ended: u64,
    /// Open at the end, older ones too.
    pub open: u64,
    /// Of those that are older than the trace.
    pub older_ended: u64,
    pub failed: u64,
    pub outcomes: Counts<Outcome>,
    pub lifetimes: Lifetimes,
    pub starts: Starts,
}

impl Family {
    /// Counts a connection that has ended, or was open at the end.
    pub(super) fn count(&mut self, connection: &Connection, outcome: Outcome, from_ns: u64) {
        let is_open = matches!(connection.stage, Stage::Open);
        self.open += u64::from(is_open);
        if connection.before_start {
            self.older_ended += u64::from(!is_open);
            return;
        }
        self.opened += 1;
        self.starts
            .add(connection.started_ns.saturating_sub(from_ns));
        if is_open {
            return;
        }
        self.ended += 1;
        self.failed += u64::from(outcome.is_failure());
        self.outcomes.add(outcome, 1);
        if let Some(lifetime) = connection.established_for_ns() {
            self.lifetimes.add(lifetime);
        }
    }

    /// By how many connections it has more open at the end than when the trace began, of those
    /// that it opened. However long each lives, that is about none where as many end as begin.
    pub(super) fn stay_open(&self) -> u64 {
        self.opened.saturating_sub(self.ended + self.older_ended)
    }

    pub(super) fn rate(&self, length_ns: u64) -> Rate {
        let stretches = self.starts.stretches(length_ns, STRETCHES);
        Rate::of(&stretches, self.starts.gaps(length_ns).as_deref())
    }

    pub(super) fn begun(&self, length_ns: u64) -> Begun {
        Begun {
            count: self.opened,
            length_ns,
            clumping: self.rate(length_ns).clumping,
            pause_ns: self.starts.longest_pause_ns(length_ns),
        }
    }

    pub(super) fn numbers(&self, length_ns: u64) -> FamilyNumbers {
        let seconds = length_ns as f64 / 1e9;
        let rate = self.rate(length_ns);
        let (from, to) = rate.interval(self.opened, seconds);
        let lifetimes = self.lifetimes.sorted();
        let mut outcomes: Vec<_> = self
            .outcomes
            .iter()
            .map(|(outcome, count)| OutcomeShare { outcome, count })
            .collect();
        outcomes.sort_by_key(|share| std::cmp::Reverse(share.count));
        outcomes.truncate(OUTCOMES_SHOWN);
        FamilyNumbers {
            opened: self.opened,
            ended: self.ended,
            open: self.open,
            per_second: rate.per_second,
            per_second_from: from,
            per_second_to: to,
            failed: (self.ended > 0).then(|| self.failed as f64 / self.ended as f64),
            lived_p50_ns: (!lifetimes.is_empty()).then(|| median(&lifetimes)),
            outcomes,
        }
    }
}

/// Ways of ending that are listed.
const OUTCOMES_SHOWN: usize = 5;

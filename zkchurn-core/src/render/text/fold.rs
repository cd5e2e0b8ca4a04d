// SPDX-License-Identifier: MIT
//! A storm in a line a second for each kind: what had no line of its own.

use std::cmp::Reverse;

use super::row;
use crate::{connection::Comm, ledger::Destination, render::ConnectionLine, text};

/// Kinds that are told apart in a second.
const MOST: usize = 16;
/// Kinds that have a line.
const LINES: usize = 3;
/// A kind of which so many were left out in a second storms: in the next one it has that line
/// alone, and others the room.
const STORM: u64 = 10;

/// Connections of one program, peer and outcome.
#[derive(Clone, Debug)]
struct Kind {
    comm: Option<Comm>,
    application: Option<String>,
    destination: Destination,
    /// How it ended, or what it waits for.
    how: &'static str,
    /// Who, as its first connection's line would say it.
    process: String,
    count: u64,
}

impl Kind {
    fn is_of(&self, line: &ConnectionLine<'_>) -> bool {
        let connection = line.connection;
        let comm = connection.opener.and_then(|opener| opener.process_comm);
        let application = line.process.and_then(|one| one.application.as_deref());
        self.how == line.label()
            && self.destination == Destination::of(connection).anywhere()
            && self.comm == comm
            && self.application.as_deref() == application
    }
}

/// What was left out in a second.
#[derive(Debug, Default)]
pub(super) struct Folded {
    kinds: Vec<Kind>,
    others: u64,
    /// Those that stormed in the second before.
    storming: Vec<Kind>,
    /// Whether lines were taken since that, so that the rest of the second tells nothing of it.
    is_cut: bool,
}

impl Folded {
    /// Whether a connection is one of a storm, of which there were enough lines.
    pub(super) fn is_of_storm(&self, line: &ConnectionLine<'_>) -> bool {
        self.storming.iter().any(|kind| kind.is_of(line))
    }

    /// Leaves a connection's line out.
    pub(super) fn add(&mut self, line: &ConnectionLine<'_>) {
        let is_full = self.kinds.len() >= MOST;
        match self.kinds.iter_mut().find(|kind| kind.is_of(line)) {
            Some(kind) => kind.count += 1,
            None if !is_full => self.kinds.push(Kind {
                comm: (line.connection.opener).and_then(|opener| opener.process_comm),
                application: line.process.and_then(|one| one.application.clone()),
                destination: Destination::of(line.connection).anywhere(),
                how: line.label(),
                process: row::process(line),
                count: 1,
            }),
            None => self.others += 1,
        }
    }

    /// A second is over: [`Self::take`], and what of it is a storm has no line of its own in the
    /// next one.
    pub(super) fn next_second(&mut self) -> Vec<String> {
        let storms = self.kinds.iter().filter(|kind| kind.count >= STORM);
        let storms: Vec<_> = storms.cloned().collect();
        if !storms.is_empty() || !self.is_cut {
            self.storming = storms;
        }
        let lines = self.take();
        self.is_cut = false;
        lines
    }

    /// The lines that stand for them, the most frequent kinds first; none where nothing was
    /// left out.
    pub(super) fn take(&mut self) -> Vec<String> {
        let mut kinds = std::mem::take(&mut self.kinds);
        let others = std::mem::take(&mut self.others);
        self.is_cut = true;
        kinds.sort_by_key(|kind| Reverse(kind.count));
        let shown = kinds.iter().take(LINES).map(|kind| {
            // The outcome first: a narrow terminal cuts the end off.
            let (count, how) = (text::count(kind.count), kind.how);
            match kind.destination {
                Destination::Server { address: peer, .. } => {
                    format!("… {count} more, {how}: {} to {peer}", kind.process)
                }
                Destination::Client { host, port, .. } => {
                    format!("… {count} more, {how}: from {host} at port {port}")
                }
            }
        });
        let rest: u64 = kinds.iter().skip(LINES).map(|kind| kind.count).sum();
        let rest = match rest + others {
            0 => None,
            rest => Some(format!("… {} more of other kinds", text::count(rest))),
        };
        shown.chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ClockPair,
        connection::Connection,
        ledger::test_connection::{ended, server_side},
        outcome::Outcome,
    };

    fn line(connection: &Connection, outcome: Outcome) -> ConnectionLine<'_> {
        ConnectionLine {
            connection,
            outcome,
            process: None,
            placed: None,
            clock: ClockPair {
                monotonic_ns: 0,
                realtime_ns: 0,
            },
        }
    }

    #[test]
    fn on_the_servers_side_it_is_of_a_remote_host() {
        let silent = server_side(ended(1, 0, 0, Outcome::ClosedByPeerBeforeAnyByte));
        let mut folded = Folded::default();
        folded.add(&line(&silent, Outcome::ClosedByPeerBeforeAnyByte));
        let lines = folded.take();
        let expected = "… 1 more, closed by peer before any byte: from 192.0.2.7 at port 2181";
        assert!(lines[0].starts_with(expected), "{lines:?}");
    }

    #[test]
    fn what_storms_has_no_lines_of_its_own_until_it_is_over() {
        let refused = ended(1, 0, 0, Outcome::Refused);
        let (storm, other) = (Outcome::Refused, Outcome::TimedOut);
        let mut folded = Folded::default();
        let second = |folded: &mut Folded, count| {
            (0..count).for_each(|_| folded.add(&line(&refused, storm)));
            folded.next_second();
            folded.is_of_storm(&line(&refused, storm))
        };
        assert!(!second(&mut folded, STORM - 1));
        assert!(second(&mut folded, STORM));
        assert!(!folded.is_of_storm(&line(&refused, other)));
        let elsewhere = Connection {
            remote: "10.0.0.9:2181".parse().unwrap(),
            ..refused
        };
        assert!(!folded.is_of_storm(&line(&elsewhere, storm)));
        assert!(second(&mut folded, STORM));
        // Lines in the middle of a second change nothing about it.
        (0..STORM).for_each(|_| folded.add(&line(&refused, storm)));
        assert_eq!(folded.take().len(), 1);
        assert!(second(&mut folded, 0));
        assert!(!second(&mut folded, 1));
    }

    #[test]
    fn a_storm_is_a_line_for_each_kind_and_one_for_the_rest() {
        let refused = ended(1, 0, 0, Outcome::Refused);
        let mut folded = Folded::default();
        for _ in 0..1_500 {
            folded.add(&line(&refused, Outcome::Refused));
        }
        folded.add(&line(&refused, Outcome::TimedOut));
        assert_eq!(
            folded.take(),
            [
                "… 1,500 more, refused: java to 127.0.0.1:2181",
                "… 1 more, timed out: java to 127.0.0.1:2181"
            ]
        );
        assert!(folded.take().is_empty());
        for port in 1..=100 {
            let mut other = refused;
            other.remote.set_port(port);
            folded.add(&line(&other, Outcome::Refused));
        }
        let lines = folded.take();
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines[LINES], "… 97 more of other kinds");
    }
}

// SPDX-License-Identifier: MIT
//! What the view shows, as data that may cross threads: the report at a moment, its
//! families, and of one family the connections that are kept.

use zkchurn_core::{
    clock::ClockPair,
    frame::Mark,
    pipeline::Pipeline,
    render::{Renderer, text::parts},
    report::{
        Report,
        family::{FamilyKey, FamilyRow},
    },
    tape::{Kept, Tape},
};

use super::offers::Handshakes;

/// Families that have a row.
pub(crate) const MOST_FAMILIES: usize = 100;
/// Gaps that a sparkline shows at most.
const MOST_GAPS: usize = 40;

/// What of the trace is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Want {
    /// The family whose connections are wanted.
    pub family: Option<FamilyKey>,
    /// The connection whose record is wanted.
    pub connection: Option<ConnectionId>,
}

/// Which connection: its socket and its start, since a socket's address may be used again.
pub(crate) type ConnectionId = (u64, u64);

/// The trace at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub report: Report,
    /// Worst first.
    pub families: Vec<Family>,
    /// How many more there are.
    pub families_left_out: u64,
    /// Of the family that was wanted, the latest first.
    pub connections: Vec<Kept>,
    /// What is known of the connection that was wanted.
    pub record: Vec<String>,
    /// Turns times into times of day.
    pub clock: ClockPair,
    /// Where a recording stands.
    pub position: Option<Position>,
    /// Whether handshakes are captured; `None` where nobody says.
    pub handshakes: Option<Handshakes>,
}

/// A family and the last gaps between its connections, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub row: FamilyRow,
    pub gaps: Vec<u64>,
}

/// Where a recording stands; times are nanoseconds of its monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub from_ns: u64,
    pub now_ns: u64,
    pub until_ns: u64,
    /// How many times as fast as it was it plays; `None` while it stands.
    pub speed: Option<u32>,
    /// Whether it is still on its way to where it was sent.
    pub is_moving: bool,
}

impl Snapshot {
    /// The trace at `mark`; `None` before it has begun.
    pub(crate) fn of<R: Renderer>(
        pipeline: &Pipeline<R>,
        tape: &Tape,
        mark: &Mark,
        want: &Want,
        position: Option<Position>,
    ) -> Option<Self> {
        let (report, rows, families_left_out) = pipeline.families_at(mark, MOST_FAMILIES)?;
        let families = rows.into_iter().map(|row| Family {
            gaps: tape.gaps(&row.key, MOST_GAPS),
            row,
        });
        let connections = want.family.as_ref().map_or_else(Vec::new, |family| {
            let mut kept: Vec<_> = tape.of(family).copied().collect();
            kept.sort_by_key(|kept| std::cmp::Reverse(moment_ns(kept)));
            kept
        });
        let is_wanted = |kept: &&Kept| Some(id(kept)) == want.connection;
        let record = connections.iter().find(is_wanted);
        let record = record.and_then(|kept| Some(parts::connection(&pipeline.line(kept)?)));
        Some(Self {
            families: families.collect(),
            report,
            families_left_out,
            record: record.unwrap_or_default(),
            connections,
            clock: pipeline.start()?.clock,
            position,
            handshakes: None,
        })
    }

    /// The family of this key.
    pub(crate) fn family(&self, key: &FamilyKey) -> Option<&Family> {
        self.families.iter().find(|family| family.row.key == *key)
    }
}

/// Which connection it is.
pub(crate) fn id(kept: &Kept) -> ConnectionId {
    (kept.connection.socket, kept.connection.started_ns)
}

/// When it ended; of one that is open, when it began.
pub(crate) fn moment_ns(kept: &Kept) -> u64 {
    let connection = &kept.connection;
    connection.ended_ns.unwrap_or(connection.started_ns)
}

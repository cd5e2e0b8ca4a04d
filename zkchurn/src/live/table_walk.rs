// SPDX-License-Identifier: MIT
//! The walk of the kernel program's table: it tells of connections that stay open, which
//! have no record before their end, and has those found whose end was missed.

use std::time::Duration;

use tokio::time::Instant;
use zerocopy::{FromBytes, IntoBytes};
use zkchurn_common::{
    record::{
        ConnectionRecord, RECORD_SIZE, STAGE_ENDED, STAGE_FOUND_CLOSED, STAGE_OPEN_AT_END,
        STAGE_SEEN_OPEN, TOLD_CONNECTING, TOLD_ESTABLISHED, TOLD_NOTHING, known,
    },
    state,
    wire::tag,
};
use zkchurn_core::hash::HashMap;

use super::source::Source;
use crate::host::kernel::Progress;

/// Connections are told of when they are older than this: most live for less and have
/// their record at the end.
const STAYS_OPEN_NS: u64 = 100_000_000;
/// Connections are looked at when they are older than this; the kernel program leaves
/// younger ones alone (zkchurn-ebpf, `check`).
const SETTLED_NS: u64 = 2_000_000_000;
/// What was told of as open is looked at again when so long has passed: the other side may have
/// closed meanwhile.
const LOOKED_AT_AGAIN_NS: u64 = 5_000_000_000;
/// Who holds a connection in CLOSE_WAIT for less is about to close it.
const HELD_NS: u64 = 1_000_000_000;
/// Of its time a trace spends at most one part in so many on walks.
const SHARE: u32 = 50;
/// Where a table of usual size seems to take longer, the walk waited for a processor, and not
/// the host for the walk: so long the next one is put off at most.
const LONGEST_APART: Duration = Duration::from_secs(20);
/// Entries that are visited before records have their turn: a few milliseconds.
const STEP: usize = 1_024;
/// Steps that the end of an interval takes at once, so that it counts all that is open in a
/// table of usual size.
const STEPS_AT_ONCE: usize = 8;
/// A walk of a table that changes meanwhile may miss an entry; so what was told is
/// remembered for so many walks more.
const WALKS_KEPT: u64 = 4;

/// Connections of which what was told is kept, 5 MB of them: of those it is told, too, that they are
/// over where their last record is lost. Of more they are only no longer open here.
const KEPT: usize = 16_384;

/// What was told of the open connections, and the walk that is under way.
#[derive(Default)]
pub(super) struct TableWalk {
    told: HashMap<u64, Known>,
    number: u64,
    not_before: Option<Instant>,
    closed: u32,
    is_long: bool,
    under_way: Option<UnderWay>,
    /// What was told last, by socket.
    kept: HashMap<u64, ConnectionRecord>,
    /// What was told of and is in the table no more, without a last record, and is not kept.
    lost: Vec<u64>,
}

/// What was told of a connection.
struct Known {
    started_ns: u64,
    told: u8,
    walk: u64,
    /// When it was read last, and `u64::MAX` once nothing is left to tell before its end.
    looked_ns: u64,
}

impl Known {
    /// Whether it is time to look whether the other side has closed.
    fn is_due(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.looked_ns) >= LOOKED_AT_AGAIN_NS
    }
}

/// A walk that has not come to its end.
#[derive(Default)]
struct UnderWay {
    steps: usize,
    worked: Duration,
    closed: u32,
}

impl TableWalk {
    /// Begins a walk, unless one is under way or the one before took so long that it is
    /// too early, and takes its first step.
    pub(super) fn begin(&mut self, source: &mut impl Source, now_ns: u64, take: impl FnMut(&[u8])) {
        if self.begins(source, false) {
            self.step(source, now_ns, false, take);
        }
    }

    /// The same at the end of an interval, to tell of all that is open. A table that is too
    /// large to be walked at once is told of as the walk goes on.
    pub(super) fn begin_at_interval(
        &mut self,
        source: &mut impl Source,
        now_ns: u64,
        mut take: impl FnMut(&[u8]),
    ) {
        if !self.begins(source, true) {
            return;
        }
        for _ in 0..STEPS_AT_ONCE {
            self.step(source, now_ns, true, &mut take);
        }
    }

    fn begins(&mut self, source: &mut impl Source, is_interval: bool) -> bool {
        let waits = !is_interval || self.is_long;
        let is_early = waits && self.not_before.is_some_and(|at| Instant::now() < at);
        if self.is_under_way() || is_early {
            return false;
        }
        self.number += 1;
        self.under_way = Some(UnderWay::default());
        source.begin_walk();
        true
    }

    /// Whether there is more to walk.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Walks on a little, at `now_ns`. Of connections that stay open, or of `all` that are,
    /// `take` gets a record.
    pub(super) fn step(
        &mut self,
        source: &mut impl Source,
        now_ns: u64,
        all: bool,
        mut take: impl FnMut(&[u8]),
    ) {
        let Some(mut walk) = self.under_way.take() else {
            return;
        };
        let began = Instant::now();
        let mut keys = Vec::with_capacity(STEP);
        let progress = source.more_keys(STEP, &mut keys);
        // What has ended is gone, or the table refused to let go of it: then the
        // kernel program takes it out.
        keys.retain(|key| {
            let began_ns = self.visit(source, *key, now_ns, all, &mut take);
            began_ns.is_none_or(|began_ns| now_ns.saturating_sub(began_ns) > SETTLED_NS)
        });
        walk.closed += source.check(&keys).closed;
        walk.steps += 1;
        walk.worked += began.elapsed();
        match progress {
            Progress::More => self.under_way = Some(walk),
            Progress::All | Progress::CutShort => {
                if progress == Progress::All {
                    self.tell_lost(source, now_ns, take);
                }
                self.end(&walk);
            }
        }
    }

    /// Tells of the end of what was told of, is in the table no more, and had no last record.
    fn tell_lost(&mut self, source: &impl Source, now_ns: u64, mut take: impl FnMut(&[u8])) {
        let number = self.number;
        let lost = self
            .told
            .extract_if(|_, known| known.walk + WALKS_KEPT <= number);
        let lost: Vec<_> = lost.collect();
        for (socket, known) in lost {
            self.tell_over(source, (socket, known), now_ns, &mut take);
        }
    }

    /// The same at the end, of all whose last record has not come by `now_ns`, where all that is in
    /// the table was told of.
    pub(super) fn tell_lost_at_end(
        &mut self,
        source: &impl Source,
        now_ns: u64,
        mut take: impl FnMut(&[u8]),
    ) {
        let lost: Vec<_> = self.told.drain().collect();
        for lost in lost {
            self.tell_over(source, lost, now_ns, &mut take);
        }
    }

    fn tell_over(
        &mut self,
        source: &impl Source,
        (socket, known): (u64, Known),
        now_ns: u64,
        take: &mut impl FnMut(&[u8]),
    ) {
        // While others come and go a walk may miss an entry, and the next ones may, too.
        let there = source.open_connection(socket);
        if there.is_some_and(|record| record.started_ns == known.started_ns) {
            let walk = self.number;
            self.told.insert(socket, Known { walk, ..known });
            return;
        }
        let Some(mut record) = self.kept.remove(&socket) else {
            self.lost.push(socket);
            return;
        };
        record.stage = STAGE_FOUND_CLOSED;
        record.told = known.told;
        record.until_ns = now_ns;
        take(record.as_bytes());
    }

    fn end(&mut self, walk: &UnderWay) {
        self.closed = walk.closed;
        self.is_long = walk.steps > STEPS_AT_ONCE;
        let apart = walk.worked.saturating_mul(SHARE);
        let apart = match self.is_long {
            true => apart,
            false => apart.min(LONGEST_APART),
        };
        self.not_before = Instant::now().checked_add(apart);
    }

    /// Whether sockets were found closed that will be told of at the next walk.
    pub(super) fn has_found(&self) -> bool {
        self.closed > 0
    }

    /// Sockets of connections whose last record was lost, and of which nothing more is known, since
    /// this was asked last.
    pub(super) fn take_lost(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.lost)
    }

    /// Tells of a connection if that is due; and when it began, if it is open.
    fn visit(
        &mut self,
        source: &impl Source,
        key: u64,
        now_ns: u64,
        all: bool,
        take: &mut impl FnMut(&[u8]),
    ) -> Option<u64> {
        if let Some(known) = self.told.get_mut(&key)
            && known.told == TOLD_ESTABLISHED
        {
            known.walk = self.number;
            let started_ns = known.started_ns;
            if known.is_due(now_ns) {
                known.looked_ns = now_ns;
                self.tell_half_closed(source, key, now_ns, take);
            }
            return Some(started_ns);
        }
        let mut record = source.open_connection(key)?;
        let started_ns = record.started_ns;
        let known = self.told.get(&key);
        if known.is_some_and(|known| known.started_ns != started_ns) {
            // The socket, or its address, is used anew, and the last record of the earlier
            // connection is still on its way.
            return Some(started_ns);
        }
        record.told = self.told_of(&record);
        let told = match record.established_ns {
            0 => TOLD_CONNECTING,
            _ => TOLD_ESTABLISHED,
        };
        let is_due = all || now_ns.saturating_sub(started_ns) > STAYS_OPEN_NS;
        if record.told < told {
            if !is_due {
                return Some(started_ns);
            }
            record.header = ConnectionRecord::HEADER;
            record.stage = STAGE_SEEN_OPEN;
            record.until_ns = now_ns;
            take(record.as_bytes());
        }
        self.keep(record);
        let told = told.max(record.told);
        let walk = self.number;
        self.told.insert(
            key,
            Known {
                started_ns,
                told,
                walk,
                looked_ns: now_ns,
            },
        );
        Some(started_ns)
    }

    /// Tells once of a connection that the other side has closed and this one holds: it may have
    /// no other record for hours.
    fn tell_half_closed(
        &mut self,
        source: &impl Source,
        key: u64,
        now_ns: u64,
        take: &mut impl FnMut(&[u8]),
    ) {
        let Some(known) = self.told.get_mut(&key) else {
            return;
        };
        let Some(mut record) = source.open_connection(key) else {
            return;
        };
        let is_it = record.started_ns == known.started_ns && is_held(&record, now_ns);
        if is_it {
            known.looked_ns = u64::MAX;
            record.header = ConnectionRecord::HEADER;
            record.stage = STAGE_SEEN_OPEN;
            record.told = TOLD_ESTABLISHED;
            record.until_ns = now_ns;
            take(record.as_bytes());
            self.keep(record);
        }
    }

    fn keep(&mut self, record: ConnectionRecord) {
        if self.kept.len() < KEPT || self.kept.contains_key(&record.socket) {
            let header = ConnectionRecord::HEADER;
            self.kept
                .insert(record.socket, ConnectionRecord { header, ..record });
        }
    }

    /// What was told of the connection of a record, by the kernel program or here.
    fn told_of(&self, record: &ConnectionRecord) -> u8 {
        let here = self.told.get(&record.socket);
        let here = here.filter(|known| known.started_ns == record.started_ns);
        here.map_or(record.told, |known| record.told.max(known.told))
    }

    /// Whether an earlier record told of the connection, so that it is counted.
    pub(super) fn has_told(&self, record: &ConnectionRecord) -> bool {
        self.told_of(record) != TOLD_NOTHING
    }

    /// Connections that were told of and whose last record has not come.
    pub(super) fn count_told(&self) -> usize {
        self.told.len()
    }

    /// Hands a record on, with what was told here of its connection entered.
    pub(super) fn pass(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) {
        if self.told.is_empty() {
            return take(bytes);
        }
        match self.last_of_told(bytes) {
            Some(record) => take(record.as_bytes()),
            None => take(bytes),
        }
    }

    /// The record, if it is the last one of a connection that was told of here, and is to say so. Of
    /// one that is older than the trace it says nothing.
    fn last_of_told(&mut self, bytes: &[u8]) -> Option<ConnectionRecord> {
        if bytes.len() != RECORD_SIZE {
            return None;
        }
        let record = ConnectionRecord::ref_from_bytes(bytes).ok()?;
        let is_last = record.header.tag == tag::CONNECTION
            && matches!(
                record.stage,
                STAGE_ENDED | STAGE_FOUND_CLOSED | STAGE_OPEN_AT_END
            );
        let known = self.told.get(&record.socket);
        if !is_last || known.is_none_or(|known| known.started_ns != record.started_ns) {
            return None;
        }
        let mut record = *record;
        record.told = self.told_of(&record);
        self.told.remove(&record.socket);
        self.kept.remove(&record.socket);
        (record.known & known::TOLD != 0).then_some(record)
    }
}

/// Whether it is in CLOSE_WAIT for a while.
fn is_held(record: &ConnectionRecord, now_ns: u64) -> bool {
    let saw = |of: u8| record.states_seen & state::bit(of) != 0;
    record.left_established_ns != 0
        && record.local_close_ns == 0
        && saw(state::CLOSE_WAIT)
        && !saw(state::LAST_ACK)
        && now_ns.saturating_sub(record.left_established_ns) >= HELD_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a host without a processor to spare a walk of a few entries took more than a second,
    /// and the next one came a minute later.
    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_processor_puts_the_next_walk_off_for_seconds_only() {
        let apart = |steps, worked| {
            let mut walk = TableWalk::default();
            let under_way = UnderWay {
                steps,
                worked,
                closed: 0,
            };
            walk.end(&under_way);
            walk.not_before.unwrap().duration_since(Instant::now())
        };
        let of_usual_size = |worked| apart(1, Duration::from_millis(worked));
        assert_eq!(of_usual_size(2), Duration::from_millis(100));
        assert_eq!(of_usual_size(1_300), LONGEST_APART);
        let large = apart(STEPS_AT_ONCE + 1, Duration::from_secs(3));
        assert_eq!(large, Duration::from_secs(150), "2 % of the time");
    }
}

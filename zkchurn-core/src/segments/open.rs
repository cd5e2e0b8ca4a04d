// SPDX-License-Identifier: MIT
//! Connections that are open, from one run or gap to the next, so that each is counted once.

use zkchurn_common::record::{
    ConnectionRecord, STAGE_ENDED, STAGE_ESTABLISHED, STAGE_FOUND_CLOSED, STAGE_OPEN_AT_END,
    STAGE_SEEN_OPEN, TOLD_CONNECTING, TOLD_ESTABLISHED, TOLD_NOTHING, known,
};

use super::ahead::is_first;
use crate::hash::HashMap;

/// Most connections that are followed; of more the end alone is counted.
const MOST: usize = 1 << 17;

/// What `known` says of how a connection began.
const OF_BEGINNING: u32 = known::OPENER
    | known::OPENER_START
    | known::PROCESS_COMM
    | known::PARENT
    | known::PARENT_START
    | known::PARENT_COMM
    | known::BEFORE_START
    | known::HOLDER;

#[derive(Debug)]
struct Known {
    first: Box<ConnectionRecord>,
    /// The latest run, or stretch between two gaps, that has told of it.
    stretch: u64,
}

/// The connections that were told of and have not ended.
#[derive(Debug, Default)]
pub(super) struct OpenOnes {
    known: HashMap<u64, Known>,
    stretch: u64,
}

impl OpenOnes {
    /// A run, or what comes behind a gap, begins.
    pub(super) fn begin_stretch(&mut self) {
        self.stretch += 1;
    }

    /// A record as the joined trace has it; `None` where it tells nothing new. `goes_on`:
    /// another run follows on its own, so that what is open at its end is not over.
    pub(super) fn pass(
        &mut self,
        record: ConnectionRecord,
        goes_on: bool,
    ) -> Option<ConnectionRecord> {
        let mut record = record;
        let is_new_run = match self.known.get_mut(&record.socket) {
            None => false,
            Some(known) => {
                known.stretch = self.stretch;
                let first = &known.first;
                let is_same = first.started_ns == record.started_ns;
                let is_older = record.known & known::BEFORE_START != 0
                    && record.known & first.known & known::COOKIE != 0;
                !is_same && is_older
            }
        };
        // A part that was cut out tells again of what is open as it begins.
        if let Some(known) = self.known.get(&record.socket)
            && known.first.started_ns == record.started_ns
            && record.known & known::TOLD != 0
        {
            record.told = record.told.max(told(&known.first));
        }
        if is_new_run && let Some(known) = self.known.get(&record.socket) {
            if record.stage == STAGE_ESTABLISHED {
                self.note_half_closed(&record);
                return None;
            }
            record = as_begun(&known.first, record);
        }
        match record.stage {
            STAGE_ENDED | STAGE_FOUND_CLOSED => {
                self.known.remove(&record.socket);
            }
            STAGE_OPEN_AT_END if goes_on => {
                record.stage = STAGE_SEEN_OPEN;
                self.follow(record);
            }
            STAGE_OPEN_AT_END => {
                self.known.remove(&record.socket);
            }
            _ => self.follow(record),
        }
        Some(record)
    }

    /// The other side closed while nobody traced, or before: another run has found it so.
    fn note_half_closed(&mut self, record: &ConnectionRecord) {
        if let Some(known) = self.known.get_mut(&record.socket)
            && known.first.left_established_ns == 0
        {
            known.first.left_established_ns = record.left_established_ns;
            known.first.states_seen |= record.states_seen;
        }
    }

    fn follow(&mut self, record: ConnectionRecord) {
        let stretch = self.stretch;
        let has_room = self.known.len() < MOST;
        match self.known.get_mut(&record.socket) {
            Some(known) if known.first.started_ns == record.started_ns => {
                // It may have been established since.
                *known.first = record;
                known.stretch = stretch;
            }
            Some(_) | None if has_room => {
                let first = Box::new(record);
                self.known.insert(record.socket, Known { first, stretch });
            }
            Some(_) | None => {}
        }
    }

    /// Whether a record, as of the end of the window, tells of a connection that is not known, or
    /// of a step of one.
    pub(super) fn tells_more(&self, record: &ConnectionRecord) -> bool {
        match self.known.get(&record.socket) {
            Some(known) if known.first.started_ns == record.started_ns => {
                let steps = |of: &ConnectionRecord| {
                    let (left, closed) = (of.left_established_ns, of.local_close_ns);
                    (of.established_ns, left, closed)
                };
                steps(&known.first) != steps(record)
            }
            Some(_) | None => is_first(record),
        }
    }

    /// A record that is carried over a gap: what the joined trace gets of it, if it began in
    /// the gap.
    pub(super) fn pass_over_gap(&mut self, record: ConnectionRecord) -> Option<ConnectionRecord> {
        let known = self.known.get(&record.socket);
        let is_known = known.is_some_and(|known| {
            known.first.started_ns == record.started_ns || record.known & known::BEFORE_START != 0
        });
        let mut record = record;
        if !is_known {
            record.told = TOLD_NOTHING;
        }
        let passed = self.pass(record, true);
        passed.filter(|_| !is_known)
    }

    /// How many the present stretch has not told of.
    pub(super) fn count_not_told(&self) -> usize {
        let all = self.known.values();
        all.filter(|known| known.stretch < self.stretch).count()
    }

    /// Those of which the present stretch has not told, as far as it `would_tell`: they ended
    /// meanwhile. Each gets a last record, at `over_ns`, by when it was over.
    pub(super) fn take_gone(
        &mut self,
        over_ns: u64,
        would_tell: impl Fn(&ConnectionRecord) -> bool,
    ) -> Vec<ConnectionRecord> {
        let stretch = self.stretch;
        let is_gone = |known: &Known| known.stretch < stretch && would_tell(&known.first);
        let gone = self.known.extract_if(|_, known| is_gone(known));
        let mut gone: Vec<_> = gone
            .map(|(_, known)| *known.first)
            .map(|record| ConnectionRecord {
                stage: STAGE_FOUND_CLOSED,
                until_ns: over_ns.max(record.started_ns),
                told: told(&record),
                known: record.known | known::TOLD,
                ..record
            })
            .collect();
        gone.sort_unstable_by_key(|record| (record.started_ns, record.socket));
        gone
    }

    /// A last record of each that is open when the window ends, and goes on behind it.
    pub(super) fn at_end(&self, until_ns: u64) -> Vec<ConnectionRecord> {
        let open = self.all().into_iter();
        open.map(|record| ConnectionRecord {
            stage: STAGE_OPEN_AT_END,
            until_ns,
            told: told(&record),
            known: record.known | known::TOLD,
            ..record
        })
        .collect()
    }

    /// Of those the ones that the other side has closed.
    pub(super) fn half_closed_at_end(&self, until_ns: u64) -> Vec<ConnectionRecord> {
        let mut at_end = self.at_end(until_ns);
        at_end.retain(|record| record.left_established_ns != 0);
        at_end
    }

    /// All that are open, oldest first.
    pub(super) fn all(&self) -> Vec<ConnectionRecord> {
        let mut all: Vec<_> = self.known.values().map(|known| *known.first).collect();
        all.sort_unstable_by_key(|record| (record.started_ns, record.socket));
        all
    }
}

fn told(record: &ConnectionRecord) -> u8 {
    match record.established_ns {
        0 => TOLD_CONNECTING,
        _ => TOLD_ESTABLISHED,
    }
}

/// A record of a run that found the connection open, with what an earlier run saw of its
/// beginning.
fn as_begun(first: &ConnectionRecord, record: ConnectionRecord) -> ConnectionRecord {
    let established_ns = match first.established_ns {
        0 => record.established_ns,
        at => at,
    };
    ConnectionRecord {
        started_ns: first.started_ns,
        established_ns,
        opener_cgroup: first.opener_cgroup,
        opener_start_ns: first.opener_start_ns,
        parent_start_ns: first.parent_start_ns,
        opener_comm: first.opener_comm,
        process_comm: first.process_comm,
        parent_comm: first.parent_comm,
        opener_tgid: first.opener_tgid,
        opener_tid: first.opener_tid,
        opener_uid: first.opener_uid,
        parent_tgid: first.parent_tgid,
        states_seen: first.states_seen | record.states_seen,
        told: told(first),
        known: (record.known & !OF_BEGINNING) | (first.known & OF_BEGINNING) | known::TOLD,
        ..record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::blank;

    /// A connection that began then, as it was seen open.
    fn seen(socket: u64, started_ns: u64, known: u32) -> ConnectionRecord {
        ConnectionRecord {
            stage: STAGE_SEEN_OPEN,
            told: TOLD_ESTABLISHED,
            socket,
            started_ns,
            established_ns: started_ns,
            known: known | known::COOKIE,
            ..blank()
        }
    }

    /// What the joined trace gets of a record behind a gap, where socket 1 was open before it
    /// since 10.
    fn behind_a_gap(record: ConnectionRecord) -> Option<ConnectionRecord> {
        let mut open = OpenOnes::default();
        open.pass(seen(1, 10, 0), true);
        open.begin_stretch();
        open.pass_over_gap(record)
    }

    #[test]
    fn of_what_a_gap_carries_over_only_what_began_in_it_is_told() {
        assert_eq!(behind_a_gap(seen(1, 10, 0)), None, "it was told of");
        let found_again = seen(1, 50, known::BEFORE_START);
        assert_eq!(behind_a_gap(found_again), None, "another run found it");
        for began_in_the_gap in [
            seen(2, 50, 0),
            seen(2, 50, known::BEFORE_START),
            seen(1, 50, 0),
        ] {
            let told = behind_a_gap(began_in_the_gap).unwrap();
            assert_eq!(told.told, TOLD_NOTHING);
            assert_eq!(told.started_ns, 50);
        }
    }

    /// By the socket's address alone another connection may be meant.
    #[test]
    fn another_run_finds_a_connection_by_its_cookie_only() {
        let without_cookie = |record: ConnectionRecord| ConnectionRecord {
            known: record.known & !known::COOKIE,
            ..record
        };
        let (began, found) = (seen(1, 10, 0), seen(1, 50, known::BEFORE_START));
        for (began, found, is_same) in [
            (began, found, true),
            (without_cookie(began), found, false),
            (began, without_cookie(found), false),
            (without_cookie(began), without_cookie(found), false),
        ] {
            let mut open = OpenOnes::default();
            open.pass(began, true);
            let ended = ConnectionRecord {
                stage: STAGE_ENDED,
                ..found
            };
            let told = open.pass(ended, true).unwrap();
            assert_eq!(told.started_ns, if is_same { 10 } else { 50 });
        }
    }
}

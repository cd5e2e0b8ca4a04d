// SPDX-License-Identifier: MIT
//! Changes of a recording: fewer connections, another pace, other sizes, ends and processes,
//! and numbers at the borders where the words change.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use zkchurn_common::record::{
    ConnectionRecord, STAGE_ENDED, STAGE_ESTABLISHED, STAGE_FOUND_CLOSED, STAGE_OPEN_AT_END,
    STAGE_SEEN_OPEN,
};
use zkchurn_core::frame::LossCounts;

use crate::dice::Dice;

const MS: u64 = 1_000_000;

/// What becomes of each connection of a variation.
pub(crate) struct Change {
    /// Of the sockets in the order in which they come, only so many.
    most: usize,
    /// Times since the trace began are multiplied by the first and divided by the second.
    pace: (u64, u64),
    /// Bits of `known` that are taken away from all.
    unknown: u32,
    /// One in so many connections is changed, or all but those; 0 for none.
    one_in: u64,
    all_but: bool,
    /// Whether those that are changed are changed alike.
    alike: bool,
    /// Threads: as they were, all the same, one each, three in turn.
    threads: u64,
    /// Processes: as they were, one each, two in turn.
    processes: u64,
    /// Servers: as they were, two in turn, three in turn.
    servers: u64,
    seed: u64,
    sockets: Vec<u64>,
    start_ns: u64,
}

impl Change {
    pub(crate) fn of(dice: &mut Dice) -> Self {
        Self {
            most: dice.of(&[1, 2, 3, 4, 5, 9, 10, 11, 19, 20, 21, 30, 60, 60, 80, 80]),
            pace: dice.of(&[
                (1, 1),
                (1, 1),
                (1, 1),
                (1, 10),
                (10, 1),
                (3, 1),
                (100, 1),
                (1, 50),
            ]),
            unknown: if dice.one_in(3) {
                1 << dice.below(26)
            } else {
                0
            },
            one_in: dice.of(&[0, 1, 1, 2, 3, 5, 10]),
            all_but: dice.one_in(3),
            alike: dice.one_in(2),
            threads: dice.of(&[0, 0, 0, 1, 2, 3]),
            processes: dice.of(&[0, 0, 0, 0, 1, 2]),
            servers: dice.of(&[0, 0, 0, 2, 3]),
            seed: dice.next(),
            sockets: Vec::new(),
            start_ns: 0,
        }
    }

    /// Times are changed from here on.
    pub(crate) fn begins_at(&mut self, start_ns: u64) {
        self.start_ns = start_ns;
    }

    /// The changed record; `None` where its connection is left out.
    pub(crate) fn record(&mut self, mut record: ConnectionRecord) -> Option<ConnectionRecord> {
        let number = self.number(record.socket)?;
        self.retime(&mut record);
        record.known &= !self.unknown;
        self.who(&mut record, number as u32);
        let is_one = self.one_in > 0 && (number as u64).is_multiple_of(self.one_in);
        if is_one != (self.all_but && self.one_in > 1) {
            let own = if self.alike { 0 } else { record.socket };
            alter(&mut record, &mut Dice::new(self.seed ^ own));
        }
        Some(record)
    }

    /// Whether the first bytes of this connection are kept, and when they came.
    pub(crate) fn piece(&mut self, socket: u64, at_ns: u64) -> Option<u64> {
        self.number(socket)?;
        Some(self.moment(at_ns))
    }

    fn number(&mut self, socket: u64) -> Option<usize> {
        let known = self.sockets.iter().position(|one| *one == socket);
        let number = known.unwrap_or_else(|| {
            self.sockets.push(socket);
            self.sockets.len() - 1
        });
        (number < self.most).then_some(number)
    }

    pub(crate) fn moment(&self, at_ns: u64) -> u64 {
        match at_ns.checked_sub(self.start_ns) {
            Some(since) if at_ns > 0 => self.start_ns + since * self.pace.0 / self.pace.1,
            _ => at_ns,
        }
    }

    fn retime(&self, record: &mut ConnectionRecord) {
        for at in [
            &mut record.started_ns,
            &mut record.established_ns,
            &mut record.left_established_ns,
            &mut record.local_close_ns,
            &mut record.until_ns,
        ] {
            *at = self.moment(*at);
        }
    }

    fn who(&self, record: &mut ConnectionRecord, number: u32) {
        let tid = match self.threads {
            1 => record.opener_tgid,
            2 => record.opener_tgid + 1 + number,
            3 => record.opener_tgid + 1 + number % 3,
            _ => record.opener_tid,
        };
        if record.closer_tid == record.opener_tid {
            record.closer_tid = tid;
        }
        record.opener_tid = tid;
        let add = match self.processes {
            1 => 10_000 + 10 * number,
            2 => 10_000 * (number % 2),
            _ => 0,
        };
        for id in [
            &mut record.opener_tgid,
            &mut record.opener_tid,
            &mut record.closer_tgid,
            &mut record.closer_tid,
        ] {
            *id += add;
        }
        record.opener_start_ns += u64::from(add);
        if self.servers > 0 {
            record.remote_address[15] = record.remote_address[15]
                .wrapping_add(u8::try_from(u64::from(number) % self.servers).unwrap());
        }
    }
}

/// One of many things about a connection is another.
fn alter(record: &mut ConnectionRecord, dice: &mut Dice) {
    match dice.below(16) {
        0 => record.payload_in = dice.border(),
        1 => record.acked = dice.border() + 1,
        2 => record.payload_out = dice.border(),
        3 => record.error = dice.of(&[0, 0, 32, 101, 103, 104, 110, 111, 113]),
        4 => record.state_left = dice.of(&[1, 2, 3, 4, 5, 8, 9, 11]),
        5 => record.states_seen ^= 1 << dice.of(&[1, 2, 4, 5, 8, 9, 11]),
        6 => record.ending ^= 1 << dice.below(12),
        7 => record.retransmits = dice.border() as u32,
        8 => record.unread = dice.border() as u32,
        9 => record.unsent = dice.border() as u32,
        10 => record.opener_uid = dice.of(&[0, 1, 999, 1_000, 65_534]),
        11 => record.closer_tid += 1,
        12 => live(record, dice.border() * MS),
        13 => {
            record.stage = dice.of(&[
                STAGE_ENDED,
                STAGE_ESTABLISHED,
                STAGE_FOUND_CLOSED,
                STAGE_OPEN_AT_END,
                STAGE_SEEN_OPEN,
            ]);
        }
        14 => record.segments_out = dice.of(&[0, 1, 2, 5]),
        _ => record.remote_port = [8, dice.of(&[133, 134, 80])],
    }
}

fn live(record: &mut ConnectionRecord, for_ns: u64) {
    if record.established_ns == 0 || record.left_established_ns == 0 {
        return;
    }
    record.left_established_ns = record.established_ns + for_ns;
    record.local_close_ns = record.local_close_ns.max(record.left_established_ns);
    record.until_ns = record.until_ns.max(record.local_close_ns);
}

/// What a trace lost by its end.
pub(crate) fn losses(dice: &mut Dice) -> LossCounts {
    let mut loss = LossCounts::default();
    match dice.below(10) {
        0 => loss.ended_records_dropped = dice.border(),
        1 => loss.established_records_dropped = dice.border(),
        2 => loss.table_full = dice.border(),
        3 => loss.unmatched_closes = dice.border(),
        4 => loss.recursion_misses = Some(dice.border()),
        5 => loss.handshake_records_dropped = Some(dice.border()),
        6 => loss.handshakes_before_accept = Some(dice.border()),
        7 => loss.records_not_exported = Some(dice.border()),
        _ => {}
    }
    loss
}

/// The same with a few of its values changed, where such a one can be.
pub(crate) fn nudged<T: Serialize + DeserializeOwned + Clone>(one: &T, dice: &mut Dice) -> T {
    let mut value = serde_json::to_value(one).unwrap();
    for _ in 0..dice.below(4) {
        nudge(&mut value, dice);
    }
    serde_json::from_value(value).unwrap_or_else(|_| one.clone())
}

fn nudge(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let at = dice.below(fields.len());
            if let Some(field) = fields.values_mut().nth(at) {
                nudge(field, dice);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = dice.below(items.len());
            match dice.below(4) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => nudge(&mut items[at], dice),
            }
        }
        Value::Number(number) => {
            let near = number.as_u64().unwrap_or_default();
            let other = dice.of(&[
                0,
                1,
                2,
                3,
                near.saturating_sub(1),
                near + 1,
                near / 2,
                near * 10,
            ]);
            *value = other.into();
        }
        Value::Bool(is) => *is = !*is,
        Value::String(text) => {
            let mut ends = text.char_indices().map(|(at, _)| at);
            let cut = ends.nth(dice.below(1 + text.chars().count()));
            text.truncate(cut.unwrap_or(text.len()));
        }
        _ => {}
    }
}

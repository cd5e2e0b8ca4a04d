// SPDX-License-Identifier: MIT
//! What later segments have to repeat, bounded: a segment stands by itself.

use std::collections::{HashSet, VecDeque};

use serde::de::DeserializeOwned;
use zerocopy::IntoBytes;
use zkchurn_common::record::{
    ConnectionRecord, STAGE_ENDED, STAGE_ESTABLISHED, STAGE_FOUND_CLOSED, STAGE_SEEN_OPEN,
};

use crate::{
    decode::{self, Record},
    hash::HashMap,
    inspection::Inspection,
    process::{ProcessIdentity, ProcessKey},
    recording::{MAX_PAYLOAD, append_frame, kind},
    registry::{MOST_INSPECTIONS, MOST_PROCESSES},
};

/// Most connections that are carried over, of which the recorder has to keep a record.
const MOST_OPEN: usize = 8_192;
/// Most limitations, as many as a report has.
const MOST_LIMITATIONS: usize = 64;

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Carried {
    limitations: Vec<Vec<u8>>,
    /// Payloads of their frames; those that were entered first make room.
    processes: HashMap<ProcessKey, Vec<u8>>,
    order: VecDeque<ProcessKey>,
    /// Oldest first.
    looks: Vec<Inspection>,
    open: HashMap<u64, Box<ConnectionRecord>>,
    open_left_out: HashSet<u64>,
    /// Processes that the running segment has.
    written: HashSet<ProcessKey>,
}

impl Carried {
    /// Takes note of a frame. Before it `to` gets what the running segment lacks for it.
    pub(super) fn note(&mut self, kind: u8, payload: &[u8], to: &mut Vec<u8>) {
        match kind {
            kind::RECORD => self.record(payload, to),
            kind::PROCESS => self.process(payload),
            kind::INSPECTION => self.look(payload),
            kind::LIMITATION if self.limitations.len() < MOST_LIMITATIONS => {
                self.limitations.push(payload.to_vec());
            }
            _ => {}
        }
    }

    fn record(&mut self, payload: &[u8], to: &mut Vec<u8>) {
        let Ok(Record::Connection(record)) = decode::read(payload) else {
            return;
        };
        let named = [decode::process_of(&record), decode::parent_of(&record)];
        for key in named.into_iter().flatten() {
            self.repeat_process(key, to);
        }
        match record.stage {
            STAGE_SEEN_OPEN | STAGE_ESTABLISHED
                if self.open.len() < MOST_OPEN || self.open.contains_key(&record.socket) =>
            {
                self.open_left_out.remove(&record.socket);
                self.open.insert(record.socket, Box::new(record));
            }
            // Beyond as many again the number is no longer exact.
            STAGE_SEEN_OPEN | STAGE_ESTABLISHED if self.open_left_out.len() < 8 * MOST_OPEN => {
                self.open_left_out.insert(record.socket);
            }
            STAGE_ENDED | STAGE_FOUND_CLOSED => {
                self.open.remove(&record.socket);
                self.open_left_out.remove(&record.socket);
            }
            _ => {}
        }
    }

    fn repeat_process(&mut self, key: ProcessKey, to: &mut Vec<u8>) {
        if let Some(payload) = self.processes.get(&key)
            && self.written.insert(key)
        {
            append_frame(kind::CARRIED | kind::PROCESS, payload, to);
        }
    }

    fn process(&mut self, payload: &[u8]) {
        let Some(identity) = parse::<ProcessIdentity>(payload) else {
            return;
        };
        let key = ProcessKey::new(identity.key.pid, identity.key.start_ns);
        self.written.insert(key);
        if self.processes.insert(key, payload.to_vec()).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST_PROCESSES
            && let Some(oldest) = self.order.pop_front()
        {
            self.processes.remove(&oldest);
            self.written.remove(&oldest);
        }
    }

    fn look(&mut self, payload: &[u8]) {
        let Some(mut look) = parse::<Inspection>(payload) else {
            return;
        };
        let earlier = self.looks.iter().position(|known| known.key == look.key);
        if let Some(earlier) = earlier {
            look.complete_from(self.looks.remove(earlier));
            look.fit(MAX_PAYLOAD);
        }
        if self.looks.len() >= MOST_INSPECTIONS {
            self.looks.remove(0);
        }
        self.looks.push(look);
    }

    /// How many open connections the next segment's head lacks, if that has room for `most`
    /// bytes.
    pub(super) fn open_left_out(&self, most: usize) -> u64 {
        let room = Self::records_in(most / 2);
        (self.open_left_out.len() + self.open.len().saturating_sub(room)) as u64
    }

    fn records_in(bytes: usize) -> usize {
        bytes / (size_of::<ConnectionRecord>() + crate::recording::FRAME_HEADER)
    }

    /// Begins another segment: appends what it repeats at its head, about `most` bytes at
    /// most, half of them for open connections and half for closer looks.
    pub(super) fn begin_segment(&mut self, most: usize, to: &mut Vec<u8>) {
        self.written.clear();
        for limitation in &self.limitations {
            append_frame(kind::CARRIED | kind::LIMITATION, limitation, to);
        }
        let mut room = most / 2;
        // The latest looks matter most, and stand in the order in which they were made.
        let mut looks = Vec::new();
        for look in self.looks.iter().rev() {
            let Ok(payload) = serde_json::to_vec(look) else {
                continue;
            };
            if payload.len() <= room.min(MAX_PAYLOAD) {
                room -= payload.len();
                looks.push((look.key, payload));
            }
        }
        for (key, payload) in looks.iter().rev() {
            self.repeat_process(*key, to);
            append_frame(kind::CARRIED | kind::INSPECTION, payload, to);
        }
        let mut open: Vec<_> = self.open.values().map(|record| **record).collect();
        open.sort_unstable_by_key(|record| (record.started_ns, record.socket));
        for record in open.iter().take(Self::records_in(most / 2)) {
            if let Some(key) = decode::process_of(record) {
                self.repeat_process(key, to);
            }
            append_frame(kind::CARRIED | kind::RECORD, record.as_bytes(), to);
        }
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_limitations_are_carried_as_a_report_has() {
        let mut carried = Carried::default();
        let mut segment = Vec::new();
        for number in 0..MOST_LIMITATIONS + 9 {
            let sentence = format!("limitation {number}.");
            carried.note(kind::LIMITATION, sentence.as_bytes(), &mut segment);
        }
        carried.begin_segment(1 << 20, &mut segment);
        let segment = String::from_utf8_lossy(&segment);
        assert_eq!(segment.matches("limitation ").count(), MOST_LIMITATIONS);
        assert!(segment.contains("limitation 63.") && !segment.contains("limitation 64."));
    }
}

// SPDX-License-Identifier: MIT
//! Changes that make a relative of a recording, or put several together.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use zkchurn_common::{
    record::{self, ConnectionRecord, known},
    state,
};
use zkchurn_core::{frame::Sides, process::ProcessKey, traffic::Traffic};

use super::scene::{Piece, Scene};

/// Milliseconds in the unit of records.
pub(crate) const MS: u64 = 1_000_000;
/// Ids of another recording begin so much higher.
const APART: u32 = 10_000_000;

impl Scene {
    /// The time between connections is `percent` of what it was; their lives are the same. So is
    /// that between the starts of processes which are not older, and whose logs were not read.
    pub(crate) fn paced(mut self, percent: u64) -> Self {
        let from = self.start.clock.monotonic_ns;
        let paced = |at_ns: u64| from + at_ns.saturating_sub(from) / 100 * percent;
        let looks = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Look(look) => Some(look.key),
            _ => None,
        });
        let looks: BTreeSet<_> = looks.collect();
        let started = |key: ProcessKey| match key.start_ns < from || looks.contains(&key) {
            true => key.start_ns,
            false => paced(key.start_ns),
        };
        let mut moved = BTreeMap::new();
        for piece in &mut self.pieces {
            match piece {
                Piece::Connection(record) => {
                    let by = paced(record.started_ns).wrapping_sub(record.started_ns);
                    moved.insert(record.socket, by);
                    later(record, by);
                    let opener = ProcessKey::new(record.opener_tgid, record.opener_start_ns);
                    record.opener_start_ns = started(opener);
                }
                Piece::Process(process) => process.key.start_ns = started(process.key),
                _ => {}
            }
        }
        for piece in &mut self.pieces {
            if let Piece::FirstBytes(first) = piece
                && let Some(by) = moved.get(&first.socket)
            {
                first.at_ns = first.at_ns.wrapping_add(*by);
            }
        }
        self.length_ns = self.length_ns / 100 * percent;
        self
    }

    /// Connections live `percent` as long in ESTABLISHED, or in SYN_SENT where they failed.
    pub(crate) fn living(mut self, percent: u64) -> Self {
        let mut latest = 0;
        self = self.each(|record| {
            let from = match record.established_ns {
                0 => record.started_ns,
                established => established,
            };
            let left = match record.left_established_ns {
                0 => record.until_ns,
                left => left,
            };
            let by =
                (left.saturating_sub(from) / 100 * percent).wrapping_sub(left.saturating_sub(from));
            for at in [
                &mut record.left_established_ns,
                &mut record.local_close_ns,
                &mut record.until_ns,
            ] {
                if *at > 0 {
                    *at = at.wrapping_add(by);
                }
            }
            latest = latest.max(record.until_ns);
        });
        let length = latest.saturating_sub(self.start.clock.monotonic_ns);
        self.length_ns = self.length_ns.max(length + 1_000 * MS);
        self
    }

    /// Connections on which both spoke carry so many bytes, sent and received.
    pub(crate) fn carrying(self, sent: u64, received: u64) -> Self {
        self.each(|record| {
            let traffic = Traffic::of(record);
            let spoke = |bytes: Option<u64>| bytes.is_some_and(|bytes| bytes > 0);
            if spoke(traffic.payload_out) && spoke(traffic.payload_in) {
                set_payload(record, sent, received);
            }
        })
    }

    /// Connections live for irregular times between these.
    pub(crate) fn living_irregularly(self, milliseconds: RangeInclusive<u64>) -> Self {
        let (least, most) = (*milliseconds.start(), *milliseconds.end());
        let mut step = 0;
        self.each(|record| {
            if record.established_ns == 0 || record.left_established_ns == 0 {
                return;
            }
            // Steps of the golden section are spread evenly and in no order.
            step = (step + 618) % 1_000;
            let lived = (least + (most - least) * step / 1_000) * MS;
            let by = (record.established_ns + lived).wrapping_sub(record.left_established_ns);
            for at in [
                &mut record.left_established_ns,
                &mut record.local_close_ns,
                &mut record.until_ns,
            ] {
                if *at > 0 {
                    *at = at.wrapping_add(by);
                }
            }
        })
    }

    /// So many seconds more, in which nothing happens.
    pub(crate) fn and_quiet_for(mut self, seconds: u64) -> Self {
        self.length_ns += seconds * 1_000 * MS;
        self
    }

    /// Another name for the program, of which nothing else is known.
    pub(crate) fn of_program(self, name: &str) -> Self {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name.as_bytes());
        self.without_processes().each(|record| {
            record.process_comm = comm;
            record.known |= known::PROCESS_COMM;
        })
    }

    /// Another name for the threads that connect, cut as Linux cuts it.
    pub(crate) fn by_threads_named(self, name: &str) -> Self {
        self.each(|record| {
            for comm in [&mut record.opener_comm, &mut record.closer_comm] {
                *comm = [0; 16];
                let length = name.len().min(15);
                comm[..length].copy_from_slice(&name.as_bytes()[..length]);
            }
        })
    }

    /// To another server.
    pub(crate) fn at_port(self, port: u16) -> Self {
        self.each(|record| record.remote_port = port.to_be_bytes())
    }

    /// Over a network: other addresses than loopback.
    pub(crate) fn at_address(self, address: [u8; 4]) -> Self {
        self.each(|record| record.remote_address[12..].copy_from_slice(&address))
    }

    /// Held in CLOSE_WAIT: those that were open at the end, in the peer's FIN, are closed by
    /// the program's end so much later.
    pub(crate) fn ended_after(mut self, milliseconds: u64) -> Self {
        let end = self.start.clock.monotonic_ns + self.length_ns + milliseconds * MS;
        self = self.each(|record| {
            if record.states_seen & state::bit(state::CLOSE_WAIT) > 0
                && record.stage == record::STAGE_OPEN_AT_END
            {
                record.stage = record::STAGE_ENDED;
                record.states_seen |= state::bit(state::LAST_ACK);
                record.state_left = state::LAST_ACK;
                record.local_close_ns = end;
                record.until_ns = end + MS;
                record.error = 0;
                // A ConnectRequest and its answer.
                set_payload(record, 49, 41);
                record.known |= known::ERROR | known::CLOSER;
                record.closer_tgid = record.opener_tgid;
                record.closer_tid = record.opener_tid;
                record.closer_comm = record.opener_comm;
            }
        });
        self.length_ns += (milliseconds + 1_000) * MS;
        self
    }

    /// The same connections as the server has them; those that ended by a RST, or were
    /// never established, are left out.
    pub(crate) fn seen_by_server(mut self) -> Self {
        self.start.side = Sides::Server;
        self.start.pid = None;
        self.pieces
            .retain(|piece| matches!(piece, Piece::Connection(_) | Piece::FirstBytes(_)));
        self.only(|record| {
            let saw = |one| record.states_seen & state::bit(one) > 0;
            let by_client = saw(state::FIN_WAIT1) && !saw(state::CLOSE_WAIT);
            let by_server = saw(state::CLOSE_WAIT) && saw(state::LAST_ACK);
            if record.stage != record::STAGE_ENDED || record.error != 0 || by_client == by_server {
                return false;
            }
            let traffic = Traffic::of(record);
            let (Some(sent), Some(received)) = (traffic.payload_out, traffic.payload_in) else {
                return false;
            };
            set_payload(record, received, sent);
            std::mem::swap(&mut record.local_address, &mut record.remote_address);
            std::mem::swap(&mut record.local_port, &mut record.remote_port);
            record.side = record::SIDE_ACCEPTED;
            record.started_ns = record.established_ns;
            (record.states_seen, record.state_left) = match by_client {
                true => (
                    state::bit(state::ESTABLISHED)
                        | state::bit(state::CLOSE_WAIT)
                        | state::bit(state::LAST_ACK),
                    state::LAST_ACK,
                ),
                false => (
                    state::bit(state::ESTABLISHED) | state::bit(state::FIN_WAIT1),
                    state::FIN_WAIT2,
                ),
            };
            record.local_close_ns = match by_client {
                true => record.left_established_ns + MS / 10,
                false => record.left_established_ns,
            };
            record.until_ns = record.until_ns.max(record.local_close_ns);
            record.known &= !(known::OPENER
                | known::CLOSER
                | known::OPENER_START
                | known::PROCESS_COMM
                | known::PARENT
                | known::PARENT_START
                | known::PARENT_COMM);
            (record.opener_tgid, record.opener_tid) = (0, 0);
            (record.closer_tgid, record.closer_tid) = (0, 0);
            true
        })
    }

    /// Likewise, of those whose process is wanted.
    pub(crate) fn seen_from(self, mut is_wanted: impl FnMut(u32) -> bool) -> Self {
        self.only(|record| is_wanted(record.opener_tgid))
            .seen_by_server()
    }

    /// Both at the same time on one host.
    pub(crate) fn beside(mut self, mut other: Self, number: u32) -> Self {
        let by = (self.start.clock.monotonic_ns).wrapping_sub(other.start.clock.monotonic_ns);
        let apart = number * APART;
        // One host, not a container beside it, which has a loopback address of its own.
        let netns = self.pieces.iter().find_map(|piece| match piece {
            Piece::Connection(record) => Some(record.netns),
            _ => None,
        });
        for piece in &mut other.pieces {
            match piece {
                Piece::Connection(record) => {
                    record.netns = netns.unwrap_or(record.netns);
                    record.socket ^= u64::from(number) << 48;
                    later(record, by);
                    for id in [
                        &mut record.opener_tgid,
                        &mut record.opener_tid,
                        &mut record.closer_tgid,
                        &mut record.closer_tid,
                        &mut record.parent_tgid,
                    ] {
                        if *id > 0 {
                            *id += apart;
                        }
                    }
                }
                Piece::FirstBytes(first) => {
                    first.socket ^= u64::from(number) << 48;
                    first.at_ns = first.at_ns.wrapping_add(by);
                }
                Piece::Process(process) => process.key.pid += apart,
                Piece::Look(look) => {
                    look.key.pid += apart;
                    look.at_ns = look.at_ns.wrapping_add(by);
                    if let Some(jvm) = &mut look.jvm {
                        jvm.threads.iter_mut().for_each(|one| one.tid += apart);
                        jvm.tasks.iter_mut().for_each(|one| one.tid += apart);
                    }
                }
            }
        }
        self.pieces.extend(other.pieces);
        self.pieces.sort_by_key(Piece::at_ns);
        self.length_ns = self.length_ns.max(other.length_ns);
        self
    }

    /// All connections are of the process of the first scene's first one, whose looks stay.
    pub(crate) fn in_one_process(mut self) -> Self {
        let opened = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Connection(record) if record.opener_tgid > 0 => Some(**record),
            _ => None,
        });
        let first = opened
            .min_by_key(|record| record.opener_tgid / APART)
            .unwrap();
        let is_it = |pid: u32| pid == first.opener_tgid;
        self.pieces.retain(|piece| match piece {
            Piece::Process(process) => is_it(process.key.pid),
            Piece::Look(look) => is_it(look.key.pid),
            _ => true,
        });
        self.each(|record| {
            record.opener_tgid = first.opener_tgid;
            record.opener_start_ns = first.opener_start_ns;
            record.process_comm = first.process_comm;
            if record.closer_tgid > 0 {
                record.closer_tgid = first.opener_tgid;
            }
        })
    }
}

/// As earlier versions recorded it.
pub(crate) fn set_payload(record: &mut ConnectionRecord, sent: u64, received: u64) {
    record.known &= !(known::ACKED | known::UNSENT | known::SEGMENTS_OUT);
    record.known |= known::PAYLOAD_OUT | known::PAYLOAD_IN;
    (record.payload_out, record.payload_in) = (sent, received);
}

pub(crate) fn later(record: &mut ConnectionRecord, by: u64) {
    for at in [
        &mut record.started_ns,
        &mut record.established_ns,
        &mut record.left_established_ns,
        &mut record.local_close_ns,
        &mut record.until_ns,
    ] {
        if *at > 0 {
            *at = at.wrapping_add(by);
        }
    }
}

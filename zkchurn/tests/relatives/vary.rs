// SPDX-License-Identifier: MIT
//! Changes that make each connection another one: sizes, threads, addresses, losses.

use zkchurn_common::{
    record::{self, ConnectionRecord, known},
    state,
};
use zkchurn_core::traffic::Traffic;

use super::{
    change::{MS, later, set_payload},
    scene::{Piece, Scene},
};

impl Scene {
    /// Connections on which both spoke carry so many bytes more, another number each.
    pub(crate) fn carrying_more_each_time(self, sent: u64, received: u64) -> Self {
        let mut times = 0;
        self.each(|record| {
            let traffic = Traffic::of(record);
            let (Some(out), Some(back)) = (traffic.payload_out, traffic.payload_in) else {
                return;
            };
            if out > 0 && back > 0 {
                times += 1;
                set_payload(record, out + sent * times, back + received * times);
            }
        })
    }

    /// All of it again and again, by other threads.
    pub(crate) fn repeated(mut self, many: u32) -> Self {
        let once = self.clone();
        for turn in 1..many {
            let by = u64::from(turn) * once.length_ns;
            let again = once
                .clone()
                .pieces
                .into_iter()
                .filter_map(|piece| match piece {
                    Piece::Connection(mut record) => {
                        record.socket ^= u64::from(turn) << 40;
                        record.opener_tid += 1_000 * turn;
                        record.closer_tid += 1_000 * turn;
                        later(&mut record, by);
                        Some(Piece::Connection(record))
                    }
                    Piece::FirstBytes(mut first) => {
                        first.socket ^= u64::from(turn) << 40;
                        first.at_ns += by;
                        Some(Piece::FirstBytes(first))
                    }
                    Piece::Process(_) | Piece::Look(_) => None,
                });
            self.pieces.extend(again);
        }
        self.length_ns *= u64::from(many);
        self
    }

    /// By so many threads of the process in turn, as the scheduler of Go has it.
    pub(crate) fn by_threads_in_turn(self, threads: u32) -> Self {
        self.each_by_number(|number, record| {
            let turn = (number + 1) % threads;
            record.opener_tid = record.opener_tgid + turn;
            record.closer_tid = record.opener_tgid + (turn + 1) % threads;
        })
    }

    /// Requests that nobody answered have so many bytes.
    pub(crate) fn sending(self, sent: u64) -> Self {
        self.each(|record| {
            let traffic = Traffic::of(record);
            if traffic.payload_out.is_some_and(|bytes| bytes > 0) {
                set_payload(record, sent, traffic.payload_in.unwrap_or_default());
            }
        })
    }

    /// As the server has it, where a proxy on the way closes both its connections.
    pub(crate) fn cut_behind_the_server(self) -> Self {
        self.seen_by_server().each(|record| {
            record.states_seen = state::bit(state::ESTABLISHED)
                | state::bit(state::CLOSE_WAIT)
                | state::bit(state::LAST_ACK);
            record.state_left = state::LAST_ACK;
            record.local_close_ns = record.left_established_ns + MS / 10;
            record.until_ns = record.until_ns.max(record.local_close_ns);
        })
    }

    /// Each by a thread of its own.
    pub(crate) fn by_a_thread_each(self) -> Self {
        self.each_by_number(|number, record| {
            record.opener_tid = record.opener_tgid + number + 2;
            record.closer_tid = record.opener_tid;
        })
    }

    /// Each by a process of its own, which is gone.
    pub(crate) fn by_a_process_each(self) -> Self {
        self.without_processes().each_by_number(|number, record| {
            let number = (number + 1) * 3;
            record.opener_tgid += number;
            record.opener_tid = record.opener_tgid;
            if record.closer_tgid > 0 {
                (record.closer_tgid, record.closer_tid) = (record.opener_tgid, record.opener_tid);
            }
            record.opener_start_ns += u64::from(number) * 1_000 * MS;
        })
    }

    /// To so many servers in turn.
    pub(crate) fn at_servers_in_turn(self, servers: u8) -> Self {
        self.each_by_number(|number, record| {
            let turn = (number % u32::from(servers)) as u8;
            record.remote_address[12..].copy_from_slice(&[10, 0, 0, 1 + turn]);
        })
    }

    /// Over IPv6.
    pub(crate) fn over_ipv6(self) -> Self {
        self.each(|record| {
            record.family = record::FAMILY_INET6;
            let address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            (record.remote_address, record.local_address) = (address, address);
            record.remote_address[15] = 0x21;
        })
    }

    /// Behind an address, as the server has it.
    pub(crate) fn behind_host(self, host: u8) -> Self {
        self.each(|record| {
            record.remote_address[12..].copy_from_slice(&[10, 9, 9, host]);
            record.local_address[12..].copy_from_slice(&[10, 9, 8, 1]);
        })
    }

    /// Where its logs name the server so, by the name in its connect string.
    pub(crate) fn whose_log_names(mut self, address: &str, name: &str) -> Self {
        for piece in &mut self.pieces {
            let Piece::Look(look) = piece else { continue };
            let findings = look.logs.iter_mut().flat_map(|logs| &mut logs.findings);
            for finding in findings {
                finding.last = finding.last.replace(address, name);
                let record = finding.record.take();
                finding.record = record.map(|record| record.replace(address, name));
            }
        }
        self
    }

    /// In another network namespace.
    pub(crate) fn in_namespace(self, inode: u32) -> Self {
        self.each(|record| {
            record.netns = inode;
            record.known |= known::NETNS;
        })
    }

    /// Each so many-th lost a segment, which was sent again.
    pub(crate) fn losing_one_in(self, many: u32) -> Self {
        let mut number = 0;
        self.each(move |record| {
            number += 1;
            if number % many == 0 {
                record.retransmits += 1;
                record.known |= known::RETRANSMITS;
            }
        })
    }

    /// Only those that began so many milliseconds after the start, or sooner.
    pub(crate) fn within(mut self, milliseconds: u64) -> Self {
        let until = self.start.clock.monotonic_ns + milliseconds * MS;
        self.length_ns = self.length_ns.min(milliseconds * MS);
        self.only(|record: &mut ConnectionRecord| record.started_ns <= until)
    }
}

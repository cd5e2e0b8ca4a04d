// SPDX-License-Identifier: MIT
//! Changes of the circumstances: a trace that begins late, lacks records or follows one
//! process; who started the programs; bursts and other servers.

use std::collections::BTreeMap;

use zkchurn_common::record::{self, ConnectionRecord, known};

use super::{
    change::{MS, later},
    scene::{Piece, Scene},
};

/// The pid of the first of several processes with one parent, and that of the parent.
const WORKERS: u32 = 40_000;
const PARENT: u32 = 39_000;

impl Scene {
    /// The trace began so many milliseconds later. Of what was open then only the process that
    /// holds it is known, as /proc tells it; what was over is not in it.
    pub(crate) fn begun_after(mut self, milliseconds: u64) -> Self {
        let by = milliseconds * MS;
        self.start.clock.monotonic_ns += by;
        self.start.clock.realtime_ns += i64::try_from(by).unwrap();
        self.length_ns -= by;
        let from = self.start.clock.monotonic_ns;
        self.only(|record| {
            if record.started_ns >= from {
                return true;
            }
            let was_established = (1..=from).contains(&record.established_ns);
            let is_left = (1..from).contains(&record.left_established_ns);
            if record.until_ns < from || !was_established || is_left {
                return false;
            }
            (record.started_ns, record.established_ns) = (from, from);
            record.known &= !(known::OPENER | known::PARENT);
            record.known |= known::BEFORE_START | known::HOLDER;
            record.opener_tid = 0;
            true
        })
    }

    /// Each so many-th connection found no room in the ring buffer when it ended.
    pub(crate) fn losing_records(mut self, one_in: u64) -> Self {
        let mut lost = 0;
        let mut ended = 0;
        self = self.only(|record| {
            let is_ended = record.stage == record::STAGE_ENDED;
            ended += u64::from(is_ended);
            let is_lost = is_ended && ended % one_in == 0;
            lost += u64::from(is_lost);
            !is_lost
        });
        self.loss.ended_records_dropped += lost;
        self
    }

    /// Traced with `--pid` of the first process.
    pub(crate) fn of_one_process(mut self) -> Self {
        let mut opened = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Connection(record) if record.opener_tgid > 0 => Some(record.opener_tgid),
            _ => None,
        });
        let pid = opened.next().unwrap();
        drop(opened);
        self.start.pid = Some(pid);
        self.pieces.retain(|piece| match piece {
            Piece::Process(process) => process.key.pid == pid,
            Piece::Look(look) => look.key.pid == pid,
            _ => true,
        });
        self.only(|record| record.opener_tgid == pid)
    }

    /// By so many workers in turn, of one parent that is a program of the same name.
    pub(crate) fn by_workers(self, workers: u32) -> Self {
        self.without_processes().each_by_number(|number, record| {
            let turn = number % workers;
            record.opener_tgid = WORKERS + turn;
            record.opener_tid = record.opener_tgid;
            if record.closer_tgid > 0 {
                (record.closer_tgid, record.closer_tid) = (record.opener_tgid, record.opener_tid);
            }
            record.opener_start_ns = 1_000 * MS + u64::from(turn);
            let parent = record.process_comm;
            (record.opener_comm, record.closer_comm) = (parent, parent);
            has_parent(record, 0, parent);
        })
    }

    /// Started by these programs in turn.
    pub(crate) fn started_by(self, programs: &[&str]) -> Self {
        self.each_by_number(|number, record| {
            let turn = number as usize % programs.len();
            let mut name = [0; 16];
            name[..programs[turn].len()].copy_from_slice(programs[turn].as_bytes());
            has_parent(record, turn as u32, name);
        })
    }

    /// The same at the same time by so many programs, a few milliseconds apart.
    pub(crate) fn by_programs_at_once(self, programs: u32) -> Self {
        let mut scene = self.without_first_bytes().without_processes();
        let once = scene.pieces.clone();
        for number in 1..programs {
            scene.pieces.extend(once.iter().cloned().map(|mut piece| {
                if let Piece::Connection(record) = &mut piece {
                    record.socket ^= u64::from(number) << 40;
                    record.opener_tgid += 100 * number;
                    record.opener_tid += 100 * number;
                    if record.closer_tgid > 0 {
                        record.closer_tgid += 100 * number;
                        record.closer_tid += 100 * number;
                    }
                    record.opener_start_ns += u64::from(number) * MS;
                    later(record, u64::from(number * 7 % 40) * MS);
                }
                piece
            }));
        }
        scene.pieces.sort_by_key(Piece::at_ns);
        scene
    }

    /// So many connections within a few milliseconds, then none for as long as all of them
    /// took.
    pub(crate) fn in_bursts(mut self, of: u32) -> Self {
        let mut first = 0;
        let mut moved = BTreeMap::new();
        self = self.each_by_number(|number, record| {
            let by = *moved.entry(record.socket).or_insert_with(|| {
                if number % of == 0 {
                    first = record.started_ns;
                }
                let to = first + u64::from(number % of) * 3 * MS;
                to.wrapping_sub(record.started_ns)
            });
            later(record, by);
        });
        for piece in &mut self.pieces {
            if let Piece::FirstBytes(first) = piece
                && let Some(by) = moved.get(&first.socket)
            {
                first.at_ns = first.at_ns.wrapping_add(*by);
            }
        }
        self.pieces.sort_by_key(Piece::at_ns);
        self
    }

    /// To so many servers in turn, over IPv6.
    pub(crate) fn at_ipv6_servers_in_turn(self, servers: u8) -> Self {
        self.over_ipv6().each_by_number(|number, record| {
            record.remote_address[15] = 0x31 + (number % u32::from(servers)) as u8;
        })
    }

    /// Its logs were not searched.
    pub(crate) fn without_logs(mut self) -> Self {
        for piece in &mut self.pieces {
            if let Piece::Look(look) = piece {
                look.logs = None;
            }
        }
        self
    }

    /// Of a copy of ZooKeeper's client in Flink's own package.
    pub(crate) fn of_a_shaded_client(mut self) -> Self {
        const DOTS: &str = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.";
        const SLASHES: &str = "org/apache/flink/shaded/zookeeper3/org/apache/zookeeper/";
        let shade = |text: &mut String| {
            *text = text
                .replace("org.apache.zookeeper.", DOTS)
                .replace("org/apache/zookeeper/", SLASHES);
        };
        for piece in &mut self.pieces {
            let Piece::Look(look) = piece else { continue };
            let threads = look.jvm.iter_mut().flat_map(|jvm| &mut jvm.threads);
            threads.flat_map(|thread| &mut thread.stack).for_each(shade);
            let findings = look.logs.iter_mut().flat_map(|logs| &mut logs.findings);
            for finding in findings {
                shade(&mut finding.last);
                finding.record.iter_mut().for_each(shade);
            }
        }
        self
    }

    /// Behind an IPv6 address, as the server has it.
    pub(crate) fn behind_ipv6_host(self, host: u8) -> Self {
        self.over_ipv6()
            .each(|record| record.remote_address[15] = host)
    }

    /// A JVM's socket for both families: IPv6, with the IPv4 address mapped into it.
    pub(crate) fn over_both_families(self) -> Self {
        self.each(|record| record.family = record::FAMILY_INET6)
    }
}

fn has_parent(record: &mut ConnectionRecord, number: u32, name: [u8; 16]) {
    record.parent_tgid = PARENT + number;
    record.parent_start_ns = 900 * MS + u64::from(number);
    record.parent_comm = name;
    record.known |= known::OPENER_START | known::PARENT | known::PARENT_START | known::PARENT_COMM;
}

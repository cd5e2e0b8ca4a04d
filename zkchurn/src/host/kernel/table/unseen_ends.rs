// SPDX-License-Identifier: MIT
//! Connections of the table whose end was missed shortly before the trace ends, too late for the
//! walks to find them (docs/adr/0023): they are neither open nor half-closed.

use std::{collections::HashSet, time::Instant};

use aya::Ebpf;
use zerocopy::FromBytes;
use zkchurn_common::{
    record::{ENTRY_SIZE, STAGE_ENDED, TableEntry},
    settings::CHECKED_AT_ONCE,
};

use super::{Table, run};

/// The program leaves younger connections alone, as it enters one before the kernel writes its
/// state. That takes microseconds, so what is older may be looked at here; a connection that
/// has left ESTABLISHED may at any age.
const ENTERED_NS: u64 = 100_000_000;
/// What is older and was open at the latest walks is left to them: of a full table all would be too many.
const WALKED_NS: u64 = 30_000_000_000;
/// A copy has the key of its entry but for this bit, which no cookie has and all addresses of the
/// kernel have.
const COPY: u64 = 1 << 62;

impl Table {
    /// The sockets of entries that are closed already, as many as are looked at until `deadline`.
    ///
    /// The program is asked of copies, which seem old to it. It takes an entry out before the
    /// kernel writes that a socket is closed (net/ipv4/tcp.c, `tcp_set_state`), so an entry that is
    /// there still was missed. To be asked while the programs are attached.
    pub(in crate::host::kernel) fn unseen_ends(
        &mut self,
        ebpf: &mut Ebpf,
        now_ns: u64,
        deadline: Instant,
    ) -> HashSet<u64> {
        let mut closed = HashSet::new();
        if self.unchecked.is_some() {
            return closed;
        }
        let entries = self.tracked.iter().filter_map(Result::ok);
        let entries = entries.take_while(|_| Instant::now() < deadline);
        let entries = entries.filter_map(|(key, bytes)| {
            let entry = TableEntry::read_from_bytes(&bytes).ok()?;
            is_worth_a_look(&entry, now_ns).then_some((key, entry))
        });
        let entries: Vec<_> = entries.collect();
        for entries in entries.chunks(CHECKED_AT_ONCE) {
            if Instant::now() >= deadline {
                break;
            }
            closed.extend(self.closed_of(ebpf, entries));
        }
        closed
    }

    /// Those of some entries whose sockets are closed.
    fn closed_of(&mut self, ebpf: &mut Ebpf, entries: &[(u64, TableEntry)]) -> Vec<u64> {
        let copies: Vec<(u64, u64)> = entries
            .iter()
            .filter(|(key, entry)| self.insert(key ^ COPY, old(entry)))
            .map(|(key, _)| (*key, key ^ COPY))
            .collect();
        let keys: Vec<u64> = copies.iter().map(|(_, copy)| *copy).collect();
        let looked = run(ebpf, &keys);
        if let Err(error) = &looked {
            log::debug!("{error:?}");
        }
        let mut closed = Vec::new();
        for (key, copy) in copies {
            let is_closed = self
                .entry(copy)
                .is_some_and(|entry| entry.found_closed != 0);
            // Where it cannot be taken out the table is about to go as well.
            let _ = self.tracked.remove(&copy);
            if is_closed {
                closed.push(key);
            }
        }
        closed
    }

    /// Whether there was room for it.
    fn insert(&mut self, key: u64, entry: TableEntry) -> bool {
        let bytes: [u8; ENTRY_SIZE] = zerocopy::transmute!(entry);
        self.tracked.insert(key, bytes, super::BPF_NOEXIST).is_ok()
    }
}

fn is_worth_a_look(entry: &TableEntry, now_ns: u64) -> bool {
    let record = &entry.record;
    let age_ns = now_ns.saturating_sub(record.started_ns);
    let is_closing = record.left_established_ns != 0 || entry.found_closed != 0;
    let is_known = entry.address != 0 && record.stage != STAGE_ENDED;
    is_known && (is_closing || (ENTERED_NS..WALKED_NS).contains(&age_ns))
}

/// The same of a connection that began with the host, and was looked at by no walk.
fn old(entry: &TableEntry) -> TableEntry {
    let mut old = *entry;
    old.record.started_ns = 0;
    old.found_closed = 0;
    old
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    #[test]
    fn what_has_just_begun_or_is_old_and_open_is_not_looked_at() {
        let now_ns = 100_000_000_000;
        let looked_at = |age_ns: u64, left_established_ns: u64, address: u64, stage: u8| {
            let mut entry = TableEntry::new_zeroed();
            entry.record.started_ns = now_ns - age_ns;
            entry.record.left_established_ns = left_established_ns;
            entry.record.stage = stage;
            entry.address = address;
            is_worth_a_look(&entry, now_ns)
        };
        assert!(!looked_at(1_000_000, 0, 7, 0));
        assert!(looked_at(1_000_000, now_ns, 7, 0), "it is closing");
        assert!(looked_at(200_000_000, 0, 7, 0));
        assert!(!looked_at(60_000_000_000, 0, 7, 0));
        assert!(looked_at(60_000_000_000, now_ns, 7, 0));
        assert!(
            !looked_at(200_000_000, 0, 0, 0),
            "where its socket is is not known"
        );
        assert!(!looked_at(200_000_000, 0, 7, STAGE_ENDED));
    }
}

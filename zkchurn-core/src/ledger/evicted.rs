// SPDX-License-Identifier: MIT
//! What makes room for what is new: flows and threads that have been quiet for
//! longest, then those of whoever holds most (docs/adr/0013). Time is that of the records.

use std::sync::Arc;

use super::{
    FlowKey, Ledger, MOST_FLOWS, MOST_THREADS,
    shares::{Candidate, Holder},
    tally::Tally,
};
use crate::connection::Connection;

/// Nobody counts as quiet who was busy within this time. The pauses of ZooKeeper's
/// clients are seconds, so a client that still churns is never quiet for so long.
const QUIET_NS: u64 = 60_000_000_000;
/// After a look that did not find enough, so long until the next.
const BETWEEN_SWEEPS_NS: u64 = 1_000_000_000;
/// One of so many is evicted at once, so that not every newcomer pays for a look
/// at all.
const SHARE: usize = 4;

/// What was evicted. All of it is still in the totals.
#[derive(Clone, Debug, Default)]
pub struct Evicted {
    /// How often a flow was evicted.
    pub flows: u64,
    /// How often a thread was evicted whose flow was not.
    pub threads: u64,
    /// The connections of the evicted flows.
    pub tally: Tally,
}

impl Ledger {
    /// Makes room where the bounds are reached: what has been quiet for longest goes, else a
    /// part of what one holder has most of. Returns whether there is room for one more flow.
    #[cold]
    pub(super) fn make_room(&mut self, key: &FlowKey, newcomer: &Connection) -> bool {
        let now_ns = moment(newcomer);
        self.forget_the_quiet(now_ns);
        let holders = Holder::of_connection(key, newcomer);
        if self.flows.len() >= MOST_FLOWS && self.shares_of_flows.may_free(&holders, now_ns) {
            self.part_with_flows(&holders, now_ns);
        }
        self.flows.len() < MOST_FLOWS || self.takes_a_place(key, newcomer)
    }

    /// Whether one that comes again and again got the place of one that came less than half as
    /// often and has nothing open.
    fn takes_a_place(&mut self, key: &FlowKey, newcomer: &Connection) -> bool {
        if newcomer.stage.goes_on() || newcomer.before_start {
            return false;
        }
        let Some(ended) = self.comers.come(key) else {
            return false;
        };
        let flows = self.flows.iter();
        let seldom = flows.filter(|(_, flow)| {
            let tally = &flow.tally;
            let has_none_open = tally.open() == 0 && tally.older.open() == 0;
            has_none_open && tally.opened().max(tally.ended) < ended / 2
        });
        let seldom = seldom.map(|(key, flow)| {
            let tally = &flow.tally;
            (tally.opened(), tally.last_seen_ns, *key)
        });
        let Some((.., least)) = seldom.min() else {
            self.comers.put_off(key);
            return false;
        };
        self.evict(&least);
        self.comers.forget(key);
        true
    }

    /// Likewise for a thread.
    #[cold]
    pub(super) fn make_room_for_thread(&mut self, key: &FlowKey, newcomer: &Connection) {
        let now_ns = moment(newcomer);
        self.forget_the_quiet(now_ns);
        let newcomer = Holder::of_connection(key, newcomer);
        if self.threads >= MOST_THREADS && self.shares_of_threads.may_free(&newcomer, now_ns) {
            self.part_with_threads(&newcomer, now_ns);
        }
    }

    fn forget_the_quiet(&mut self, now_ns: u64) {
        if now_ns < self.next_sweep_ns {
            return;
        }
        let quiet_since = now_ns.saturating_sub(QUIET_NS);
        let mut found_enough = true;
        if self.flows.len() >= MOST_FLOWS {
            found_enough &= self.forget_flows(quiet_since);
        }
        if self.threads >= MOST_THREADS {
            found_enough &= self.forget_threads(quiet_since);
        }
        if !found_enough {
            self.next_sweep_ns = now_ns.saturating_add(BETWEEN_SWEEPS_NS);
        }
    }

    /// Forgets the quiet flows, the longest quiet first; whether there were enough.
    fn forget_flows(&mut self, quiet_since: u64) -> bool {
        let quiet = self.flows.iter();
        let quiet = quiet.filter(|(_, flow)| flow.tally.last_seen_ns < quiet_since);
        let quiet = quiet.map(|(key, flow)| (flow.tally.last_seen_ns, *key));
        let (quiet, enough) = longest_quiet(quiet.collect(), MOST_FLOWS / SHARE);
        for (_, key) in quiet {
            self.evict(&key);
        }
        enough
    }

    fn part_with_flows(&mut self, newcomer: &[Holder; 2], now_ns: u64) {
        let flows = self.flows.iter();
        let candidates = flows.map(|(key, flow)| Candidate::of(key, flow, &flow.tally, *key));
        let shares = &mut self.shares_of_flows;
        for key in shares.give_way(candidates.collect(), newcomer, MOST_FLOWS / SHARE, now_ns) {
            self.evict(&key);
        }
    }

    fn evict(&mut self, key: &FlowKey) {
        let Some(flow) = self.flows.remove(key) else {
            return;
        };
        self.threads -= flow.threads.len();
        self.groups -= flow.groups.count();
        self.evicted.flows += 1;
        self.evicted.tally.absorb(&flow.tally);
        self.in_part.note_flow(key, &flow);
    }

    /// As [`Self::forget_flows`] for threads; their flows keep the counts.
    fn forget_threads(&mut self, quiet_since: u64) -> bool {
        let mut quiet: Vec<(u64, (FlowKey, u32))> = Vec::new();
        for (key, flow) in &self.flows {
            for (tid, thread) in &flow.threads {
                if thread.tally.last_seen_ns < quiet_since {
                    quiet.push((thread.tally.last_seen_ns, (*key, *tid)));
                }
            }
        }
        let (quiet, enough) = longest_quiet(quiet, MOST_THREADS / SHARE);
        for (_, (key, tid)) in quiet {
            self.evict_thread(&key, tid);
        }
        enough
    }

    fn part_with_threads(&mut self, newcomer: &[Holder; 2], now_ns: u64) {
        let mut candidates = Vec::with_capacity(self.threads);
        for (key, flow) in &self.flows {
            for (tid, thread) in &flow.threads {
                candidates.push(Candidate::of(key, flow, &thread.tally, (*key, *tid)));
            }
        }
        let shares = &mut self.shares_of_threads;
        for (key, tid) in shares.give_way(candidates, newcomer, MOST_THREADS / SHARE, now_ns) {
            self.evict_thread(&key, tid);
        }
    }

    fn evict_thread(&mut self, key: &FlowKey, tid: u32) {
        if let Some(flow) = self.flows.get_mut(key).map(Arc::make_mut)
            && flow.threads.remove(&tid).is_some()
        {
            flow.threads_left_out = true;
            self.threads -= 1;
            self.evicted.threads += 1;
        }
    }
}

/// The trace's own time.
fn moment(newcomer: &Connection) -> u64 {
    let latest = newcomer.ended_ns.or(newcomer.established_ns);
    latest.unwrap_or(newcomer.started_ns)
}

/// At most `most`, in an order that does not depend on the hash; whether there were
/// so many.
fn longest_quiet<T: Ord>(mut quiet: Vec<(u64, T)>, most: usize) -> (Vec<(u64, T)>, bool) {
    quiet.sort_unstable();
    let enough = quiet.len() >= most;
    quiet.truncate(most);
    (quiet, enough)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{MOST_THREADS, test_connection::ended},
        outcome::Outcome,
    };

    const OUTCOME: Outcome = Outcome::ClosedByUsBeforeAnyByte;

    fn by_process(pid: u32, start_ms: u64) -> Connection {
        let mut connection = ended(start_ms, 0, 0, OUTCOME);
        let opener = connection.opener.as_mut().unwrap();
        opener.thread.tgid = pid;
        opener.thread.tid = pid;
        connection
    }

    fn by_thread(tid: u32, start_ms: u64) -> Connection {
        let mut connection = ended(start_ms, 0, 0, OUTCOME);
        connection.opener.as_mut().unwrap().thread.tid = tid;
        connection
    }

    /// What is counted beside the flows, for its limits, is what they hold: too low a count
    /// and memory has no bound, too high a one and what there is room for is not told apart.
    fn assert_counts(ledger: &Ledger) {
        let flows = ledger.flows();
        let groups: usize = flows.iter().map(|(_, flow)| flow.groups.count()).sum();
        assert_eq!(ledger.groups, groups, "groups");
        let threads: usize = flows.iter().map(|(_, flow)| flow.threads.len()).sum();
        assert_eq!(ledger.threads, threads, "threads");
    }

    fn sum_of_parts(ledger: &Ledger) -> u64 {
        let flows = ledger.flows();
        let told_apart: u64 = flows.iter().map(|(_, flow)| flow.tally.ended).sum();
        told_apart + ledger.beyond.ended + ledger.evicted.tally.ended
    }

    #[test]
    fn many_processes_in_a_row_take_no_more_room_and_stay_in_the_totals() {
        let mut ledger = Ledger::default();
        let all = 5 * MOST_FLOWS as u64;
        for number in 0..all {
            ledger.observe(&by_process(number as u32 + 1, number * 100), OUTCOME);
            assert!(ledger.flows.len() <= MOST_FLOWS);
            assert!(ledger.groups <= MOST_FLOWS);
        }
        assert_eq!((ledger.total.ended, sum_of_parts(&ledger)), (all, all));
        assert!(ledger.evicted.flows > 3 * MOST_FLOWS as u64);
        let last = by_process(all as u32, 0);
        assert!(
            ledger
                .flows()
                .iter()
                .any(|(key, _)| { key.process == crate::process::ProcessKey::of(&last) })
        );
    }

    #[test]
    fn who_is_busy_is_never_forgotten() {
        let mut ledger = Ledger::default();
        for number in 0..3 * MOST_FLOWS as u64 {
            ledger.observe(&by_process(number as u32 + 10, number * 100), OUTCOME);
            if number % 100 == 0 {
                ledger.observe(&by_process(1, number * 100 + 1), OUTCOME);
            }
        }
        let busiest = ledger.flows()[0];
        assert_eq!(busiest.0.process.map(|process| process.pid), Some(1));
        assert_eq!(busiest.1.tally.ended, 3 * MOST_FLOWS as u64 / 100 + 1);
    }

    #[test]
    fn within_a_minute_newcomers_are_counted_together() {
        let mut ledger = Ledger::default();
        let all = MOST_FLOWS as u64 + 500;
        for number in 0..all {
            ledger.observe(&by_process(number as u32 + 1, number), OUTCOME);
        }
        assert_eq!((ledger.evicted.flows, ledger.beyond.ended), (0, 500));
        assert_eq!(sum_of_parts(&ledger), all);
    }

    fn to_peer(pid: u32, peer: u32, start_ms: u64) -> Connection {
        let mut connection = by_process(pid, start_ms);
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + peer);
        connection.remote.set_ip(address.into());
        connection
    }

    fn named(name: &[u8], mut connection: Connection) -> Connection {
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name);
        let opener = connection.opener.as_mut().unwrap();
        opener.process_comm = Some(crate::connection::Comm::new(bytes));
        connection
    }

    fn ended_of(ledger: &Ledger, pid: u32) -> u64 {
        let flows = ledger.flows();
        let own = flows
            .iter()
            .filter(|(key, _)| key.process.is_some_and(|process| process.pid == pid));
        own.map(|(_, flow)| flow.tally.ended).sum()
    }

    #[test]
    fn a_process_that_connects_to_thousands_of_peers_leaves_room_for_others() {
        let mut ledger = Ledger::default();
        let (scanner, victim) = (7, 8);
        for number in 0..20_000 {
            ledger.observe(&named(b"scan", to_peer(scanner, number, 1_000)), OUTCOME);
        }
        assert_eq!(ledger.flows.len(), MOST_FLOWS);
        for number in 0..50 {
            ledger.observe(&named(b"app", to_peer(victim, 9, 1_001 + number)), OUTCOME);
            ledger.observe(&named(b"scan", to_peer(scanner, 30_000, 1_001)), OUTCOME);
        }
        assert_eq!(ended_of(&ledger, victim), 50);
        assert_eq!(sum_of_parts(&ledger), 20_100);
        let is_part = |pid| {
            let flows = ledger.flows();
            let of = |(key, _): &&(&FlowKey, &crate::ledger::Flow)| {
                key.process.is_some_and(|process| process.pid == pid)
            };
            let (key, flow) = flows.iter().find(of).unwrap();
            ledger.in_part.has(key, flow)
        };
        assert!(is_part(scanner) && !is_part(victim));
        // What the scanner does again and again keeps its row.
        let busiest = ledger.flows()[1];
        assert_eq!(busiest.1.tally.ended, 50);
        assert_counts(&ledger);
    }

    #[test]
    fn who_comes_again_and_again_takes_the_place_of_one_that_came_once() {
        let mut ledger = Ledger::default();
        let churner = 7;
        // None of them has more than its share, and the churner is of the same program.
        for number in 0..80 * 60 {
            let decoy = to_peer(100 + number / 60, number, 1_000);
            ledger.observe(&named(b"python3", decoy), OUTCOME);
        }
        for number in 0..300 {
            let churn = to_peer(churner, 99_999, 1_001 + number);
            ledger.observe(&named(b"python3", churn), OUTCOME);
        }
        assert_eq!(ended_of(&ledger, churner), 291);
        assert_eq!(ledger.evicted.flows, 1);
        assert_eq!(sum_of_parts(&ledger), 5_100);
        assert_counts(&ledger);
    }

    #[test]
    fn where_all_come_as_often_nobody_takes_a_place() {
        let mut ledger = Ledger::default();
        for round in 0..30 {
            for number in 0..2 * MOST_FLOWS as u32 {
                let churn = by_process(100 + number, 1_000 + round);
                ledger.observe(&named(b"nc", churn), OUTCOME);
            }
        }
        assert_eq!(ledger.evicted.flows, 0);
        assert_counts(&ledger);
    }

    #[test]
    fn a_program_that_is_started_anew_for_each_connection_leaves_room_for_others() {
        let mut ledger = Ledger::default();
        for number in 0..6_000 {
            ledger.observe(&named(b"nc", by_process(100 + number, 1_000)), OUTCOME);
        }
        for number in 0..3_000 {
            ledger.observe(&named(b"app", by_process(7, 1_001 + number)), OUTCOME);
        }
        assert_eq!(ended_of(&ledger, 7), 3_000);
        assert_eq!(sum_of_parts(&ledger), 9_000);
    }

    #[test]
    fn a_remote_host_with_a_network_of_addresses_leaves_room_for_others() {
        let mut ledger = Ledger::default();
        let from = |network: u128, host: u128| {
            let mut connection = by_process(1, 1_000);
            connection.side = crate::connection::Side::Server;
            connection.opener = None;
            let address = std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) | network << 64 | host);
            connection.remote.set_ip(address.into());
            connection
        };
        for host in 0..6_000 {
            ledger.observe(&from(1, host), OUTCOME);
        }
        for _ in 0..20 {
            ledger.observe(&from(2, 1), OUTCOME);
        }
        assert_eq!(ledger.flows()[0].1.tally.ended, 20);
        assert_eq!(sum_of_parts(&ledger), 6_020);
    }

    #[test]
    fn threads_of_one_process_leave_room_for_those_of_others() {
        let mut ledger = Ledger::default();
        for number in 0..2 * MOST_THREADS as u32 {
            ledger.observe(&by_thread(number + 1, 1_000), OUTCOME);
        }
        ledger.observe(&named(b"app", by_process(7, 1_001)), OUTCOME);
        let flows = ledger.flows();
        let of = |(key, _): &&(&FlowKey, &crate::ledger::Flow)| {
            key.process.is_some_and(|process| process.pid == 7)
        };
        let (_, flow) = flows.iter().find(of).unwrap();
        assert!(flow.threads.contains_key(&7) && !flow.threads_left_out);
        assert_counts(&ledger);
    }

    #[test]
    fn looking_for_room_is_rare_also_where_each_connection_is_to_a_new_peer() {
        let mut ledger = Ledger::default();
        let (mut looks, mut before) = (0, 0);
        for number in 0..200_000_u32 {
            // A scanner, and programs that come once each.
            let (pid, peer) = (7 + number % 2 * number, number);
            ledger.observe(&to_peer(pid, peer, 1_000 + u64::from(number / 20)), OUTCOME);
            looks += u32::from(ledger.evicted.flows != before);
            before = ledger.evicted.flows;
        }
        assert!(looks < 400, "{looks}");
        assert_eq!(sum_of_parts(&ledger), 200_000);
    }

    #[test]
    fn a_thread_for_each_request_takes_no_more_room_and_stays_in_its_flow() {
        let mut ledger = Ledger::default();
        let all = 4 * MOST_THREADS as u64;
        for number in 0..all {
            ledger.observe(&by_thread(number as u32 + 1, number * 100), OUTCOME);
            assert!(ledger.threads <= MOST_THREADS);
        }
        let (_, flow) = ledger.flows()[0];
        assert_eq!(flow.tally.ended, all);
        assert_eq!(flow.threads.len(), ledger.threads);
        assert!(flow.threads_left_out && flow.threads.contains_key(&(all as u32)));
        assert!(ledger.evicted.threads > 2 * MOST_THREADS as u64);
    }

    #[test]
    fn what_is_counted_for_the_limits_is_what_there_is() {
        let mut ledger = Ledger::default();
        let outcomes = [
            Outcome::ClosedByUsBeforeAnyByte,
            Outcome::AnsweredThenClosedByUs,
            Outcome::Refused,
        ];
        // More processes than there is room for, each with some ways to end.
        for number in 0..(MOST_FLOWS + 200) as u32 {
            for (step, outcome) in (0_u32..).zip(outcomes) {
                let mut connection = ended(u64::from(number) * 1_000, 10, 10, outcome);
                let opener = connection.opener.as_mut().unwrap();
                opener.thread.tgid = number + 1;
                opener.thread.tid = number + 1 + step % 2;
                ledger.observe(&connection, outcome);
            }
            if number % 500 == 0 {
                assert_counts(&ledger);
            }
        }
        assert_counts(&ledger);
        assert!(ledger.evicted.tally.ended > 0);
    }

    #[test]
    fn a_recording_may_claim_the_end_of_all_time() {
        const LAST_MS: u64 = u64::MAX / 1_000_000 - 10;
        let mut ledger = Ledger::default();
        for pid in 1..MOST_FLOWS as u32 + 3 {
            ledger.observe(&by_process(pid, LAST_MS), OUTCOME);
        }
        assert_eq!(ledger.beyond.ended, 2);
    }
}

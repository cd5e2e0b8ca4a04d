// SPDX-License-Identifier: MIT
//! What makes room for what is new: flows and threads that have been quiet for
//! longest (docs/adr/0013). Time is that of the records.

use super::{FlowKey, Ledger, MOST_FLOWS, MOST_THREADS, tally::Tally};
use crate::connection::Connection;

/// Nobody is evicted who was busy within this time. The pauses of ZooKeeper's
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
    /// Forgets what has been quiet for longest where the bounds are reached.
    /// Returns whether there is room for one more flow.
    #[cold]
    pub(super) fn make_room(&mut self, newcomer: &Connection) -> bool {
        let latest = newcomer.ended_ns.or(newcomer.established_ns);
        let now_ns = latest.unwrap_or(newcomer.started_ns);
        if now_ns >= self.next_sweep_ns {
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
        self.flows.len() < MOST_FLOWS
    }

    /// Forgets the quiet flows, the longest quiet first; whether there were enough.
    fn forget_flows(&mut self, quiet_since: u64) -> bool {
        let quiet = self.flows.iter();
        let quiet = quiet.filter(|(_, flow)| flow.tally.last_seen_ns < quiet_since);
        let quiet = quiet.map(|(key, flow)| (flow.tally.last_seen_ns, *key));
        let (quiet, enough) = longest_quiet(quiet.collect(), MOST_FLOWS / SHARE);
        for (_, key) in quiet {
            let Some(flow) = self.flows.remove(&key) else {
                continue;
            };
            self.threads -= flow.threads.len();
            self.groups -= flow.groups.count();
            self.evicted.flows += 1;
            self.evicted.tally.absorb(&flow.tally);
        }
        enough
    }

    /// Likewise for threads; their flows keep the counts.
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
            if let Some(flow) = self.flows.get_mut(&key)
                && flow.threads.remove(&tid).is_some()
            {
                flow.threads_left_out = true;
                self.threads -= 1;
                self.evicted.threads += 1;
            }
        }
        enough
    }
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

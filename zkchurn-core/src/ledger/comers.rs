// SPDX-License-Identifier: MIT
//! Who comes again and again and has no row: it takes the place of one that came seldom, however
//! evenly the rows are shared. Memory is bounded (Misra and Gries, 1982): without room each count
//! is lowered, so that only those stay that come more often than the others.

use super::FlowKey;
use crate::hash::HashMap;

/// Most flows without a row that are told apart.
const MOST: usize = 256;
/// So many connections that ended are churn, and worth a row.
const ENOUGH: u64 = 10;

/// How often flows without a row came.
#[derive(Clone, Debug, Default)]
pub(super) struct Comers {
    counts: HashMap<FlowKey, Comer>,
}

#[derive(Clone, Copy, Debug)]
struct Comer {
    ended: u64,
    /// At so many it asks for a row.
    asks_at: u64,
}

impl Comers {
    /// Counts a connection that ended; how many there were, if it is time to ask for a row.
    pub(super) fn come(&mut self, key: &FlowKey) -> Option<u64> {
        if let Some(comer) = self.counts.get_mut(key) {
            comer.ended += 1;
            return (comer.ended >= comer.asks_at).then_some(comer.ended);
        }
        if self.counts.len() < MOST {
            let (ended, asks_at) = (1, ENOUGH);
            self.counts.insert(*key, Comer { ended, asks_at });
            return None;
        }
        self.counts.retain(|_, comer| {
            comer.ended -= 1;
            comer.ended > 0
        });
        None
    }

    /// It has a row.
    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.counts.remove(key);
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.counts.len()
    }

    /// Nobody came so much less often: it asks again once it has come twice as often.
    pub(super) fn put_off(&mut self, key: &FlowKey) {
        if let Some(comer) = self.counts.get_mut(key) {
            comer.asks_at = comer.ended.saturating_mul(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Destination, test_connection::ended},
        outcome::Outcome,
        process::ProcessKey,
    };

    fn key(pid: u32) -> FlowKey {
        let connection = ended(1, 0, 0, Outcome::AnsweredThenClosedByUs);
        FlowKey {
            process: Some(ProcessKey { pid, start_ns: 0 }),
            destination: Destination::of(&connection),
        }
    }

    #[test]
    fn a_storm_of_others_hides_nobody_and_takes_no_memory() {
        let mut comers = Comers::default();
        let mut asked = None;
        for number in 0..10_000 {
            assert_eq!(comers.come(&key(100 + number)), None);
            assert!(comers.count() <= MOST);
            if number % 10 == 0 && asked.is_none() {
                asked = comers.come(&key(1));
            }
        }
        assert_eq!(asked, Some(ENOUGH));
    }

    #[test]
    fn who_got_no_place_asks_again_at_twice_as_many() {
        let mut comers = Comers::default();
        let mut asks = Vec::new();
        for _ in 0..45 {
            if let Some(ended) = comers.come(&key(1)) {
                asks.push(ended);
                comers.put_off(&key(1));
            }
        }
        assert_eq!(asks, [10, 20, 40]);
        comers.forget(&key(1));
        assert_eq!(comers.count(), 0);
    }
}

// SPDX-License-Identifier: MIT
//! What could not be recorded, by where it was lost.

use std::collections::BTreeMap;

use crate::report::Loss;

/// Counts that only grow, made of those of one trace after another.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<&'static str, Count>);

#[derive(Debug, Default)]
struct Count {
    all: u64,
    /// Of the trace that goes on.
    latest: u64,
}

impl Count {
    fn next(&mut self, latest: u64) {
        // A trace that takes the place of another may count from zero.
        self.all += latest.checked_sub(self.latest).unwrap_or(latest);
        self.latest = latest;
    }
}

impl Lost {
    pub(super) fn count(&mut self, loss: &Loss) {
        let kernel = &loss.kernel;
        let counted = [
            ("ring_buffer", Some(kernel.ended_records_dropped)),
            ("table_full", Some(kernel.table_full)),
            ("recursion", kernel.recursion_misses),
            ("undecodable", Some(loss.undecodable_records)),
            ("export", kernel.records_not_exported),
        ];
        for (place, count) in counted {
            if let Some(count) = count {
                self.0.entry(place).or_default().next(count);
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(place, count)| (*place, count.all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_begins_anew_takes_nothing_back() {
        let mut lost = Lost::default();
        let mut loss = Loss::default();
        for undecodable in [3, 5, 0, 2] {
            loss.undecodable_records = undecodable;
            lost.count(&loss);
        }
        let all: BTreeMap<_, _> = lost.all().collect();
        assert_eq!(all["undecodable"], 7);
        assert_eq!(all["table_full"], 0);
        assert!(
            !all.contains_key("recursion"),
            "an old kernel does not tell"
        );
    }
}

// SPDX-License-Identifier: MIT
//! How much happened when, in memory of a fixed size.

use std::collections::BTreeMap;

use serde::Serialize;

use super::moment::Moment;
use crate::{diagnose::rhythm::Rhythm, ledger::distribution::Distribution};

/// Buckets of time at most; they grow wider instead of more.
const BUCKETS: usize = 1440;

/// Counts by time: buckets of a minute, of more minutes where the log is longer
/// than a day.
#[derive(Clone, Debug, Default)]
pub struct LogHistogram {
    /// Each bucket is 2 to the power of this many minutes wide.
    doublings: u32,
    buckets: BTreeMap<i64, Bucket>,
    /// The bucket that is being filled: most events are of the same one as the
    /// one before.
    open: Option<(i64, Bucket)>,
}

/// What happened in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections ended.
    pub ended: u64,
}

impl Bucket {
    fn add(&mut self, more: Self) {
        self.accepted = self.accepted.saturating_add(more.accepted);
        self.ended = self.ended.saturating_add(more.ended);
    }
}

/// A bucket with its beginning.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its beginning.
    pub at: Moment,
    /// What happened in it.
    #[serde(flatten)]
    pub bucket: Bucket,
}

impl LogHistogram {
    /// Adds to the bucket of `at`.
    pub fn add(&mut self, at: Moment, add: Bucket) {
        let index = at.minute() >> self.doublings;
        match &mut self.open {
            Some((open, bucket)) if *open == index => bucket.add(add),
            _ => {
                self.close();
                self.open = Some((at.minute() >> self.doublings, add));
            }
        }
    }

    fn close(&mut self) {
        if let Some((index, bucket)) = self.open.take() {
            self.buckets.entry(index).or_default().add(bucket);
        }
        while self.buckets.len() > BUCKETS {
            self.double();
        }
    }

    fn double(&mut self) {
        self.doublings += 1;
        for (index, old) in std::mem::take(&mut self.buckets) {
            self.buckets.entry(index >> 1).or_default().add(old);
        }
    }

    /// Nothing more is added.
    pub fn finish(&mut self) {
        self.close();
    }

    /// Minutes that a bucket is wide.
    pub fn width_minutes(&self) -> u64 {
        1 << self.doublings
    }

    /// The buckets in which something happened, in order, once it is finished.
    pub fn rows(&self) -> Vec<Row> {
        let row = |(index, bucket): (&i64, &Bucket)| Row {
            at: Moment::of_minute(index << self.doublings),
            bucket: *bucket,
        };
        self.buckets.iter().map(row).collect()
    }
}

/// So many gaps are kept of each address: enough to see a rhythm, and there may be very
/// many addresses.
const GAPS: usize = 32;
/// Lines of one log are that much out of order at most.
const OVERTAKEN_MS: i64 = 500;

/// The time between events, of the latest ones.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    last: Option<Moment>,
    /// Milliseconds, the oldest overwritten first.
    latest: Vec<u32>,
    count: usize,
}

impl Gaps {
    /// An event. One that is logged a little before the last counts as at the same time, as
    /// threads overtake each other; further back the clock was set, or another log begins, and
    /// what lies between is not known.
    pub fn add(&mut self, at: Moment) {
        let Some(last) = self.last.replace(at) else {
            return;
        };
        let gap_ms = at.0.saturating_sub(last.0);
        if gap_ms < -OVERTAKEN_MS {
            return;
        }
        let gap_ms = gap_ms.max(0);
        let gap_ms = u32::try_from(gap_ms).unwrap_or(u32::MAX);
        match self.latest.get_mut(self.count % GAPS) {
            Some(oldest) => *oldest = gap_ms,
            None => self.latest.push(gap_ms),
        }
        self.count += 1;
    }

    /// Whether the rhythm is that of the latest of them only, and of how many.
    pub fn of_latest(&self) -> Option<usize> {
        (self.count > GAPS).then_some(GAPS)
    }

    /// Their rhythm, as a trace has it; none where all have the same time: how fast they came
    /// the log does not tell.
    pub fn rhythm(&self) -> Rhythm {
        let mut gaps = Distribution::default();
        if self.latest.iter().all(|gap_ms| *gap_ms == 0) {
            return Rhythm::of(&gaps);
        }
        let oldest = self.count % self.latest.len().max(1);
        let (later, earlier) = self.latest.split_at(oldest);
        for gap_ms in earlier.iter().chain(later) {
            gaps.add(u64::from(*gap_ms) * 1_000_000);
        }
        Rhythm::of(&gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::case::Runtime;
    use proptest::prelude::*;

    const ONE: Bucket = Bucket {
        accepted: 1,
        ended: 0,
    };

    #[test]
    fn a_metronome_has_no_variation() {
        let mut gaps = Gaps::default();
        for second in 0..20 {
            gaps.add(Moment(second * 5000));
        }
        assert!(gaps.rhythm().is_constant());
        assert_eq!(gaps.latest.len(), GAPS.min(gaps.count));
    }

    #[test]
    fn what_the_log_does_not_tell_is_no_rhythm() {
        let words = |moments: &[i64]| {
            let mut gaps = Gaps::default();
            moments.iter().for_each(|at| gaps.add(Moment(*at)));
            gaps.rhythm().words(Runtime::Unknown)
        };
        // All in one second, by a log that has seconds; a clock that runs back.
        assert_eq!(words(&[5_000; 40]), None);
        let back: Vec<_> = (0..40).map(|second| 60_000 - second * 1_000).collect();
        assert_eq!(words(&back), None);
        // Set back once, and threads that overtake each other.
        let set: Vec<_> = (0..20).chain(0..20).map(|second| second * 5_000).collect();
        assert_eq!(words(&set).as_deref(), Some("every 5.00 s"));
        let overtaken: Vec<_> = (0..40).map(|n| n / 2 * 2_000 - n % 2 * 100).collect();
        assert!(words(&overtaken).is_some());
    }

    proptest! {
        #[test]
        fn buckets_are_bounded_and_lose_nothing(
            minutes in prop::collection::vec(-1_000_000_000i64..1_000_000_000, 0..3000),
        ) {
            let mut histogram = LogHistogram::default();
            for minute in &minutes {
                histogram.add(Moment::of_minute(*minute), ONE);
            }
            histogram.finish();
            let rows = histogram.rows();
            prop_assert!(rows.len() <= BUCKETS);
            let sum: u64 = rows.iter().map(|row| row.bucket.accepted).sum();
            prop_assert_eq!(sum, minutes.len() as u64);
        }
    }
}

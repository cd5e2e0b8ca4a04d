// SPDX-License-Identifier: MIT
//! Two rhythms in one: a timer's, and what is left without it. Behind an address programs
//! that behave alike are one group, and only their rhythm tells how many there are.

use super::{case::Runtime, rhythm::Rhythm};
use crate::{ledger::starts, text};

/// Periods of timers, in nanoseconds.
const SHORTEST_NS: u64 = 500_000_000;
const LONGEST_NS: u64 = 120_000_000_000;
/// Timers of a busy host are late by some milliseconds, and by a part of their period.
const LATE_NS: u64 = 25_000_000;
/// Beats that are no coincidence.
const FEWEST: usize = 8;
/// Starts of others, fewer than which have no rhythm.
const FEWEST_OTHERS: usize = 4;
/// Starts that are looked at, the latest.
const MOST: usize = 128;
/// Beats begin at one of the first so many starts, if there are any.
const FIRST: usize = 12;
/// Where starts are denser, some would be on the beat by chance: one in so many moments.
const BY_CHANCE: u64 = 4;

/// A timer, and others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoRhythms {
    /// Starts on the beat, of those that are kept.
    pub timed: u64,
    pub period_ns: u64,
    /// The other starts.
    pub others: u64,
    pub rhythm_of_others: Rhythm,
}

impl TwoRhythms {
    /// Tells them apart in starts that are in order; `None` where there is one, or none.
    pub fn of(starts: &[u64]) -> Option<Self> {
        let starts = &starts[starts.len().saturating_sub(MOST)..];
        let span = starts.last()?.saturating_sub(*starts.first()?);
        let (beats, period_ns) = longest_beat(starts, span)?;
        let others: Vec<_> = starts
            .iter()
            .filter(|start| beats.binary_search(start).is_err())
            .copied()
            .collect();
        (others.len() >= FEWEST_OTHERS).then(|| Self {
            timed: beats.len() as u64,
            period_ns,
            others: others.len() as u64,
            rhythm_of_others: Rhythm::of(&starts::gaps(&others)),
        })
    }

    /// Whether the others have the pause of ZooKeeper's Java client.
    pub fn has_java_back_off(&self) -> bool {
        self.rhythm_of_others.is_java_back_off()
    }

    /// How often one is opened, in words.
    pub fn words(&self) -> String {
        let others = match self.rhythm_of_others.words(Runtime::Unknown) {
            Some(words) => format!("the others {words}"),
            None => "others besides".to_owned(),
        };
        format!(
            "every {}, as from a timer ({} of the latest {}), and {others}",
            text::duration(self.period_ns),
            text::count(self.timed),
            text::count(self.timed + self.others)
        )
    }
}

/// The most starts that follow each other like a timer's, over nearly all of the time.
fn longest_beat(starts: &[u64], span: u64) -> Option<(Vec<u64>, u64)> {
    let mut longest = Vec::new();
    for (place, first) in starts.iter().enumerate().take(FIRST) {
        for second in &starts[place + 1..] {
            let period = second - first;
            if period > LONGEST_NS {
                break;
            }
            // By chance one start in a few would be near.
            let near = 2 * tolerance(period) * starts.len() as u64;
            if period < SHORTEST_NS || near * BY_CHANCE > span {
                continue;
            }
            let beats = beats(&starts[place..], period);
            let covered = beats.last().map_or(0, |last| last - first);
            let is_regular = beats.len() as u64 * period >= covered / 10 * 9;
            if beats.len() > longest.len() && is_regular && covered / 7 >= span / 10 {
                longest = beats;
            }
        }
    }
    let period = starts::gaps(&longest).percentile(50.0)?;
    (longest.len() >= FEWEST).then_some((longest, period))
}

fn tolerance(period: u64) -> u64 {
    LATE_NS.max(period / 50)
}

/// From the first start on: the next one each about a period later. A missing one is passed
/// over. The times may be anything: a recording tells them.
fn beats(starts: &[u64], period: u64) -> Vec<u64> {
    let Some((first, mut rest)) = starts.split_first() else {
        return Vec::new();
    };
    let mut beats = vec![*first];
    let mut expected = first.saturating_add(period);
    let late = tolerance(period);
    loop {
        let from = rest.partition_point(|start| start.saturating_add(late) < expected);
        rest = &rest[from..];
        let Some(next) = rest.first() else {
            return beats;
        };
        let until = expected.saturating_add(late);
        let near = rest.iter().take_while(|start| **start <= until);
        expected = match near.min_by_key(|start| start.abs_diff(expected)) {
            Some(start) => {
                beats.push(*start);
                start.saturating_add(period)
            }
            None => {
                // To the beat that is nearest to the next start, or the one after it.
                let missing = (next.saturating_sub(expected).saturating_add(period / 2)) / period;
                expected.saturating_add(missing.max(1).saturating_mul(period))
            }
        };
        if expected == u64::MAX {
            return beats;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn timer(period_ms: u64, count: u64) -> Vec<u64> {
        // A sleep of the period and what each round takes, 0 to 6 ms.
        (0..count)
            .map(|step| (step * (period_ms + 3) + step * 37 % 7) * MS)
            .collect()
    }

    fn back_off(count: u64) -> Vec<u64> {
        let mut at = 333;
        (0..count)
            .map(|step| {
                at += 1_100 + step * 370 % 1_000;
                at * MS
            })
            .collect()
    }

    fn together(parts: &[Vec<u64>]) -> Vec<u64> {
        let mut starts = parts.concat();
        starts.sort_unstable();
        starts
    }

    #[test]
    fn a_timer_and_a_client_that_backs_off() {
        let starts = together(&[timer(1_000, 40), back_off(25)]);
        let two = TwoRhythms::of(&starts).unwrap();
        assert!((38..=42).contains(&two.timed), "{two:?}");
        assert!(two.has_java_back_off(), "{two:?}");
        let words = two.words();
        assert!(
            words.starts_with("every 1.00 s, as from a timer (4"),
            "{words}"
        );
        assert!(words.ends_with("the Java client's back-off"), "{words}");
    }

    #[test]
    fn any_times_take_a_moment_only() {
        let far: Vec<_> = (0..200_u64).map(|step| step * (u64::MAX / 200)).collect();
        assert_eq!(TwoRhythms::of(&far), None);
        let near_and_far = together(&[timer(1_000, 10), vec![u64::MAX - 1, u64::MAX]]);
        assert_eq!(TwoRhythms::of(&near_and_far), None);
        let mut apart = timer(600, 10);
        apart.extend(timer(600, 10).iter().map(|start| start + (1 << 62)));
        assert_eq!(TwoRhythms::of(&apart), None);
    }

    #[test]
    fn one_rhythm_is_not_two() {
        assert_eq!(TwoRhythms::of(&timer(1_000, 40)), None);
        assert_eq!(TwoRhythms::of(&back_off(60)), None);
        assert_eq!(TwoRhythms::of(&[]), None);
    }

    #[test]
    fn what_is_dense_has_any_rhythm_by_chance() {
        let starts: Vec<_> = (0..128_u64)
            .map(|step| (step * 40 + step * 7_919 % 37) * MS)
            .collect();
        assert_eq!(TwoRhythms::of(&starts), None);
    }
}

// SPDX-License-Identifier: MIT
//! Whether two samples differ by more than chance. Closed forms at fixed levels: no table and
//! no random number, so that the same recordings always compare alike.

use super::starts::Stretch;

/// Two-sided quantiles of Student's t with 15 degrees of freedom, at 5 % and at 0.1 %: rates
/// are compared by up to 16 stretches of each trace.
pub(super) const T_5_PERCENT: f64 = 2.131;
pub(super) const T_1_PER_MILLE: f64 = 4.073;
/// The normal distribution's at 1 % and 0.1 %.
const Z_1_PERCENT: f64 = 2.576;
const Z_1_PER_MILLE: f64 = 3.291;
/// Stretches a trace is cut into.
pub(super) const STRETCHES: usize = 16;
/// From so many events on their variation over the stretches is known.
pub(super) const ENOUGH_EVENTS: u64 = 16;
/// From so many gaps on their variation is known, and it is known badly: it may be larger by
/// this factor. With fewer, events are taken for independent.
const ENOUGH_GAPS: usize = 4;
const DOUBT_OF_FEW: f64 = 1.5;
/// Fewer lifetimes are not compared.
pub(super) const ENOUGH_LIFETIMES: usize = 8;

/// A rate of events, and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub per_second: f64,
    /// Standard error divided by the rate; 0 where there are no events.
    pub relative_error: f64,
    /// Variance of the counts divided by what independent events have, at least 1.
    pub clumping: f64,
}

impl Rate {
    /// Of events in these stretches (batch means: Law and Kelton, Simulation Modeling and
    /// Analysis, 9.5.3).
    pub(super) fn of(stretches: &[Stretch], gaps: Option<&[f64]>) -> Self {
        let count: u64 = stretches.iter().map(|stretch| stretch.count).sum();
        let seconds: f64 = stretches.iter().map(|stretch| stretch.seconds).sum();
        let events = count as f64;
        if count == 0 || seconds <= 0.0 {
            return Self {
                per_second: 0.0,
                relative_error: 0.0,
                clumping: 1.0,
            };
        }
        let per_second = events / seconds;
        let independent = 1.0 / events.sqrt();
        if count < ENOUGH_EVENTS || stretches.len() < STRETCHES {
            let error = gaps.and_then(|gaps| error_by_gaps(gaps, events));
            return Self {
                per_second,
                relative_error: error.unwrap_or(independent),
                clumping: error.map_or(1.0, |error| (error / independent).powi(2).max(1.0)),
            };
        }
        let number = stretches.len() as f64;
        let squares = stretches.iter().map(|stretch| {
            let weight = stretch.seconds / seconds * number;
            weight * (stretch.per_second() - per_second).powi(2)
        });
        let variance = squares.sum::<f64>() / (number - 1.0);
        let measured = (variance / number).sqrt() / per_second;
        Self {
            per_second,
            // One event more or less is seen of the most regular ones, too.
            relative_error: measured.max(1.0 / events),
            clumping: (measured / independent).powi(2).max(1.0),
        }
    }

    /// The interval that holds the rate at 95 %.
    pub(super) fn interval(&self, events: u64, seconds: f64) -> (f64, f64) {
        if events == 0 {
            // Three events are missed in 5 % of cases.
            return (0.0, if seconds > 0.0 { 3.0 / seconds } else { 0.0 });
        }
        let factor = (T_5_PERCENT * self.relative_error).exp();
        (self.per_second / factor, self.per_second * factor)
    }
}

/// The relative error of a count of few events, by how regular they are: a renewal process
/// (Cox, Renewal Theory, 4.3).
fn error_by_gaps(gaps: &[f64], events: f64) -> Option<f64> {
    if gaps.len() < ENOUGH_GAPS {
        return None;
    }
    let number = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / number;
    let squares = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>();
    let variation = (squares / (number - 1.0)).sqrt() / mean;
    let error = DOUBT_OF_FEW * variation / events.sqrt();
    (mean > 0.0).then(|| error.max(1.0 / events))
}

/// What two samples say of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Up,
    Down,
    /// A change that would matter is ruled out.
    Same,
    /// Neither a change nor that there is none can be shown.
    Unknown,
}

/// A rate that changes by less does not matter, however surely.
const RATE_MATTERS: f64 = 1.25;
/// A change by this factor must be ruled out before nothing has changed.
const RATE_RULED_OUT: f64 = 2.0;

/// How a rate of events changed; `lost` is the share of events, of both traces together, that
/// may belong to either and was not recorded.
pub(super) fn rate(before: &Rate, after: &Rate, lost: f64) -> Change {
    let ratio = (after.per_second / before.per_second).ln();
    let error = before.relative_error.hypot(after.relative_error);
    let sure = ratio.abs() - T_1_PER_MILLE * error - lost > 0.0;
    if sure && ratio.abs() >= RATE_MATTERS.ln() {
        return match ratio > 0.0 {
            true => Change::Up,
            false => Change::Down,
        };
    }
    let at_most = ratio.abs() + T_5_PERCENT * error + lost;
    match at_most < RATE_RULED_OUT.ln() {
        true => Change::Same,
        false => Change::Unknown,
    }
}

/// A share that changes by less does not matter.
const SHARE_MATTERS: f64 = 0.1;

/// How a share changed: `some` of `all`, before and after.
pub(super) fn share(before: (u64, u64), after: (u64, u64)) -> Change {
    let of = |(some, all): (u64, u64)| some as f64 / all.max(1) as f64;
    let difference = of(after) - of(before);
    let (from, to) = (wilson(before), wilson(after));
    let matters = difference.abs() >= SHARE_MATTERS;
    if matters && to.0 > from.1 {
        Change::Up
    } else if matters && to.1 < from.0 {
        Change::Down
    } else if matters {
        Change::Unknown
    } else {
        Change::Same
    }
}

/// Wilson's interval of a share, at 99 %. Two that do not meet differ at about 0.1 %.
fn wilson((some, all): (u64, u64)) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    let (number, square) = (all as f64, Z_1_PERCENT * Z_1_PERCENT);
    let share = some as f64 / number;
    let middle = share + square / (2.0 * number);
    let spread = (share * (1.0 - share) / number + square / (4.0 * number * number)).sqrt();
    let scale = 1.0 + square / number;
    let reach = Z_1_PERCENT * spread;
    ((middle - reach) / scale, (middle + reach) / scale)
}

/// Chance that a value of one sample is above one of the other, from which on it matters.
const RANK_MATTERS: f64 = 0.64;
/// Medians that differ by less do not matter.
const MEDIAN_MATTERS: f64 = 1.25;

/// What ends within so many nanoseconds lives as long as the machine takes for it, which changes
/// with whatever else it does.
const TELLING_NS: u64 = 10_000_000;

/// How lifetimes in nanoseconds changed. Both are sorted.
pub(super) fn lifetimes(before: &[u64], after: &[u64]) -> Change {
    match values(before, after) {
        Change::Up | Change::Down if median(before).max(median(after)) < TELLING_NS => Change::Same,
        change => change,
    }
}

/// How values changed, by their ranks (Mann and Whitney, with ties). Both are sorted.
fn values(before: &[u64], after: &[u64]) -> Change {
    if before.len() < ENOUGH_LIFETIMES || after.len() < ENOUGH_LIFETIMES {
        return Change::Unknown;
    }
    let (below, ties) = ranks(before, after);
    let (first, second) = (before.len() as f64, after.len() as f64);
    let pairs = first * second;
    let above = below / pairs;
    let all = first + second;
    let variance = pairs / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    let distance = (below - pairs / 2.0).abs() - 0.5;
    let is_sure = variance > 0.0 && distance / variance.sqrt() > Z_1_PER_MILLE;
    let medians = (median(before).max(1), median(after).max(1));
    let ratio = medians.1 as f64 / medians.0 as f64;
    if is_sure && above >= RANK_MATTERS && ratio >= MEDIAN_MATTERS {
        Change::Up
    } else if is_sure && above <= 1.0 - RANK_MATTERS && ratio <= 1.0 / MEDIAN_MATTERS {
        Change::Down
    } else {
        Change::Same
    }
}

/// The middle one of sorted values; 0 of none.
pub(super) fn median(sorted: &[u64]) -> u64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// How many pairs have the value of `after` above that of `before`, ties counting half, and
/// the sum of t³ - t over the ties of both together.
fn ranks(before: &[u64], after: &[u64]) -> (f64, f64) {
    let (mut below, mut ties) = (0.0, 0.0);
    let (mut first, mut second) = (0, 0);
    while first < before.len() || second < after.len() {
        let next = match (before.get(first), after.get(second)) {
            (Some(one), Some(other)) => *one.min(other),
            (Some(one), None) | (None, Some(one)) => *one,
            (None, None) => break,
        };
        let run = |values: &[u64], from: usize| {
            values[from..]
                .iter()
                .take_while(|value| **value == next)
                .count()
        };
        let (ours, theirs) = (run(before, first), run(after, second));
        below += theirs as f64 * (first as f64 + ours as f64 / 2.0);
        let tied = (ours + theirs) as f64;
        ties += tied * tied * tied - tied;
        first += ours;
        second += theirs;
    }
    (below, ties)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: [u64; STRETCHES]) -> Rate {
        let stretch = |count| Stretch {
            count,
            seconds: 1.0,
        };
        Rate::of(&counts.map(stretch), None)
    }

    #[test]
    fn what_ends_at_once_lives_no_shorter_on_a_busy_machine() {
        let lived = |from: u64| {
            (from..from + 40)
                .map(|step| step * 10_000)
                .collect::<Vec<_>>()
        };
        let [short, long] = [lived(100), lived(400)];
        assert_eq!(values(&short, &long), Change::Up);
        assert_eq!(lifetimes(&short, &long), Change::Same);
        let longer = lived(2_000);
        assert_eq!(lifetimes(&short, &longer), Change::Up);
    }

    #[test]
    fn a_regular_rate_is_known_better_than_one_that_comes_in_bursts() {
        let regular = of([10; STRETCHES]);
        let mut bursts = [0; STRETCHES];
        bursts[3] = 160;
        let bursts = of(bursts);
        assert_eq!(regular.per_second, bursts.per_second);
        assert!(regular.relative_error < 0.01, "{regular:?}");
        assert!(bursts.relative_error > 0.9, "{bursts:?}");
        assert!(bursts.clumping > 100.0, "{bursts:?}");
        let doubled = of([20; STRETCHES]);
        assert_eq!(rate(&regular, &doubled, 0.0), Change::Up);
        assert_eq!(rate(&doubled, &regular, 0.0), Change::Down);
        assert_eq!(rate(&regular, &regular, 0.0), Change::Same);
        assert_eq!(rate(&bursts, &doubled, 0.0), Change::Unknown);
        // As many were lost as there are more.
        assert_eq!(rate(&regular, &doubled, 0.7), Change::Unknown);
    }

    #[test]
    fn a_share_of_few_says_little() {
        assert_eq!(share((0, 20), (20, 20)), Change::Up);
        assert_eq!(share((20, 20), (0, 20)), Change::Down);
        assert_eq!(share((0, 2), (2, 2)), Change::Unknown);
        assert_eq!(share((1, 20), (1, 20)), Change::Same);
        assert_eq!(share((500, 10_000), (1_000, 10_000)), Change::Same);
    }

    #[test]
    fn values_are_compared_by_rank_so_one_that_stands_out_changes_nothing() {
        let short: Vec<_> = (100..140).collect();
        let mut with_one = short.clone();
        with_one[39] = 1_000_000;
        let long: Vec<_> = (200..240).collect();
        assert_eq!(values(&short, &with_one), Change::Same);
        assert_eq!(values(&short, &long), Change::Up);
        assert_eq!(values(&long, &short), Change::Down);
        assert_eq!(values(&[5; 50], &[5; 50]), Change::Same);
        assert_eq!(values(&short[..7], &long), Change::Unknown);
    }

    #[test]
    fn ranks_are_those_of_the_book() {
        // 2 is below all three, 4 below 5, and 4 = 4 counts half.
        let (below, ties) = ranks(&[2, 4], &[3, 4, 5]);
        assert_eq!((below, ties), (4.5, 6.0));
    }

    #[test]
    fn the_interval_of_a_rate_has_the_rate_in_it() {
        for (per_second, relative_error) in [(2.0, 0.0), (2.0, 0.1), (0.5, 1.0), (3.0, 0.5)] {
            let rate = Rate {
                per_second,
                relative_error,
                clumping: 1.0,
            };
            let (low, high) = rate.interval(7, 60.0);
            // e^(2.131 e), that is 1, 1.2375, 8.4233 and 2.9023.
            let factor = (2.131 * relative_error).exp();
            assert!((low * factor - per_second).abs() < 1e-9, "{low}");
            assert!((high / factor - per_second).abs() < 1e-9, "{high}");
        }
        let none = of([0; STRETCHES]);
        assert_eq!(none.interval(0, 60.0), (0.0, 0.05));
        assert_eq!(none.interval(0, 0.0), (0.0, 0.0));
    }

    /// Ten a second, and one stretch with twice as many: by the textbook.
    #[test]
    fn how_well_a_rate_is_known_comes_from_its_stretches() {
        let mut counts = [10; STRETCHES];
        counts[0] = 26;
        let rate = of(counts);
        // 176 in 16 s; deviations of 15 and 15 times 1: a variance of 16.
        assert_eq!(rate.per_second, 11.0);
        assert!((rate.relative_error - 1.0 / 11.0).abs() < 1e-12, "{rate:?}");
        assert!((rate.clumping - 176.0 / 121.0).abs() < 1e-12, "{rate:?}");
        // Of 15 events the stretches say nothing: they count as independent.
        let mut few = [1; STRETCHES];
        few[0] = 0;
        let few = of(few);
        assert!(
            (few.relative_error - 1.0 / 15_f64.sqrt()).abs() < 1e-12,
            "{few:?}"
        );
        assert_eq!(few.clumping, 1.0);
        // Of 16 they do, and one more or less is seen of the most regular ones.
        let enough = of([1; STRETCHES]);
        assert_eq!((enough.relative_error, enough.clumping), (1.0 / 16.0, 1.0));
    }

    #[test]
    fn few_events_are_known_by_their_gaps() {
        // A mean of 2 and a standard deviation of 1.1547 over four gaps.
        let error = error_by_gaps(&[1.0, 1.0, 3.0, 3.0], 4.0);
        let expected = 1.5 * (4.0_f64 / 3.0).sqrt() / 2.0 / 2.0;
        assert!((error.unwrap() - expected).abs() < 1e-12, "{error:?}");
        assert_eq!(error_by_gaps(&[2.0; 4], 5.0), Some(0.2), "one more or less");
        assert_eq!(error_by_gaps(&[2.0; 3], 4.0), None, "too few gaps");
        assert_eq!(error_by_gaps(&[0.0; 4], 5.0), None, "all at once");
        let stretch = Stretch {
            count: 4,
            seconds: 8.0,
        };
        let rate = Rate::of(&[stretch], Some(&[1.0, 1.0, 3.0, 3.0]));
        assert_eq!(rate.per_second, 0.5);
        assert!((rate.relative_error - expected).abs() < 1e-12, "{rate:?}");
        // Four independent ones have an error of a half.
        assert!((rate.clumping - (expected * 2.0).powi(2).max(1.0)).abs() < 1e-12);
    }

    #[test]
    fn wilson_s_interval_ends_where_the_share_is_just_not_rejected() {
        for (some, all) in [(0, 10), (5, 10), (10, 10), (1, 100), (37, 50)] {
            let number = all as f64;
            let share = some as f64 / number;
            let (low, high) = wilson((some, all));
            let near = 1e-12;
            let holds = low <= share + near && share <= high + near && low < high;
            assert!(holds, "{some}/{all}");
            for end in [low, high] {
                // The score test: as far from the share as 2.576 of its standard errors.
                let error = (end * (1.0 - end) / number).max(0.0).sqrt();
                let distance = (share - end).abs() - 2.576 * error;
                assert!(distance.abs() < 1e-6, "{some}/{all}: {end}");
            }
        }
        assert_eq!(wilson((0, 0)), (0.0, 1.0));
    }
}

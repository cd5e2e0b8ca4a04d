// SPDX-License-Identifier: MIT
//! Percentiles, mean and spread of durations in bounded memory.

use super::histogram::Histogram;

/// Values that are kept exactly before a histogram is made: most threads of a
/// client per request open one connection each and never need one.
const EXACT: usize = 32;
/// Durations are counted in microseconds beyond the exact ones; a percentile of those
/// is off by at most 1 %.
const UNIT_NS: u64 = 1_000;

/// Durations in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    exact: Vec<u64>,
    histogram: Option<Histogram>,
    count: u64,
    mean: f64,
    /// Sum of squared deviations from the mean (Welford).
    deviations: f64,
    min: u64,
    max: u64,
}

impl Distribution {
    /// Adds a duration.
    pub fn add(&mut self, nanoseconds: u64) {
        self.count += 1;
        let value = nanoseconds as f64;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.deviations += delta * (value - self.mean);
        self.min = if self.count == 1 {
            nanoseconds
        } else {
            self.min.min(nanoseconds)
        };
        self.max = self.max.max(nanoseconds);
        self.keep(nanoseconds);
    }

    /// Takes a duration away that was added before. The longest is then known to 1 %, where
    /// it was this one and the exact durations are not kept any more; the shortest stays.
    pub fn remove(&mut self, nanoseconds: u64) {
        if self.count <= 1 {
            *self = Self::default();
            return;
        }
        let value = nanoseconds as f64;
        let delta = value - self.mean;
        self.count -= 1;
        self.mean -= delta / self.count as f64;
        self.deviations = (self.deviations - delta * (value - self.mean)).max(0.0);
        if let Some(histogram) = &mut self.histogram {
            histogram.remove(nanoseconds / UNIT_NS);
            if nanoseconds == self.max {
                let longest = histogram.at_quantile(1.0).saturating_mul(UNIT_NS);
                self.max = self.max.min(longest);
            }
            return;
        }
        if let Some(place) = self.exact.iter().position(|one| *one == nanoseconds) {
            self.exact.swap_remove(place);
        }
        self.min = self.exact.iter().copied().min().unwrap_or(0);
        self.max = self.exact.iter().copied().max().unwrap_or(0);
    }

    fn keep(&mut self, nanoseconds: u64) {
        if self.histogram.is_none() && self.exact.len() < EXACT {
            self.exact.push(nanoseconds);
            return;
        }
        if self.histogram.is_none() {
            self.spill();
        }
        if let Some(histogram) = &mut self.histogram {
            histogram.record(nanoseconds / UNIT_NS);
        }
    }

    /// Moves the exact values into a histogram.
    fn spill(&mut self) {
        let mut histogram = Histogram::default();
        for nanoseconds in std::mem::take(&mut self.exact) {
            histogram.record(nanoseconds / UNIT_NS);
        }
        self.histogram = Some(histogram);
    }

    /// Adds the durations of another distribution (Chan, Golub and LeVeque 1979
    /// for the spread).
    pub fn absorb(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let delta = other.mean - self.mean;
        self.deviations += other.deviations + delta * delta * ours * theirs / (ours + theirs);
        self.mean += delta * theirs / (ours + theirs);
        self.min = if self.count == 0 {
            other.min
        } else {
            self.min.min(other.min)
        };
        self.max = self.max.max(other.max);
        self.count += other.count;
        for nanoseconds in &other.exact {
            self.keep(*nanoseconds);
        }
        if let Some(theirs) = &other.histogram {
            if self.histogram.is_none() {
                self.spill();
            }
            if let Some(ours) = &mut self.histogram {
                ours.absorb(theirs);
            }
        }
    }

    /// How many durations are longer than this.
    pub fn longer_than(&self, nanoseconds: u64) -> u64 {
        match &self.histogram {
            None => self.exact.iter().filter(|one| **one > nanoseconds).count() as u64,
            Some(histogram) => histogram.longer_than(nanoseconds / UNIT_NS),
        }
    }

    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The duration that `percent` percent do not exceed.
    pub fn percentile(&self, percent: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let Some(histogram) = &self.histogram else {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
            return sorted.get(rank.saturating_sub(1)).copied();
        };
        let value = histogram
            .at_quantile(percent / 100.0)
            .saturating_mul(UNIT_NS);
        Some(value.clamp(self.min, self.max))
    }

    /// The shortest duration.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The longest duration.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// Standard deviation divided by the mean, from three durations on: 0 for a
    /// metronome, 0.18 for the Java client's back-off, 1 for a Poisson process.
    pub fn coefficient_of_variation(&self) -> Option<f64> {
        if self.count < 3 || self.mean <= 0.0 {
            return None;
        }
        Some((self.deviations / (self.count - 1) as f64).sqrt() / self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.add(value);
        }
        distribution
    }

    #[test]
    fn few_values_are_exact() {
        let distribution = of([5, 1, 4, 2, 3]);
        assert_eq!(distribution.percentile(50.0), Some(3));
        assert_eq!(distribution.percentile(99.0), Some(5));
        assert_eq!((distribution.min(), distribution.max()), (Some(1), Some(5)));
        assert_eq!(of([]).percentile(50.0), None);
        assert_eq!(distribution.mean(), Some(3.0));
        assert_eq!(of([]).mean(), None);
    }

    #[test]
    fn many_values_are_within_one_percent() {
        let distribution = of((1..=10_000).map(|value| value * 10_000));
        for percent in [1.0, 50.0, 90.0, 99.0, 100.0] {
            let exact = percent * 1e6;
            let found = distribution.percentile(percent).expect("not empty") as f64;
            assert!(
                (found / exact - 1.0).abs() < 0.011,
                "p{percent}: {found} for {exact}"
            );
        }
        assert_eq!(distribution.max(), Some(100_000_000));
    }

    #[test]
    fn absorbing_is_as_good_as_adding() {
        let all: Vec<u64> = (1..=60).map(|value| value * value * 100_000).collect();
        for split in [0, 10, 40, 60] {
            let mut parts = of(all[..split].iter().copied());
            parts.absorb(&of(all[split..].iter().copied()));
            let whole = of(all.iter().copied());
            assert_eq!(parts.count(), 60);
            assert_eq!((parts.min(), parts.max()), (whole.min(), whole.max()));
            let (a, b) = (
                parts.coefficient_of_variation(),
                whole.coefficient_of_variation(),
            );
            assert!((a.unwrap() - b.unwrap()).abs() < 1e-9);
            assert_eq!(parts.percentile(50.0), whole.percentile(50.0));
            assert_eq!(
                parts.longer_than(100_000_000),
                whole.longer_than(100_000_000)
            );
        }
    }

    #[test]
    fn the_longest_that_there_are_do_not_wrap_around() {
        let longest = of(std::iter::repeat_n(u64::MAX, EXACT + 1));
        assert_eq!(longest.percentile(50.0), Some(u64::MAX));
    }

    #[test]
    fn longer_ones_are_counted() {
        assert_eq!(of([1, 5, 9]).longer_than(4), 2);
        let many = of((1..=100).map(|value| value * 1_000_000));
        assert_eq!(many.longer_than(50_400_000), 50);
    }

    #[test]
    fn variation_tells_a_metronome_from_a_back_off() {
        let metronome = of(std::iter::repeat_n(1_000_000_000, 10));
        assert_eq!(metronome.coefficient_of_variation(), Some(0.0));
        let back_off = of((0..=10).map(|step| 1_100_000_000 + step * 100_000_000));
        let variation = back_off.coefficient_of_variation().expect("11 values");
        assert!((0.15..0.25).contains(&variation), "{variation}");
        assert_eq!(of([1, 2]).coefficient_of_variation(), None);
    }
}

// SPDX-License-Identifier: MIT
//! The rhythm of connections: a metronome, the Java client's back-off, bursts
//! over a list of servers, or none.
//!
//! All of it comes from the distribution of the gaps between the starts of
//! successive connections; their order is not kept.

use std::ops::RangeInclusive;

use super::case::Runtime;
use crate::{ledger::distribution::Distribution, text};

/// Nanoseconds of a millisecond.
const MS: u64 = 1_000_000;
/// Fewer gaps than these have no rhythm.
const FEWEST: u64 = 3;
/// From here on a rhythm is no coincidence.
const ENOUGH: u64 = 7;

/// Spread of the middle gaps of a metronome, relative to the median. Timers of
/// a busy host are late by some milliseconds; the back-off spreads over 0.37.
const METRONOME: f64 = 0.08;

/// The gaps of a metronome add up to about the time that they took together: their mean is the
/// period, or up to so much of it away.
const ADDS_UP: RangeInclusive<f64> = 0.8..=1.25;
/// A gap of so many periods is a pause.
const PAUSE: u64 = 2;

/// Gaps within a burst, and those between bursts, differ at most so many times.
const ALIKE: u64 = 3;

/// `ClientCnxn.SendThread.startConnect` and `StaticHostProvider.next`: 1000 ms
/// after each round through the servers, plus up to 1000 ms at random, plus the
/// selector's 100 ms; measured 1.10 to 2.10 s.
const BACK_OFF_FROM: u64 = 1_050 * MS;
const BACK_OFF_TO: u64 = 2_300 * MS;
/// Milliseconds of a mean of such pauses, 1.6 s and what chance adds.
const BACK_OFF_MEAN_MS: RangeInclusive<f64> = 1_250.0..=2_000.0;
/// Width of its random part.
const BACK_OFF_WIDTH: u64 = 1_000 * MS;
/// Half of such pauses are in the middle of it.
const BACK_OFF_MIDDLE: [u64; 2] = [1_350 * MS, 1_850 * MS];
/// What is less likely of pauses that are spread evenly says that they are not; of a few pauses
/// little is said by more.
const BY_CHANCE: f64 = 0.001;
const FEW: u64 = 12;
const BY_CHANCE_OF_FEW: f64 = 0.02;

/// A rhythm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    /// Too few gaps to tell, or those of several that have none in common.
    TooFew,
    /// Like a metronome.
    Constant {
        /// The period in nanoseconds.
        period_ns: u64,
    },
    /// Like a metronome that stops at times, for a large part of the time.
    WithPauses {
        /// The period in nanoseconds.
        period_ns: u64,
        pauses: u64,
        /// The longest pause, nanoseconds.
        longest_ns: u64,
    },
    /// Uniform from 1.1 to 2.1 s: the pause of ZooKeeper's Java client.
    JavaBackOff,
    /// Several in quick succession, then a pause.
    Bursts {
        /// Connections in one burst, rounded.
        size: u64,
        /// Gap within a burst, nanoseconds.
        inside_ns: u64,
        /// Gap between the last of a burst and the first of the next, nanoseconds.
        between_ns: u64,
    },
    /// Around a period, but not on it.
    Jittered,
    /// None that is known.
    Irregular,
}

/// The rhythm of some connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// What it is like.
    pub pattern: Pattern,
    /// How many gaps it is told from.
    pub gaps: u64,
    shortest_ns: u64,
    longest_ns: u64,
}

impl Rhythm {
    /// Tells the rhythm from the gaps between the starts of connections.
    pub fn of(gap: &Distribution) -> Self {
        Self {
            pattern: pattern(gap),
            gaps: gap.count(),
            shortest_ns: gap.min().unwrap_or_default(),
            longest_ns: gap.max().unwrap_or_default(),
        }
    }

    /// The same gaps, of which several have different rhythms.
    #[must_use]
    pub fn without_pattern(self) -> Self {
        Self {
            pattern: Pattern::TooFew,
            ..self
        }
    }

    /// Whether there are so many gaps that the rhythm is no coincidence.
    pub fn is_well_founded(&self) -> bool {
        self.gaps >= ENOUGH
    }

    /// Whether it is that of a timer: a probe, a script, a monitor.
    pub fn is_constant(&self) -> bool {
        matches!(self.pattern, Pattern::Constant { .. })
    }

    /// Whether it is the pause of ZooKeeper's Java client.
    pub fn is_java_back_off(&self) -> bool {
        self.pattern == Pattern::JavaBackOff
    }

    /// Whether it is none that is known: perhaps several in one.
    pub fn is_irregular(&self) -> bool {
        matches!(
            self.pattern,
            Pattern::Irregular
                | Pattern::Jittered
                | Pattern::Bursts { .. }
                | Pattern::WithPauses { .. }
        )
    }

    fn range(&self) -> String {
        format!(
            "{} to {}",
            text::duration(self.shortest_ns),
            text::duration(self.longest_ns)
        )
    }

    /// How often one is opened by such a program, in words, where there is a rhythm. One that is
    /// no JVM pauses like the Java client by chance.
    pub fn words(&self, of: Runtime) -> Option<String> {
        let range = || self.range();
        Some(match self.pattern {
            Pattern::TooFew => return None,
            Pattern::Constant { period_ns } => {
                format!("every {}", text::duration(period_ns))
            }
            Pattern::JavaBackOff => {
                let like = match of {
                    Runtime::Jvm => ": the Java client's back-off",
                    Runtime::Other => "",
                    Runtime::Unknown => ", like the Java client's back-off",
                };
                format!("every {}, spread evenly{like}", range())
            }
            Pattern::Bursts {
                size,
                inside_ns,
                between_ns,
            } => format!(
                "in bursts of {size}, {} apart, with {} between bursts",
                text::duration(inside_ns),
                text::duration(between_ns)
            ),
            Pattern::WithPauses {
                period_ns,
                pauses,
                longest_ns,
            } => format!(
                "every {}, but for {}",
                text::duration(period_ns),
                match pauses {
                    1 => format!("a pause of {}", text::duration(longest_ns)),
                    _ => format!(
                        "{}, {} at most",
                        text::counted(pauses, "pause"),
                        text::duration(longest_ns)
                    ),
                }
            ),
            Pattern::Jittered => format!("every {}", range()),
            Pattern::Irregular => format!("irregularly, {} apart", range()),
        })
    }
}

fn pattern(gap: &Distribution) -> Pattern {
    if gap.count() < FEWEST {
        return Pattern::TooFew;
    }
    let percentile = |percent| gap.percentile(percent).unwrap_or_default();
    let median = percentile(50.0);
    let middle = percentile(80.0).saturating_sub(percentile(20.0));
    let is_even = middle as f64 <= METRONOME * median as f64;
    let mean = gap.mean().unwrap_or_default() / median.max(1) as f64;
    // All at once: no period at all.
    if is_even && (median == 0 || ADDS_UP.contains(&mean)) {
        return Pattern::Constant { period_ns: median };
    }
    if is_back_off(gap) {
        return Pattern::JavaBackOff;
    }
    if let Some(bursts) = bursts(gap) {
        return bursts;
    }
    let pauses = gap.longer_than(median.saturating_mul(PAUSE));
    if is_even && pauses > 0 && mean > 1.0 {
        return Pattern::WithPauses {
            period_ns: median,
            pauses,
            longest_ns: gap.max().unwrap_or_default(),
        };
    }
    match gap.coefficient_of_variation() {
        Some(variation) if variation < 0.5 => Pattern::Jittered,
        _ => Pattern::Irregular,
    }
}

/// One gap in ten may be longer: the host was busy, or a round began anew.
fn is_back_off(gap: &Distribution) -> bool {
    let from = gap.percentile(5.0).unwrap_or_default();
    let to = gap.percentile(90.0).unwrap_or_default();
    let mean = gap.mean().unwrap_or_default() / MS as f64;
    from >= BACK_OFF_FROM
        && to <= BACK_OFF_TO
        && BACK_OFF_MEAN_MS.contains(&mean)
        && may_be_spread_evenly(gap)
}

/// A timer with jitter stays in a part of the range, and two timers leave out its middle, or
/// its ends.
fn may_be_spread_evenly(gap: &Distribution) -> bool {
    let inside = gap.count() - gap.longer_than(BACK_OFF_TO);
    let share = inside as f64 / gap.count().max(1) as f64 * 100.0;
    let longest = gap.percentile(share).unwrap_or_default();
    let range = longest.saturating_sub(gap.min().unwrap_or_default());
    let [from, until] = BACK_OFF_MIDDLE;
    let in_middle = gap.longer_than(from) - gap.longer_than(until);
    let by_chance = match inside {
        ..FEW => BY_CHANCE_OF_FEW,
        _ => BY_CHANCE,
    };
    chance_within(range as f64 / BACK_OFF_WIDTH as f64, inside) > by_chance
        && chance_of_half(in_middle.min(inside.saturating_sub(in_middle)), inside) > BY_CHANCE
}

/// How likely `count` points, spread evenly over a length of 1, are all within `range`: the
/// distribution of a sample's range (n·rⁿ⁻¹ − (n−1)·rⁿ).
fn chance_within(range: f64, count: u64) -> f64 {
    if range >= 1.0 {
        return 1.0;
    }
    let n = count as f64;
    n * range.powf(n - 1.0) - (n - 1.0) * range.powf(n)
}

/// How likely at most `fewer` of `count` fall into one of two halves: the binomial distribution,
/// of many by its normal approximation.
fn chance_of_half(fewer: u64, count: u64) -> f64 {
    /// 0.1 % of a normal distribution is below this.
    const DEVIATIONS: f64 = 3.09;
    const MANY: u64 = 100;
    let n = count as f64;
    if count > MANY {
        let below = (n / 2.0 - fewer as f64) / (n / 4.0).sqrt();
        return f64::from(below < DEVIATIONS);
    }
    let mut ways = 1.0;
    let mut chance = 0.0;
    for step in 0..=fewer {
        chance += ways;
        ways *= (n - step as f64) / (step as f64 + 1.0);
    }
    chance / 2.0_f64.powf(n)
}

/// Two clusters of gaps, far apart, the short ones in the majority or even.
fn bursts(gap: &Distribution) -> Option<Pattern> {
    let short = gap.percentile(20.0)?;
    let long = gap.percentile(95.0)?;
    if short == 0 || long / short < 4 {
        return None;
    }
    let border = (short as f64 * long as f64).sqrt() as u64;
    let pauses = gap.longer_than(border);
    let inside = gap.count() - pauses;
    if pauses < 2 || inside < pauses {
        return None;
    }
    let share = inside as f64 / gap.count() as f64 * 100.0;
    let are_alike = |from: f64, to: f64| {
        let [from, to] = [from, to].map(|percent| gap.percentile(percent).unwrap_or_default());
        to <= from.saturating_mul(ALIKE)
    };
    // A growing back-off has gaps of every length.
    if !are_alike(1.0, share) || !are_alike((share + 1.0).min(100.0), 100.0) {
        return None;
    }
    // The median of the short ones, and of the long ones.
    Some(Pattern::Bursts {
        // One more than the gaps, in one more than the pauses.
        size: ((gap.count() + 1) as f64 / (pauses + 1) as f64).round() as u64,
        inside_ns: gap.percentile(share / 2.0)?,
        between_ns: gap.percentile(share + (100.0 - share) / 2.0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: &[u64]) -> Rhythm {
        let mut gap = Distribution::default();
        for one in milliseconds {
            gap.add(one * MS);
        }
        Rhythm::of(&gap)
    }

    #[test]
    fn a_metronome_stays_one_on_a_busy_host() {
        let probe = of(&[1000, 1001, 999, 1000, 1080, 1002, 998, 1000]);
        assert!(probe.is_constant() && probe.is_well_founded());
        assert_eq!(probe.words(Runtime::Jvm).unwrap(), "every 1.00 s");
    }

    #[test]
    fn the_back_off_is_no_metronome() {
        let client = of(&[1542, 2090, 1210, 1105, 2011, 1630, 1440, 1780, 1320]);
        assert!(client.is_java_back_off());
        assert_eq!(
            client.words(Runtime::Jvm).unwrap(),
            "every 1.10 s to 2.09 s, spread evenly: the Java client's back-off"
        );
        assert_eq!(
            client.words(Runtime::Unknown).unwrap(),
            "every 1.10 s to 2.09 s, spread evenly, like the Java client's back-off"
        );
        // Refused before the first success: no random part.
        assert!(of(&[1102, 1101, 1103, 1102]).is_constant());
        // Faster, and slower: some other program.
        assert!(!of(&[610, 940, 720, 1_020, 850, 660]).is_java_back_off());
        assert!(!of(&[3100, 2400, 2900, 3600, 2600]).is_java_back_off());
    }

    #[test]
    fn a_timer_with_jitter_and_two_in_turn_are_no_back_off() {
        // 1.35 s to 1.65 s.
        let jittered: Vec<_> = (0..13).map(|step| 1_350 + step * 370 % 300).collect();
        assert_eq!(of(&jittered).pattern, Pattern::Jittered);
        assert_eq!(
            of(&jittered).words(Runtime::Jvm).unwrap(),
            "every 1.35 s to 1.63 s"
        );
        // Of a trace of ten seconds.
        assert!(!of(&[1_420, 1_500, 1_620, 1_460, 1_580, 1_540]).is_java_back_off());
        let in_turn = [1_100, 2_000].repeat(6);
        assert!(!of(&in_turn).is_java_back_off());
        let centred: Vec<_> = (0..300).map(|step| 1_360 + step * 370 % 480).collect();
        assert!(!of(&centred).is_java_back_off());
    }

    /// Whatever chance made of the pauses of a client.
    #[test]
    fn the_back_off_is_known_in_nearly_every_trace() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for count in [4, 7, 10, 16, 30, 60, 200, 1_500] {
            let known = (0..500)
                .filter(|_| {
                    let gaps: Vec<_> = (0..count).map(|_| 1_101 + random(1_000)).collect();
                    of(&gaps).is_java_back_off()
                })
                .count();
            assert!(known >= 480, "{known} of 500 traces with {count} pauses");
        }
    }

    #[test]
    fn a_round_through_three_servers_is_a_burst() {
        let round = of(&[
            102, 102, 1102, 103, 101, 1102, 102, 102, 1101, 102, 103, 1102,
        ]);
        let Pattern::Bursts {
            size,
            inside_ns,
            between_ns,
        } = round.pattern
        else {
            panic!("{round:?}");
        };
        assert_eq!((size, inside_ns), (3, 102 * MS));
        assert_eq!(between_ns / MS, 1102);
    }

    /// Eight at 100 ms, then 3 s: 32 in 16 s are not one every 100 ms.
    #[test]
    fn a_timer_that_pauses_is_not_constant() {
        let round = [101, 100, 101, 102, 101, 100, 101, 3_000];
        let retries = of(&round.repeat(4)[..31]);
        assert!(!retries.is_constant(), "{retries:?}");
        assert_eq!(
            retries.words(Runtime::Jvm).unwrap(),
            "in bursts of 8, 101 ms apart, with 3.00 s between bursts"
        );
        let rarely = [vec![100; 40], vec![9_000], vec![100; 40]].concat();
        let rarely = of(&rarely);
        assert!(!rarely.is_constant(), "{rarely:?}");
        assert_eq!(
            rarely.words(Runtime::Jvm).unwrap(),
            "every 100 ms, but for a pause of 9.00 s"
        );
        let of_fifty = [
            vec![100; 49],
            vec![4_000],
            vec![100; 49],
            vec![5_000],
            vec![100; 49],
        ];
        assert_eq!(
            of(&of_fifty.concat()).words(Runtime::Jvm).unwrap(),
            "every 100 ms, but for 2 pauses, 5.00 s at most"
        );
    }

    #[test]
    fn a_timer_that_is_late_once_is_constant() {
        let late = [vec![1_000; 40], vec![6_000], vec![1_000; 40]].concat();
        assert!(of(&late).is_constant());
    }

    #[test]
    fn growing_pauses_are_irregular_and_few_have_no_rhythm() {
        assert_eq!(
            of(&[60, 130, 260, 900, 2100, 11_000]).pattern,
            Pattern::Irregular
        );
        assert_eq!(of(&[1000, 1000]).pattern, Pattern::TooFew);
        assert_eq!(of(&[1000, 1000]).words(Runtime::Jvm), None);
        assert_eq!(of(&[900, 1500, 1100, 700, 1300]).pattern, Pattern::Jittered);
    }
}

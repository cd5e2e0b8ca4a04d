// SPDX-License-Identifier: MIT
//! Few beginnings in one trace and many in the other. The logarithm of a count of one or two is
//! known too badly to compare it, and one beside fifty is still no chance.

use super::{
    starts::PAUSES,
    statistics::{Change, ENOUGH_EVENTS},
};

/// The natural logarithm of 2 / 0.001: the level of 0.1 %, on both sides.
const LEVEL: f64 = 7.601;

/// Beginnings of a family in one trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub count: u64,
    pub length_ns: u64,
    /// See `Rate::clumping`.
    pub clumping: f64,
    /// The longest time without one.
    pub pause_ns: u64,
}

impl Begun {
    fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds()
    }

    fn seconds(&self) -> f64 {
        self.length_ns as f64 / 1e9
    }
}

/// How the rate changed, where one of the two is of few; `lost` is as for `statistics::rate`.
pub(super) fn change(before: &Begun, after: &Begun, lost: f64) -> Change {
    let is_up = after.per_second() > before.per_second();
    let (less, more) = if is_up {
        (before, after)
    } else {
        (after, before)
    };
    // What pauses for so long has a pause of its own in a shorter trace.
    let may_be_a_pause = less.length_ns < more.pause_ns.saturating_mul(PAUSES);
    let is_of_few = less.count < ENOUGH_EVENTS;
    match is_of_few && !may_be_a_pause && evidence(less, more, lost) > LEVEL {
        true if is_up => Change::Up,
        true => Change::Down,
        false => Change::Unknown,
    }
}

/// The natural logarithm of how unlikely so few of all are at one rate, at least: which of two
/// traces an event is in is a coin that is weighted by their lengths (Chernoff's bound of the
/// binomial distribution, in terms of relative entropy). Events that come in clumps count as
/// fewer.
fn evidence(less: &Begun, more: &Begun, lost: f64) -> f64 {
    let all = (less.count + more.count) as f64;
    let share = less.count as f64 / all;
    let expected = less.seconds() / (less.seconds() + more.seconds() * lost.exp());
    if share >= expected {
        return 0.0;
    }
    let part = |share: f64, expected: f64| match share > 0.0 {
        true => share * (share / expected).ln(),
        false => 0.0,
    };
    let entropy = part(share, expected) + part(1.0 - share, 1.0 - expected);
    all / less.clumping.max(more.clumping) * entropy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(count: u64, seconds: f64) -> Begun {
        Begun {
            count,
            length_ns: (seconds * 1e9) as u64,
            clumping: 1.0,
            pause_ns: 0,
        }
    }

    /// The chances of 0, 1, 2, ... where so many are expected (Poisson).
    fn chances(expected: f64) -> Vec<f64> {
        let mut chance = (-expected).exp();
        let mut chances = Vec::new();
        for count in 0..100 {
            chances.push(chance);
            chance *= expected / f64::from(count + 1);
        }
        chances
    }

    #[test]
    fn of_one_rate_less_than_one_of_1000_is_called_a_change() {
        for seconds in [0.1, 1.0, 3.0, 20.0] {
            for expected in [1.0, 3.0, 8.0, 15.0, 30.0] {
                let (before, after) = (chances(expected), chances(expected * seconds));
                let mut changed = 0.0;
                for (one, first) in before.iter().enumerate() {
                    for (other, second) in after.iter().enumerate() {
                        let (one, other) = (one as u64, other as u64);
                        let is_some = one > 0 && other > 0;
                        let how = change(&begun(one, 1.0), &begun(other, seconds), 0.0);
                        if is_some && how != Change::Unknown {
                            changed += first * second;
                        }
                    }
                }
                assert!(
                    changed < 0.001,
                    "{expected} in 1 and {seconds} s: {changed}"
                );
            }
        }
    }

    #[test]
    fn one_beside_many_is_no_chance() {
        let of = |before, after| change(&begun(before, 10.0), &begun(after, 10.0), 0.0);
        assert_eq!(of(1, 46), Change::Up);
        assert_eq!(of(46, 1), Change::Down);
        // By the binomial distribution 17 coins fall so in 0.03 % of cases, 14 in 0.2 %.
        assert_eq!((of(1, 16), of(1, 13)), (Change::Up, Change::Unknown));
        assert_eq!(of(16, 46), Change::Unknown, "these are many");
    }

    #[test]
    fn clumps_pauses_and_what_is_lost_leave_doubt() {
        let (few, many) = (begun(1, 10.0), begun(46, 10.0));
        let clumped = Begun {
            clumping: 5.0,
            ..many
        };
        let pausing = Begun {
            pause_ns: 4_000_000_000,
            ..many
        };
        for many in [clumped, pausing] {
            assert_eq!(change(&few, &many, 0.0), Change::Unknown, "{many:?}");
            assert_eq!(change(&many, &few, 0.0), Change::Unknown, "{many:?}");
        }
        assert_eq!(change(&few, &many, 1.0), Change::Up);
        assert_eq!(change(&few, &many, 2.0), Change::Unknown);
    }
}

// SPDX-License-Identifier: MIT
//! When a trace that has no end is to keep something, and what: incidents, one at a time, and
//! not again and again of the same churn. No clock: it is told the time.

pub mod closing;
mod growth;
mod recent;
pub mod trigger;

use std::{collections::BTreeMap, time::Duration};

use trigger::{Cause, Fired};

/// After so long without a new connection of it, churn has ended.
const ENDED_AFTER_NS: u64 = 120_000_000_000;
/// What was traced until then is in the segments so much later: frames are handed over once a
/// second.
const WRITTEN_AFTER_NS: u64 = 5_000_000_000;
/// Kinds of churn that are remembered; further ones are taken for one more of the last.
const MOST: usize = 64;
/// What did all others fire, once there are too many.
const OTHERS: &str = "others";

/// How much is kept of an incident, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From so long before it began …
    pub before: Duration,
    /// … until so long after.
    pub after: Duration,
    /// For so long after its begin the same churn is no new one.
    pub quiet: Duration,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Churn has begun that is new.
    Began(Fired),
    /// An incident is complete: when it began, from when to when, nanoseconds of `CLOCK_MONOTONIC`, and what
    /// began meanwhile.
    Keep {
        began_ns: u64,
        since_ns: u64,
        until_ns: u64,
        fired: Vec<Fired>,
    },
    /// Churn has ended, some time ago: for how long it went on, in nanoseconds.
    Ended { fired: Fired, for_ns: u64 },
}

/// What goes on, and what was kept lately.
#[derive(Debug)]
pub struct Incidents {
    pace: Pace,
    /// By what tells one churn from another.
    known: BTreeMap<String, Known>,
    collecting: Option<Collecting>,
}

#[derive(Debug)]
struct Known {
    fired: Fired,
    began_ns: u64,
    last_ns: u64,
    has_ended: bool,
}

#[derive(Debug)]
struct Collecting {
    began_ns: u64,
    fired: Vec<Fired>,
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Incidents {
    /// None yet.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            known: BTreeMap::new(),
            collecting: None,
        }
    }

    /// Takes on another pace.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// What is to be done at `now_ns`, where this goes on.
    pub fn look(&mut self, fired: Vec<Fired>, now_ns: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        for fired in fired {
            steps.extend(self.note(fired, now_ns));
        }
        steps.extend(self.complete(now_ns, false));
        self.end(now_ns, &mut steps);
        steps
    }

    /// The churn that has begun first of all that has not ended.
    pub fn goes_on(&self) -> Option<&Fired> {
        let going_on = self.known.values().filter(|known| !known.has_ended);
        going_on
            .filter(|known| known.fired.cause == Cause::Churn)
            .min_by_key(|known| known.began_ns)
            .map(|known| &known.fired)
    }

    /// What is to be kept of an incident that is under way, as the trace ends.
    pub fn finish(&mut self, now_ns: u64) -> Option<Step> {
        self.complete(now_ns, true)
    }

    fn note(&mut self, mut fired: Fired, now_ns: u64) -> Option<Step> {
        if self.known.len() >= MOST && !self.known.contains_key(&fired.key) {
            fired.key = OTHERS.to_owned();
            // Said once, as they begin and end as one: who makes so many may do it to hide another.
            fired.sentence.push_str(&format!(
                "; {MOST} other kinds of churn go on or were kept lately, so that this and further \
                 ones are not told apart"
            ));
        }
        if let Some(known) = self.known.get_mut(&fired.key) {
            known.last_ns = now_ns;
            let is_quiet = now_ns.saturating_sub(known.began_ns) < ns(self.pace.quiet);
            // As long as it goes on it is the same, however long that is.
            if !known.has_ended || is_quiet {
                known.has_ended = false;
                return None;
            }
        }
        let known = Known {
            fired: fired.clone(),
            began_ns: now_ns,
            last_ns: now_ns,
            has_ended: false,
        };
        self.known.insert(fired.key.clone(), known);
        let collecting = self.collecting.get_or_insert_with(|| Collecting {
            began_ns: now_ns,
            fired: Vec::new(),
        });
        collecting.fired.push(fired.clone());
        Some(Step::Began(fired))
    }

    fn complete(&mut self, now_ns: u64, at_once: bool) -> Option<Step> {
        let collecting = self.collecting.as_ref()?;
        let until_ns = collecting.began_ns.saturating_add(ns(self.pace.after));
        if now_ns < until_ns.saturating_add(WRITTEN_AFTER_NS) && !at_once {
            return None;
        }
        let Collecting { began_ns, fired } = self.collecting.take()?;
        Some(Step::Keep {
            began_ns,
            since_ns: began_ns.saturating_sub(ns(self.pace.before)),
            until_ns: until_ns.min(now_ns),
            fired,
        })
    }

    fn end(&mut self, now_ns: u64, steps: &mut Vec<Step>) {
        for known in self.known.values_mut() {
            let quiet_ns = now_ns.saturating_sub(known.last_ns);
            if !known.has_ended && quiet_ns >= ENDED_AFTER_NS {
                known.has_ended = true;
                steps.push(Step::Ended {
                    fired: known.fired.clone(),
                    for_ns: known.last_ns.saturating_sub(known.began_ns),
                });
            }
        }
        let quiet_ns = ns(self.pace.quiet);
        self.known.retain(|_, known| {
            !known.has_ended || now_ns.saturating_sub(known.began_ns) < quiet_ns
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const PACE: Pace = Pace {
        before: Duration::from_secs(300),
        after: Duration::from_secs(120),
        quiet: Duration::from_secs(1_800),
    };

    fn fired(key: &str) -> Fired {
        Fired {
            key: key.to_owned(),
            sentence: format!("{key} churns"),
            process: None,
            about: None,
            cause: Cause::Churn,
        }
    }

    fn at(incidents: &mut Incidents, seconds: u64, keys: &[&str]) -> Vec<Step> {
        let fired = keys.iter().map(|key| fired(key)).collect();
        incidents.look(fired, seconds * SECOND)
    }

    #[test]
    fn what_was_before_and_what_comes_after_is_kept_once() {
        let mut incidents = Incidents::new(PACE);
        assert_eq!(at(&mut incidents, 1_000, &[]), []);
        assert_eq!(incidents.goes_on(), None);
        assert_eq!(at(&mut incidents, 1_010, &["a"]), [Step::Began(fired("a"))]);
        assert_eq!(incidents.goes_on(), Some(&fired("a")));
        for seconds in (1_020..1_130).step_by(10) {
            assert_eq!(at(&mut incidents, seconds, &["a"]), []);
        }
        let kept = Step::Keep {
            began_ns: 1_010 * SECOND,
            since_ns: 710 * SECOND,
            until_ns: 1_130 * SECOND,
            fired: vec![fired("a")],
        };
        assert_eq!(at(&mut incidents, 1_130, &["a"]), [], "not written yet");
        assert_eq!(at(&mut incidents, 1_140, &["a"]), [kept]);
        // However long it goes on.
        for seconds in (1_150..10_000).step_by(10) {
            assert_eq!(at(&mut incidents, seconds, &["a"]), []);
        }
        assert_eq!(at(&mut incidents, 10_100, &[]), []);
        let ended = Step::Ended {
            fired: fired("a"),
            for_ns: 8_980 * SECOND,
        };
        assert_eq!(at(&mut incidents, 10_110, &[]), [ended]);
        assert_eq!(incidents.goes_on(), None);
        assert_eq!(
            at(&mut incidents, 10_120, &["a"]),
            [Step::Began(fired("a"))]
        );
    }

    #[test]
    fn what_comes_and_goes_is_one_incident_for_a_while() {
        let mut incidents = Incidents::new(PACE);
        let mut began = 0;
        let mut kept = 0;
        for seconds in (0..1_800).step_by(10) {
            let keys: &[&str] = if seconds % 300 == 0 { &["a"] } else { &[] };
            for step in at(&mut incidents, 1_000 + seconds, keys) {
                began += u64::from(matches!(step, Step::Began(_)));
                kept += u64::from(matches!(step, Step::Keep { .. }));
            }
        }
        assert_eq!((began, kept), (1, 1));
    }

    #[test]
    fn a_storm_of_churn_is_no_storm_of_incidents() {
        let mut incidents = Incidents::new(PACE);
        let (mut kept, mut said) = (0, 0);
        for seconds in 0..3_600 {
            let key = format!("client {seconds}");
            for step in at(&mut incidents, 1_000 + seconds, &[&key]) {
                kept += u64::from(matches!(step, Step::Keep { .. }));
                said += u64::from(matches!(
                    step,
                    Step::Began(fired) if fired.sentence.ends_with("are not told apart")
                ));
            }
            assert!(incidents.known.len() <= MOST + 1);
        }
        assert!(kept <= 2, "{kept}");
        // That decoys may hide another churn is said, and not for each.
        assert!((1..=3).contains(&said), "{said}");
    }

    #[test]
    fn the_end_of_the_trace_keeps_what_there_is() {
        let mut incidents = Incidents::new(PACE);
        assert_eq!(incidents.finish(SECOND), None);
        at(&mut incidents, 1_010, &["a"]);
        let Some(Step::Keep { until_ns, .. }) = incidents.finish(1_015 * SECOND) else {
            panic!("{incidents:?}");
        };
        assert_eq!(until_ns, 1_015 * SECOND);
    }
}

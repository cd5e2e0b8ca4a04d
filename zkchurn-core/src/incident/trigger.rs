// SPDX-License-Identifier: MIT
//! What makes an incident: a look at the report as it stands, every ten seconds or so.

use std::collections::BTreeMap;

use super::{
    growth::{Grown, Growth},
    recent::{Brought, LEAST, Recent},
};
use crate::{
    diagnose::{Confidence, Finding, Severity},
    outcome::Outcome,
    process::ProcessKey,
    report::Report,
    text,
};

/// Findings that are followed at once.
const MOST_FINDINGS: usize = 256;

/// What to look for; nothing where it is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Triggers {
    /// A finding that is so sure at least, and no harmless one.
    pub finding: Option<Confidence>,
    /// So many connections a second, above 0: as many looks together as have ten, as long as
    /// ten take at that rate at most.
    pub rate: Option<f64>,
    /// So many of a hundred that end are refused: as many looks together as have ten that ended,
    /// ten minutes at most.
    pub refused: Option<u64>,
    /// So many connections more are open than within the last hour: than in the ten minutes
    /// of it that had the fewest at most.
    pub growth: Option<u64>,
}

/// What has fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// What tells it from other churn.
    pub key: String,
    /// What it is, a sentence without its full stop.
    pub sentence: String,
    /// The process, where it is known by more than its id.
    pub process: Option<ProcessKey>,
    /// Whom, where it is a finding.
    pub about: Option<About>,
    /// What kind of thing.
    pub cause: Cause,
}

/// What kind of thing has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Connections.
    Churn,
    /// A line of a log.
    Line,
}

/// Whom a finding is about, apart from its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Which kind of churn, and how sure, as in the report.
    pub finding: &'static str,
    pub confidence: &'static str,
    /// Name of the process or processes, and the latest one's id.
    pub process: String,
    pub pid: Option<u32>,
    pub peers: Vec<String>,
}

/// Looks, and remembers the last one.
#[derive(Debug, Default)]
pub struct Watch {
    triggers: Triggers,
    last: Option<Sample>,
    recent: Recent,
    growth: Growth,
    /// How many connections a finding had.
    findings: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ns: u64,
    opened: u64,
    ended: u64,
    refused: u64,
}

impl Watch {
    /// One that has not looked yet.
    pub fn new(triggers: Triggers) -> Self {
        Self {
            triggers,
            ..Self::default()
        }
    }

    /// Looks for something else from now on.
    pub fn set_triggers(&mut self, triggers: Triggers) {
        self.triggers = triggers;
    }

    /// What goes on at `at_ns`: a finding only where it has more connections than at the last
    /// look. One that has fewer is of a trace that has forgotten some. `open`: how many
    /// connections are open, which the report has forgotten in part; `None` while those older
    /// than the trace are still being listed.
    pub fn look(&mut self, report: &Report, open: Option<u64>, at_ns: u64) -> Vec<Fired> {
        let mut fired = self.findings(&report.findings);
        let sample = Sample {
            at_ns,
            opened: report.total.opened,
            ended: report.total.ended,
            refused: report
                .total
                .outcomes
                .get(&Outcome::Refused)
                .copied()
                .unwrap_or(0),
        };
        // Where it counts less than before, the trace has begun to count anew.
        let last = self
            .last
            .filter(|last| last.opened <= sample.opened && last.ended <= sample.ended);
        if let Some(last) = last {
            fired.extend(self.numbers(&last, &sample));
        }
        self.last = Some(sample);
        fired.extend(open.and_then(|open| self.grows(open, at_ns)));
        fired
    }

    fn findings(&mut self, found: &[Finding]) -> Vec<Fired> {
        let Some(least) = self.triggers.finding else {
            return Vec::new();
        };
        let found = found.iter().take(MOST_FINDINGS);
        let found = found.filter(|finding| {
            finding.confidence >= least && finding.severity != Severity::Harmless
        });
        let found: Vec<_> = found.map(|finding| (key_of(finding), finding)).collect();
        // Two processes of one program may have one each: what counts is whether they have
        // more together.
        let mut counts = BTreeMap::new();
        for (key, finding) in &found {
            *counts.entry(key.clone()).or_insert(0) += finding.connections;
        }
        let mut grows = |key: &String| {
            let before = self.findings.insert(key.clone(), counts[key]);
            before.is_none_or(|before| counts[key] > before)
        };
        let fired = found.iter().filter(|(key, _)| grows(key));
        let fired = fired.map(|(key, finding)| Fired {
            sentence: sentence_of(finding),
            key: key.clone(),
            process: None,
            about: Some(about(finding)),
            cause: Cause::Churn,
        });
        let fired = fired.collect();
        self.findings = counts;
        fired
    }

    fn numbers(&mut self, last: &Sample, now: &Sample) -> Vec<Fired> {
        let brought = Brought {
            from_ns: last.at_ns,
            opened: now.opened.saturating_sub(last.opened),
            ended: now.ended.saturating_sub(last.ended),
            refused: now.refused.saturating_sub(last.refused),
        };
        self.recent.note(brought, now.at_ns);
        let fired = [self.is_fast(now.at_ns), self.is_refused(now.at_ns)];
        fired.into_iter().flatten().collect()
    }

    fn is_fast(&self, now_ns: u64) -> Option<Fired> {
        let rate = self.triggers.rate?;
        let span_ns = LEAST as f64 / rate * 1e9;
        let together = self
            .recent
            .of_ten(|one| one.opened, span_ns as u64, now_ns)?;
        let length_ns = now_ns.saturating_sub(together.from_ns);
        let seconds = length_ns as f64 / 1e9;
        (seconds > 0.0 && together.opened as f64 / seconds >= rate).then(|| {
            let opened = text::counted(together.opened, "connection");
            let length = text::window(length_ns);
            of_number("rate", format!("{opened} opened in {length}"))
        })
    }

    fn is_refused(&self, now_ns: u64) -> Option<Fired> {
        let percent = self.triggers.refused?;
        // Those before may be over.
        self.recent.latest().filter(|latest| latest.refused > 0)?;
        let Brought { ended, refused, .. } =
            self.recent.of_ten(|one| one.ended, u64::MAX, now_ns)?;
        (refused.saturating_mul(100) >= ended.saturating_mul(percent)).then(|| {
            let ended = text::counted(ended, "connection");
            let sentence = format!("{} of {ended} refused", text::count(refused));
            of_number("refused", sentence)
        })
    }

    fn grows(&mut self, open: u64, at_ns: u64) -> Option<Fired> {
        // Whoever asks later, by other settings, is told of the last hour, too.
        let Grown { more, in_ns } = self.growth.look(open, at_ns);
        let least = self.triggers.growth?;
        (more >= least).then(|| {
            let sentence = format!(
                "{} open, {} more than {} ago",
                text::counted(open, "connection"),
                text::count(more),
                text::duration(in_ns)
            );
            of_number("growth", sentence)
        })
    }
}

fn of_number(key: &str, sentence: String) -> Fired {
    Fired {
        key: key.to_owned(),
        sentence,
        about: None,
        process: None,
        cause: Cause::Churn,
    }
}

/// A finding and its program: a restart changes neither.
fn key_of(finding: &Finding) -> String {
    let mut key = format!("{}-{}", finding.name.id(), finding.who.label);
    key.truncate(key.floor_char_boundary(200));
    key
}

fn about(finding: &Finding) -> About {
    About {
        finding: finding.name.id(),
        confidence: finding.confidence.word(),
        process: finding.who.label.clone(),
        pid: finding.who.pid,
        peers: finding.destinations.clone(),
    }
}

fn sentence_of(finding: &Finding) -> String {
    let seen = finding.seen.as_deref().unwrap_or(&finding.summary);
    text::clip(
        &format!(
            "{} ({}), {}: {seen}",
            finding.title,
            finding.confidence.word(),
            finding.who.words
        ),
        1_000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ClockPair,
        diagnose::test_case::{diagnosed, every},
        frame::{Frame, Mark, TraceStart},
        pipeline::{Pipeline, View},
        render::Several,
    };

    const SECOND: u64 = 1_000_000_000;
    const BEFORE: Sample = Sample {
        at_ns: 5 * SECOND,
        opened: 100,
        ended: 90,
        refused: 50,
    };

    /// What fires ten seconds later, with so many more.
    fn fired(triggers: Triggers, opened: u64, ended: u64, refused: u64) -> Vec<String> {
        let now = Sample {
            at_ns: BEFORE.at_ns + 10 * SECOND,
            opened: BEFORE.opened + opened,
            ended: BEFORE.ended + ended,
            refused: BEFORE.refused + refused,
        };
        said(Watch::new(triggers).numbers(&BEFORE, &now))
    }

    fn said(fired: Vec<Fired>) -> Vec<String> {
        let fired = fired.into_iter();
        fired
            .map(|one| format!("{}: {}", one.key, one.sentence))
            .collect()
    }

    fn nothing_seen() -> Report {
        let view = View {
            top: 1,
            time_wait_rows: false,
        };
        let mut pipeline = Pipeline::new(Several(Vec::new()), view);
        let clock = ClockPair {
            monotonic_ns: 1,
            realtime_ns: 0,
        };
        let start = TraceStart::of_port(2181, clock);
        pipeline.accept(Frame::Start(&start)).unwrap();
        pipeline.report_at(&Mark::default()).unwrap()
    }

    /// The report forgets each ten minutes; the growth goes on.
    #[test]
    fn a_slow_leak_fires_though_the_trace_forgets_and_not_before_all_are_listed() {
        let mut watch = Watch::new(Triggers {
            growth: Some(30),
            ..Triggers::default()
        });
        let mut report = nothing_seen();
        assert_eq!(watch.look(&report, None, SECOND), []);
        let mut first = None;
        for look in 1..=6 * 60_u64 {
            report.total.opened = look % 60;
            let open = 500 + look / 6;
            let fired = watch.look(&report, Some(open), look * 10 * SECOND);
            if !fired.is_empty() && first.is_none() {
                first = Some((look / 6, said(fired)));
            }
        }
        let said = "growth: 530 connections open, 30 more than 29 min 50 s ago".to_owned();
        assert_eq!(first, Some((30, vec![said])));
        // What is looked for from now on is held against the last hour.
        watch.set_triggers(Triggers {
            growth: Some(45),
            ..Triggers::default()
        });
        let open = 500 + 60;
        assert_eq!(watch.look(&report, Some(open), 3_610 * SECOND).len(), 1);
    }

    /// The trace forgets what is older than some minutes.
    #[test]
    fn a_finding_that_has_fewer_connections_than_before_does_not_go_on() {
        let mut watch = Watch::new(Triggers {
            finding: Some(Confidence::Likely),
            ..Triggers::default()
        });
        let mut found = diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused)));
        found.truncate(1);
        let mut fires = |connections| {
            found[0].connections = connections;
            !watch.findings(&found).is_empty()
        };
        assert!(fires(50));
        assert!(!fires(50));
        assert!(!fires(20), "it has forgotten some");
        assert!(!fires(20));
        assert!(fires(21));
        assert!(watch.findings(&[]).is_empty());
    }

    #[test]
    fn two_processes_of_one_program_have_ended_when_both_have() {
        let mut watch = Watch::new(Triggers {
            finding: Some(Confidence::Likely),
            ..Triggers::default()
        });
        let mut found = diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused)));
        found.truncate(1);
        found.push(found[0].clone());
        let mut fires = |one, other| {
            found[0].connections = one;
            found[1].connections = other;
            watch.findings(&found).len()
        };
        assert_eq!(fires(50, 20), 1);
        assert_eq!(fires(50, 20), 0, "neither goes on");
        assert_eq!(fires(20, 50), 0, "their order is no news");
        assert_eq!(fires(20, 51), 1);
    }

    /// Two looks may follow each other at once, as where a trace ends.
    #[test]
    fn a_short_look_is_not_told_as_no_time() {
        let mut watch = Watch::new(Triggers {
            rate: Some(3.0),
            ..Triggers::default()
        });
        let sample = |at_ns, opened| Sample {
            at_ns,
            opened,
            ended: 0,
            refused: 0,
        };
        let fired = watch.numbers(&sample(0, 0), &sample(20_000_000, 12));
        let sentences: Vec<_> = fired.into_iter().map(|one| one.sentence).collect();
        assert_eq!(sentences, ["12 connections opened in 20 ms"]);
    }

    #[test]
    fn each_number_fires_from_its_limit_on() {
        let rate = Triggers {
            rate: Some(3.0),
            ..Triggers::default()
        };
        assert_eq!(fired(rate, 29, 0, 0), [""; 0]);
        assert_eq!(
            fired(rate, 30, 0, 0),
            ["rate: 30 connections opened in 10 s"]
        );
        assert_eq!(fired(rate, 31, 0, 0).len(), 1);
        let refused = Triggers {
            refused: Some(50),
            ..Triggers::default()
        };
        for (ended, refusals, fires) in [
            (9, 9, false),
            (10, 4, false),
            (10, 5, true),
            (11, 5, false),
            (11, 6, true),
            (20, 20, true),
        ] {
            assert_eq!(
                fired(refused, 0, ended, refusals).len() == 1,
                fires,
                "{refusals}/{ended}"
            );
        }
        assert_eq!(
            fired(refused, 0, 10, 5),
            ["refused: 5 of 10 connections refused"]
        );
        assert_eq!(fired(Triggers::default(), 900, 900, 900), [""; 0]);
    }

    /// The looks of 10 s, of a client with so many connections in ten of them, that fire.
    fn looks_that_fire(triggers: Triggers, in_ten_looks: u64, looks: u64) -> u64 {
        let mut watch = Watch::new(triggers);
        let at = |look: u64| Sample {
            at_ns: look * 10 * SECOND,
            opened: look * in_ten_looks / 10,
            ended: look * in_ten_looks / 10,
            refused: look * in_ten_looks / 10,
        };
        let fires = |look: &u64| !watch.numbers(&at(look - 1), &at(*look)).is_empty();
        (1..=looks).filter(fires).count() as u64
    }

    #[test]
    fn a_share_of_refused_fires_also_where_a_look_has_fewer_than_ten() {
        let refused = Triggers {
            refused: Some(50),
            ..Triggers::default()
        };
        // 0.63 a second.
        assert_eq!(looks_that_fire(refused, 63, 30), 29);
        // Ten in ten minutes, and one fewer.
        assert_eq!(looks_that_fire(refused, 2, 60), 3);
        assert_eq!(looks_that_fire(refused, 1, 600), 0);
    }

    #[test]
    fn refusals_that_are_over_fire_no_more() {
        let mut watch = Watch::new(Triggers {
            refused: Some(50),
            ..Triggers::default()
        });
        let mut sample = Sample {
            at_ns: SECOND,
            ..BEFORE
        };
        let mut fires = |ended, refused| {
            let last = sample;
            sample.at_ns += 10 * SECOND;
            sample.ended += ended;
            sample.refused += refused;
            said(watch.numbers(&last, &sample))
        };
        assert_eq!(fires(6, 6), [""; 0]);
        assert_eq!(fires(6, 6), ["refused: 12 of 12 connections refused"]);
        assert_eq!(fires(0, 0), [""; 0]);
        assert_eq!(fires(3, 0), [""; 0], "the three were served");
    }

    #[test]
    fn a_rate_below_one_a_second_needs_ten_connections() {
        let rate = |rate| Triggers {
            rate: Some(rate),
            ..Triggers::default()
        };
        assert_eq!(looks_that_fire(rate(0.6), 60, 30), 29);
        assert_eq!(looks_that_fire(rate(0.6), 50, 300), 0);
        // One connection would be 0.1 a second of its look.
        assert_eq!(looks_that_fire(rate(0.05), 5, 19), 0);
        assert_eq!(looks_that_fire(rate(0.05), 5, 20), 1);
        assert_eq!(looks_that_fire(rate(0.05), 4, 300), 0);
    }

    #[test]
    fn nothing_is_fast_where_no_time_has_passed() {
        let triggers = Triggers {
            rate: Some(1.0),
            ..Triggers::default()
        };
        let more = Sample {
            opened: 10_000,
            ..BEFORE
        };
        assert_eq!(Watch::new(triggers).numbers(&BEFORE, &more), []);
    }
}

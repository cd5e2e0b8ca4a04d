// SPDX-License-Identifier: MIT
//! What makes an incident: a look at the report as it stands, every ten seconds or so.

use std::collections::BTreeMap;

use super::growth::{Grown, Growth};
use crate::{
    diagnose::{Confidence, Finding, Severity},
    outcome::Outcome,
    process::ProcessKey,
    report::Report,
    text,
};

/// Fewer connections show no share.
const LEAST_ENDED: u64 = 10;
/// Findings that are followed at once.
const MOST_FINDINGS: usize = 256;

/// What to look for; nothing where it is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Triggers {
    /// A finding that is so sure at least, and no harmless one.
    pub finding: Option<Confidence>,
    /// So many connections a second.
    pub rate: Option<u64>,
    /// So many of a hundred that end are refused.
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

    fn numbers(&self, last: &Sample, now: &Sample) -> Vec<Fired> {
        let seconds = now.at_ns.saturating_sub(last.at_ns) as f64 / 1e9;
        let opened = now.opened.saturating_sub(last.opened);
        let ended = now.ended.saturating_sub(last.ended);
        let refused = now.refused.saturating_sub(last.refused);
        let mut fired = Vec::new();
        let mut fire = |key: &str, sentence| fired.push(of_number(key, sentence));
        if let Some(rate) = self.triggers.rate
            && seconds > 0.0
            && opened as f64 / seconds >= rate as f64
        {
            let opened = text::counted(opened, "connection");
            fire("rate", format!("{opened} opened in {seconds:.0} s"));
        }
        if let Some(percent) = self.triggers.refused
            && ended >= LEAST_ENDED
            && refused.saturating_mul(100) >= ended.saturating_mul(percent)
        {
            let ended = text::counted(ended, "connection");
            fire(
                "refused",
                format!("{} of {ended} refused", text::count(refused)),
            );
        }
        fired
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

    #[test]
    fn each_number_fires_from_its_limit_on() {
        let rate = Triggers {
            rate: Some(3),
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

    #[test]
    fn nothing_is_fast_where_no_time_has_passed() {
        let triggers = Triggers {
            rate: Some(1),
            ..Triggers::default()
        };
        let more = Sample {
            opened: 10_000,
            ..BEFORE
        };
        assert_eq!(Watch::new(triggers).numbers(&BEFORE, &more), []);
    }
}

// SPDX-License-Identifier: MIT
//! Which findings begin, change and end, from look to look. A diagnosis is of all that was traced
//! so far, so one that has ended would stay for ever: it has ended when it got no new connection
//! for a while.

use jiff::{SignedDuration, Timestamp};

use crate::{diagnose::Finding, report::Identity};

/// After so long without a new connection a finding has ended, as churn has for an agent.
const QUIET: SignedDuration = SignedDuration::from_secs(120);
/// Findings that are followed at once at most, the worst first: as many as are diagnosed while a
/// trace goes on.
const MOST: usize = 64;

/// What has happened to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Began,
    /// It has become surer, less sure, better or worse, or has other peers.
    Changed,
    /// It has ended: no new connection for a while.
    Quiet,
    /// Nobody looks any more.
    TraceEnded,
}

/// One that is new, or otherwise than before.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub change: Change,
    pub finding: Finding,
    /// When it was seen first.
    pub began: Timestamp,
}

/// The findings that go on.
#[derive(Debug, Default)]
pub(super) struct Changes {
    followed: Vec<Followed>,
    /// Those that have ended, and how many connections they had: a diagnosis has them still.
    ended: Vec<(Identity, u64)>,
}

#[derive(Debug)]
struct Followed {
    identity: Identity,
    finding: Finding,
    began: Timestamp,
    /// When it was seen to have more connections.
    grew: Timestamp,
}

impl Changes {
    /// What is new in these findings, worst first, at a moment.
    pub(super) fn look(&mut self, findings: &[Finding], at: Timestamp) -> Vec<News> {
        let mut news = Vec::new();
        let mut seen: Vec<Identity> = Vec::new();
        for finding in findings {
            let identity = Identity::of(finding);
            // Of two that are alike the worse one counts.
            if seen.contains(&identity) {
                continue;
            }
            news.extend(self.see(&identity, finding, at));
            seen.push(identity);
        }
        self.end_the_quiet(at, &mut news);
        self.ended.retain(|(identity, _)| seen.contains(identity));
        news
    }

    fn see(&mut self, identity: &Identity, finding: &Finding, at: Timestamp) -> Option<News> {
        let mut followed = self.followed.iter_mut();
        if let Some(followed) = followed.find(|followed| followed.identity == *identity) {
            // A trace that forgets has fewer.
            if finding.connections > followed.finding.connections {
                followed.grew = at;
            }
            let is_other = is_other(&followed.finding, finding);
            followed.finding = finding.clone();
            return is_other.then(|| followed.news(Change::Changed));
        }
        let mut ended = self.ended.iter_mut();
        if let Some((_, connections)) = ended.find(|(ended, _)| ended == identity)
            && finding.connections <= *connections
        {
            *connections = finding.connections;
            return None;
        }
        if self.followed.len() >= MOST {
            return None;
        }
        self.ended.retain(|(ended, _)| ended != identity);
        let followed = Followed {
            identity: identity.clone(),
            finding: finding.clone(),
            began: at,
            grew: at,
        };
        let news = followed.news(Change::Began);
        self.followed.push(followed);
        Some(news)
    }

    fn end_the_quiet(&mut self, at: Timestamp, news: &mut Vec<News>) {
        let is_quiet = |followed: &mut Followed| at.duration_since(followed.grew) >= QUIET;
        for followed in self.followed.extract_if(.., is_quiet) {
            news.push(followed.news(Change::Quiet));
            let connections = followed.finding.connections;
            self.ended.push((followed.identity, connections));
        }
    }

    /// Nobody looks any more.
    pub(super) fn end(&mut self) -> Vec<News> {
        let followed = std::mem::take(&mut self.followed);
        let news = followed.iter();
        news.map(|followed| followed.news(Change::TraceEnded))
            .collect()
    }
}

impl Followed {
    fn news(&self, change: Change) -> News {
        News {
            change,
            finding: self.finding.clone(),
            began: self.began,
        }
    }
}

/// Numbers grow at each look, and are no news.
fn is_other(before: &Finding, now: &Finding) -> bool {
    before.confidence != now.confidence
        || before.severity != now.severity
        || before.destinations != now.destinations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, every},
        },
        ledger::test_connection::by,
        outcome::Outcome,
    };

    fn refused(pid: u32, connections: u64) -> Finding {
        let each = every(1_000, 5, (0, 0, Outcome::Refused));
        let by_pid = each.into_iter().map(|one| by(one, pid, pid, "client"));
        let mut finding = diagnosed(&by_pid.collect::<Vec<_>>()).remove(0);
        finding.connections = connections;
        finding
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn changes(news: &[News]) -> Vec<Change> {
        news.iter().map(|news| news.change).collect()
    }

    #[test]
    fn one_begins_changes_and_ends_once_each() {
        let mut all = Changes::default();
        assert_eq!(changes(&all.look(&[refused(7, 5)], at(0))), [Change::Began]);
        assert!(
            all.look(&[refused(7, 6)], at(10)).is_empty(),
            "it only grows"
        );
        let mut less_sure = refused(7, 7);
        less_sure.confidence = Confidence::Possible;
        let less_sure = [less_sure];
        assert_eq!(changes(&all.look(&less_sure, at(20))), [Change::Changed]);
        assert!(all.look(&less_sure, at(139)).is_empty());
        let ended = all.look(&less_sure, at(140));
        assert_eq!(changes(&ended), [Change::Quiet]);
        assert_eq!(ended[0].began, at(0));
        // The diagnosis has it for ever.
        assert!(all.look(&less_sure, at(1_000)).is_empty());
        assert_eq!(
            changes(&all.look(&[refused(7, 8)], at(1_010))),
            [Change::Began]
        );
    }

    #[test]
    fn one_that_is_gone_ends_and_may_come_again() {
        let mut all = Changes::default();
        all.look(&[refused(7, 5)], at(0));
        assert!(all.look(&[], at(60)).is_empty());
        assert_eq!(changes(&all.look(&[], at(120))), [Change::Quiet]);
        assert_eq!(
            changes(&all.look(&[refused(7, 5)], at(130))),
            [Change::Began]
        );
    }

    /// An agent counts what it has seen for some minutes, and forgets the rest.
    #[test]
    fn one_that_has_fewer_connections_than_before_neither_goes_on_nor_begins_anew() {
        let mut all = Changes::default();
        let mut look =
            |connections, second| changes(&all.look(&[refused(7, connections)], at(second)));
        assert_eq!(look(50, 0), [Change::Began]);
        assert!(look(20, 100).is_empty());
        assert_eq!(look(20, 120), [Change::Quiet]);
        assert!(look(8, 600).is_empty());
        assert_eq!(look(9, 610), [Change::Began]);
    }

    #[test]
    fn what_goes_on_ends_with_the_trace() {
        let mut all = Changes::default();
        all.look(&[refused(7, 5), refused(8, 5), refused(7, 4)], at(0));
        assert_eq!(changes(&all.end()), [Change::TraceEnded; 2]);
        assert!(all.end().is_empty());
    }

    #[test]
    fn however_many_there_are_the_followed_ones_are_bounded() {
        let mut all = Changes::default();
        for round in 0..5 {
            let many: Vec<_> = (0..40).map(|pid| refused(100 * round + pid, 5)).collect();
            all.look(&many, at(i64::from(round)));
            assert!(all.followed.len() <= MOST);
        }
        assert_eq!(all.followed.len(), MOST);
    }
}

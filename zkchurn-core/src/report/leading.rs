// SPDX-License-Identifier: MIT
//! The finding that leads while a trace goes on, and whether it is news.

use serde::Serialize;

use crate::diagnose::{Churn, Confidence, Finding};

/// So many intervals in a row another finding has to lead before it replaces the one
/// that was shown: two that are nearly equal would take turns for ever.
const STEADY: u32 = 2;

/// A finding in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leading {
    /// What kind of churn it is.
    pub name: Churn,
    /// Its name for people.
    pub title: &'static str,
    /// How sure it is; `likely` at least.
    pub confidence: Confidence,
    /// Whom it is about, in words.
    pub who: String,
    /// Its process's name, or the remote host: the same for all of one program.
    #[serde(skip)]
    pub label: String,
    /// The peers.
    pub destinations: Vec<String>,
    /// Whether it is the first, has replaced another for good, or has become surer.
    pub is_new: bool,
}

/// What makes two findings the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    name: Churn,
    label: String,
    /// Of several processes the latest is named, which is another one each time.
    pid: Option<u32>,
    tid: Option<u32>,
}

impl Identity {
    pub(crate) fn of(finding: &Finding) -> Self {
        let who = &finding.who;
        Self {
            name: finding.name,
            label: who.label.clone(),
            pid: who.pid.filter(|_| who.processes.is_none()),
            tid: who.tid,
        }
    }
}

/// What was shown so far, from interval to interval.
#[derive(Debug, Default)]
pub struct Lead {
    shown: Option<(Identity, Confidence)>,
    /// Another finding that leads now, and for how many intervals.
    challenger: Option<(Identity, u32)>,
}

impl Lead {
    /// The worst of these findings, worst first, that is at least likely.
    pub fn next(&mut self, findings: &[Finding]) -> Option<Leading> {
        let is_likely = |finding: &&Finding| finding.confidence >= Confidence::Likely;
        let Some(finding) = findings.iter().find(is_likely) else {
            self.challenger = None;
            return None;
        };
        Some(Leading {
            name: finding.name,
            title: finding.title,
            confidence: finding.confidence,
            who: finding.who.words.clone(),
            label: finding.who.label.clone(),
            destinations: finding.destinations.clone(),
            is_new: self.is_new(finding),
        })
    }

    fn is_new(&mut self, finding: &Finding) -> bool {
        let identity = Identity::of(finding);
        let is_new = match &self.shown {
            None => true,
            Some((shown, confidence)) if *shown == identity => {
                self.challenger = None;
                finding.confidence > *confidence
            }
            Some(_) => self.is_steady(&identity),
        };
        if is_new {
            self.challenger = None;
            self.shown = Some((identity, finding.confidence));
        }
        is_new
    }

    fn is_steady(&mut self, identity: &Identity) -> bool {
        let intervals = match &self.challenger {
            Some((challenger, intervals)) if challenger == identity => intervals + 1,
            _ => 1,
        };
        self.challenger = Some((identity.clone(), intervals));
        intervals >= STEADY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::test_case::{diagnosed, every},
        ledger::test_connection::by,
        outcome::Outcome,
    };

    fn refused(pid: u32) -> Finding {
        let connections = every(1_000, 5, (0, 0, Outcome::Refused));
        let by_pid = connections
            .into_iter()
            .map(|one| by(one, pid, pid, "client"));
        let mut findings = diagnosed(&by_pid.collect::<Vec<_>>());
        findings.remove(0)
    }

    fn with(confidence: Confidence, mut finding: Finding) -> Finding {
        finding.confidence = confidence;
        finding
    }

    /// Which of these leads are new.
    fn news(leads: &[&Finding]) -> Vec<bool> {
        let mut lead = Lead::default();
        let of = |finding: &&Finding| lead.next(std::slice::from_ref(*finding)).unwrap().is_new;
        leads.iter().map(of).collect()
    }

    #[test]
    fn the_same_is_new_once() {
        let first = refused(7);
        assert_eq!(news(&[&first, &first, &first]), [true, false, false]);
    }

    #[test]
    fn another_is_new_when_it_leads_twice_in_a_row() {
        let (a, b) = (refused(7), refused(8));
        assert_eq!(news(&[&a, &b, &b, &b]), [true, false, true, false]);
        assert_eq!(
            news(&[&a, &b, &a, &b, &a]),
            [true, false, false, false, false]
        );
    }

    #[test]
    fn surer_is_new_and_less_sure_is_not() {
        let likely = with(Confidence::Likely, refused(7));
        let certain = refused(7);
        assert_eq!(
            news(&[&likely, &certain, &likely, &certain]),
            [true, true, false, false]
        );
    }

    #[test]
    fn what_is_only_possible_does_not_lead() {
        let possible = with(Confidence::Possible, refused(7));
        let likely = with(Confidence::Likely, refused(8));
        let mut lead = Lead::default();
        assert_eq!(lead.next(std::slice::from_ref(&possible)), None);
        let leading = lead.next(&[possible, likely]).unwrap();
        assert!(leading.who.starts_with("pid 8 "), "{leading:?}");
    }

    #[test]
    fn a_program_that_is_started_again_and_again_stays_the_same() {
        let probes = |first: u32| {
            let connections = every(1_000, 14, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
            let by_each = connections.into_iter().zip(first..);
            let by_each = by_each.map(|(one, pid)| by(one, pid, pid, "nc"));
            diagnosed(&by_each.collect::<Vec<_>>()).remove(0)
        };
        assert_eq!(news(&[&probes(1_000), &probes(2_000)]), [true, false]);
    }
}

// SPDX-License-Identifier: MIT
//! Findings that are in one of two traces.

use super::{Class, FamilyChange, FindingChange, family::unversioned, trace::Trace};
use crate::diagnose::{Confidence, Finding};

/// Findings that appeared or went; the others are as they were.
pub(super) fn changes(
    before: &Trace<'_>,
    after: &Trace<'_>,
    families: &[FamilyChange],
) -> Vec<FindingChange> {
    let (were, are) = (&before.report.findings, &after.report.findings);
    let of = |finding: &Finding, is_new: bool| {
        let whose = families.iter().filter(|family| {
            let accepted = format!(" -> {}", family.peer);
            let is_of_peer = |to: &String| *to == family.peer || to.ends_with(&accepted);
            let is_of_host = |to: &String| {
                let host = family.program.strip_prefix("remote host ");
                host.is_some_and(|host| *to == format!("{host}{accepted}"))
            };
            match finding.who.hosts.is_empty() {
                true => {
                    family.program.ends_with(&finding.who.label)
                        && finding.destinations.iter().any(is_of_peer)
                }
                false => finding.destinations.iter().any(is_of_host),
            }
        });
        let is_explained = whose.into_iter().any(|family| match is_new {
            true => matches!(family.class, Class::New | Class::Worse),
            false => matches!(family.class, Class::Gone | Class::Better),
        });
        match (is_explained, is_new) {
            // The same connections as before: the other trace had less to find it by.
            (false, _) => Class::CannotTell,
            (true, true) => Class::New,
            (true, false) => Class::Gone,
        }
    };
    let new = missing_in(were, are).map(|finding| change(of(finding, true), finding));
    let gone = missing_in(are, were).map(|finding| change(of(finding, false), finding));
    new.chain(gone).collect()
}

/// Those of `findings` that are not among `others`, also not less surely.
fn missing_in<'a>(
    others: &'a [Finding],
    findings: &'a [Finding],
) -> impl Iterator<Item = &'a Finding> {
    findings
        .iter()
        .filter(|finding| finding.confidence >= Confidence::Likely)
        .filter(move |finding| !others.iter().any(|other| is_same(finding, other)))
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    let label = |finding: &Finding| unversioned(&finding.who.label);
    one.name == other.name && (label(one) == label(other) || are_of_one_host(one, other))
}

/// Whether a host of the one is one of many of the other.
fn are_of_one_host(one: &Finding, other: &Finding) -> bool {
    let is_of_many = !(one.who.hosts.is_empty() && other.who.hosts.is_empty());
    let mut places = one.destinations.iter();
    is_of_many && places.any(|place| other.destinations.contains(place))
}

fn change(class: Class, finding: &Finding) -> FindingChange {
    FindingChange {
        class,
        name: finding.name,
        title: finding.title,
        confidence: finding.confidence,
        severity: finding.severity,
        who: finding.who.words.clone(),
        destinations: finding.destinations.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::test_case::{diagnosed, every},
        ledger::test_connection::server_side,
        outcome::Outcome,
    };

    /// What hosts do whose requests a server refuses, and closes first.
    fn refused_by_server(hosts: std::ops::Range<u8>) -> Vec<Finding> {
        let all = hosts.flat_map(|host| {
            let all = every(1_800, 6, (0, 49, Outcome::ClosedByUsWithoutAnswer)).into_iter();
            all.map(move |one| {
                let mut one = server_side(one);
                one.remote.set_ip([192, 0, 2, host].into());
                one
            })
        });
        let mut findings = diagnosed(&all.collect::<Vec<_>>());
        for finding in &mut findings {
            finding.confidence = Confidence::Likely;
        }
        findings
    }

    #[test]
    fn one_of_many_hosts_is_none_that_is_new_or_gone() {
        let (many, more) = (refused_by_server(1..6), refused_by_server(1..9));
        let (one, another) = (refused_by_server(3..4), refused_by_server(90..91));
        assert_eq!((many.len(), one.len()), (1, 1));
        let missing =
            |others: &[Finding], findings: &[Finding]| missing_in(others, findings).count();
        assert_eq!(missing(&many, &more), 0);
        assert_eq!(missing(&many, &one), 0);
        assert_eq!(missing(&one, &many), 0);
        assert_eq!(missing(&many, &another), 1);
        assert_eq!(missing(&one, &another), 1);
    }
}

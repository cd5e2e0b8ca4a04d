// SPDX-License-Identifier: MIT
//! The findings on a page: the worst as the first screen of a terminal has it, and each with
//! its evidence.

use super::page::{FindingText, Section};
use crate::{
    diagnose::Finding,
    frame::LossCounts,
    render::words::{
        finding::{about, also, also_name, places, runs_in},
        time_wait,
    },
    text::clip,
    timewait::table::TimeWait,
};

/// Bytes of a sentence: it may quote a line of a log.
pub(super) const SENTENCE: usize = 600;

fn section(name: &str, sentences: impl IntoIterator<Item = String>) -> Option<Section> {
    let sentences: Vec<_> = sentences
        .into_iter()
        .map(|sentence| clip(&sentence, SENTENCE))
        .collect();
    (!sentences.is_empty()).then(|| Section {
        name: name.to_owned(),
        sentences,
    })
}

/// As the first screen of a terminal has it.
pub(super) fn lead(table: Option<&TimeWait>, loss: &LossCounts, finding: &Finding) -> Vec<Section> {
    let who = std::iter::once(finding.who.words.clone()).chain(runs_in(finding));
    let places = Some(places(finding)).filter(|places| !places.is_empty());
    let sockets = time_wait::of_finding(table, loss, finding);
    let seen = finding.seen.clone();
    let rhythm = finding.rhythm.as_ref();
    let seen = seen
        .into_iter()
        .chain(rhythm.map(|rhythm| format!("opened {rhythm}")));
    [
        section("who", who),
        section("to", places),
        section("what", [finding.summary.clone()]),
        section("seen", seen.chain(sockets)),
        section("proof", finding.reasons_for.clone()),
        section("but", finding.reasons_against.clone()),
        section("or", lookalikes(finding)),
        section(also_name(finding), also(finding)),
        section("do", finding.next.clone()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lookalikes(finding: &Finding) -> Vec<String> {
    let kinds = finding.cannot_tell_from.iter();
    let kinds = kinds.map(|kind| format!("it may be \"{}\"", kind.title()));
    kinds.collect()
}

/// With its evidence.
pub(super) fn finding(finding: &Finding) -> FindingText {
    let sections = [
        section("runs in", runs_in(finding)),
        section("hosts", finding.who.host_lines()),
        section("pids", finding.who.pid_lines()),
        section("what", [finding.summary.clone()]),
        section("seen", finding.seen.clone()),
        section("rhythm", finding.rhythm.clone()),
        section("for", finding.reasons_for.clone()),
        section("against", finding.reasons_against.clone()),
        section("could be", lookalikes(finding)),
        section(also_name(finding), also(finding)),
        section("confirm", finding.would_decide.clone()),
        section("next", finding.next.clone()),
    ];
    FindingText {
        title: finding.title.to_owned(),
        confidence: finding.confidence.word().to_owned(),
        severity: finding.severity.word().to_owned(),
        about: about(finding, "→"),
        sections: sections.into_iter().flatten().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::{
            Alternative, Churn, Confidence,
            test_case::{diagnosed, every, only},
        },
        outcome::Outcome,
        timewait::{
            owner_row::OwnerRow,
            table::{Group, OwnerTotal},
        },
    };

    fn refused() -> Finding {
        only(diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused))))
    }

    fn sentences<'a>(sections: &'a [Section], name: &str) -> Vec<&'a str> {
        let named = sections.iter().filter(|section| section.name == name);
        let sentences = named.flat_map(|section| &section.sentences);
        sentences.map(String::as_str).collect()
    }

    #[test]
    fn beside_what_is_certain_there_is_more_and_nothing_else_instead() {
        let mut found = refused();
        found.alternatives = vec![Alternative {
            name: Churn::StaleAddress,
            title: Churn::StaleAddress.title(),
            confidence: Confidence::Possible,
            summary: "10 attempts failed".to_owned(),
        }];
        let other = "One address fails while others work (possible): 10 attempts failed";
        for (confidence, name, not) in [
            (Confidence::Certain, "and", "or"),
            (Confidence::Likely, "or", "and"),
        ] {
            found.confidence = confidence;
            for sections in [
                lead(None, &LossCounts::default(), &found),
                finding(&found).sections,
            ] {
                assert_eq!(sentences(&sections, name), [other]);
                assert!(sentences(&sections, not).is_empty(), "{sections:?}");
            }
        }
    }

    /// What is refused leaves no socket in TIME_WAIT.
    #[test]
    fn sockets_of_another_thread_are_not_among_what_was_seen() {
        let found = refused();
        let owner = |tid| OwnerRow::Traced {
            pid: found.who.pid.unwrap(),
            start_ns: 0,
            process: found.who.label.clone(),
            tid,
            thread: None,
            java_thread: None,
        };
        let seen = |tid| {
            let mut table = TimeWait::default();
            table.total = 3;
            table.owners = vec![OwnerTotal {
                owner: owner(tid),
                threads: 1,
                count: 3,
            }];
            table.groups = vec![Group {
                owner: owner(tid),
                threads: 1,
                remote: found.destinations[0].clone(),
                count: 3,
                first_left_ms: 0,
                last_left_ms: 0,
            }];
            let sections = lead(Some(&table), &LossCounts::default(), &found);
            sentences(&sections, "seen").join("; ")
        };
        assert!(seen(found.who.tid).contains("3 of 3 TIME_WAIT sockets are"));
        assert!(!seen(Some(1)).contains("TIME_WAIT"), "{}", seen(Some(1)));
    }
}

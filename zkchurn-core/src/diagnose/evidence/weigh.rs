// SPDX-License-Identifier: MIT
//! Findings held against what the logs say.

use super::{
    LogLine, Origin,
    kinds::{rules_out_others, speaks_for},
    lines,
};
use crate::diagnose::{
    case::Case,
    churn::Churn,
    finding::{Confidence, Verdict},
    join::Story,
    rules::Rule,
};

/// Holds what was found against what the logs say: a line of ZooKeeper's client that
/// speaks for a finding is among its reasons, and one that speaks for something that was
/// not found in that process weakens what goes by shapes only.
pub(in crate::diagnose) fn weigh(stories: &mut [Story<'_>]) {
    let found: Vec<_> = stories
        .iter()
        .map(|story| {
            let kinds = story.verdicts.iter().map(|(rule, _)| rule.name);
            (story.owner, kinds.collect::<Vec<_>>())
        })
        .collect();
    for story in stories {
        let is_found = |kind: &Churn| {
            let of_owner = found.iter().filter(|(owner, _)| *owner == story.owner);
            of_owner.flat_map(|(_, kinds)| kinds).any(|one| one == kind)
        };
        weigh_one(&story.case, &mut story.verdicts, is_found);
    }
}

fn weigh_one(
    case: &Case<'_>,
    verdicts: &mut [(&'static Rule, Verdict)],
    is_found: impl Fn(&Churn) -> bool,
) {
    let Some((rule, verdict)) = verdicts.first_mut() else {
        return;
    };
    for line in lines(case).filter(LogLine::is_of_client) {
        let Some(signature) = line.signature() else {
            continue;
        };
        let kinds = speaks_for(signature);
        let is_quoted = |reasons: &[String]| reasons.iter().any(|why| why.contains(line.text()));
        if kinds.contains(&rule.name) {
            if !is_quoted(&verdict.reasons_for) && !is_quoted(&verdict.reasons_against) {
                verdict.reasons_for.push(line.quoted());
            }
        } else if verdict.confidence != Confidence::Certain
            && rules_out_others(signature)
            && !line.tells_of_no_refusal(case)
            // Several clients may share an address.
            && (line.origin != Origin::Server || line.is_repeated(case))
            && !kinds.iter().any(&is_found)
            && !is_quoted(&verdict.reasons_for)
        {
            verdict.confidence = Confidence::Possible;
            let against = &mut verdict.reasons_against;
            // Once is enough, with what it means.
            against.retain(|why| !why.contains(line.text()));
            let whose = match line.origin {
                Origin::Server => "the server's",
                _ => "its",
            };
            against.push(format!(
                "{whose} log names another cause ({}): \"{}\"",
                line.finding.place(),
                line.text()
            ));
        }
    }
}
